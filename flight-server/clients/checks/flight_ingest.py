#!/usr/bin/env python3
"""Tables that clients make of their own rows: ADBC's four modes, pyarrow's DoPut, who sees them, what is refused, what stays.

    python flight_ingest.py FLIGHT_URI TAP_URL BINARY
"""

import concurrent.futures
import datetime
import os
import sys
import time
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight_sql
import adbc_driver_manager as adbc
import pyarrow as pa
import pyarrow.flight as flight

from flight_tables import USERS, serving

STARS = pa.schema([
    pa.field("id", pa.int64()), pa.field("ra", pa.float64(), metadata={"unit": "deg", "ucd": "pos.eq.ra;meta.main"}),
    pa.field("dec", pa.float64(), metadata={"unit": "deg", "description": "declination, ICRS"}), pa.field("name", pa.string()),
    pa.field("seen", pa.timestamp("us")), pa.field("curve", pa.list_(pa.float32()))])


def stars(ids):
    return pa.table({
        "id": ids, "ra": [56.0 + 0.01 * one for one in ids], "dec": [24.0 + 0.01 * one for one in ids],
        "name": [None if one % 5 == 0 else f"star {one} 昴" for one in ids],
        "seen": [datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=one) for one in ids],
        "curve": [[float(one)] * (one % 4) for one in ids]}, schema=STARS)


def asked(connection, text):
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetch_arrow_table()


def ingest(connection, name, rows, mode="create", **more):
    with connection.cursor() as cursor:
        return cursor.adbc_ingest(name, rows, mode=mode, **more)


def refused(code, parts, call):
    try:
        call()
    except adbc.Error as error:
        assert error.status_code == code, (error.status_code, str(error))
        for part in parts:
            assert part in str(error), f"{part!r} is not in {error}"
        return
    raise AssertionError(f"not refused: {parts}")


def check_modes(connection):
    code = adbc.AdbcStatusCode
    assert ingest(connection, "stars", stars(range(100))) == 100
    assert asked(connection, "SELECT * FROM stars ORDER BY id").to_pylist() == stars(range(100)).to_pylist()
    refused(code.ALREADY_EXISTS, ["mydb.Stars already"], lambda: ingest(connection, "Stars", stars(range(3))))
    assert ingest(connection, "stars", stars(range(100, 150)), "append") == 50
    assert ingest(connection, "stars", stars(range(150, 151)), "create_append") == 1
    assert asked(connection, "SELECT * FROM mydb.stars ORDER BY id").to_pylist() == stars(range(151)).to_pylist()
    refused(code.NOT_FOUND, ["no table mydb.nowhere"], lambda: ingest(connection, "nowhere", stars(range(3)), "append"))
    assert ingest(connection, "new", stars(range(2)), "create_append") == 2
    assert ingest(connection, "stars", pa.table({"id": [7], "other": [True]}), "replace") == 1
    assert asked(connection, "SELECT * FROM sidereus.mydb.STARS").to_pylist() == [{"id": 7, "other": True}]
    refused(code.INVALID_ARGUMENT, ["has the columns id Int64, other Boolean", "the new rows have id"],
            lambda: ingest(connection, "stars", stars(range(3)), "append"))
    assert asked(connection, "SELECT COUNT(*) AS n FROM stars").to_pydict() == {"n": [1]}
    batches = pa.RecordBatchReader.from_batches(STARS, iter(stars(range(1000)).to_batches(max_chunksize=7)))
    assert ingest(connection, "stars", batches, "replace") == 1000


def check_units(connection):
    """What is said of columns comes back, in results and in lists of tables."""
    answer = asked(connection, "SELECT ra, dec FROM stars").schema
    listed = connection.adbc_get_table_schema("stars", db_schema_filter="mydb")
    for schema in (answer, listed):
        assert schema.field("ra").metadata[b"unit"] == b"deg" and schema.field("ra").metadata[b"ucd"] == b"pos.eq.ra;meta.main", schema
        assert schema.field("dec").metadata[b"description"] == "declination, ICRS".encode(), schema
    found = connection.adbc_get_objects(depth="tables", db_schema_filter="mydb").read_all().to_pylist()
    tables = [table["table_name"] for catalog in found for schema in catalog["catalog_db_schemas"] for table in schema["db_schema_tables"]]
    assert tables == ["new", "stars"], tables


def check_joins(connection):
    """A table of one's own beside a catalog: by place and by id, and under a name that a catalog has."""
    near = asked(connection, "SELECT TOP 40 hip, ra, dec FROM hipparcos2 WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(56.75, 24.1, 2)) ORDER BY hip")
    ingest(connection, "targets", near, "replace")
    by_place = asked(connection, "SELECT t.hip AS a, h.hip AS b FROM targets AS t JOIN hipparcos2 AS h "
                                 "ON 1 = CONTAINS(POINT(h.ra, h.dec), CIRCLE(t.ra, t.dec, 0.0001))")
    assert by_place.num_rows >= 40 and set(near["hip"].to_pylist()) == set(by_place["a"].to_pylist())
    by_id = asked(connection, "SELECT COUNT(*) AS n FROM targets JOIN hipparcos2 USING (hip)")
    assert by_id.to_pydict() == {"n": [40]}, by_id
    catalog = asked(connection, "SELECT COUNT(*) AS n FROM hipparcos2")
    ingest(connection, "hipparcos2", stars(range(3)))
    assert asked(connection, "SELECT COUNT(*) AS n FROM hipparcos2").to_pydict() == {"n": [3]}, "one's own goes first"
    assert asked(connection, "SELECT COUNT(*) AS n FROM public.hipparcos2").to_pydict() == catalog.to_pydict()


def check_statements_that_go_on(connection):
    """A prepared query sees the rows of now; one of other columns is refused; a stream that began keeps its rows."""
    ingest(connection, "growing", stars(range(100_000)), "replace")
    with connection.cursor() as open_one, connection.cursor() as prepared:
        open_one.execute("SELECT id, ra, name FROM growing")
        reader = open_one.fetch_record_batch()
        first = reader.read_next_batch().num_rows
        prepared.adbc_prepare("SELECT COUNT(*) AS n FROM growing WHERE id >= ?")
        prepared.execute("SELECT COUNT(*) AS n FROM growing WHERE id >= ?", [0])
        assert prepared.fetchone() == (100_000,)
        ingest(connection, "growing", stars(range(10)), "append")
        prepared.execute("SELECT COUNT(*) AS n FROM growing WHERE id >= ?", [0])
        assert prepared.fetchone() == (100_010,)
        ingest(connection, "growing", stars(range(5)), "replace")
        assert first + sum(batch.num_rows for batch in reader) == 100_000
    assert asked(connection, "SELECT COUNT(*) AS n FROM growing").to_pydict() == {"n": [5]}


def check_many_writers(connection, server):
    """Each row once, whoever else writes; of those who make the same table, one does."""
    def append(number):
        with flight_sql.connect(server, db_kwargs={"username": "galileo", "password": USERS["galileo"]}, autocommit=True) as own:
            return ingest(own, "together", stars(range(100 * number, 100 * number + 100)), "create_append")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        counts = []
        for number in range(16):
            counts.append(pool.submit(append, number))
        sent, lost = 0, 0
        for count in counts:
            try:
                sent += count.result()
            except adbc.Error as error:
                assert "send them again" in str(error), error
                lost += 1
    kept = asked(connection, "SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS d FROM together").to_pylist()
    assert kept == [{"n": sent, "d": sent}] and sent == 100 * (16 - lost), (kept, sent, lost)


def check_refusals(connection):
    code = adbc.AdbcStatusCode
    for name in ("a b", "1st", "select", "../up", "a/b", "ä", "a" * 200):
        refused(code.INVALID_ARGUMENT, ["expected a letter"], lambda: ingest(connection, name, stars(range(1))))
    refused(code.UNAUTHORIZED, ["sidereus.mydb only"], lambda: ingest(connection, "a", stars(range(1)), db_schema_name="public"))
    refused(code.UNAUTHORIZED, ["sidereus.mydb only"], lambda: ingest(connection, "a", stars(range(1)), catalog_name="other"))
    lasting = pa.table({"took": pa.array([1], pa.duration("s"))})
    refused(code.INVALID_ARGUMENT, ['column "took"', "Duration"], lambda: ingest(connection, "a", lasting))
    tables = connection.adbc_get_objects(depth="tables", db_schema_filter="mydb", table_name_filter="a").read_all().to_pylist()
    assert all(not schema["db_schema_tables"] for catalog in tables for schema in catalog["catalog_db_schemas"] or []), tables


def check_paths(server):
    """pyarrow alone, without a name: a table of the connection, which another does not see."""
    client, other = flight.connect(server), flight.connect(server)
    writer, reader = client.do_put(flight.FlightDescriptor.for_path("mine"), STARS)
    writer.write_table(stars(range(10)), max_chunksize=3)
    writer.done_writing()
    assert reader.read() is not None
    writer.close()
    assert client.do_get(flight.Ticket("SELECT COUNT(*) AS n FROM mine")).read_all().to_pydict() == {"n": [10]}
    writer, _ = client.do_put(flight.FlightDescriptor.for_path("mydb", "none"), STARS)
    writer.close()
    assert client.do_get(flight.Ticket("SELECT * FROM none")).read_all().num_rows == 0
    assert client.get_flight_info(flight.FlightDescriptor.for_path("mydb", "mine")).total_records in (-1, 10)
    info = client.get_flight_info(flight.FlightDescriptor.for_command("SELECT id FROM mine ORDER BY id"))
    assert other.do_get(info.endpoints[0].ticket).read_all()["id"].to_pylist() == list(range(10)), "a ticket holds all it needs"
    for call in (lambda: other.do_get(flight.Ticket("SELECT * FROM mine")).read_all(),
                 lambda: other.get_flight_info(flight.FlightDescriptor.for_path("mydb", "mine"))):
        try:
            call()
        except (pa.ArrowInvalid, KeyError) as error:
            assert "mine" in str(error)
        else:
            raise AssertionError("somebody else's table was found")
    for path in (["public", "mine"], ["a", "b", "c"]):
        try:
            writer, _ = client.do_put(flight.FlightDescriptor.for_path(*path), STARS)
            writer.write_table(stars(range(1)))
            writer.close()
        except flight.FlightUnauthorizedError as error:
            assert "mydb/NAME" in str(error), error
        else:
            raise AssertionError(f"a table at {path}")
    # A client that goes away in the middle: nothing is there.
    gone = flight.connect(server)
    writer, _ = gone.do_put(flight.FlightDescriptor.for_path("half"), STARS)
    writer.write_table(stars(range(10)))
    del writer
    gone.close()


def check_users(server, spool):
    """What one user has nobody else finds; a user has it on every connection; dropped files leave the disk."""
    def login(name):
        return flight_sql.connect(server, db_kwargs={"username": name, "password": USERS[name]}, autocommit=True)

    with login("galileo") as galileo, login("galileo") as again, login("kepler") as kepler:
        check_modes(galileo)
        check_units(galileo)
        check_joins(galileo)
        check_statements_that_go_on(galileo)
        check_many_writers(galileo, server)
        check_refusals(galileo)
        ingest(galileo, "private_7f3a", stars(range(10)))
        assert asked(again, "SELECT COUNT(*) AS n FROM private_7f3a").to_pydict() == {"n": [10]}
        for text in ("SELECT * FROM private_7f3a", "SELECT * FROM mydb.private_7f3a", "SELECT * FROM private_7f3"):
            try:
                asked(kepler, text)
            except adbc.Error as error:
                assert "7f3a, " not in str(error) and "mean" not in str(error), error
            else:
                raise AssertionError("another user's table was found")
        listed = kepler.adbc_get_objects(depth="all").read_all().to_pylist()
        assert "7f3a" not in str(listed) and "growing" not in str(listed)
        assert ingest(kepler, "private_7f3a", stars(range(3))) == 3, "the name is free for others"
        with galileo.cursor() as cursor:
            partitions, _ = cursor.adbc_execute_partitions("SELECT * FROM private_7f3a")
            with kepler.cursor() as other:
                try:
                    other.adbc_read_partition(partitions[0])
                    other.fetch_arrow_table()
                except (adbc.Error, pa.ArrowException, OSError) as error:
                    assert "not issued to you" in str(error), error
                else:
                    raise AssertionError("another user's ticket was read")
    before = files(spool)
    with login("kepler") as kepler:
        for _ in range(20):
            ingest(kepler, "again", stars(range(50)), "replace")
    end = time.monotonic() + 10
    while files(spool) > before + 1 and time.monotonic() < end:
        time.sleep(0.1)
    assert files(spool) <= before + 1, (before, files(spool))


def files(folder):
    return sum(len(names) for _, _, names in os.walk(folder))


def main():
    binary = sys.argv[3]
    check_paths(sys.argv[1])
    print("check_paths ok", flush=True)
    with serving(binary, users=USERS) as server:
        check_users(server.flight, Path(server.state.name) / "spool")
    print("check_users ok", flush=True)


if __name__ == "__main__":
    main()
