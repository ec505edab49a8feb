"""How are targets matched while they travel? By one DoExchange: targets go up, their matches come down, at the same time.

    targets (any table) --> writing thread --> server --> reading thread --> Stream
                                                   app_metadata {"targets": N}: N targets have been answered

The descriptor's command is `{"crossmatch": {catalog, radius, k, columns, how, epoch, ra, dec}}`. The two threads are independent: a server
that answers before it has read everything, or that reads everything first, are both served. Memory is bounded on both sides by gRPC's flow
control. What fails on one side ends the other: an error of the server stops the writing, an error of the targets cancels the call.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Sequence
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.flight as flight

from ._errors import QueryError
from ._inputs import Batches
from ._stream import Message, read_message
from ._transport import FLIGHT_ERRORS, Options, Transport

How = Literal["inner", "left", "anti"]

# Targets that leave at a time: small enough that the first matches come soon.
TARGET_BYTES = 1 << 20
_JOIN_SECONDS = 5.0
_DEGREES = {"deg", "degree", "degrees"}


def request(
    catalog: str, radius: Any, *, k: int | None, columns: Sequence[str] | None, how: str, epoch: Any, ra: str | None, dec: str | None
) -> dict[str, Any]:
    """What is asked, checked as far as it can be without the server.

    Units: radius in arcseconds if it has none; epoch a Julian year or an astropy `Time`.
    Errors: ValueError that names the argument.
    """
    if how not in get_args(How):
        raise ValueError(f"how {how!r}, expected one of {', '.join(get_args(How))}")
    if k is not None and (isinstance(k, bool) or k != int(k) or k < 1):
        raise ValueError(f"k {k!r}, expected a whole number from 1, or None for all pairs")
    if isinstance(columns, str):
        raise ValueError(f"columns {columns!r}, expected a list of names")
    if (ra is None) != (dec is None):
        raise ValueError("ra and dec are named together or not at all")
    return {
        "catalog": catalog,
        "radius": arcseconds(radius),
        "k": None if k is None else int(k),
        "columns": None if columns is None else list(columns),
        "how": how,
        "epoch": None if epoch is None else float(getattr(epoch, "jyear", epoch)),
        "ra": ra,
        "dec": dec,
    }


def arcseconds(radius: Any) -> float:
    """A radius with a unit, or a number of arcseconds, in arcseconds. Errors: ValueError unless it is finite and at least 0."""
    value = float(radius.to_value("arcsec")) if hasattr(radius, "to_value") else float(radius)
    if not 0 <= value < float("inf"):
        raise ValueError(f"radius {radius}, expected a finite angle from 0")
    return value


def check_positions(schema: pa.Schema, ra: str | None, dec: str | None) -> None:
    """Errors: ValueError where a position column that is known by its name is absent, or says that it is not in degrees."""
    for name, default in ((ra, "ra"), (dec, "dec")):
        if name is not None and name not in schema.names:
            raise ValueError(f"the targets have no column {name}: they have {', '.join(schema.names)}")
        at = schema.get_field_index(name or default)
        unit = ((schema.field(at).metadata or {}) if at >= 0 else {}).get(b"unit", b"deg").decode()
        if unit not in _DEGREES:
            raise ValueError(f"column {name or default} of the targets is in {unit}, expected degrees")


class ExchangeSource:
    """The matches of the targets that are sent meanwhile."""

    def __init__(self, transport: Transport, asked: dict[str, Any], targets: Batches, options: Options) -> None:
        self._transport, self._asked, self._targets, self._options = transport, asked, targets, options
        self._reader: Any = None
        self._writer: Any = None
        self._fields: dict[str, Any] = {}
        self._failed: BaseException | None = None
        self._told_all = self._cancelled = False
        self._thread = threading.Thread(target=self._write, name="sidereus-write", daemon=True)

    def open(self) -> pa.Schema:
        descriptor = flight.FlightDescriptor.for_command(json.dumps({"crossmatch": self._asked}).encode())
        call = self._transport.call_options(self._options)
        self._writer, self._reader = self._transport.guarded(lambda: self._transport.client.do_exchange(descriptor, call))
        self._fields = self._transport.last_fields()
        self._thread.start()
        try:
            return self._transport.guarded(lambda: self._reader.schema)
        except QueryError as error:
            raise self._cause(error) from None

    def read(self) -> Message | None:
        try:
            message = read_message(self._reader, self._fields)
        except QueryError as error:
            raise self._cause(error) from None
        if message is None:
            self._check_whole()
            self._finish()
        return message

    def cancel(self) -> None:
        self._cancelled = True
        if self._reader is not None:
            self._reader.cancel()

    def _write(self) -> None:
        """Sends the targets; runs on a thread of its own."""
        try:
            self._writer.begin(self._targets.schema)
        except FLIGHT_ERRORS:
            return  # the reading side tells what the server says
        while not self._cancelled:
            try:
                batch = next(self._targets.batches, None)
            except BaseException as error:
                self._failed = error
                self._reader.cancel()
                return
            try:
                if batch is None:
                    self._told_all = True
                    self._writer.done_writing()
                    return
                self._writer.write_batch(batch)
            except FLIGHT_ERRORS:
                return  # as above

    def _cause(self, error: QueryError) -> BaseException:
        """What went wrong first: the targets, or the server. Either way the call is over."""
        self.cancel()
        self._finish()
        return self._failed or error

    def _check_whole(self) -> None:
        """Errors: `QueryError` where the server ended before it could have known all targets: a part must not pass for the whole."""
        if not self._told_all:
            self.cancel()
            raise QueryError("the server ended the answer before it had read all targets", code="DATA_LOSS")

    def _finish(self) -> None:
        """Ends the writing side, which is over already or fails at once. Targets that come from elsewhere may keep the thread waiting."""
        self._thread.join(_JOIN_SECONDS)
        if not self._thread.is_alive():
            with contextlib.suppress(*FLIGHT_ERRORS):  # the reading side has told it
                self._writer.close()
