"""Does each client show its user the same twelve things?

Arguments: FLIGHT_URI TAP_URL BINARY. Starts servers of its own on tables with awkward rows and one of a million. Every client
fills one card: what it shows is written as text and compared with `../cards/CHECK.txt`, which was written by hand after the
rows below. Where a client cannot tell two things apart, `EXCEPTIONS` says what it shows instead, and that must hold as well.

    client_cards.py - - BINARY pyvo-sync curl      the cards of these clients alone
"""

import datetime
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import xml.etree.ElementTree as xml
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight
import pyarrow.parquet as pq
from flight_pyarrow import PREFIX, command, field
from run import Server

# It looks for a configuration in the home folder and would write one.
os.environ["HOME"] = tempfile.mkdtemp()
warnings.simplefilter("ignore")

import adbc_driver_flightsql.dbapi as flight_sql  # noqa: E402
import adbc_driver_manager  # noqa: E402
import numpy as np  # noqa: E402
import pyvo  # noqa: E402
from astropy.table import Table  # noqa: E402
from astroquery.utils.tap.core import TapPlus  # noqa: E402

CARDS = Path(__file__).resolve().parents[1] / "cards"
MILLION = 1_000_000
# How soon a cancelled query must have stopped: a batch takes longer in a debug build.
QUIET_SECONDS = 10 if "debug" in Path(sys.argv[3]).parts else 3
LONG = "SELECT COUNT(*) AS n FROM million AS a, million AS b WHERE MOD(a.v + b.v, 1000) = -1"
WRONG = "SELECT n,\n       nope\nFROM probe"
NAN, TIME = math.nan, datetime.datetime(2020, 2, 29, 12, 30, 0, 250001)
# name: type, rows, metadata
COLUMNS = {
    "n": (pa.int64(), [1, 2, 3, 4], {}),
    "whole": (pa.int64(), [9007199254740993, -(2**63) + 1, None, 2**63 - 1], {}),
    "small": (pa.int16(), [1, None, -32767, 32767], {"unit": "pix"}),
    "ra": (pa.float64(), [266.404996, NAN, None, -math.inf], {"unit": "deg"}),
    "mag": (pa.float32(), [0.1, None, NAN, 1e-30], {"unit": "mag"}),
    "name": (pa.string(), ["Sgr A*, \"the\" centre", None, "", "x <&> y"], {}),
    "script": (pa.string(), ["αβγ é", "плеяды 昴", "😀 z", "e\u0301 | \u05d0"], {}),
    "seen": (pa.timestamp("us"), [TIME, None, datetime.datetime(1970, 1, 1), datetime.datetime(2262, 4, 11)], {}),
    "curve": (pa.list_(pa.float64()), [[1.5, NAN], None, [], [0.1, 2.0, 3.0]], {"unit": "mag"}),
    "counts": (pa.list_(pa.int32()), [[1], [2, 3], None, []], {}),
}
# What is asked for in the table that is uploaded, or as parameters: the third is one less than a whole number of the table.
WANTED = {"whole": [2**63 - 1, 9007199254740993, 9007199254740992], "script": ["e\u0301 | \u05d0", "αβγ é", "αβγ é"]}

# (client, check): what the client shows for a cell of a column ("*" for any), and why. It must show just that.
NAN_MASKED = "astropy masks a NaN of a VOTable as if it were NULL"
NO_TEXT = "astropy makes an empty text of a NULL one, as VOTable has had it for texts"
NO_LIST = "the reader does not tell an array of a VOTable that has no elements from one that is NULL"
EXCEPTIONS = {}
for astropy_client in ("pyvo-sync", "pyvo-async", "astroquery"):
    EXCEPTIONS |= {
        (astropy_client, "nulls"): ({"ra": {"nan": "NULL"}, "mag": {"nan": "NULL"}, "name": {"NULL": '""'}},
                                    f"{NAN_MASKED}; {NO_TEXT}"),
        (astropy_client, "timestamps"): ({"seen": {"NULL": '""'}}, f"times are texts in VOTable; {NO_TEXT}"),
        (astropy_client, "lists"): ({"curve": {"[1.5 nan]": "[1.5 NULL]", "NULL": "[]"}, "counts": {"NULL": "[]"}},
                                    f"{NAN_MASKED}; {NO_LIST}"),
    }
EXCEPTIONS |= {
    ("astroquery", "overflow"): ({"told": {"yes": "no"}}, "TapPlus gives the table alone, without the INFO elements of its VOTable"),
    ("stilts", "nulls"): ({"ra": {"nan": "NULL"}, "mag": {"nan": "NULL"}, "name": {'""': "NULL"}},
                         "STILTS writes nothing for a blank, a NaN and an empty text"),
    ("stilts", "lists"): ({"curve": {"[]": "NULL"}, "counts": {"[]": "NULL"}}, NO_LIST),
    ("curl", "lists"): ({"curve": {"[]": "NULL"}, "counts": {"[]": "NULL"}}, "CSV has nothing for a list without elements and for NULL"),
    ("curl", "units"): ({"unit": {"*": "NULL"}}, "CSV has no units"),
    ("adbc", "overflow"): ({"told": {"yes": "no"}},
                         "the driver drops the metadata of messages and the trailers that tell of a limit of the client's own"),
}


class Answer:
    """Columns of values by name, units by name, and whether the client was told that rows were left out."""

    def __init__(self, columns, units=None, cut=False):
        self.columns, self.units, self.cut = columns, units or {}, cut


class Pyvo:
    """pyvo, with the tables that astropy makes of answers."""

    def __init__(self, flight_uri, tap, folder):
        self.tap, self.service = tap, pyvo.dal.TAPService(tap)
        self.run = self.service.run_sync

    def ask(self, query, limit=None, upload=None):
        found = self.run(query, maxrec=limit, uploads={"wanted": upload} if upload else None)
        return Answer(*from_astropy(found.to_table()), cut=found.status[0] == "OVERFLOW")

    def joined(self):
        return self.ask(JOINED, upload=Table(WANTED))

    def stop(self, busy):
        program = "import pyvo, sys; pyvo.dal.TAPService(sys.argv[1]).run_sync(sys.argv[2])"
        kill([sys.executable, "-c", program, self.tap, LONG], busy)


class PyvoAsync(Pyvo):
    """pyvo, with jobs."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.run = self.service.run_async

    def stop(self, busy):
        job = self.service.submit_job(LONG)
        job.run()
        busy()
        job.abort()
        assert job.phase == "ABORTED", job.phase


class Astroquery:
    """astroquery's TapPlus, with jobs."""

    def __init__(self, flight_uri, tap, folder):
        self.service = TapPlus(url=tap)

    def ask(self, query, limit=None, **upload):
        found = self.service.launch_job_async(query, maxrec=limit, **upload).get_results()
        return Answer(*from_astropy(found), cut="OVERFLOW" in str(found.meta))

    def joined(self):
        return self.ask(JOINED, upload_resource=Table(WANTED), upload_table_name="wanted")

    def stop(self, busy):
        job = self.service.launch_job_async(LONG, background=True)
        busy()
        self.service.remove_jobs([job.jobid])  # its abort() refuses a job that runs


class Stilts:
    """STILTS: values of a synchronous answer as CSV, units and status of a job's as VOTable."""

    def __init__(self, flight_uri, tap, folder):
        self.command = ["stilts", "-Dfile.encoding=UTF-8", "tapquery", f"tapurl={tap}"]
        self.upload = folder / "wanted.vot"  # of other files it sends texts as `char`, which holds no Greek
        Table(WANTED).write(self.upload, format="votable", overwrite=True)

    def ask(self, query, limit=None, *more):
        asked = [*self.command, f"adql={query}", *more, *([] if limit is None else [f"maxrec={limit}"])]
        columns = from_csv(output([*asked, "sync=true", "ofmt=csv"]), r"\((.*)\)", ", ")
        if limit is None:
            return Answer(columns)
        document = list(xml.fromstring(output([*asked, "ofmt=votable"])).iter())
        units = {found.get("name"): found.get("unit") for found in document if found.tag.endswith("}FIELD")}
        cut = any(found.get("name") == "QUERY_STATUS" and found.get("value") == "OVERFLOW" for found in document)
        return Answer(columns, units, cut)

    def joined(self):
        return self.ask(JOINED, None, "nupload=1", f"upload1={self.upload}", "ufmt1=votable", "upname1=wanted")

    def stop(self, busy):
        kill([*self.command, f"adql={LONG}", "sync=true"], busy)


class Curl:
    """curl, with CSV."""

    def __init__(self, flight_uri, tap, folder):
        self.command = ["curl", "--silent", "--show-error", "--max-time", "300", f"{tap}/sync",
                        "-F", "LANG=ADQL", "-F", "RESPONSEFORMAT=csv"]
        self.upload = folder / "wanted.csv"
        self.upload.write_text(WANTED_CSV, encoding="utf-8")

    def ask(self, query, limit=None, *more):
        limited = [] if limit is None else ["-F", f"MAXREC={limit}"]
        text = output([*self.command, "--form-string", f"QUERY={query}", *limited, *more])
        if text.startswith("<?xml"):
            raise RuntimeError(" ".join(xml.fromstring(text).itertext()))
        body, told, _ = text.partition("# overflow: ")
        return Answer(from_csv(body, "(.*)", " "), cut=bool(told))

    def joined(self):
        return self.ask(JOINED, None, "-F", "UPLOAD=wanted,param:table", "-F", f"table=@{self.upload}")

    def stop(self, busy):
        kill([*self.command, "--form-string", f"QUERY={LONG}"], busy)


class Pyarrow:
    """pyarrow.flight, with texts as tickets; it knows no prepared statements, so their messages are made here."""

    def __init__(self, uri, tap, folder):
        self.client = flight.connect(uri)

    def ask(self, query, limit=None):
        headers = [] if limit is None else [(b"x-sidereus-max-rows", str(limit).encode())]
        return self.read(flight.Ticket(query), flight.FlightCallOptions(headers=headers))

    def read(self, ticket, options=None):
        reader, batches, cut = self.client.do_get(ticket, options), [], False
        for chunk in reader:
            batches += [chunk.data] if chunk.data is not None else []
            cut |= chunk.app_metadata is not None and b'"overflow":true' in bytes(chunk.app_metadata)
        return Answer(*from_arrow(pa.Table.from_batches(batches, reader.schema)), cut=cut)

    def joined(self):
        request = field(1, (PREFIX + "ActionCreatePreparedStatementRequest").encode()) + field(2, field(1, WANTED_QUERY.encode()))
        made = next(iter(self.client.do_action(flight.Action("CreatePreparedStatement", request)))).body.to_pybytes()
        handle = first_fields(first_fields(made)[2])[1]
        values = pa.record_batch(WANTED)
        writer, reader = self.client.do_put(command("CommandPreparedStatementQuery", field(1, handle)), values.schema)
        with writer:
            writer.write_batch(values)
            writer.done_writing()
            bound = reader.read()
        handle = first_fields(bound.to_pybytes())[1] if bound is not None else handle
        info = self.client.get_flight_info(command("CommandPreparedStatementQuery", field(1, handle)))
        return self.read(info.endpoints[0].ticket)

    def stop(self, busy):
        reader = self.client.do_get(flight.Ticket(LONG))
        with_stop(reader.read_chunk, reader.cancel, busy, flight.FlightCancelledError)


class Adbc:
    """ADBC's DB-API."""

    def __init__(self, uri, tap, folder):
        self.connection = flight_sql.connect(uri, autocommit=True)

    def ask(self, query, limit=None, values=None):
        with self.connection.cursor() as cursor:
            if limit is not None:
                cursor.adbc_statement.set_options(**{"adbc.flight.sql.rpc.call_header.x-sidereus-max-rows": str(limit)})
            cursor.execute(query, values)
            return Answer(*from_arrow(cursor.fetch_arrow_table()))

    def joined(self):
        return self.ask(WANTED_QUERY, values=pa.record_batch(WANTED))

    def stop(self, busy):
        with self.connection.cursor() as cursor:
            cursor.execute(LONG)
            with_stop(cursor.fetchall, cursor.adbc_cancel, busy, adbc_driver_manager.Error)


CLIENTS = {"pyvo-sync": Pyvo, "pyvo-async": PyvoAsync, "astroquery": Astroquery, "stilts": Stilts, "curl": Curl, "pyarrow": Pyarrow,
           "adbc": Adbc}


def from_astropy(table):
    """Columns and units; whole numbers at once, since a million is slow one by one."""
    columns = {name: table[name].tolist() if table[name].dtype.kind == "i" else list(table[name]) for name in table.colnames}
    return columns, {name: table[name].unit for name in table.colnames}


def from_arrow(table):
    columns = {}
    for entry in table.schema:
        values = table[entry.name].to_pylist()
        single = pa.types.is_float32(entry.type)
        columns[entry.name] = [np.float32(value) if single and value is not None else value for value in values]
    return columns, {entry.name: (entry.metadata or {}).get(b"unit", b"").decode() for entry in table.schema}


def from_csv(text, brackets, separator):
    """Columns of values out of their texts, by the types of the tables; the csv module takes "" and nothing for the same."""
    names, *lines = text.splitlines()
    names = names.split(",")
    columns = {name: [] for name in names}
    for line in lines:
        cells = [found[1] for found in re.finditer(r'(?:^|,)("(?:[^"]|"")*"|[^",]*)', line)]
        for name, cell in zip(names, cells, strict=True):
            columns[name].append(from_text(COLUMNS[name][0] if name in COLUMNS else pa.int64(), cell, brackets, separator))
    return columns


def from_text(kind, text, brackets, separator):
    if text == "":
        return None
    text = text[1:-1].replace('""', '"') if text.startswith('"') else text
    if pa.types.is_list(kind):
        return [from_text(kind.value_type, item, "", "") for item in re.fullmatch(brackets, text)[1].split(separator)]
    if pa.types.is_integer(kind):
        return int(text)
    if pa.types.is_floating(kind):
        return np.float32(text) if pa.types.is_float32(kind) else float(text)
    return text


def shown(value):
    """A value as the cards have it."""
    if value is None or value is np.ma.masked:
        return "NULL"
    if isinstance(value, (list, np.ndarray)):
        return f"[{' '.join(shown(item) for item in value)}]"
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return '""' if str(value) == "" else str(value)


def lines(*rows):
    return "".join("\t".join(shown(value) for value in row) + "\n" for row in rows)


def card(answer):
    return lines(list(answer.columns), *zip(*answer.columns.values()))


def output(asked):
    done = subprocess.run(asked, capture_output=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode())
    return done.stdout.decode()


def kill(asked, busy):
    """Kills the program, with its children: `stilts` is a script that starts Java."""
    process = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        busy()
        assert process.poll() is None, f"it ended by itself with code {process.returncode}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def with_stop(read, cancel, busy, expected):
    """Reads in a thread and cancels from here; the read must end with the expected exception."""
    ends = []

    def reading():
        try:
            ends.append(read())
        except Exception as error:  # judged below
            ends.append(error)

    thread = threading.Thread(target=reading, daemon=True)
    thread.start()
    busy()
    cancel()
    thread.join(20)
    assert ends and isinstance(ends[0], expected), ends


def first_fields(message):
    """The length-delimited fields of a protobuf message by number; it has no others."""
    found, at = {}, 0
    while at < len(message):
        number, size, shift, at = message[at] >> 3, 0, 0, at + 1
        while True:
            byte, at = message[at], at + 1
            size, shift = size | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        found[number], at = message[at:at + size], at + size
    return found


JOINED = ("SELECT p.n, p.script FROM probe AS p JOIN TAP_UPLOAD.wanted AS w ON p.whole = w.whole AND p.script = w.script "
          "ORDER BY p.n DESC")
WANTED_QUERY = "SELECT n, script FROM probe WHERE whole = ? AND script = ?"
WANTED_CSV = "whole,script\n" + "".join(f"{whole},{script}\n" for whole, script in zip(*WANTED.values()))


def integers(client, server):
    return card(client.ask("SELECT n, whole FROM probe ORDER BY n"))


def nulls(client, server):
    return card(client.ask("SELECT n, small, ra, mag, name FROM probe ORDER BY n"))


def timestamps(client, server):
    return card(client.ask("SELECT n, seen FROM probe ORDER BY n"))


def unicode(client, server):
    return card(client.ask("SELECT n, script FROM probe ORDER BY n"))


def empty(client, server):
    return card(client.ask("SELECT * FROM probe WHERE n < 0"))


def lists(client, server):
    return card(client.ask("SELECT n, curve, counts FROM probe ORDER BY n"))


def units(client, server):
    answer = client.ask("SELECT n, small, ra, mag, curve FROM probe", 100)
    return lines(("column", "unit"), *((name, str(answer.units.get(name) or "") or None) for name in answer.columns))


def joined(client, server):
    return card(client.joined())


def million(client, server):
    answer = client.ask("SELECT k, v FROM million ORDER BY k")
    keys, values = answer.columns.values()
    return lines(("rows", "sum", "last k", "last v"), (len(keys), sum(values), keys[-1], values[-1]))


def error(client, server):
    try:
        answer = client.ask(WRONG)
    except Exception as raised:  # each client has its own
        found = re.search(r"line (\d+), column (\d+): (unknown column \w+)", str(raised))
        return lines(("line", "column", "message"), found.groups() if found else (None, None, str(raised)))
    return f"answered: {answer.columns}\n"


def overflow(client, server):
    answers = [(limit, client.ask("SELECT n FROM probe", limit)) for limit in (3, 4)]
    rows = ((limit, len(answer.columns["n"]), "yes" if answer.cut else "no") for limit, answer in answers)
    return lines(("limit", "rows", "told"), *rows)


def cancel(client, server):
    client.stop(lambda: becomes(server, busy=True, seconds=60))
    becomes(server, busy=False, seconds=QUIET_SECONDS)
    return lines(("work left", "answer"), ("none", client.ask("SELECT COUNT(*) AS n FROM probe").columns["n"][0]))


def becomes(server, busy, seconds):
    """Waits until the server works, or until it does not: by the processor time of a second of it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = ticks(server)
        time.sleep(1)
        spent = (ticks(server) - before) / os.sysconf("SC_CLK_TCK")
        if (spent > 0.2) if busy else (spent < 0.05):
            return
    raise AssertionError(f"the server is {'idle' if busy else 'still at work'} after {seconds} s")


def ticks(server):
    """Processor time of the server so far."""
    return sum(map(int, Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


CHECKS = (integers, nulls, timestamps, unicode, empty, lists, units, joined, million, error, overflow, cancel)


def expected(client, check):
    """The card of the check, with what this client is known to show instead; every exception must be of use."""
    names, *rows = [line.split("\t") for line in (CARDS / f"{check}.txt").read_text(encoding="utf-8").splitlines()]
    instead, _why = EXCEPTIONS.get((client, check), ({}, ""))
    def change(name, cell):
        known = instead.get(name, {})
        return known.get(cell, known.get("*", cell))

    changed = [[change(name, cell) for name, cell in zip(names, row, strict=True)] for row in rows]
    assert not instead or changed != rows, f"the exception of {client} in {check} changes nothing"
    return "".join("\t".join(row) + "\n" for row in [names, *changed])


def write_tables(folder):
    fields = [pa.field(name, kind, metadata=said or None) for name, (kind, _, said) in COLUMNS.items()]
    probe = pa.table([pa.array(rows, kind) for kind, rows, _ in COLUMNS.values()], schema=pa.schema(fields))
    pq.write_table(probe, folder / "probe.parquet")
    keys = np.arange(MILLION, dtype=np.int64)
    pq.write_table(pa.table({"k": keys, "v": keys * 7919 % 1000003}), folder / "million.parquet", row_group_size=100_000)


def fill(name, client, server):
    """The card of one client; returns what is wrong with it."""
    wrong, begun = [], time.monotonic()
    for check in CHECKS:
        try:
            found = check(client, server)
        except Exception as raised:  # the other checks go on
            found = f"{type(raised).__name__}: {raised}\n"
        wanted = expected(name, check.__name__)
        if found != wanted:
            wrong.append(f"{name} {check.__name__}: expected\n{wanted}found\n{found}")
    print(f"{name}: {len(CHECKS) - len(wrong)} of {len(CHECKS)} ({time.monotonic() - begun:.1f} s)", flush=True)
    return wrong


def main():
    names, wrong = sys.argv[4:] or list(CLIENTS), []
    assert {name for name, _ in EXCEPTIONS} <= set(CLIENTS)
    assert sorted(path.stem for path in CARDS.glob("*.txt")) == sorted(check.__name__ for check in CHECKS)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "roots").mkdir()
        write_tables(folder / "roots")
        for name in names:
            # One each: a query that goes on would fail all that come after it.
            server = Server(sys.argv[3], [folder / "roots"])
            try:
                wrong += fill(name, CLIENTS[name](server.flight, server.tap.rstrip("/"), folder), server)
            finally:
                stopped = server.stop()
            wrong += [f"{name}: {stopped}"] if stopped else []
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
