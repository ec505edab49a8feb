#!/usr/bin/env python3
"""ADBC (the driver of most Python programs) against a running server on the bundled catalogs.

    python flight_adbc.py FLIGHT_URI [TAP_URL BINARY]

With BINARY it also starts a server of its own that wants a user and password.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager
import pyarrow as pa

CONE = ("SELECT source_id, ra, dec FROM gaia_dr3_bright "
        "WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(83.822, -5.391, 1))")
PROJECT = Path(__file__).resolve().parents[3]


def asked(connection, text, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetch_arrow_table()


def refused(parts, call):
    try:
        call()
    except adbc_driver_manager.Error as error:
        for part in parts:
            assert part in str(error), f"{part!r} is not in {error}"
        return error
    raise AssertionError("nothing was refused")


def places(error):
    """The places of an error, for programs."""
    return json.loads(next(value for name, value in error.details if name in (b"x-sidereus-errors-bin", "x-sidereus-errors-bin")))


def check_stars(connection):
    table = asked(connection, CONE)
    assert table.num_rows == 52, table.num_rows
    assert table.schema.field("ra").metadata[b"unit"] == b"deg"
    with connection.cursor() as cursor:
        cursor.execute("SELECT TOP 3 hip, ra FROM hipparcos2 ORDER BY hip")
        assert [row[0] for row in cursor.fetchall()] == [1, 2, 3]
        assert [column[0] for column in cursor.description] == ["hip", "ra"]


def check_parameters(connection):
    text = "SELECT source_id FROM gaia_dr3_bright WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(?, ?, ?))"
    assert asked(connection, text, (83.822, -5.391, 1.0)).num_rows == 52
    assert asked(connection, text, (83.822, -5.391, 1)).num_rows == 52, "an integer radius"
    assert asked(connection, text, (150, 2.2, 0.001)).num_rows == 0
    assert asked(connection, "SELECT hip FROM hipparcos2 WHERE hip = ?", (71683,)).to_pydict() == {"hip": [71683]}
    assert asked(connection, "SELECT type FROM openngc WHERE name = ?", ("NGC0224",)).num_rows == 1
    refused(["3 parameters", "2 values"], lambda: asked(connection, text, (1.0, 2.0)))
    refused(["3 parameters", "0 values"], lambda: asked(connection, text))
    refused(["parameter 1"], lambda: asked(connection, text, ("north", 2.0, 1.0)))
    with connection.cursor() as cursor:
        many = pa.record_batch({"0": [83.822, 201.3], "1": [-5.391, -11.16], "2": [1.0, 2.5]})
        cursor.adbc_prepare(text)
        cursor.execute(text, many)
        assert cursor.fetch_arrow_table().num_rows == 52 + 56, "one run for each row"
    # Nothing tells what these are: text.
    assert asked(connection, "SELECT ? AS x", ("near",)).to_pydict() == {"x": ["near"]}
    assert asked(connection, "SELECT ? AS x", (7,)).to_pydict() == {"x": ["7"]}
    assert asked(connection, "SELECT x || '!' AS y FROM (SELECT ? AS x UNION ALL SELECT NULL) AS t WHERE x IS NOT NULL", ("a",)).to_pydict() == {"y": ["a!"]}
    labelled = text.replace("SELECT", "SELECT ? AS label,")
    assert set(asked(connection, labelled, ("M42", 83.822, -5.391, 1.0))["label"].to_pylist()) == {"M42"}
    with connection.cursor() as cursor:
        cursor.execute(labelled, pa.record_batch({"0": ["M42", "M104"], "1": [83.822, 201.3], "2": [-5.391, -11.16], "3": [1.0, 2.5]}))
        labels = cursor.fetch_arrow_table()["label"].to_pylist()
        assert labels == ["M42"] * 52 + ["M104"] * 56, labels


def check_prepared(connection):
    with connection.cursor() as cursor:
        parameters = cursor.adbc_prepare("SELECT ra FROM hipparcos2 WHERE hip = ? AND dec < ?")
        assert len(parameters) == 2, parameters
        schema = cursor.adbc_execute_schema("SELECT ra, dec FROM hipparcos2")
        assert schema.names == ["ra", "dec"] and schema.field("ra").metadata[b"unit"] == b"deg"
        partitions, schema = cursor.adbc_execute_partitions(CONE)
        assert len(partitions) == 1 and schema.names == ["source_id", "ra", "dec"]
    with connection.cursor() as cursor:
        cursor.adbc_read_partition(partitions[0])
        assert cursor.fetch_arrow_table().num_rows == 52
    # Closing a statement leaves open readers alone.
    cursor = connection.cursor()
    cursor.execute("SELECT * FROM hipparcos2")
    reader = cursor.fetch_record_batch()
    reader.read_next_batch()
    assert reader.read_next_batch().num_rows > 0
    cursor.close()


def check_metadata(connection):
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Sidereus" and info["driver_name"].startswith("ADBC Flight SQL"), info
    objects = connection.adbc_get_objects().read_all().to_pylist()
    schemas = {schema["db_schema_name"]: schema for schema in objects[0]["catalog_db_schemas"]}
    tables = {table["table_name"]: table for table in schemas["public"]["db_schema_tables"]}
    columns = [column["column_name"] for column in tables["gaia_dr3_bright"]["table_columns"]]
    assert objects[0]["catalog_name"] == "sidereus" and "ra" in columns
    one = connection.adbc_get_objects(depth="tables", table_name_filter="open%").read_all().to_pylist()
    found = [table["table_name"] for schema in one[0]["catalog_db_schemas"] for table in schema["db_schema_tables"] or []]
    assert found == ["openngc"], found
    schema = connection.adbc_get_table_schema("hipparcos2")
    assert schema.field("ra").type == pa.float64() and schema.field("ra").metadata[b"unit"] == b"deg"
    assert connection.adbc_get_table_types() == ["TABLE", "VIEW"]
    assert connection.adbc_current_catalog == "sidereus" and connection.adbc_current_db_schema == "public"


def check_sessions(connection):
    """The session survives between calls although nobody logged in."""
    text = "SELECT TOP 1 LOG(10) AS l FROM openngc"
    assert abs(asked(connection, text)["l"][0].as_py() - 1) < 1e-12
    connection.adbc_connection.set_options(**{"adbc.flight.sql.session.option.language": "adql"})
    assert abs(asked(connection, text)["l"][0].as_py() - 2.302585) < 1e-6
    assert connection.adbc_connection.get_option("adbc.flight.sql.session.option.language") == "adql"
    refused(["colour"], lambda: connection.adbc_connection.set_options(**{"adbc.flight.sql.session.option.colour": "red"}))


def check_errors(connection):
    error = refused(["line 2, column 9: unknown", "DISTANCES", "^^^"], lambda: asked(
        connection, "SELECT ra FROM hipparcos2\n  WHERE DISTANCES(ra, dec, 10, 20) < 1"))
    assert isinstance(error, flight_sql.ProgrammingError), type(error)
    place = places(error)[0]
    assert (place["line"], place["column"]) == (2, 9), place
    many = refused(["no_such_column", "no_such_other"], lambda: asked(
        connection, "SELECT no_such_column, no_such_other FROM hipparcos2"))
    assert len(places(many)) == 2
    refused(["line 1"], lambda: asked(connection, "SELECT " + ", ".join(f"no_such_{n}" for n in range(3000)) + " FROM hipparcos2"))
    for text in ["COPY openngc TO '/tmp/x.csv'", "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
                 "SET datafusion.execution.batch_size = 1", "SELECT * FROM '/etc/hostname'",
                 "EXPLAIN ANALYZE COPY openngc TO '/tmp/x.csv'", "DELETE FROM openngc", "SELECT"]:
        assert isinstance(refused([], lambda: asked(connection, text)), flight_sql.ProgrammingError)
    refused(["updates nothing"], lambda: connection.cursor().executemany("SELECT ra FROM openngc WHERE ra > ?", [(1.0,)]))


def check_language(connection):
    assert asked(connection, "SELECT 1 AS one")["one"].to_pylist() == [1]
    plan = asked(connection, "EXPLAIN " + CONE)
    assert plan.num_rows > 0
    ids = ", ".join(str(n) for n in range(1, 50_001))
    assert asked(connection, f"SELECT COUNT(*) AS n FROM hipparcos2 WHERE hip IN ({ids})")["n"][0].as_py() > 40_000


def check_cancelling(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT a.ra FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.ra + b.ra > 1e-5")
    reader = cursor.fetch_record_batch()
    reader.read_next_batch()
    begun = time.monotonic()
    threading.Timer(0.3, cursor.adbc_cancel).start()
    try:
        while True:
            reader.read_next_batch()
    except (adbc_driver_manager.Error, pa.ArrowException, OSError, StopIteration) as stopped:
        assert not isinstance(stopped, StopIteration), "the answer ended as if it were whole"
    assert time.monotonic() - begun < 10, "cancelling took long"
    cursor.close()
    assert asked(connection, "SELECT COUNT(*) AS n FROM openngc")["n"][0].as_py() > 10_000


def check_pandas(connection):
    try:
        import pandas
    except ImportError:
        return
    frame = pandas.read_sql("SELECT TOP 5 name, type, ra FROM openngc", connection)
    assert list(frame.columns) == ["name", "type", "ra"] and len(frame) == 5


def check_speed(connection):
    """Generous: only something broken is slower."""
    asked(connection, "SELECT 1 AS one")
    begun = time.monotonic()
    for _ in range(20):
        asked(connection, "SELECT 1 AS one")
    each = (time.monotonic() - begun) / 20
    assert each < 0.25, f"{each:.3f} s for SELECT 1"


def check_login(binary):
    hashed = subprocess.run([binary, "hash-password"], input="moons!\n", capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "sidereus.toml"
        config.write_text(f'anonymous = false\n[[user]]\nname = "galileo"\npassword_hash = "{hashed.stdout.strip()}"\n')
        command = [binary, "serve", "--catalogs", str(PROJECT / "testdata" / "catalogs"), "--config", str(config),
                   "--state", str(Path(folder) / "state"), "--flight", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIDEREUS_")}
        server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            uri = next(found[1] for line in server.stdout if (found := re.match(r"flight: (\S+)", line)))
            logged_in(uri)
        finally:
            server.terminate()
            server.wait(40)


def logged_in(uri):
    user = {"username": "galileo", "password": "moons!"}
    with flight_sql.connect(uri, db_kwargs=user) as connection:
        assert asked(connection, "SELECT COUNT(*) AS n FROM openngc")["n"][0].as_py() > 10_000
        check_sessions(connection)
        with connection.cursor() as cursor:
            partitions, _ = cursor.adbc_execute_partitions("SELECT ra FROM openngc")
    wrong = dict(user, password="moon")
    refused(["unknown user or wrong password"], lambda: asked(flight_sql.connect(uri, db_kwargs=wrong), "SELECT 1"))
    refused(["credentials"], lambda: asked(flight_sql.connect(uri), "SELECT 1"))
    assert partitions


def main():
    uri, binary = sys.argv[1], (sys.argv[3] if len(sys.argv) > 3 else None)
    for check in [check_stars, check_parameters, check_prepared, check_metadata, check_sessions, check_errors,
                  check_language, check_cancelling, check_pandas, check_speed]:
        with flight_sql.connect(uri, autocommit=True) as connection:
            check(connection)
        print(f"{check.__name__} ok", flush=True)
    if binary:
        check_login(binary)
        print("check_login ok", flush=True)


if __name__ == "__main__":
    main()
