"""How does a request reach the server? One gRPC channel, header fields with the options, a login where there is a user.

Rows are read with `pyarrow.flight`, never with ADBC: a cut answer is told in the last message's application metadata, which
ADBC does not show, and a stream of Flight can be cancelled from another thread at any moment. So that nothing has to be chosen from call to
call, queries with parameters go the same way, by the protobuf messages of `_wire`. ADBC does what it does better: uploads
(`_adbc`).

A query is planned by GetFlightInfo, where its errors come as plain statuses, and read by DoGet. The options of a call travel as header
fields, not in a session: connections are stateless, and threads can share one.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.flight as flight

from . import _wire
from ._errors import QueryError, from_flight

T = TypeVar("T")
FLIGHT_ERRORS = (pa.ArrowException, flight.FlightError, OSError)


@dataclass(frozen=True)
class Options:
    """What can be set for a connection and for a call; None leaves it to the server. `timeout` is in seconds."""

    language: str | None = None
    max_rows: int | None = None
    timeout: float | None = None
    compression: str | None = None
    estimate: str | None = None

    def over(self, **others: Any) -> Options:
        """These options with those of a call that are not None."""
        return replace(self, **{name: value for name, value in others.items() if value is not None})

    def fields(self) -> list[tuple[bytes, bytes]]:
        """The options as header fields."""
        told = {"language": self.language, "max-rows": self.max_rows, "timeout": self.timeout, "compression": self.compression,
                "estimate": self.estimate}
        return [(b"x-sidereus-" + name.encode(), str(value).encode()) for name, value in told.items() if value is not None]


@dataclass(frozen=True)
class Login:
    """Who asks: nobody, a user with a password, or whoever holds a token."""

    user: str | None = None
    password: str | None = None
    token: str | None = None


class _Fields(flight.ClientMiddleware):  # type: ignore[misc]
    """The header fields and trailers that came back on one call."""

    def __init__(self) -> None:
        super().__init__()
        self.came: dict[str, Sequence[Any]] = {}

    def received_headers(self, headers: Mapping[str, Sequence[Any]]) -> None:
        self.came.update(headers)


class _FieldsOfCalls(flight.ClientMiddlewareFactory):  # type: ignore[misc]
    """Keeps the fields of the last call that each thread has begun: pyarrow begins a call on the thread that makes it."""

    def __init__(self) -> None:
        super().__init__()
        self._last = threading.local()

    def start_call(self, info: Any) -> _Fields:
        self._last.fields = fields = _Fields()
        return fields

    def last(self) -> dict[str, Sequence[Any]]:
        """Fields of this thread's last call; they go on filling up while the call lasts."""
        fields: _Fields | None = getattr(self._last, "fields", None)
        return fields.came if fields else {}


class Transport:
    """A channel to one server. Threads may share it."""

    def __init__(self, uri: str, login: Login, roots: bytes | None = None, verify: bool = True) -> None:
        self._login = login
        self._calls = _FieldsOfCalls()
        secured = {"tls_root_certs": roots, "disable_server_verification": not verify} if uri.startswith("grpc+tls:") else {}
        self.client: Any = flight.FlightClient(uri, middleware=[self._calls], **secured)
        self._authorization: tuple[bytes, bytes] | None = None
        if login.token is not None:
            self._authorization = (b"authorization", b"Bearer " + login.token.encode())
        elif login.user is not None:
            self.guarded(self._log_in)

    def _log_in(self) -> None:
        """Asks for a token. A handshake that reaches nobody does not say why; listing the actions does."""
        try:
            self._authorization = self.client.authenticate_basic_token(self._login.user, self._login.password or "")
        except flight.FlightInternalError:
            with contextlib.suppress(flight.FlightUnauthenticatedError):
                list(self.client.list_actions())
            raise

    def call_options(self, options: Options | None = None) -> Any:
        """Header fields of one call."""
        fields = options.fields() if options else []
        return flight.FlightCallOptions(headers=fields + ([self._authorization] if self._authorization else []))

    def guarded(self, call: Callable[[], T]) -> T:
        """Makes a call. Errors: `QueryError` with what the server says."""
        try:
            return call()
        except FLIGHT_ERRORS as error:
            raise from_flight(error, self._calls.last()) from None

    def asked(self, call: Callable[[], T]) -> T:
        """Makes a call; where the login has expired, logs in again and makes it once more."""
        try:
            return self.guarded(call)
        except QueryError as error:
            if error.code != "UNAUTHENTICATED" or self._login.user is None:
                raise
        self.guarded(self._log_in)
        return self.guarded(call)

    def last_fields(self) -> dict[str, Sequence[Any]]:
        """Header fields and trailers of the call that this thread has begun last."""
        return self._calls.last()

    def plan(self, text: str, parameters: pa.RecordBatch | None, options: Options) -> Any:
        """The FlightInfo of a query: its schema and the ticket of its rows."""
        if parameters is not None:
            return self.asked(lambda: self._plan_prepared(text, parameters, options))
        return self.info(_wire.statement(text), options)

    def info(self, command: bytes, options: Options) -> Any:
        """The FlightInfo of a command."""
        descriptor = flight.FlightDescriptor.for_command(command)
        return self.asked(lambda: self.client.get_flight_info(descriptor, self.call_options(options)))

    def _plan_prepared(self, text: str, parameters: pa.RecordBatch, options: Options) -> Any:
        """Prepares, binds, plans. Nothing is closed: the handle holds its query itself, and no state of the server."""
        call = self.call_options(options)
        results = list(self.client.do_action(flight.Action("CreatePreparedStatement", _wire.prepare(text)), call))
        handle = _wire.prepared_handle(results[0].body.to_pybytes())
        descriptor = flight.FlightDescriptor.for_command(_wire.prepared_statement(handle))
        writer, metadata = self.client.do_put(descriptor, parameters.schema, call)
        with writer:
            writer.write_batch(parameters)
            writer.done_writing()
            told = metadata.read()
        bound = _wire.bound_handle(told.to_pybytes() if told is not None else None, handle)
        return self.client.get_flight_info(flight.FlightDescriptor.for_command(_wire.prepared_statement(bound)), call)

    def schema(self, path: Sequence[str]) -> pa.Schema:
        """The schema of a table."""
        descriptor = flight.FlightDescriptor.for_path(*path)
        return self.asked(lambda: self.client.get_schema(descriptor, self.call_options()).schema)

    def close(self) -> None:
        """Closes the channel; streams that are open on it end with an error."""
        self.client.close()
