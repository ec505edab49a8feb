#!/usr/bin/env python3
"""Computes the expected rows of the .slt files here with DuckDB, numpy and astropy: never with Sidereus.

    python engine/tests/slt/expect.py            says which records differ, fails if any does
    python engine/tests/slt/expect.py --write    writes the expected rows
    (packages: testdata/requirements.txt)

The query of a record is given to DuckDB as it stands, over views of the bundled Parquet files. Where DuckDB cannot read
it, the lines above it say how to get the rows instead:

    # duckdb: SELECT ...              the same question in DuckDB's words; further lines begin with `#         `
    # python: expression              rows from an expression over `columns`, `count(table)`, `polygon(table, kind)`

`sep(ra1, dec1, ra2, dec2)` is the separation in degrees. Records that expect an error are left alone.
"""

import json
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

HERE = Path(__file__).resolve().parent
TESTDATA = HERE.parents[2] / "testdata"
sys.path.insert(0, str(TESTDATA))
import columns  # noqa: E402

FOLDERS = {"gaia_dr3_bright": "gaia_dr3_bright_collection/gaia_dr3_bright", "hipparcos2": "hipparcos2", "openngc": "openngc"}
SEPARATION = """CREATE MACRO sep(a1, d1, a2, d2) AS degrees(atan2(
    sqrt(pow(cos(radians(d2)) * sin(radians(a2 - a1)), 2)
       + pow(cos(radians(d1)) * sin(radians(d2)) - sin(radians(d1)) * cos(radians(d2)) * cos(radians(a2 - a1)), 2)),
    sin(radians(d1)) * sin(radians(d2)) + cos(radians(d1)) * cos(radians(d2)) * cos(radians(a2 - a1))))"""


def database():
    connection = duckdb.connect()
    connection.execute(SEPARATION)
    connection.execute("CREATE SCHEMA public")
    for table, folder in FOLDERS.items():
        files = str(TESTDATA / "catalogs" / folder / "dataset" / "Norder*" / "**" / "*.parquet")
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning=false)")
        connection.execute(f"CREATE VIEW public.{table} AS FROM main.{table}")
    return connection


def polygon(table, kind):
    """Rows in a polygon of testdata/truth, as counted by astropy."""
    lines = map(json.loads, (TESTDATA / "truth" / "polygons.jsonl").read_text().splitlines())
    return next(line["n"] for line in lines if (line["table"], line["kind"]) == (table, kind))


def text(value):
    """A value as the test runner shows it."""
    if value is None:
        return "NULL"
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (float, np.floating)):
        return str(value).replace("nan", "NaN").replace("e+", "e")
    return str(value) if str(value) else "(empty)"


def rows_of(table):
    """Rows of an Arrow table; 32-bit floats keep their type, so that they are shown with their own digits."""
    values = []
    for column in table.columns:
        narrow = pa.types.is_float32(column.type)
        values.append([np.float32(value) if narrow and value is not None else value for value in column.to_pylist()])
    return list(zip(*values)) if values else []


def records(lines):
    """(first line of the header, its words, lines of the query, hints, range of the expected rows) of each query."""
    at, hints = 0, []
    while at < len(lines):
        line = lines[at]
        if line.startswith("#"):
            hints.append(line[1:].rstrip("\n"))
        elif line.startswith("query") and not line.startswith("query error"):
            head, begin = at, at + 1
            while lines[at].rstrip("\n") != "----":
                at += 1
            end = at + 1
            while end < len(lines) and lines[end].strip():
                end += 1
            yield head, line.split(), lines[begin:at], hints, (at + 1, end)
            at, hints = end, []
        elif not line.startswith(("onlyif", "skipif")):
            hints = []
        at += 1


def hinted(hints, kind):
    """The text of a hint, over all its lines."""
    for at, hint in enumerate(hints):
        if hint.startswith(f" {kind}: "):
            more = []
            for line in hints[at + 1:]:
                if not line.startswith("         "):
                    break
                more.append(line.strip())
            return " ".join([hint.split(": ", 1)[1], *more])
    return None


def expected(connection, query, hints):
    if (expression := hinted(hints, "python")) is not None:
        names = {"columns": columns, "polygon": polygon, "count": lambda table: connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]}
        return eval(expression, names)  # noqa: S307 (our own files)
    return rows_of(connection.sql(hinted(hints, "duckdb") or "".join(query)).to_arrow_table())


def fill(path, connection, write):
    """Returns the records whose rows differ; writes the rows if asked to."""
    lines, differing, shift = path.read_text().splitlines(keepends=True), [], 0
    result = list(lines)
    for head, words, query, hints, (begin, end) in records(lines):
        try:
            found = [" ".join(map(text, row)) for row in expected(connection, query, hints)]
        except Exception as error:
            sys.exit(f"{path.name}:{head + 1}: {error}")
        found = sorted(found) if "rowsort" in words else found
        if found != [line.rstrip("\n") for line in lines[begin:end]]:
            differing.append(f"{path.name}:{head + 1}")
            result[begin + shift:end + shift] = [f"{row}\n" for row in found]
            shift += len(found) - (end - begin)
    if write:
        path.write_text("".join(result))
    return differing


def main():
    write, connection = "--write" in sys.argv, database()
    differing = [record for path in sorted(HERE.glob("*.slt")) for record in fill(path, connection, write)]
    print("\n".join(differing) or "all rows are as computed")
    sys.exit(1 if differing and not write else 0)


if __name__ == "__main__":
    main()
