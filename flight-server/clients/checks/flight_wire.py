#!/usr/bin/env python3
"""Flight as it is on the wire: every call, every byte of a ticket, and the sizes of messages, through pyarrow.flight and gRPC.

    python flight_wire.py FLIGHT_URI TAP_URL BINARY

Starts servers of its own: one with light curves of all sizes, one with users.
"""

import datetime
import json
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as flight
from flight_pyarrow import PREFIX, command, field, refused, rows
from flight_tables import LONG, PROBE, USERS, compared, quiet_seconds, serving, truth, until, write_curves, write_probe
from grpc_health.v1 import health_pb2, health_pb2_grpc

METHOD = "/arrow.flight.protocol.FlightService/"
ORDERED = "SELECT n FROM probe ORDER BY n"
MIB = 1 << 20
USUAL, MOST = 2 * MIB, 15 * MIB
REFUSED = (pa.ArrowException, flight.FlightError, KeyError)


def write_tables(folder):
    """36 MB of light curves in one row group; rows of just under and far over what a message holds."""
    write_probe(folder)
    write_curves(folder, "curves", 4500, 1000)
    write_curves(folder, "long_curves", 3, MOST // 8 - 1000)
    write_curves(folder, "too_long", 1, 2 * MOST // 8)


def descriptor(text):
    return flight.FlightDescriptor.for_command(text)


def ticket_of(client, text):
    return client.get_flight_info(descriptor(text)).endpoints[0].ticket


def fields(message):
    """Numbers and values of the fields of a protobuf message."""
    at = 0
    while at < len(message):
        tag, at = number(message, at)
        kind = tag & 7
        if kind == 0:
            value, at = number(message, at)
        elif kind == 1:
            value, at = struct.unpack_from("<d", message, at)[0], at + 8
        else:
            assert kind == 2, f"field type {kind}"
            size, at = number(message, at)
            value, at = message[at:at + size], at + size
        yield tag >> 3, value


def number(message, at):
    found, shift = 0, 0
    while True:
        byte, at = message[at], at + 1
        found, shift = found | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return found, at


@contextmanager
def channel(server):
    """gRPC with the limit that drivers have, which pyarrow does without."""
    limits = [("grpc.max_receive_message_length", 16 * MIB)]
    with grpc.insecure_channel(server.flight.removeprefix("grpc://"), limits) as made:
        yield made


def check_calls(client, server):
    flights = {tuple(part.decode() for part in info.descriptor.path): info for info in client.list_flights()}
    assert {("public", "probe"), ("public", "hipparcos2"), ("tap_schema", "columns")} <= set(flights), sorted(flights)
    assert flights["public", "probe"].total_records in (-1, 4)
    for path, info in flights.items():
        promised = client.get_schema(flight.FlightDescriptor.for_path(*path)).schema
        assert info.schema.equals(promised) and len(info.endpoints) >= 1, path
    some = [info.descriptor.path for info in client.list_flights(b"prob")]
    assert some == [[b"public", b"probe"]] and list(client.list_flights(b"nowhere")) == []
    refused(pa.ArrowInvalid, ["criteria"], lambda: list(client.list_flights(b"\xff")))
    for path in [("probe",), ("public", "probe"), ("sidereus", "public", "probe")]:
        found = rows(client, flight.FlightDescriptor.for_path(*path)).sort_by("n")
        compared(path, zip(*(column.to_pylist() for column in found.columns)), truth())
    for path in [("nowhere",), ("public", "nowhere"), ("nowhere", "public", "probe"), ("tap_schema", "probe")]:
        refused(KeyError, [path[-1]], lambda: client.get_flight_info(flight.FlightDescriptor.for_path(*path)))
        refused(KeyError, [path[-1]], lambda: client.get_schema(flight.FlightDescriptor.for_path(*path)))
    for asked in [descriptor(ORDERED), command("CommandStatementQuery", field(1, ORDERED.encode()))]:
        assert client.get_schema(asked).schema.names == ["n"]
        info = client.get_flight_info(asked)
        assert info.total_records in (-1, 4) and len(json.loads(bytes(info.app_metadata))["query_id"]) > 8
        assert info.descriptor == asked and rows(client, asked)["n"].to_pylist() == PROBE["n"][1]
    actions = {action.type: action.description for action in client.list_actions()}
    assert {"CreatePreparedStatement", "ClosePreparedStatement", "CancelFlightInfo", "RenewFlightEndpoint", "SetSessionOptions",
            "GetSessionOptions", "CloseSession"} <= set(actions) and all(actions.values()), actions
    with channel(server) as made:  # pyarrow prints what it is told when it closes an exchange
        exchange = made.stream_stream(METHOD + "DoExchange")(iter([b""]), timeout=20)
        error = refused(grpc.RpcError, ["no descriptor"], lambda: list(exchange))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error.code()
    refused(pa.ArrowNotImplementedError, ["rows that become tables"], lambda: upload(client, descriptor("mine")))


def upload(client, where):
    table = pa.table({"a": [1]})
    writer, _ = client.do_put(where, table.schema)
    writer.write_table(table)
    writer.close()


def check_texts_as_tickets(client, server):
    def got(text):
        return client.do_get(flight.Ticket(text)).read_all().to_pydict()

    assert got("\n  SELECT n AS \"é 昴\" FROM probe\n-- 😀\nWHERE script = '😀 z' ") == {"é 昴": [3]}
    long = "SELECT 1 AS one /* " + "x" * 300_000 + " */"
    assert got(long) == {"one": [1]}, "a text of 300 kB"
    for broken in [b"", b" ", b"SELECT 1\0 AS one", b"SELECT '\xe9' AS one", bytes(range(256))]:
        refused(pa.ArrowInvalid, ["UTF-8"], lambda: got(broken))
    refused(flight.FlightUnauthorizedError, ["line 1, column 1", "only SELECT"], lambda: got("VACUUM"))


def check_polling(client, server):
    """PollFlightInfo: progress never falls, endpoints are only added, and together they are the answer."""
    poll = next_poll = descriptor(ORDERED).serialize()
    seen, progress = [], [0.0]
    with channel(server) as made:
        call = made.unary_unary(METHOD + "PollFlightInfo")
        for _ in range(1000):
            answer = dict(fields(call(next_poll, timeout=20)))
            info = flight.FlightInfo.deserialize(answer[1])
            endpoints = [endpoint.ticket.ticket for endpoint in info.endpoints]
            assert endpoints[:len(seen)] == seen, "an endpoint went or moved"
            seen = endpoints
            progress += [answer[3]] if 3 in answer else []
            if not (next_poll := answer.get(2)):
                break
    assert poll and not next_poll and progress == sorted(progress) and progress[-1] <= 1.0, progress
    told = json.loads(bytes(info.app_metadata))
    assert told["rows"] == info.total_records == 4 and not told["overflow"], (told, info.total_records)
    options = flight.FlightCallOptions(headers=[(b"x-sidereus-estimate", b"true")])
    estimate = json.loads(bytes(client.get_flight_info(descriptor(ORDERED), options).app_metadata))["estimate"]
    assert estimate["rows_read"] == 4 and set(estimate) == {"rows", "bytes", "rows_read", "bytes_read", "seconds"}, estimate
    found = [client.do_get(flight.Ticket(ticket)).read_all()["n"].to_pylist() for ticket in seen]
    assert sum(found, []) == [1, 2, 3, 4], found


def followed(made, asked, pause=0.0, patience=60):
    """The answers to polls until there is no more to ask for."""
    call, end = made.unary_unary(METHOD + "PollFlightInfo"), time.monotonic() + patience
    while asked:
        answer = dict(fields(call(asked, timeout=20)))
        yield flight.FlightInfo.deserialize(answer[1]), answer.get(3), answer.get(2)
        asked = answer.get(2)
        assert time.monotonic() < end, "no end of a query that is followed"
        time.sleep(pause)


def check_long_polling(client, server):
    """First rows before the last, read while the query goes on; errors, cuts, ends and other users."""
    spool = Path(server.state.name) / "spool"
    long = "SELECT a.hip, b.hip AS other FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.hip < 800 AND MOD(a.hip + b.hip, 10) = 0"
    expected = client.do_get(flight.Ticket(long.replace("a.hip, b.hip AS other", "COUNT(*) AS n, SUM(b.hip) AS s"))).read_all().to_pylist()[0]
    with channel(server) as made:
        read, early, found, progress = 0, 0, {"n": 0, "s": 0}, []
        for info, share, more in followed(made, descriptor(long).serialize()):
            for endpoint in info.endpoints[read:]:
                table = client.do_get(endpoint.ticket).read_all()
                found = {"n": found["n"] + table.num_rows, "s": found["s"] + (pc.sum(table["other"]).as_py() or 0)}
                early += bool(more)
            read = len(info.endpoints)
            progress.append(share)
            last = info
        assert found == expected and found["n"] > 1_000_000, (found, expected)
        assert early >= 2 and read <= 12 and progress == sorted(progress) and progress[-1] == 1.0, (early, read, progress)
        assert last.total_records == found["n"] and last.total_bytes > 8 * found["n"], (last.total_records, last.total_bytes)
        piece = last.endpoints[0]
        assert client.do_get(piece.ticket).read_all().num_rows == flight.connect(server.flight).do_get(piece.ticket).read_all().num_rows
        altered = bytearray(piece.ticket.ticket)
        altered[-1] ^= 1  # the number of the piece
        refused(REFUSED, [], lambda: client.do_get(flight.Ticket(bytes(altered))).read_all())
        kept = spooled(spool)
        result = list(client.do_action(flight.Action("CancelFlightInfo", field(1, last.serialize()))))
        assert dict(fields(result[0].body.to_pybytes()))[1] == 1, "it let the pieces go"
        refused(KeyError, ["kept no more"], lambda: client.do_get(piece.ticket).read_all())
        assert spooled(spool) < kept - 8 * found["n"], (kept, spooled(spool))
        # Stopped from elsewhere while it runs: the next answer says so.
        answers = followed(made, descriptor(LONG.replace("COUNT(*) AS n", "a.hip").replace("= -1", "= 1")).serialize())
        info, _, more = next((info, share, more) for info, share, more in answers if info.endpoints)
        assert more
        list(client.do_action(flight.Action("CancelFlightInfo", field(1, info.serialize()))))
        error = refused(grpc.RpcError, ["cancelled"], lambda: [None for _ in answers])
        assert error.code() == grpc.StatusCode.CANCELLED, error.code()
        until(server, busy=False, seconds=quiet_seconds(sys.argv[3]))
        assert refused(grpc.RpcError, ["line 1, column 8"], lambda: list(followed(made, descriptor("SELECT no_such FROM probe").serialize())))
        divided = "SELECT 1 / (n - 4) AS d FROM probe WHERE n > 0"
        refused(grpc.RpcError, ["zero"], lambda: list(followed(made, descriptor(divided).serialize())))
        headers = (("x-sidereus-max-rows", "1000"),)
        call = made.unary_unary(METHOD + "PollFlightInfo")
        answer = dict(fields(call(descriptor("SELECT hip FROM hipparcos2").serialize(), timeout=20, metadata=headers)))
        *_, (info, _, _) = followed(made, answer[2]) if answer.get(2) else [(flight.FlightInfo.deserialize(answer[1]), 1.0, None)]
        assert info.total_records == 1000 and json.loads(bytes(info.app_metadata))["overflow"], "the cut is told"
        notes = [chunk.app_metadata.to_pybytes() for endpoint in info.endpoints for chunk in client.do_get(endpoint.ticket) if chunk.app_metadata]
        assert notes == [b'{"overflow":true}'], notes
        *_, (info, share, _) = followed(made, command("CommandGetTableTypes").serialize())
        assert info.total_records > 0 and share == 1.0


def spooled(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def check_altered_tickets(client, server):
    whole = ticket_of(client, ORDERED).ticket
    assert redeemed(client, whole) == [1, 2, 3, 4] and redeemed(client, whole) == [1, 2, 3, 4], "twice"
    altered = [whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1:] for at in range(len(whole)) for bits in (1, 0x20, 0x80, 0xFF)]
    cut = [whole[:at] for at in range(len(whole))] + [whole[at:] for at in range(1, len(whole))]
    other = ticket_of(client, "SELECT n FROM probe WHERE n = 2").ticket
    crossed = [whole[:at] + other[at:] for at in range(80, min(len(whole), len(other)), 7)]
    for forged in [*altered, *cut, *crossed, whole + b"\0"]:
        if forged not in (whole, other):
            refused(REFUSED, [], lambda: redeemed(client, forged))
    print(f"  {len(altered) + len(cut) + len(crossed)} forged tickets refused", flush=True)


def redeemed(client, ticket):
    return client.do_get(flight.Ticket(ticket)).read_all()["n"].to_pylist()


def check_tickets_elsewhere(client, server):
    ticket = ticket_of(client, ORDERED).ticket
    program = ("import pyarrow.flight as flight, sys; ticket = flight.Ticket(bytes.fromhex(sys.argv[2])); "
               "print(flight.connect(sys.argv[1]).do_get(ticket).read_all()['n'].to_pylist())")
    asked = [sys.executable, "-c", program, server.flight, ticket.hex()]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "[1, 2, 3, 4]\n"
    bundled = flight.connect(sys.argv[1]) if sys.argv[1] != "-" else None
    if bundled:
        refused(KeyError, ["not issued to you by this server"], lambda: redeemed(bundled, ticket))


def check_expiry(client, server):
    """Tickets are good for an hour, which no check waits for; the time is told, and can be had anew."""
    info = client.get_flight_info(descriptor(ORDERED))
    endpoint, now = info.endpoints[0], datetime.datetime.now(datetime.timezone.utc)
    left = (endpoint.expiration_time.as_py() - now).total_seconds()
    assert 3500 < left <= 3601, left
    action = flight.Action("RenewFlightEndpoint", field(1, endpoint.serialize()))
    renewed = flight.FlightEndpoint.deserialize(next(iter(client.do_action(action))).body.to_pybytes())
    assert renewed.expiration_time.as_py() >= endpoint.expiration_time.as_py()
    assert [redeemed(client, one.ticket.ticket) for one in (renewed, endpoint)] == [[1, 2, 3, 4]] * 2
    forged = flight.FlightEndpoint(flight.Ticket(endpoint.ticket.ticket[:-1] + b"x"), [])
    refused(REFUSED, [], lambda: list(client.do_action(flight.Action("RenewFlightEndpoint", field(1, forged.serialize())))))


def check_cancelling_from_elsewhere(client, server):
    info, ends = client.get_flight_info(descriptor(LONG)), []

    def reading():
        try:
            ends.append(client.do_get(info.endpoints[0].ticket).read_chunk())  # a read_all that is cancelled interrupts Python
        except REFUSED as error:
            ends.append(error)

    thread = threading.Thread(target=reading, daemon=True)
    thread.start()
    until(server, busy=True, seconds=20)
    action = flight.Action("CancelFlightInfo", field(1, info.serialize()))
    other = flight.connect(server.flight)
    assert status_of(other, action) == 1, "it was running"
    took = until(server, busy=False, seconds=quiet_seconds(sys.argv[3]))
    thread.join(5)
    assert ends and isinstance(ends[0], flight.FlightCancelledError), ends
    assert status_of(other, action) != 1, "it is not running any more"
    print(f"  idle {took:.1f} s after CancelFlightInfo", flush=True)


def status_of(client, action):
    return dict(fields(next(iter(client.do_action(action))).body.to_pybytes())).get(1, 0)


def check_headers(client, server):
    def asked(size):
        options = flight.FlightCallOptions(timeout=20, headers=[(b"x-long", b"a" * size)])
        return client.do_get(flight.Ticket("SELECT 1 AS one"), options).read_all().to_pydict()

    for size in (8_000, 17_000, 60_000):
        assert asked(size) == {"one": [1]}, size
    for size in (70_000, 300_000):
        refused((*REFUSED, OSError), [], lambda: asked(size))
    assert asked(0) == {"one": [1]}, "others go on"
    wide = "SELECT " + ", ".join(f"n AS column_{at}" for at in range(2000)) + " FROM probe"
    assert rows(client, descriptor(wide)).num_columns == 2000
    error = refused(REFUSED, ["line 1"], lambda: rows(client, descriptor("SELECT " + ", ".join(f"é{at}" for at in range(9000)))))
    assert len(str(error)) < 16_000, "an error fits into the header fields that all clients take"


def messages(server, text):
    """Sizes of the messages of an answer, as they are on the wire."""
    with channel(server) as made:
        return [len(message) for message in made.unary_stream(METHOD + "DoGet")(field(1, text.encode()), timeout=60)]


def check_sizes(client, server):
    for text, most in [("SELECT * FROM hipparcos2", USUAL), ("SELECT * FROM gaia_dr3_bright", USUAL), ("SELECT * FROM curves", USUAL),
                       ("SELECT * FROM curves ORDER BY n DESC", USUAL), ("SELECT curve FROM long_curves", MOST + 4096)]:
        sizes = messages(server, text)
        assert max(sizes) <= most, f"{text}: a message of {max(sizes)} bytes"
        small = [size for size in sizes[1:-1] if size < MIB // 8]
        assert len(small) <= len(sizes) // 4 + 1, f"{text}: {len(small)} of {len(sizes)} messages are small"
        print(f"  {text}: {len(sizes)} messages of at most {max(sizes) / MIB:.2f} MiB", flush=True)
    reader = client.do_get(flight.Ticket("SELECT n, curve FROM curves ORDER BY n"))
    table = reader.read_all()
    assert table.nbytes > 36_000_000 and table["n"].to_pylist() == list(range(4500))
    assert table["curve"].combine_chunks().flatten().to_pylist() == list(range(4_500_000)), "samples differ"
    error = refused(REFUSED, ["one row of the answer takes", "at most 15 MiB"], lambda: client.do_get(
        flight.Ticket("SELECT n, curve FROM too_long")).read_all())
    assert "RESOURCE_EXHAUSTED" in str(error), error
    assert client.do_get(flight.Ticket("SELECT n FROM too_long")).read_all().to_pydict() == {"n": [0]}, "its other columns can be had"


def check_health(client, server):
    def answered(service):
        with channel(server) as made:
            try:
                status = health_pb2_grpc.HealthStub(made).Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status
            except grpc.RpcError as error:
                status = error.code()
                if status != grpc.StatusCode.UNIMPLEMENTED:
                    raise
        assert status == health_pb2.HealthCheckResponse.SERVING, status

    for service in ("", "arrow.flight.protocol.FlightService"):
        answered(service)


def check_principals(server):
    """A ticket belongs to whoever asked for it."""
    def logged_in(name):
        client = flight.connect(server.flight)
        return client, flight.FlightCallOptions(headers=[client.authenticate_basic_token(name, USERS[name])])

    text = "SELECT TOP 2 hip FROM hipparcos2 ORDER BY hip"
    (galileo, his), (kepler, other) = logged_in("galileo"), logged_in("kepler")
    info = galileo.get_flight_info(descriptor(text), his)
    ticket = info.endpoints[0].ticket
    again, elsewhere = logged_in("galileo")
    assert [one.do_get(ticket, options).read_all()["hip"].to_pylist() for one, options in ((galileo, his), (again, elsewhere))] == [[1, 2]] * 2
    refused(KeyError, ["not issued to you"], lambda: kepler.do_get(ticket, other).read_all())
    cancel = flight.Action("CancelFlightInfo", field(1, info.serialize()))
    renew = flight.Action("RenewFlightEndpoint", field(1, info.endpoints[0].serialize()))
    for action in (cancel, renew):
        refused(KeyError, ["not issued to you"], lambda: list(kepler.do_action(action, other)))
    prepare = flight.Action("CreatePreparedStatement", field(1, (PREFIX + "ActionCreatePreparedStatementRequest").encode())
                            + field(2, field(1, text.encode())))
    made = next(iter(galileo.do_action(prepare, his))).body.to_pybytes()
    handle = dict(fields(dict(fields(made))[2]))[1]
    asked = command("CommandPreparedStatementQuery", field(1, handle))
    assert rows(galileo, asked, his).num_rows == 2
    refused(KeyError, ["not issued to you"], lambda: kepler.get_flight_info(asked, other))
    login = galileo.authenticate_basic_token("galileo", USERS["galileo"])
    with channel(server) as made:
        call = made.unary_unary(METHOD + "PollFlightInfo")
        answer = dict(fields(call(descriptor("SELECT hip FROM hipparcos2").serialize(), timeout=20, metadata=[(login[0].decode(), login[1].decode())])))
        piece = flight.FlightInfo.deserialize(answer[1]).endpoints[0].ticket
        assert galileo.do_get(piece, his).read_all().num_rows > 0
        refused(KeyError, ["not issued to you"], lambda: kepler.do_get(piece, other).read_all())
    nobody = flight.connect(server.flight)
    for call in [lambda: nobody.do_get(ticket).read_all(), lambda: nobody.get_flight_info(asked), lambda: list(nobody.list_flights()),
                 lambda: nobody.get_schema(descriptor(text)), lambda: list(nobody.do_action(cancel))]:
        refused((flight.FlightUnauthenticatedError, OSError), ["unauthenticated", "credentials"], call)
    refused(flight.FlightUnauthenticatedError, ["unknown user or wrong password"],
            lambda: nobody.authenticate_basic_token("galileo", USERS["kepler"]))
    list(galileo.do_action(flight.Action("CloseSession", b""), his))
    refused(flight.FlightUnauthenticatedError, ["log in again"], lambda: galileo.do_get(ticket, his).read_all())
    assert again.do_get(ticket, elsewhere).read_all().num_rows == 2, "the other login goes on"


def main():
    with serving(sys.argv[3], write_tables) as server:
        for check in [check_calls, check_texts_as_tickets, check_polling, check_long_polling, check_altered_tickets, check_tickets_elsewhere, check_expiry,
                      check_cancelling_from_elsewhere, check_headers, check_sizes, check_health]:
            check(flight.connect(server.flight), server)
            print(f"{check.__name__} ok", flush=True)
    with serving(sys.argv[3], users=USERS) as server:
        check_principals(server)
    print("check_principals ok", flush=True)


if __name__ == "__main__":
    main()
