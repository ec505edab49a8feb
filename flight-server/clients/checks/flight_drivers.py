#!/usr/bin/env python3
"""Programs that read through Flight SQL drivers: polars, pandas, DuckDB, flightsql-dbapi and its SQLAlchemy dialect.

    python flight_drivers.py FLIGHT_URI TAP_URL BINARY

Starts a server of its own on a table of awkward values. What every program shows is compared cell by cell with what was
written into the file, and so are the CSV and the Arrow answer of TAP; where a program cannot tell two things apart, `SHOWN`
says what it shows instead.
"""

import csv
import io
import math
import sys
import urllib.parse
import urllib.request
import warnings

import adbc_driver_flightsql.dbapi as flight_sql
import duckdb
import flightsql
import flightsql.sqlalchemy  # registers the dialect
import pandas
import polars
import pyarrow as pa
import pyarrow.flight as flight
import sqlalchemy
from flight_tables import PROBE, cell, compared, serving, truth, write_probe

ALL = "SELECT * FROM probe ORDER BY n"
STARS = "SELECT * FROM hipparcos2 ORDER BY hip"
SUMS = ("SELECT COUNT(*) AS rows, SUM(hip) AS hips, MIN(ra) AS least, MAX(ra) AS greatest, COUNT(DISTINCT hip) AS different "
        "FROM {} WHERE dec BETWEEN -10 AND 25")
WANTED = (2**63 - 1, "e\u0301 | \u05d0")
# Through pandas, which flightsql-dbapi asks for its rows, NULL is NaN in columns of fractions and of texts.
SHOWN = {name: {"NULL": "nan"} for name in ("ra", "mag", "name", "band")}


def check_tap(server, tap):
    """The other door to the same query, first: what is compared below is what both give."""
    def answer(form):
        data = urllib.parse.urlencode({"LANG": "ADQL", "RESPONSEFORMAT": form, "QUERY": ALL}).encode()
        return urllib.request.urlopen(f"{tap}/sync", data, timeout=20).read()

    arrow = pa.ipc.open_stream(answer("arrow")).read_all()
    compared("TAP, Arrow", zip(*(column.to_pylist() for column in arrow.columns)), truth())
    names, *rows = csv.reader(io.StringIO(answer("csv").decode()))
    exact = ("n", "whole", "unsigned", "small", "script")
    found = [[row[names.index(name)] for name in exact] for row in rows]
    texts = [["" if value is None else str(value) for value in values] for values in zip(*(PROBE[name][1] for name in exact))]
    assert names == list(PROBE) and found == texts, (names, found)
    raw = flight.connect(server).do_get(flight.Ticket(ALL)).read_all()
    assert raw.schema.names == arrow.schema.names
    assert pa.types.is_dictionary(raw.schema.field("band").type), raw.schema.field("band")
    compared("pyarrow.flight", zip(*(column.to_pylist() for column in raw.columns)), truth())


def check_polars(server, tap):
    # polars takes the driver's name from the scheme, and the driver takes `flightsql` alone for TLS.
    frame = polars.read_database_uri(ALL, server.replace("grpc", "flightsql") + "?transport=tcp", engine="adbc")
    check_frame("read_database_uri", frame)
    with flight_sql.connect(server, autocommit=True) as connection:
        check_frame("read_database", polars.read_database(ALL, connection))
        batches = list(polars.read_database(STARS, connection, iter_batches=True, batch_size=10_000))
        assert len(batches) > 1, "the rows came in one piece"
        stars = flight.connect(server).do_get(flight.Ticket(STARS)).read_all()
        assert polars.concat(batches).equals(polars.from_arrow(stars)), "stars differ"
        one = polars.read_database("SELECT n FROM probe WHERE whole = ? AND script = ?", connection,
                                   execute_options={"parameters": WANTED})
        assert one.to_dicts() == [{"n": 4}], one
        empty = polars.read_database("SELECT * FROM probe WHERE n < 0", connection)
        assert empty.shape == (0, len(PROBE)) and empty.schema == frame.schema, empty.schema


def check_frame(client, frame):
    compared(client, frame.rows(), truth())
    wanted = {"whole": polars.Int64, "unsigned": polars.UInt64, "small": polars.Int16, "mag": polars.Float32,
              "seen": polars.Datetime("us"), "band": polars.Categorical, "counts": polars.List(polars.Int32)}
    found = {name: frame.schema[name] for name in wanted}
    assert found == wanted, found


def check_pandas(server, tap):
    with flight_sql.connect(server, autocommit=True) as connection:
        frame = pandas.read_sql(ALL, connection, dtype_backend="pyarrow")
        columns = [pa.array(frame[name].array).to_pylist() for name in frame.columns]
        compared("pandas, Arrow types", zip(*columns), truth(tuple(frame.columns)))
        assert list(frame.columns) == list(PROBE)
        plain = pandas.read_sql("SELECT n, whole, script, seen FROM probe WHERE whole IS NOT NULL ORDER BY n", connection)
        kept = [row for row in truth(("n", "whole", "script", "seen")) if row[1] != "NULL"]
        compared("pandas", plain.astype(object).values.tolist(), kept)
        assert str(plain["whole"].dtype) == "int64", plain.dtypes


def check_duckdb(server, tap):
    duck = duckdb.connect()
    with flight_sql.connect(server, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(ALL)
        compared("DuckDB, from_arrow", duck.from_arrow(cursor.fetch_record_batch()).fetchall(), truth())
        cursor.execute(ALL)
        probe = cursor.fetch_record_batch()  # DuckDB finds it by its name
        lengths = duck.sql("SELECT n, len(curve) AS samples, band FROM probe ORDER BY n").fetchall()
        assert lengths == [(1, 2, "g"), (2, None, "昴"), (3, 0, None), (4, 3, "g")], lengths
        del probe
        cursor.execute("SELECT * FROM hipparcos2")
        stars = cursor.fetch_record_batch()
        found = duck.sql(SUMS.format("stars")).fetchall()
        del stars
        cursor.execute(SUMS.format("hipparcos2"))
        own = cursor.fetchall()
        assert found == own and own[0][0] > 10_000, (found, own)
        cursor.execute("SELECT hip, ra FROM hipparcos2")
        few = duck.from_arrow(cursor.fetch_record_batch()).limit(3).fetchall()
        assert len(few) == 3, "a stream that is not read to its end"


def client_of(server, **credentials):
    host, port = server.removeprefix("grpc://").split(":")
    return flightsql.FlightSQLClient(host=host, port=int(port), insecure=True, **credentials)


def check_dbapi(server, tap):
    with flightsql.connect(client_of(server, token="anonymous.drivers")) as connection:
        cursor = connection.execute(ALL)
        assert [name for name, _ in cursor.description] == list(PROBE)
        compared("flightsql-dbapi", cursor.fetchall(), shown(truth()))
        stars = connection.execute("SELECT hip, ra FROM hipparcos2 ORDER BY hip").fetchall()
        table = flight.connect(server).do_get(flight.Ticket("SELECT hip, ra FROM hipparcos2 ORDER BY hip")).read_all()
        assert len(stars) == 117955 and [row[0] for row in stars] == table["hip"].to_pylist()
        assert all(left == right or math.isnan(right) for (_, left), right in zip(stars, table["ra"].to_pylist()))
        info = connection.flightsql_get_sql_info([0, 2, 3, 504])
        assert info[0] == "Sidereus" and info[2] and info[3] is True and info[504] == '"', info
        assert connection.flightsql_get_schema_names() == ["public", "tap_schema"]
        assert connection.flightsql_get_primary_keys("probe", "public") == []
        check_bound(connection)
    check_nobody(server)


def check_bound(connection):
    found = connection.execute("SELECT n FROM probe WHERE whole = ? AND script = ?", WANTED).fetchall()
    assert found == [[4]], found


def check_nobody(server):
    assert flightsql.connect(client_of(server)).execute("SELECT 1 AS one").fetchall() == [[1]]


def shown(rows, names=tuple(PROBE)):
    return [[SHOWN.get(name, {}).get(text, text) for name, text in zip(names, row)] for row in rows]


def check_sqlalchemy(server, tap):
    url = f"datafusion+flightsql://{server.removeprefix('grpc://')}?insecure=True&token=anonymous.alchemy"
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.text("SELECT n, whole, script FROM probe ORDER BY n")).fetchall()
        compared("SQLAlchemy", rows, truth(("n", "whole", "script")))
        probe = sqlalchemy.Table("probe", sqlalchemy.MetaData(), autoload_with=engine, schema="public")
        assert list(probe.columns.keys()) == list(PROBE), probe.columns.keys()
        assert isinstance(probe.c.whole.type, sqlalchemy.BIGINT) and isinstance(probe.c.seen.type, sqlalchemy.TIMESTAMP)
        asked = sqlalchemy.select(probe.c.n, probe.c.whole).where(probe.c.script == WANTED[1]).order_by(probe.c.n).limit(2)
        compared("SQLAlchemy, select", connection.execute(asked).fetchall(), [[cell(4), cell(WANTED[0])]])
        counted = sqlalchemy.select(probe.c.name, sqlalchemy.func.count()).group_by(probe.c.name).order_by(probe.c.name)
        groups = [[*row, "1"] for row in sorted(shown(truth(("name",)), ("name",)), key=lambda row: (row == ["nan"], row))]
        compared("SQLAlchemy, groups", connection.execute(counted).fetchall(), groups)
        # A dictionary column is a BLOB to the dialect, which fails on its texts unless they are asked for as such.
        bands = sqlalchemy.text("SELECT band FROM probe ORDER BY n")
        compared("SQLAlchemy, dictionary", connection.execute(bands).fetchall(), shown(truth(("band",)), ("band",)))
    found = sqlalchemy.inspect(engine)
    assert found.has_table("probe", "public") and not found.has_table("prob", "public")
    assert {"probe", "hipparcos2", "openngc"} <= set(found.get_table_names("public"))


def main():
    warnings.simplefilter("ignore")
    with serving(sys.argv[3], write_probe) as server:
        for check in [check_tap, check_polars, check_pandas, check_duckdb, check_dbapi, check_sqlalchemy]:
            check(server.flight, server.tap.rstrip("/"))
            print(f"{check.__name__} ok", flush=True)


if __name__ == "__main__":
    main()
