"""Do we answer as PostgreSQL with Q3C does?

    python compare_postgres.py --sidereus target/debug/sidereus [--only 12c] [--verbose]

Needs PostgreSQL with the extension q3c (Debian: postgresql, postgresql-15-q3c) and the packages numpy, pyarrow,
astropy, astropy-healpix, adbc-driver-flightsql and psycopg2. Makes tables (postgres_tables.py), starts both servers in
a temporary folder, sends every query of postgres_shapes.py to both, and compares rows (in order where it is given),
names and types of columns, NaN and NULL. Prints a line a shape; ends with 1 where any differ.
"""

import argparse
import contextlib
import io
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight
import numpy as np
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq

import postgres_shapes
import postgres_tables

POSTGRES_TYPES = {
    pa.string(): "text", pa.int16(): "smallint", pa.int32(): "integer", pa.int64(): "bigint",
    pa.float32(): "real", pa.float64(): "double precision",
}
# By the numbers that PostgreSQL gives its types.
ARROW_TYPES = {16: "bool", 20: "int64", 21: "int16", 23: "int32", 25: "string", 700: "float", 701: "double",
               1042: "string", 1043: "string", 19: "string", 1700: "numeric", 705: "string"}


@contextlib.contextmanager
def postgres(folder, tables):
    """A server of its own on a socket, filled; gives a connection."""
    owner = "postgres" if os.geteuid() == 0 else None
    data, socket = folder / "pg", folder / "socket"
    for made in (data, socket):
        made.mkdir(mode=0o700)
        if owner:
            shutil.chown(made, owner)
    programs = Path(subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True).stdout.strip() or "/nowhere")
    if not (programs / "initdb").exists():
        programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    run = {"user": owner, "stdout": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C"], check=True, **run)
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={socket}", "-c", "fsync=off"]
    server = subprocess.Popen([programs / "postgres", "-D", data, *options], stderr=subprocess.DEVNULL, **run)
    try:
        connection = connect(socket, server)
        fill(connection, tables)
        yield connection
        connection.close()
    finally:
        # PostgreSQL ends at once, whoever is connected.
        server.send_signal(signal.SIGINT)
        server.wait()


def connect(socket, server):
    for _ in range(100):
        if server.poll() is not None:
            raise SystemExit("PostgreSQL did not start")
        try:
            return psycopg2.connect(host=str(socket), user="tester", dbname="postgres")
        except psycopg2.OperationalError:
            time.sleep(0.1)
    raise SystemExit("PostgreSQL does not listen")


def fill(connection, tables):
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE EXTENSION q3c")
    for schema in sorted({schema for schema, _ in tables}):
        cursor.execute(f"CREATE SCHEMA {schema}")
    cursor.execute("CREATE TABLE tbl_stat (schema text, tbl_name text, nrows bigint, ncols integer)")
    for (schema, name), table in tables.items():
        columns = ", ".join(f'"{field.name}" {POSTGRES_TYPES[field.type]}' for field in table.schema)
        cursor.execute(f"CREATE TABLE {schema}.{name} ({columns})")
        cursor.copy_expert(f"COPY {schema}.{name} FROM STDIN", io.StringIO(copy_text(table)))
        cursor.execute(f"ANALYZE {schema}.{name}")
        cursor.execute("INSERT INTO tbl_stat VALUES (%s, %s, %s, %s)", (schema, name, table.num_rows, table.num_columns))


def copy_text(table):
    """The text that COPY reads; numbers in the shortest form that reads back."""
    def cell(value, kind):
        if value is None:
            return "\\N"
        return str(np.float32(value)) if kind == pa.float32() else str(value)

    columns = [[cell(value, column.type) for value in column.to_pylist()] for column in table.columns]
    return "".join("\t".join(row) + "\n" for row in zip(*columns))


@contextlib.contextmanager
def sidereus(folder, program, tables):
    """A server over the same tables as Parquet; gives a connection."""
    for (schema, name), table in tables.items():
        place = folder / "catalogs" / schema / name
        place.mkdir(parents=True)
        pq.write_table(table, place / "part0.parquet", row_group_size=5000)
    command = [program, "serve", "--state", folder / "state", "--catalogs", folder / "catalogs", "--flight", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = next(line.split()[1] for line in server.stdout if line.startswith("flight: "))
        uri = address if "://" in address else f"grpc://{address}"
        with flight.connect(uri) as connection:
            yield connection
    finally:
        server.terminate()
        server.communicate()


def ask_postgres(connection, text):
    """Names and types of the columns, and the rows."""
    cursor = connection.cursor()
    cursor.execute(text)
    names = [column.name for column in cursor.description]
    kinds = [ARROW_TYPES.get(column.type_code, str(column.type_code)) for column in cursor.description]
    rows = cursor.fetchall()
    for index, kind in enumerate(kinds):
        if kind == "float":
            # The text of a real is short; its value is the 32-bit number that it stands for.
            whole = lambda value: None if value is None else float(np.float32(value))
            rows = [(*row[:index], whole(row[index]), *row[index + 1 :]) for row in rows]
    return names, kinds, [tuple(row) for row in rows]


def ask_sidereus(connection, text):
    with connection.cursor() as cursor:
        cursor.execute(text)
        table = cursor.fetch_arrow_table()
    kinds = [str(field.type).removeprefix("large_").replace("string_view", "string") for field in table.schema]
    columns = [column.to_pylist() for column in table.columns]
    return table.schema.names, kinds, list(zip(*columns)) if columns else []


def key(row):
    """An order in which rows that are equal but for rounding meet: exact values first."""
    def rank(value):
        if value is None:
            return (0, "")
        if not is_real(value):
            return (1, str(value))
        return (2, "nan" if math.isnan(value) else f"{float(value) + 0.0:.9e}")

    return sorted(map(rank, row), key=lambda ranked: ranked[0] == 2) + [repr(value) for value in row if is_real(value)]


def is_real(value):
    return isinstance(value, float) or type(value).__name__ == "Decimal"


def equal(left, right, tolerance):
    if left is None or right is None:
        return left is right
    if is_real(left) or is_real(right):
        left, right = float(left), float(right)
        return (math.isnan(left) and math.isnan(right)) or math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
    return left == right


def difference(shape, ours, whole):
    """What differs between our answer and PostgreSQL's, in words; None where nothing does."""
    (names, kinds, rows), (their_names, their_kinds, their_rows) = ours, whole
    if names != their_names:
        return f"names {names}, theirs {their_names}"
    if shape.cut:
        expected = min(shape.rows, len(their_rows)) if shape.rows else None
        left = Counter(str(key(row)) for row in their_rows)
        left.subtract(str(key(row)) for row in rows)
        if any(count < 0 for count in left.values()):
            return "a row that is not in the whole answer"
        return None if len(rows) == expected else f"{len(rows)} rows, expected {expected}"
    if len(rows) != len(their_rows):
        return f"{len(rows)} rows, theirs {len(their_rows)}"
    if not shape.ordered:
        rows, their_rows = sorted(rows, key=key), sorted(their_rows, key=key)
    for row, theirs in zip(rows, their_rows):
        if not all(equal(a, b, shape.tolerance) for a, b in zip(row, theirs)):
            return f"row {row}\n      theirs {theirs}"
    types = [f"{name}: {kind}, theirs {theirs}" for name, kind, theirs in zip(names, kinds, their_kinds) if kind != theirs]
    return f"types {'; '.join(types)}" if types and not shape.types else None


def compare(shape, values, ours, theirs):
    """What differs, and how many rows PostgreSQL gave."""
    # Personal tables come with accounts: here they are in a schema of their own.
    text = shape.text.format(**values).replace("mydb://", "personal.")
    cut = f" {shape.cut}" if shape.cut else ""
    try:
        whole = ask_postgres(theirs, text)
    except psycopg2.Error as error:
        return f"PostgreSQL: {str(error).splitlines()[0]}", 0
    try:
        return difference(shape, ask_sidereus(ours, text + cut), whole), len(whole[2])
    except Exception as error:
        return f"error: {str(error)[:400]}", len(whole[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sidereus", required=True, type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--parameters", type=int, default=5)
    parser.add_argument("--only", action="append")
    given = parser.parse_args()
    tables = postgres_tables.make(given.rows)
    rng = np.random.default_rng(postgres_tables.SEED)
    draws = [postgres_shapes.parameters(rng, tables) for _ in range(given.parameters)]
    shapes = [shape for shape in postgres_shapes.SHAPES if not given.only or shape.number in given.only]
    verdicts = Counter()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sidereus-postgres-")))
        folder.chmod(0o755)
        theirs = stack.enter_context(postgres(folder, tables))
        ours = stack.enter_context(sidereus(folder, given.sidereus.absolute(), tables))
        warnings.simplefilter("ignore")
        for shape in shapes:
            results = [compare(shape, values, ours, theirs) for values in draws]
            wrong = [what for what, _ in results if what]
            rows = "/".join(str(rows) for _, rows in results)
            verdict = "decided" if wrong and shape.differs else "DIFFERS" if wrong else "same"
            verdicts[verdict] += 1
            print(f"{verdict:8}{shape.number:5}{rows:>30} rows  {shape.text[:70]!r}")
            if wrong and shape.differs:
                print(f"    {len(wrong)} of {len(results)}: {shape.differs}")
            elif wrong:
                print(f"    {len(wrong)} of {len(results)}: {wrong[0]}")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    print(f"{len(shapes)} shapes with {len(draws)} draws of parameters each: {counts}")
    return 1 if verdicts["DIFFERS"] else 0


if __name__ == "__main__":
    sys.exit(main())
