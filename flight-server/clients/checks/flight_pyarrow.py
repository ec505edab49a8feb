#!/usr/bin/env python3
"""pyarrow.flight against a running server on the bundled catalogs.

    python flight_pyarrow.py FLIGHT_URI

Everything that Flight itself offers: texts, paths and Flight SQL commands as descriptors, tickets, actions, sessions,
refusals and their places, messages and their sizes, cancelling.
"""

import json
import sys
import time

import pyarrow as pa
import pyarrow.flight as flight

CONE = ("SELECT source_id, ra, dec, phot_g_mean_mag FROM gaia_dr3_bright "
        "WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(83.822, -5.391, 1))")
PREFIX = "type.googleapis.com/arrow.flight.protocol.sql."


def field(number, payload):
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value):
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        if not value:
            return out + bytes([low])
        out += bytes([low | 0x80])


def command(name, body=b""):
    """A Flight SQL command as drivers send it."""
    return flight.FlightDescriptor.for_command(field(1, (PREFIX + name).encode()) + field(2, body))


def rows(client, descriptor, options=None):
    info = client.get_flight_info(descriptor, options)
    assert len(info.endpoints) == 1, "one endpoint: some clients read only the first"
    table = client.do_get(info.endpoints[0].ticket, options).read_all()
    assert table.schema.equals(info.schema, check_metadata=True), f"{table.schema} is not what was promised: {info.schema}"
    return table


def refused(kind, parts, call):
    try:
        call()
    except kind as error:
        for part in parts:
            assert part in str(error), f"{part!r} is not in {error}"
        return error
    raise AssertionError(f"nothing was refused where {kind} was expected")


def check_texts_paths_and_commands(client):
    stars = rows(client, flight.FlightDescriptor.for_command(CONE))
    assert stars.num_rows == 52, stars.num_rows
    assert stars.schema.field("ra").metadata[b"unit"] == b"deg", stars.schema.field("ra").metadata
    assert client.do_get(flight.Ticket(CONE)).read_all().sort_by("source_id").equals(stars.sort_by("source_id"))
    assert rows(client, command("CommandStatementQuery", field(1, CONE.encode()))).num_rows == 52
    whole = rows(client, flight.FlightDescriptor.for_path("public", "hipparcos2"))
    assert whole.num_rows == 117955, whole.num_rows
    assert client.get_schema(flight.FlightDescriptor.for_path("hipparcos2")).schema.equals(whole.schema)
    refused(KeyError, ["no_such_table"], lambda: rows(client, flight.FlightDescriptor.for_path("no_such_table")))


def check_flights(client):
    flights = {"/".join(part.decode() for part in info.descriptor.path): info for info in client.list_flights()}
    assert "public/gaia_dr3_bright" in flights, sorted(flights)
    info = flights["public/openngc"]
    table = client.do_get(info.endpoints[0].ticket).read_all()
    assert info.total_records in (-1, table.num_rows) and table.schema.equals(info.schema)


def check_empty_answer(client):
    empty = rows(client, flight.FlightDescriptor.for_command("SELECT ra, dec FROM hipparcos2 WHERE ra < -1"))
    assert empty.num_rows == 0 and empty.schema.names == ["ra", "dec"]


def check_metadata(client):
    assert rows(client, command("CommandGetCatalogs")).to_pydict() == {"catalog_name": ["sidereus"]}
    assert "public" in rows(client, command("CommandGetDbSchemas"))["db_schema_name"].to_pylist()
    tables = rows(client, command("CommandGetTables", field(4, b"TABLE")))
    assert "openngc" in tables["table_name"].to_pylist()
    assert rows(client, command("CommandGetSqlInfo"))["info_name"].to_pylist()[:3] == [0, 1, 2]
    for name in ["PrimaryKeys", "ExportedKeys", "ImportedKeys"]:
        assert rows(client, command(f"CommandGet{name}", field(3, b"openngc"))).num_rows == 0
    assert rows(client, command("CommandGetXdbcTypeInfo")).num_rows > 5


def check_refusals(client):
    for text in ["COPY gaia_dr3_bright TO '/tmp/x.csv'", "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
                 "SET datafusion.execution.batch_size = 1", "SELECT * FROM '/etc/hostname'", "DROP TABLE gaia_dr3_bright",
                 "EXPLAIN ANALYZE COPY gaia_dr3_bright TO '/tmp/x.csv'", "INSERT INTO openngc VALUES (1)",
                 "SELECT 1; SELECT 2"]:
        for ask in [lambda: rows(client, flight.FlightDescriptor.for_command(text)),
                    lambda: client.do_get(flight.Ticket(text)).read_all(),
                    lambda: rows(client, command("CommandStatementQuery", field(1, text.encode())))]:
            refused((pa.ArrowInvalid, flight.FlightUnauthorizedError), [], ask)
    neighbour = rows(client, flight.FlightDescriptor.for_command("SELECT TOP 1 'COPY (x) TO y' AS copy FROM openngc"))
    assert neighbour.to_pydict() == {"copy": ["COPY (x) TO y"]}
    error = refused(pa.ArrowInvalid, ["line 2, column 9", "^^^"], lambda: rows(
        client, flight.FlightDescriptor.for_command("SELECT ra\n  WHERE DISTANCES(ra, dec, 10, 20) < 1")))
    assert "Traceback" not in str(error)
    refused(KeyError, ["not issued to you by this server"], lambda: client.do_get(flight.Ticket(
        field(1, (PREFIX + "TicketStatementQuery").encode()) + field(2, field(1, b"forged" * 20)))).read_all())


def check_sessions_and_overflow(client):
    adql = flight.FlightCallOptions(headers=[(b"x-sidereus-language", b"adql")])
    descriptor = flight.FlightDescriptor.for_command("SELECT TOP 1 LOG(10) AS l FROM openngc")
    assert abs(rows(client, descriptor, adql)["l"][0].as_py() - 2.302585) < 1e-6
    assert abs(rows(client, descriptor)["l"][0].as_py() - 1) < 1e-12
    few = flight.FlightCallOptions(headers=[(b"x-sidereus-max-rows", b"10")])
    info = client.get_flight_info(flight.FlightDescriptor.for_path("hipparcos2"), few)
    told, count = [], 0
    for chunk in client.do_get(info.endpoints[0].ticket):
        count += chunk.data.num_rows
        told += [json.loads(bytes(chunk.app_metadata))] if chunk.app_metadata else []
    assert count == 10 and told == [{"overflow": True}], (count, told)
    wrong = flight.FlightCallOptions(headers=[(b"x-sidereus-language", b"cobol")])
    refused(pa.ArrowInvalid, ["x-sidereus-language"], lambda: rows(client, descriptor, wrong))


def check_actions(client):
    names = {action.type for action in client.list_actions()}
    assert {"CreatePreparedStatement", "CancelFlightInfo", "SetSessionOptions", "CloseSession"} <= names, names
    refused(pa.ArrowNotImplementedError, ["NoSuchAction"], lambda: list(client.do_action(flight.Action("NoSuchAction", b""))))


def check_large_answers_stream(client):
    reader = client.do_get(flight.Ticket("SELECT * FROM hipparcos2"))
    sizes = [chunk.data.nbytes for chunk in reader]
    assert len(sizes) > 5 and max(sizes) < 4 << 20, (len(sizes), max(sizes))


def check_cancelling(client):
    everything = "SELECT a.ra FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.ra + b.ra > 1e-5"
    begun = time.monotonic()
    reader = client.do_get(flight.Ticket(everything))
    reader.read_chunk()
    reader.cancel()
    assert time.monotonic() - begun < 60
    assert rows(client, flight.FlightDescriptor.for_command("SELECT COUNT(*) AS n FROM openngc"))["n"][0].as_py() > 10000


def main():
    client = flight.connect(sys.argv[1])
    for check in [check_texts_paths_and_commands, check_flights, check_empty_answer, check_metadata, check_refusals,
                  check_sessions_and_overflow, check_actions, check_large_answers_stream, check_cancelling]:
        check(client)
        print(f"{check.__name__} ok", flush=True)


if __name__ == "__main__":
    main()
