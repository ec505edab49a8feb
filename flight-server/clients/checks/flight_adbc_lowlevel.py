#!/usr/bin/env python3
"""ADBC below its DB-API: statements, partitions, metadata, options, errors, and how soon work ends that nobody waits for.

    python flight_adbc_lowlevel.py FLIGHT_URI TAP_URL BINARY

Starts servers of its own: one for everybody, whose processor time tells when it is idle, and one with users.
"""

import json
import sys
import threading
import time
import warnings

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager as adbc
import pyarrow as pa
from flight_tables import LONG, USERS, quiet_seconds, serving, until, write_probe

WHOLE = "SELECT source_id, ra FROM gaia_dr3_bright"
OPTION = "adbc.flight.sql.session.option."
QUIET = quiet_seconds(sys.argv[3])
TIMEOUT = "adbc.flight.sql.rpc.timeout_seconds."
COOKIES = {"adbc.flight.sql.rpc.with_cookie_middleware": "true"}


def rows(stream):
    return pa.RecordBatchReader.from_stream(stream)


def read(stream):
    return rows(stream).read_all()


def schema(handle):
    return pa.schema(handle)


class Connection:
    """A database and a connection, closed together."""

    def __init__(self, server, options=None):
        self.database = adbc_driver_flightsql.connect(server.flight, db_kwargs=options)
        self.raw = adbc.AdbcConnection(self.database)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()
        self.database.close()

    def statement(self, text, **options):
        made = adbc.AdbcStatement(self.raw)
        if options:
            made.set_options(**options)
        made.set_sql_query(text)
        return made

    def ask(self, text, **options):
        with self.statement(text, **options) as statement:
            return read(statement.execute_query()[0])

    def objects(self, depth, **filters):
        return read(self.raw.get_objects(depth, **filters)).to_pylist()


def refused(kind, parts, call):
    try:
        call()
    except kind as error:
        for part in parts:
            assert part in str(error), f"{part!r} is not in {error}"
        return error
    raise AssertionError(f"nothing was refused where {parts} was expected")


def check_statements(connection, server):
    with connection.statement("SELECT n FROM probe ORDER BY n") as statement:
        assert schema(statement.execute_schema()).names == ["n"]
        for _ in range(2):
            stream, affected = statement.execute_query()
            assert read(stream).to_pydict() == {"n": [1, 2, 3, 4]} and affected == -1
        statement.set_sql_query("SELECT script FROM probe WHERE n = 3")
        assert read(statement.execute_query()[0]).to_pydict() == {"script": ["😀 z"]}, "another text in the same statement"
        refused(adbc.ProgrammingError, ["updates nothing"], statement.execute_update)
        statement.set_substrait_plan(b"plan")
        refused(adbc.NotSupportedError, ["Substrait"], statement.execute_query)
    refused(adbc.NotSupportedError, ["transaction"], lambda: connection.raw.set_autocommit(False))


def check_prepared(connection, server):
    with connection.statement("SELECT n, whole FROM probe WHERE n > ? AND script <> ? ORDER BY n") as statement:
        statement.prepare()
        wanted = schema(statement.get_parameter_schema())
        assert wanted.types == [pa.int64(), pa.string()], wanted
        assert schema(statement.execute_schema()).names == ["n", "whole"]
        refused(adbc.ProgrammingError, ["2 parameters", "0 values"], statement.execute_query)
        statement.bind(pa.record_batch({"0": pa.array([2], pa.int8()), "1": ["😀 z"]}))
        for _ in range(2):
            assert read(statement.execute_query()[0]).to_pydict() == {"n": [4], "whole": [2**63 - 1]}, "bound once, run twice"
        statement.bind(pa.record_batch({"0": [3, 0], "1": ["", "αβγ é"]}))
        assert read(statement.execute_query()[0])["n"].to_pylist() == [4, 2, 3, 4], "rows of parameters, in order"
        batches = [pa.record_batch({"0": [least], "1": [""]}) for least in (3, 2)]
        statement.bind_stream(pa.RecordBatchReader.from_batches(batches[0].schema, batches))
        assert read(statement.execute_query()[0])["n"].to_pylist() == [4, 3, 4], "a stream of parameters"
        refused(adbc.ProgrammingError, ["0 values"], statement.execute_query)  # a stream is good for one run
        statement.bind(pa.record_batch({"0": [3], "1": [""]}))
        partitions, _, _ = statement.execute_partitions()
        assert [read(connection.raw.read_partition(part))["n"].to_pylist() for part in partitions] == [[4]]
        statement.bind(pa.record_batch({"0": ["north"], "1": [""]}))
        refused(adbc.ProgrammingError, ["parameter 1"], statement.execute_query)


def check_partitions(connection, server):
    with connection.statement(WHOLE) as statement:
        partitions, promised, _ = statement.execute_partitions()
    with Connection(server) as other:
        whole = pa.concat_tables([read(other.raw.read_partition(partition)) for partition in partitions])
        again = pa.concat_tables([read(connection.raw.read_partition(partition)) for partition in partitions])
    assert schema(promised).names == whole.schema.names
    assert same_rows(whole, connection.ask(WHOLE)) and same_rows(whole, again)
    refused(adbc.Error, [], lambda: connection.raw.read_partition(b"no partition"))


def same_rows(left, right):
    return left.num_rows == right.num_rows and left.sort_by("source_id").equals(right.sort_by("source_id"))


def check_incremental(connection, server):
    """Whether the server tells of everything at once or as it comes: all of it, each part once, progress never back."""
    parts, progress, end = [], [0.0], time.monotonic() + 60
    with connection.statement(WHOLE, **{"adbc.statement.exec.incremental": "true"}) as statement:
        while True:
            found, promised, _ = statement.execute_partitions()
            if not found:
                break  # the driver's word for the end
            parts += found
            progress.append(statement.get_option_float("adbc.statement.exec.progress"))
            assert statement.get_option_float("adbc.statement.exec.max_progress") == 1.0
            assert statement.get_option_bytes("adbc.flight.sql.statement.exec.last_flight_info"), "no FlightInfo"
            assert schema(promised).names == ["source_id", "ra"]
            assert time.monotonic() < end, f"no end after {len(parts)} partitions"
    assert parts and len(set(map(bytes, parts))) == len(parts), "a partition was given twice"
    assert progress == sorted(progress) and progress[-1] <= 1.0, progress
    whole = pa.concat_tables([read(connection.raw.read_partition(part)) for part in parts])
    assert same_rows(whole, connection.ask(WHOLE)), f"{whole.num_rows} rows"


def check_objects(connection, server):
    depth, tables = adbc.GetObjectsDepth, {"db_schema_name": "public", "db_schema_tables": None}
    assert connection.objects(depth.CATALOGS) == [{"catalog_name": "sidereus", "catalog_db_schemas": None}]
    assert connection.objects(depth.DB_SCHEMAS, db_schema="pub%") == [{"catalog_name": "sidereus", "catalog_db_schemas": [tables]}]
    assert schemas(connection.objects(depth.DB_SCHEMAS)) == ["public", "tap_schema"]
    assert connection.objects(depth.ALL, catalog="nowhere") == []
    assert names(connection.objects(depth.TABLES)) >= {"probe", "gaia_dr3_bright", "hipparcos2", "openngc", "columns"}
    assert names(connection.objects(depth.TABLES, db_schema="public", table_name="%c%")) == {"openngc", "hipparcos2"}
    assert names(connection.objects(depth.TABLES, table_name="gaia\\_dr3%")) == {"gaia_dr3_bright"}, "an escaped wildcard"
    assert names(connection.objects(depth.TABLES, table_name="gaia.dr3%")) == set(), "a point is no wildcard"
    assert names(connection.objects(depth.TABLES, table_types=["VIEW"])) == set()
    assert names(connection.objects(depth.TABLES, table_types=["TABLE"], table_name="prob_")) == {"probe"}
    table = the_table(connection.objects(depth.ALL, table_name="probe"))
    assert [column["column_name"] for column in table["table_columns"]][:3] == ["n", "whole", "unsigned"]
    assert [column["ordinal_position"] for column in table["table_columns"]] == list(range(1, len(table["table_columns"]) + 1))
    some = the_table(connection.objects(depth.COLUMNS, table_name="probe", column_name="_a%"))["table_columns"]
    assert [(column["column_name"], column["ordinal_position"], column["xdbc_type_name"]) for column in some] == [
        ("ra", 5, "DOUBLE PRECISION"), ("mag", 6, "REAL"), ("name", 7, "VARCHAR"), ("band", 10, "VARCHAR")], some
    assert {column["xdbc_scope_schema"] for column in some} == {"public"}, some
    said = schema(connection.raw.get_table_schema(None, "public", "gaia_dr3_bright")).field("ra").metadata
    assert said[b"ARROW:FLIGHT:SQL:REMARKS"] == said[b"description"], said


def schemas(objects):
    return [entry["db_schema_name"] for entry in objects[0]["catalog_db_schemas"]]


def names(objects):
    return {table["table_name"] for entry in objects[0]["catalog_db_schemas"] for table in entry["db_schema_tables"]}


def the_table(objects):
    found = [table for entry in objects[0]["catalog_db_schemas"] for table in entry["db_schema_tables"]]
    assert len(found) == 1, found
    return found[0]


def check_what_it_is(connection, server):
    raw = connection.raw
    assert read(raw.get_table_types()).to_pydict() == {"table_type": ["TABLE", "VIEW"]}
    info = {row["info_name"]: row["info_value"] for row in read(raw.get_info()).to_pylist()}
    assert info[0] == "Sidereus" and info[1][0].isdigit() and info[100].startswith("ADBC Flight SQL"), info
    assert read(raw.get_info([0])).num_rows == 1
    promised = schema(raw.get_table_schema("sidereus", "public", "probe"))
    found = connection.ask("SELECT * FROM probe").schema
    assert promised.names == found.names and promised.types == found.types, promised
    assert schema(raw.get_table_schema(None, "tap_schema", "tables")).names[:2] == ["schema_name", "table_name"]
    refused(adbc.ProgrammingError, ["No table"], lambda: raw.get_table_schema(None, None, "nowhere"))
    refused(adbc.ProgrammingError, ["No table"], lambda: raw.get_table_schema(None, "tap_schema", "probe"))


def check_options(connection, server):
    raw = connection.raw
    for key, name, value in [("catalog", "catalog", "sidereus"), ("db_schema", "schema", "public")]:
        assert raw.get_option(f"adbc.connection.{key}") == value
        raw.set_options(**{f"adbc.connection.{key}": value})
        refused(adbc.ProgrammingError, [name], lambda: raw.set_options(**{f"adbc.connection.{key}": "nowhere"}))
    before = json.loads(raw.get_option("adbc.flight.sql.session.options"))
    assert before["language"] == "sql" and before["compression"] == "none" and "max_rows" not in before, before
    text = "SELECT n FROM probe ORDER BY n"
    for value, count in [("2", 2), (3, 3)]:
        raw.set_options(**{f"{OPTION}max_rows": value})
        assert raw.get_option_int(f"{OPTION}max_rows") == count and connection.ask(text).num_rows == count
    header = {"adbc.flight.sql.rpc.call_header.x-sidereus-max-rows": "1"}
    assert connection.ask(text, **header).num_rows == 1, "a header field wins over the session"
    with Connection(server) as other:
        assert other.ask(text).num_rows == 4, "another connection has a session of its own"
    raw.set_options(**{"adbc.flight.sql.session.optionerase.max_rows": ""})
    assert connection.ask(text).num_rows == 4
    for key, value in [(f"{OPTION}max_rows", "many"), (f"{OPTION}language", "cobol"), (f"{OPTION}rules_off", "pages"),
                       ("adbc.flight.sql.session.optionbool.max_rows", "true"), (f"{OPTION}colour", "red")]:
        refused(adbc.ProgrammingError, [key.rpartition(".")[2]], lambda: raw.set_options(**{key: value}))
    for compression in ("lz4", "zstd", "none"):
        raw.set_options(**{f"{OPTION}compression": compression})
        assert connection.ask("SELECT script FROM probe WHERE n = 2").to_pydict() == {"script": ["плеяды 昴"]}, compression
    assert json.loads(raw.get_option("adbc.flight.sql.session.options")) == before


def check_errors(connection, server):
    error = refused(adbc.ProgrammingError, ["line 2, column 8: unknown column nope", "2 | ", "^^^^"],
                    lambda: connection.ask("SELECT n,\n       nope\nFROM probe"))
    details = {name if isinstance(name, str) else name.decode(): value for name, value in error.details}
    place = json.loads(details["x-sidereus-errors-bin"])
    assert place == [{"line": 2, "column": 8, "message": "unknown column nope", "hint": None}], place
    assert error.status_code == adbc.AdbcStatusCode.NOT_FOUND, error.status_code
    for text, kind, status, part in [
        ("SELECT FROM probe", adbc.ProgrammingError, adbc.AdbcStatusCode.INVALID_ARGUMENT, "line 1, column 8"),
        ("SELECT * FROM nowhere", adbc.ProgrammingError, adbc.AdbcStatusCode.NOT_FOUND, "unknown table nowhere"),
        ("DELETE FROM probe", adbc.ProgrammingError, adbc.AdbcStatusCode.UNAUTHORIZED, "only SELECT"),
        ("SELECT n FROM probe WHERE DISTANCES(n) < 1", adbc.ProgrammingError, adbc.AdbcStatusCode.INVALID_ARGUMENT, "DISTANCE?"),
    ]:
        error = refused(kind, [part], lambda: connection.ask(text))
        assert error.status_code == status and "Traceback" not in str(error) and "panicked" not in str(error), (text, error)
    for text, part in [("SELECT 1 / (n - n) AS x FROM probe", "division by zero"),
                       ("SELECT CAST(script AS INTEGER) AS x FROM probe", "αβγ é")]:
        # Errors of the rows come while they are read, where the driver has an Arrow stream to tell them by.
        refused((pa.ArrowException, OSError), [part], lambda: connection.ask(text))
    assert connection.ask("SELECT 1 AS one").to_pydict() == {"one": [1]}, "the connection is still good"


def working(server, connection, text=LONG):
    """A statement that is at work, and a thread that waits for its rows; its end is appended to the list."""
    statement, ends = connection.statement(text), []

    def reading():
        try:
            ends.append(read(statement.execute_query()[0]))
        except (adbc.Error, pa.ArrowException, OSError) as error:
            ends.append(error)

    thread = threading.Thread(target=reading, daemon=True)
    thread.start()
    until(server, busy=True, seconds=20)
    assert not ends, f"it ended by itself: {ends}"
    return statement, thread, ends


def check_cancelling(connection, server):
    statement, thread, ends = working(server, connection)
    statement.cancel()
    took = until(server, busy=False, seconds=QUIET)
    thread.join(5)
    assert ends and isinstance(ends[0], Exception) and "cancel" in str(ends[0]).lower(), ends
    statement.close()
    print(f"  idle {took:.1f} s after cancelling", flush=True)


def check_closing(connection, server):
    statement = connection.statement(LONG)
    reader = rows(statement.execute_query()[0])
    until(server, busy=True, seconds=20)
    reader.close()
    print(f"  idle {until(server, busy=False, seconds=QUIET):.1f} s after closing a reader before its first row", flush=True)
    statement.close()
    # Rows without end: the reader is closed in the middle of them.
    statement = connection.statement("SELECT a.ra FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.ra + b.ra > 1e-5")
    reader = rows(statement.execute_query()[0])
    assert sum(reader.read_next_batch().num_rows for _ in range(5)) > 0
    reader.close()
    statement.close()
    print(f"  idle {until(server, busy=False, seconds=QUIET):.1f} s after closing a reader early", flush=True)


def check_time_outs(connection, server):
    for end, part, options in [("the client's", "DeadlineExceeded", {f"{TIMEOUT}fetch": 0.7}),
                               ("the server's", "did not end within 0.5 s",
                                {"adbc.flight.sql.rpc.call_header.x-sidereus-timeout": "0.5"})]:
        begun = time.monotonic()
        refused((adbc.Error, pa.ArrowException, OSError), [part], lambda: connection.ask(LONG, **options))
        took = time.monotonic() - begun
        assert 0.4 < took < 0.7 + QUIET, f"{took:.1f} s"
        print(f"  {end} time-out after {took:.1f} s, idle {until(server, busy=False, seconds=QUIET):.1f} s later", flush=True)
    error = refused(adbc.Error, ["DeadlineExceeded"], lambda: connection.ask("SELECT 1 AS one", **{f"{TIMEOUT}query": 1e-6}))
    assert error.status_code == adbc.AdbcStatusCode.TIMEOUT, error.status_code
    raw = connection.raw
    raw.set_options(**{f"{TIMEOUT}fetch": 20.0, f"{TIMEOUT}query": 20.0, f"{TIMEOUT}update": 20.0})
    assert raw.get_option_float(f"{TIMEOUT}fetch") == 20.0 and connection.ask("SELECT 1 AS one").num_rows == 1


def check_cookies(connection, server):
    """Cookies on: the session is kept by them, and by them alone it is told from another one."""
    with Connection(server, COOKIES) as first, Connection(server, COOKIES) as second:
        first.raw.set_options(**{f"{OPTION}language": "adql"})
        assert first.raw.get_option(f"{OPTION}language") == "adql" and second.raw.get_option(f"{OPTION}language") == "sql"
        logarithms = [round(one.ask("SELECT TOP 1 LOG(10) AS l FROM probe")["l"][0].as_py(), 6) for one in (first, second)]
        assert logarithms == [2.302585, 1.0], logarithms


def check_users(server):
    def user(name, **more):
        return {"username": name, "password": USERS[name], **more}

    with Connection(server, user("galileo")) as galileo, Connection(server, user("galileo", **COOKIES)) as cookies:
        assert galileo.ask("SELECT COUNT(*) AS n FROM openngc")["n"][0].as_py() > 10_000
        galileo.raw.set_options(**{f"{OPTION}max_rows": 2})
        assert [one.ask("SELECT ra FROM openngc").num_rows for one in (galileo, cookies)] == [2, 14026], "logins are sessions"
        galileo.raw.set_options(**{"adbc.flight.sql.session.optionerase.max_rows": ""})
        with galileo.statement("SELECT hip FROM hipparcos2") as statement:
            partitions, _, _ = statement.execute_partitions()
        assert sum(read(cookies.raw.read_partition(part)).num_rows for part in partitions) == 117955, "the same user elsewhere"
        with Connection(server, user("kepler")) as kepler:
            error = refused((adbc.Error, pa.ArrowException, OSError), ["not issued to you"],
                            lambda: read(kepler.raw.read_partition(partitions[0])))
            assert getattr(error, "status_code", adbc.AdbcStatusCode.NOT_FOUND) == adbc.AdbcStatusCode.NOT_FOUND
    for options, part in [({"username": "galileo", "password": "moons"}, "unknown user or wrong password"),
                          ({"username": "nobody", "password": ""}, "unknown user or wrong password"),
                          ({"adbc.flight.sql.authorization_header": "Bearer forged"}, "token"), ({}, "credentials")]:
        error = refused(adbc.ProgrammingError, [part], lambda: asked_once(server, options))
        assert error.status_code == adbc.AdbcStatusCode.UNAUTHENTICATED, (options, error.status_code)
    padded = {"adbc.flight.sql.authorization_header": "Basic Z2FsaWxlbzptb29ucyE="}
    assert asked_once(server, padded).to_pydict() == {"one": [1]}
    with flight_sql.connect(server.flight, db_kwargs=user("kepler"), autocommit=True) as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT 1 AS one").fetchall() == [(1,)]


def asked_once(server, options):
    with Connection(server, options) as connection:
        return connection.ask("SELECT 1 AS one")


def main():
    warnings.simplefilter("ignore")
    with serving(sys.argv[3], write_probe) as server:
        for check in [check_statements, check_prepared, check_partitions, check_incremental, check_objects, check_what_it_is,
                      check_options, check_errors, check_cancelling, check_closing, check_time_outs, check_cookies]:
            with Connection(server) as connection:
                check(connection, server)
            print(f"{check.__name__} ok", flush=True)
    with serving(sys.argv[3], users=USERS) as server:
        check_users(server)
    print("check_users ok", flush=True)


if __name__ == "__main__":
    main()
