"""Tables of awkward values, and servers on them: what the checks of Flight clients share."""

import datetime
import math
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from run import PROJECT, Server

NAN, TIME = math.nan, datetime.datetime(2020, 2, 29, 12, 30, 0, 250001)
POINTS = pa.list_(pa.struct([("t", pa.float64()), ("band", pa.string())]))
# name: type, rows
PROBE = {
    "n": (pa.int64(), [1, 2, 3, 4]),
    "whole": (pa.int64(), [9007199254740993, -(2**63) + 1, None, 2**63 - 1]),
    "unsigned": (pa.uint64(), [2**64 - 1, None, 0, 9007199254740993]),
    "small": (pa.int16(), [1, None, -32767, 32767]),
    "ra": (pa.float64(), [266.404996, NAN, None, -math.inf]),
    "mag": (pa.float32(), [0.5, None, NAN, 0.25]),
    "name": (pa.string(), ["Sgr A*, \"the\" centre", None, "", "x <&> y"]),
    "script": (pa.string(), ["αβγ é", "плеяды 昴", "😀 z", "e\u0301 | \u05d0"]),
    "seen": (pa.timestamp("us"), [TIME, None, datetime.datetime(1970, 1, 1), datetime.datetime(2262, 4, 11)]),
    "band": (pa.dictionary(pa.int8(), pa.string()), ["g", "昴", None, "g"]),
    "flag": (pa.bool_(), [True, None, False, True]),
    "curve": (pa.list_(pa.float64()), [[1.5, NAN], None, [], [0.1, 2.0, 3.0]]),
    "counts": (pa.list_(pa.int32()), [[1], [2, 3], None, []]),
    "points": (POINTS, [[{"t": 1.0, "band": "g"}], None, [], [{"t": None, "band": None}, {"t": NAN, "band": ""}]]),
}
# A sum over all pairs of stars, which takes longer than any check waits.
LONG = "SELECT COUNT(*) AS n FROM hipparcos2 AS a, hipparcos2 AS b WHERE MOD(a.hip + b.hip, 1000) = -1"
USERS = {"galileo": "moons!", "kepler": "ellipses?"}


def write_probe(folder):
    columns = [pa.array(rows, kind) for kind, rows in PROBE.values()]
    pq.write_table(pa.table(columns, names=list(PROBE)), folder / "probe.parquet")


def write_curves(folder, name, rows, samples):
    """One row group of light curves, each of so many samples."""
    values = pa.array(range(rows * samples), pa.float64())
    offsets = pa.array(range(0, (rows + 1) * samples, samples), pa.int32())
    table = pa.table({"n": pa.array(range(rows)), "curve": pa.ListArray.from_arrays(offsets, values)})
    pq.write_table(table, folder / f"{name}.parquet", row_group_size=rows, use_dictionary=False)


@contextmanager
def serving(binary, write=lambda folder: None, users=()):
    """A server of the check's own on the bundled catalogs and what `write` puts into a folder; with users, for nobody else."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "roots").mkdir()
        write(folder / "roots")
        more = []
        if users:
            (folder / "sidereus.toml").write_text(login_config(binary, users))
            more = ["--config", str(folder / "sidereus.toml")]
        server = Server(binary, [PROJECT / "testdata" / "catalogs", folder / "roots"], more)
        try:
            yield server
        finally:
            wrong = server.stop()
        assert wrong is None, f"{wrong}\n{''.join(server.printed[-40:])}"


def login_config(binary, users):
    text = "anonymous = false\n"
    for name in users:
        hashed = subprocess.run([binary, "hash-password"], input=f"{USERS[name]}\n", capture_output=True, text=True, check=True)
        text += f'[[user]]\nname = "{name}"\npassword_hash = "{hashed.stdout.strip()}"\n'
    return text


def ticks(server):
    """Processor time of the server so far, in ticks of the clock."""
    return sum(map(int, Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def until(server, busy, seconds):
    """Waits until the server works, or until it does not, for three tenths of a second on end; returns how long that took."""
    begun, since, before = time.monotonic(), None, ticks(server)
    while time.monotonic() - begun < seconds:
        time.sleep(0.1)
        now = ticks(server)
        as_wanted = (now - before >= 5) if busy else (now - before <= 1)
        before = now
        since = (since or time.monotonic() - 0.1) if as_wanted else None
        if since and time.monotonic() - since >= 0.3:
            return since - begun
    raise AssertionError(f"the server is {'idle' if busy else 'still at work'} after {seconds} s")


def quiet_seconds(binary):
    """How soon a stopped query must be gone: a batch takes longer in a debug build."""
    return 10 if "debug" in Path(binary).parts else 3


def cell(value):
    """A value as text, the same from every client: NaN and NULL are two things, and a whole number is not a fraction."""
    if hasattr(value, "tolist") and not isinstance(value, (str, bytes)):
        value = value.tolist()
    if value is None:
        return "NULL"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {cell(item)}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(cell, value)) + "]"
    if hasattr(value, "isoformat"):
        return "NULL" if value != value else value.isoformat()
    return repr(value)


def truth(names=tuple(PROBE)):
    """The cells of the probe as they were written, row by row."""
    return [[cell(value) for value in row] for row in zip(*(PROBE[name][1] for name in names))]


def compared(client, found, expected):
    """Cells of an answer with those that it should have."""
    found, expected = [list(map(cell, row)) for row in found], [list(row) for row in expected]
    assert found == expected, f"{client}: found {found}, expected {expected}"
