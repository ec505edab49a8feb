"""Is every query of the language's corpus judged alike, and answered alike, through TAP, Flight SQL and `sidereus check`?

    python corpus_verdicts.py FLIGHT_URI TAP_URL BINARY

Makes tables of the corpus's schema with random rows, NULLs among them, starts a server of its own on them, and asks each
query of adql/tests both ways. What is accepted must run and give as many rows through both; what is rejected must be
refused by both with the same words. Queries in files named standard_* must be valid to `sidereus check`, others of ADQL not.
"""

import json
import random
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pyarrow.parquet as pq
from run import PROJECT, Server

CORPUS = PROJECT / "adql" / "tests"
HEADER = "adbc.flight.sql.rpc.call_header.x-sidereus-"
ROWS = 200
# A random order, a random share of rows: the two answers may differ.
RANDOM = ("RAND", "TABLESAMPLE")
# Personal tables and uploads come with accounts and with the request: here they are in schemas of their own.
SCHEMA = {
    "stars": ["id", "ra", "dec", "mag", "parallax"],
    "RAVE": ["RAJ2000", "DEJ2000", "HRV", "id"],
    "gaia/source": ["source_id", "ra", "dec", "phot_g_mean_mag", "size"],
    "odd": ["copy", "flux", "Flux", "a b", "pos"],
    "uploads/mine": ["oid", "ra", "dec", "r"],
    "personal/targets": ["name", "ra", "dec"],
}
UNITS = {"ra": "deg", "dec": "deg", "mag": "mag", "phot_g_mean_mag": "mag", "parallax": "mas", "HRV": "km s-1", "flux": "Jy",
         "Flux": "furlongs"}


def column(name, rng):
    """An Arrow field and its values."""
    holed = lambda draw, share=0.1: [None if rng.random() < share else draw() for _ in range(ROWS)]
    if name in ("id", "oid", "source_id"):
        return pa.int64(), list(range(1, ROWS + 1))
    if name in ("copy", "name", "a b"):
        return pa.string(), holed(lambda: rng.choice(["M31", "abc", "x", "NGC 224"]))
    if name == "pos":
        return pa.list_(pa.float64(), 2), holed(lambda: [rng.uniform(0, 360), rng.uniform(-90, 90)])
    if name == "Flux":
        return pa.list_(pa.float64()), holed(lambda: [rng.uniform(0, 9) for _ in range(3)])
    low, high = {"ra": (0, 360), "RAJ2000": (0, 360), "dec": (-90, 90), "DEJ2000": (-90, 90), "r": (0, 2)}.get(name, (0.5, 20))
    return pa.float64(), holed(lambda: rng.uniform(low, high), 0 if high == 360 else 0.1)


def tables(folder):
    rng = random.Random(42)
    for path, names in SCHEMA.items():
        place = folder / path
        place.mkdir(parents=True)
        fields, columns = [], []
        for name in names:
            kind, values = column(name, rng)
            metadata = {"unit": UNITS[name]} if name in UNITS else {}
            metadata |= {"xtype": "point"} if name == "pos" else {}
            fields.append(pa.field(name, kind, metadata=metadata))
            columns.append(pa.array(values, kind))
        pq.write_table(pa.table(columns, schema=pa.schema(fields)), place / "part0.parquet")


def corpus(kind, extension):
    """File and text of every query."""
    for file in sorted((CORPUS / kind).glob(f"*.{extension}")):
        for text in file.read_text().rstrip().split("\n---\n"):
            yield file.name, text.rstrip()


def asked_as(text):
    """The query with values for its parameters, over the tables that are there."""
    for written, asked in {"tap_upload.": "uploads.", "mydb://": "personal.", "?": "10", "$1": "10", "$2": "20"}.items():
        text = text.replace(written, asked)
    return text


def through_tap(tap, text, language):
    """Number of rows, or the message of the refusal."""
    body = urllib.parse.urlencode({"LANG": language, "FORMAT": "csv", "QUERY": text}).encode()
    try:
        with urllib.request.urlopen(f"{tap}/sync", body, 60) as answer:
            return sum(1 for _ in answer) - 1, None
    except urllib.error.HTTPError as error:
        page = ElementTree.fromstring(error.read())
        info = page.find(".//{*}INFO[@name='QUERY_STATUS']")
        assert error.code in (400, 403), f"{error.code} for {text}"
        return None, info.text.strip()


def through_flight(cursor, text):
    try:
        cursor.execute(text)
        return cursor.fetch_arrow_table().num_rows, None
    except flight_sql.Error as error:
        return None, str(error)


def valid(binary, texts):
    """What `sidereus check` says of each text."""
    lines = "".join(json.dumps({"query": text}) + "\n" for text in texts)
    done = subprocess.run([binary, "check"], input=lines, capture_output=True, text=True, timeout=60)
    return [json.loads(line)["valid"] for line in done.stdout.splitlines()]


def check_verdicts(server, cursors):
    failures, asked = [], 0
    for kind, extension, languages in [("accept", "adql", ["ADQL", "SQL"]), ("accept", "sql", ["SQL"]), ("reject", "adql", ["ADQL"])]:
        for file, text in corpus(kind, extension):
            if file.startswith("strict_"):
                continue
            for language in languages:
                values = asked_as(text) if kind == "accept" else text
                (rows, refusal), (theirs, other) = through_tap(server.tap, values, language), through_flight(cursors[language], values)
                asked += 1
                where = f"{file}, {language}: {text}\n    TAP {rows} rows, {refusal}\n    Flight {theirs} rows, {other}"
                if (rows is not None) != (kind == "accept") or (theirs is not None) != (kind == "accept"):
                    failures.append(f"judged otherwise: {where}")
                elif kind == "accept" and rows != theirs and not any(word in text.upper() for word in RANDOM):
                    failures.append(f"other rows: {where}")
                elif kind == "reject" and refusal.splitlines()[0] not in other:
                    failures.append(f"other words: {where}")
    return failures, asked


def main():
    binary = sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        tables(Path(folder))
        server = Server(binary, [folder])
        cursors = {}
        for language in ("ADQL", "SQL"):
            options = {f"{HEADER}language": language.lower()}
            cursors[language] = flight_sql.connect(server.flight, db_kwargs=options).cursor()
        failures, asked = check_verdicts(server, cursors)
        for cursor in cursors.values():
            cursor.close()
            cursor.connection.close()
        wrong = server.stop()
    assert wrong is None, wrong
    accepted = list(corpus("accept", "adql"))
    for (file, text), standard in zip(accepted, valid(binary, [text for _, text in accepted]), strict=True):
        if standard != file.startswith("standard_"):
            failures.append(f"`check` says {standard} to {file}: {text}")
    assert not failures, f"{len(failures)} of {asked}:\n" + "\n".join(failures)
    print(f"{asked} questions judged alike")


if __name__ == "__main__":
    main()
