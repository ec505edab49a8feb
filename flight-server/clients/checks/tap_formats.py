"""Does every format hold the same rows, to the last bit, as the Parquet file they come from?

Arguments: FLIGHT_URI TAP_URL BINARY. Starts a server of its own on a table with everything awkward, asks for it in every
format, and reads the answers with astropy, pyarrow and the standard library; STILTS, where it is installed, validates every
VOTable and reads what it can. NULL, NaN, units, UCDs and descriptions are compared as well, where the format has them.
"""

import csv
import datetime
import html.parser
import io
import json
import math
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import Table
from run import Server

TIME = datetime.datetime(2020, 2, 29, 12, 30, 0, 250000)
NAN, INF = math.nan, math.inf
# name: type, rows, metadata
COLUMNS = {
    "id": (pa.int64(), [9007199254740993, -(2**63) + 1, 3, 2**63 - 1], {"ucd": "meta.id;meta.main", "description": "Source <id> & more"}),
    "ra": (pa.float64(), [266.404996, NAN, -INF, None], {"unit": "deg", "ucd": "pos.eq.ra", "description": "Right ascension"}),
    "mag": (pa.float32(), [0.1, None, NAN, 1e-30], {"unit": "mag", "utype": "phot:mag", "ucd": "phot.mag"}),
    "name": (pa.string(), ["Sgr A*, \"the\" centre", None, "a\tb", "x <&> y"], {"ucd": "meta.id"}),
    "script": (pa.string(), ["αβγ é", "plain", None, "😀 z"], {"description": "Text that is " + "long " * 30 + "enough"}),
    "good": (pa.bool_(), [True, None, False, True], {}),
    "seen": (pa.timestamp("ms"), [TIME, None, datetime.datetime(1970, 1, 1), datetime.datetime(2262, 4, 11)], {}),
    "short": (pa.int16(), [1, None, -32767, 32767], {"unit": "pix"}),
    "byte": (pa.uint8(), [0, 255, None, 7], {}),
    "tiny": (pa.int8(), [-128, 127, None, 0], {}),
    "word": (pa.uint16(), [0, 65535, None, 7], {}),
    "wide": (pa.uint32(), [0, 2**32 - 1, None, 7], {}),
    "whole": (pa.int32(), [None, 2**31 - 1, -(2**31) + 1, 0], {}),
    "curve": (pa.list_(pa.float64()), [[1.5, NAN], None, [], [0.1, 2.0, 3.0]], {"unit": "mag"}),
    "counts": (pa.list_(pa.int32()), [[1], [2, 3], None, []], {}),
}
NAMES, ROWS = list(COLUMNS), 4
INTEGERS = [name for name, (kind, _, _) in COLUMNS.items() if pa.types.is_integer(kind)]
VOTABLES = ["votable", "votable/b", "votable/b2", "votable_gzip", "application/x-votable+xml;serialization=tabledata"]


def table():
    fields = [pa.field(name, kind, metadata=said or None) for name, (kind, _, said) in COLUMNS.items()]
    return pa.table([pa.array(rows, kind) for kind, rows, _ in COLUMNS.values()], schema=pa.schema(fields))


def plain(value):
    """A value as plain Python, whatever the reader made of it; NULL is None."""
    if value is None or value is np.ma.masked:
        return None
    if isinstance(value, (np.ma.MaskedArray, np.ndarray, list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, np.bytes_)):
        return value.decode()
    if isinstance(value, np.generic):
        return value.item()
    return value


def same(name, found, expected, lossy=()):
    """Whether a value is the expected one; `lossy` names kinds whose NULL the format cannot tell."""
    kind = COLUMNS[name][0]
    if pa.types.is_timestamp(kind) and expected is not None and not isinstance(found, datetime.datetime):
        found = datetime.datetime.fromisoformat(found)
    if isinstance(expected, list) and isinstance(found, list):
        found = [NAN if item is None and "float" in lossy and isinstance(want, float) else item for item, want in zip(found, expected, strict=True)]
        return all(map(same_number, found, expected))
    if expected is None and found is not None:
        return ("float" in lossy and isinstance(found, float) and math.isnan(found)
                or "text" in lossy and found == "" or "list" in lossy and found == [])
    if expected == "" and found is None:
        return "text" in lossy
    if isinstance(expected, float) and math.isnan(expected) and found is None:
        return "float" in lossy
    return found is None if expected is None else same_number(found, expected)


def same_number(found, expected):
    if isinstance(expected, float):
        return isinstance(found, float) and (found == expected or math.isnan(found) and math.isnan(expected))
    return type(found) is type(expected) and found == expected


def expect(label, columns, lossy=(), names=NAMES):
    """`columns` gives the rows of a name."""
    truth = table().to_pydict()
    for name in names:
        found = [plain(value) for value in columns(name)]
        assert len(found) == ROWS, (label, name, found)
        for row, (value, expected) in enumerate(zip(found, truth[name])):
            assert same(name, value, expected, lossy), (label, name, row, value, expected)


class Tap:
    def __init__(self, url):
        self.url = url

    def ask(self, form, query="SELECT * FROM probe ORDER BY \"whole\"", **more):
        """Headers and body of an answer in a format."""
        parameters = {"LANG": "ADQL", "QUERY": query, "RESPONSEFORMAT": form, **more}
        request = urllib.request.Request(f"{self.url}/sync", urllib.parse.urlencode(parameters).encode())
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError((form, error.code, error.read().decode()[:500])) from error


def read_votable(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return parse(io.BytesIO(data), verify="exception")


def votables(tap, folder):
    for form in VOTABLES:
        headers, data = tap.ask(form)
        if form == "votable_gzip":
            assert headers["Content-Encoding"] == "gzip" and data[:2] == b"\x1f\x8b"
        document = read_votable(data)
        found = document.get_first_table()
        lossy = ("float", "text", "list") if form == "votable/b" else ("float", "text", "list")
        expect(form, lambda name, found=found: found.array[name], lossy)
        fields = {field.name: field for field in found.fields}
        for name, (_, _, said) in COLUMNS.items():
            field = fields[name]
            assert str(field.unit or "") == said.get("unit", ""), (form, name, field.unit)
            assert (field.ucd or "", field.utype or "") == (said.get("ucd", ""), said.get("utype", "")), (form, name)
            assert (field.description or "") == said.get("description", "").strip(), (form, name, field.description)
            assert field.arraysize != "1", (form, name)
        (folder / f"{form.replace('/', '_').split(';')[0]}.vot").write_bytes(data)


def masks(tap, _folder):
    """BINARY2 and TABLEDATA keep NULL and NaN apart; astropy shows the mask of BINARY2."""
    found = read_votable(tap.ask("votable/b2")[1]).get_first_table().array
    truth = table().to_pydict()
    for name in [*INTEGERS, "ra", "mag", "good"]:
        mask = [bool(flag) for flag in np.ma.getmaskarray(found[name])]
        expected = [value is None for value in truth[name]]
        nan = [isinstance(value, float) and math.isnan(value) for value in truth[name]]
        assert all(flag == want or isnan for flag, want, isnan in zip(mask, expected, nan)), (name, mask, expected)


def parquet(tap, _folder):
    _, data = tap.ask("parquet")
    found = pq.read_table(io.BytesIO(data))
    expect("parquet", lambda name: found[name].to_pylist())
    metadata = pq.read_metadata(io.BytesIO(data)).metadata
    assert metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0" and metadata[b"sidereus.overflow"] == b"false"
    content = read_votable(metadata[b"IVOA.VOTable-Parquet.content"]).get_first_table()
    assert {str(field.unit) for field in content.fields if field.name == "ra"} == {"deg"}
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # astropy's reader fails on texts that are NULL and on lists.
        Path(file.name).write_bytes(tap.ask("parquet", query="SELECT ra, id FROM probe WHERE ra IS NOT NULL")[1])
        voparquet = Table.read(file.name, format="parquet.votable")
        assert str(voparquet["ra"].unit) == "deg" and voparquet["ra"].meta["ucd"] == "pos.eq.ra", voparquet["ra"].meta
    cut = pq.read_metadata(io.BytesIO(tap.ask("parquet", MAXREC=2)[1]))
    assert cut.num_rows == 2 and cut.metadata[b"sidereus.overflow"] == b"true"


def arrow(tap, _folder):
    stream = pa.ipc.open_stream(tap.ask("arrow")[1]).read_all()
    file = pa.ipc.open_file(tap.ask("application/vnd.apache.arrow.file")[1]).read_all()
    for label, found in (("arrow", stream), ("arrow-file", file)):
        expect(label, lambda name, found=found: found[name].to_pylist())
        assert found.schema.field("ra").metadata[b"unit"] == b"deg", found.schema.field("ra").metadata


def fits_table(tap, folder):
    _, data = tap.ask("fits")
    (folder / "rows.fits").write_bytes(data)
    with fits.open(io.BytesIO(data)) as units:
        units.verify("exception")
        header = units[1].header
        keys = {header[f"TTYPE{index}"]: index for index in range(1, header["TFIELDS"] + 1)}
        for name, (_, _, said) in COLUMNS.items():
            for card, key in (("TUNIT", "unit"), ("TUCD", "ucd"), ("TUTYP", "utype"), ("TCOMM", "description")):
                assert header.get(f"{card}{keys[name]}", "").strip() == said.get(key, "").strip(), (name, card)
        assert header["OVERFLOW"] is False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = Table.read(io.BytesIO(data), format="fits")
    def rows(name):
        if name == "good":  # astropy knows no third truth value
            return [value if want is not None else None for value, want in zip(found[name], COLUMNS[name][1])]
        return found[name]
    expect("fits", rows, ("float", "text", "list"))


def separated(tap, _folder):
    for form, separator in (("csv", ","), ("tsv", "\t"), ("text/tab-separated-values", "\t")):
        _, data = tap.ask(form)
        lines = list(csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=separator))
        # The csv module takes "" and nothing for the same.
        expect(form, lambda name, lines=lines: [from_text(name, line[name]) for line in lines], ("text", "list"))
        ascii_table = Table.read(data.decode(), format="ascii.csv" if form == "csv" else "ascii.tab", guess=False)
        assert [plain(value) for value in ascii_table["id"]] == [row for row in table_in_order()["id"]]
        cut = tap.ask(form, MAXREC=2)
        assert cut[1].decode().splitlines()[-1] == "# overflow: rows were left out after 2 rows" and cut[0]["X-Overflow"] == "true"


def from_text(name, text):
    """A value out of its text."""
    kind = COLUMNS[name][0]
    if text == "" and not pa.types.is_list(kind):
        return None
    if pa.types.is_list(kind):
        return [from_number(kind.value_type, item) for item in text.split()]
    if pa.types.is_boolean(kind):
        return {"true": True, "false": False}[text]
    return text if pa.types.is_string(kind) or pa.types.is_timestamp(kind) else from_number(kind, text)


def from_number(kind, text):
    if pa.types.is_integer(kind):
        return int(text)
    return float(np.float32(text)) if kind == pa.float32() else float(text)


def table_in_order():
    return table().to_pydict()


def json_document(tap, _folder):
    _, data = tap.ask("json")
    document = json.loads(data)
    index = {column["name"]: place for place, column in enumerate(document["metadata"])}
    def value(name, cell):
        kind = COLUMNS[name][0]
        if isinstance(cell, list):
            return [float(item) if pa.types.is_floating(kind.value_type) else item for item in cell]
        if pa.types.is_floating(kind) and cell is not None:
            return from_number(kind, cell if isinstance(cell, str) else repr(cell))
        return cell
    expect("json", lambda name: [value(name, row[index[name]]) for row in document["data"]])
    ra = document["metadata"][index["ra"]]
    assert (ra["unit"], ra["ucd"], ra["datatype"], ra["description"]) == ("deg", "pos.eq.ra", "double", "Right ascension"), ra
    assert document["status"] == "OK" and json.loads(tap.ask("json", MAXREC=1)[1])["status"] == "OVERFLOW"


class Cells(html.parser.HTMLParser):
    """The cells of the body of a page's table."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.rows, self.open = [], False

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
            self.open = True

    def handle_endtag(self, tag):
        self.open &= tag != "td"

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def for_people(tap, _folder):
    parser = Cells()
    parser.feed(tap.ask("html")[1].decode())
    rows = [row for row in parser.rows if row]
    expect("html", lambda name: [from_text(name, row[NAMES.index(name)]) for row in rows], ("text", "list"))
    headers, text = tap.ask("text", query="SELECT id, ra, short FROM probe ORDER BY \"whole\"")
    assert headers["Content-Type"].startswith("text/plain")
    found = [line.split() for line in text.decode().splitlines()[2:]]
    expect("text", lambda name: [None if line[NAMES[:2].index(name)] == "NULL" else from_text(name, line[NAMES[:2].index(name)])
                                 for line in found], names=["id", "ra"])


def empty(tap, _folder):
    for form in [*VOTABLES, "parquet", "arrow", "arrow-file", "fits", "csv", "tsv", "json", "html", "text"]:
        for more in ({"query": "SELECT id, name, curve FROM probe WHERE id = 0"}, {"MAXREC": 0}):
            headers, data = tap.ask(form, **more)
            assert data and headers["X-Overflow"] == str("MAXREC" in more).lower(), (form, more)
            if form in VOTABLES:
                assert len(read_votable(data).get_first_table().array) == 0
            elif form == "fits":
                assert len(Table.read(io.BytesIO(data), format="fits")) == 0
            elif form == "parquet":
                assert pq.read_table(io.BytesIO(data)).num_rows == 0
            elif form == "arrow-file":
                assert pa.ipc.open_file(data).read_all().num_rows == 0


def stilts(tap, folder):
    if shutil.which("stilts") is None:
        print("stilts is not installed: skipped")
        return
    for path in sorted(folder.glob("*.vot")):
        done = subprocess.run(["stilts", "votlint", "validate=true", "ucd=true", "unit=true", f"votable={path}"], capture_output=True, text=True)
        complaints = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        assert done.returncode == 0 and not complaints, (path.name, complaints)
    (folder / "rows.csv").write_bytes(tap.ask("csv")[1])
    scalars = [name for name in NAMES if name not in ("curve", "counts")]
    for path, kind in [*((path, "votable") for path in sorted(folder.glob("*.vot"))), (folder / "rows.fits", "fits"),
                       (folder / "rows.csv", "csv")]:
        done = subprocess.run(["stilts", "-Dfile.encoding=UTF-8", "tcopy", str(path), "-", f"ifmt={kind}", "ofmt=csv"], capture_output=True)
        assert done.returncode == 0, (path.name, done.stderr.decode()[-500:])
        lines = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
        def rows(name, lines=lines):
            return [from_text(name, line[name]) for line in lines]
        names = [name for name in scalars if kind == "votable" or name != "script"]
        expect(f"stilts {path.name}", rows, ("text", "float"), names)


# Fails in the last of its partitions, many megabytes after its first row.
LATE_ERROR = "SELECT h.*, 1 / (hip - 103561) AS late FROM hipparcos2 AS h"


def late_errors(url):
    """An answer that fails after it has begun is whole for no client."""
    for name in ("csv", "votable", "votable/b2", "json", "html", "arrow"):
        for packing in ([], ["--compressed"]):
            asked = f"{url}/sync?" + urllib.parse.urlencode({"LANG": "ADQL", "QUERY": LATE_ERROR, "RESPONSEFORMAT": name})
            done = subprocess.run(["curl", "--silent", "--show-error", *packing, "--max-time", "120", asked], capture_output=True)
            assert done.returncode == 18, (name, packing, done.returncode, done.stderr)
            told = b"division by zero" in done.stdout[-2000:]
            assert told == (name not in ("csv", "arrow")), (name, packing, done.stdout[-200:])
    asked = f"{url}/sync?" + urllib.parse.urlencode({"LANG": "ADQL", "QUERY": LATE_ERROR, "RESPONSEFORMAT": "arrow"})
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            pa.ipc.open_stream(answer).read_all()
    except Exception as error:  # whichever layer sees it first
        print(f"pyarrow: {type(error).__name__}: {error}")
    else:
        raise AssertionError("pyarrow took a part for the whole")
    try:
        Tap(url).ask("fits", query=LATE_ERROR)
    except AssertionError as error:
        assert "400" in str(error) and "division by zero" in str(error), error
    else:
        raise AssertionError("an answer through a spool tells its errors by its status")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "roots").mkdir()
        ordered = table().take(pa.array([2, 3, 1, 0]))
        pq.write_table(ordered, folder / "roots" / "probe.parquet")
        server = Server(sys.argv[3], [folder / "roots"])
        try:
            tap = Tap(server.tap.rstrip("/"))
            global COLUMNS
            order = pq.read_table(folder / "roots" / "probe.parquet").sort_by("whole")
            COLUMNS = {name: (kind, order[name].to_pylist(), said) for name, (kind, _, said) in COLUMNS.items()}
            for check in (votables, masks, parquet, arrow, fits_table, separated, json_document, for_people, empty, stilts):
                check(tap, folder)
                print(f"{check.__name__} ok", flush=True)
        finally:
            wrong = server.stop()
        assert wrong is None, wrong
        late_errors(sys.argv[2].rstrip("/"))
        print("late_errors ok")


if __name__ == "__main__":
    main()
