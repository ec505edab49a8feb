"""How Flight SQL commands are written and read: the few protobuf messages that pyarrow.flight has no classes for.

A Flight SQL command is an `Any`: the type's URL in field 1, the message in field 2. Every message that is needed here has nothing
but length-delimited fields and varints.  Source: the Arrow project's `FlightSql.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator

_PREFIX = "type.googleapis.com/arrow.flight.protocol.sql."


def packed(name: str, message: bytes = b"") -> bytes:
    """A message of Flight SQL within an `Any`."""
    return field(1, (_PREFIX + name).encode()) + field(2, message)


def unpacked(data: bytes) -> bytes:
    """The message within an `Any`."""
    return _first(data, 2)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def flag(number: int, value: bool) -> bytes:
    """A field that is true or false."""
    return _varint(number << 3) + _varint(int(value))


def statement(text: str) -> bytes:
    """The command that asks a query."""
    return packed("CommandStatementQuery", field(1, text.encode()))


def prepare(text: str) -> bytes:
    """The body of the action that prepares a query."""
    return packed("ActionCreatePreparedStatementRequest", field(1, text.encode()))


def prepared_handle(result: bytes) -> bytes:
    """The handle in the answer of the action that prepares a query."""
    return _first(unpacked(result), 1)


def prepared_statement(handle: bytes) -> bytes:
    """The command that binds parameters to a prepared query, and that asks it."""
    return packed("CommandPreparedStatementQuery", field(1, handle))


def bound_handle(metadata: bytes | None, handle: bytes) -> bytes:
    """The handle to go on with after parameters were bound: the server's new one, else the old one."""
    return (_first(metadata, 1) if metadata else b"") or handle


def list_tables() -> bytes:
    """The command that lists all tables."""
    return packed("CommandGetTables", flag(5, False))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _first(data: bytes, wanted: int) -> bytes:
    """The first length-delimited field of that number; empty where there is none."""
    return next((value for number, value in _fields(data) if number == wanted), b"")


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of every length-delimited field; varints are passed over."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            _, at = _read_varint(data, at)
        elif kind == 2:
            size, at = _read_varint(data, at)
            yield number, data[at : at + size]
            at += size
        else:
            raise ValueError(f"field {number} of a Flight SQL message has the wire type {kind}, expected 0 or 2")


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that starts there and where the next thing starts."""
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("a Flight SQL message ends within a number")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
