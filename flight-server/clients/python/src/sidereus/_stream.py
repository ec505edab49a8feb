"""How are rows read while they arrive? By a thread that reads ahead a little, so that the reader can be interrupted at any time.

    server --> source (pyarrow, blocks in C) --> thread --> channel of 4 batches --> Stream --> whoever iterates

pyarrow's reader blocks where Ctrl-C does not reach it; waiting for the channel does not. Memory is bounded: a full channel stops the
thread, which stops the server. Closing a stream, or dropping it, cancels the call, which stops the query.
"""

from __future__ import annotations

import json
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol

import pyarrow as pa

from ._errors import from_flight, warn_truncated
from ._progress import Bar
from ._transport import FLIGHT_ERRORS, Options, Transport

_READ_AHEAD = 4
_STOP_SECONDS = 5.0


class Message(NamedTuple):
    """What one message holds: rows, application metadata as JSON, or both."""

    batch: pa.RecordBatch | None
    told: dict[str, Any]


class Source(Protocol):
    """Where messages come from. `open` and `read` are called on one thread, `cancel` on any, before, during or after them."""

    def open(self) -> pa.Schema:
        """Begins; gives the schema of the rows."""

    def read(self) -> Message | None:
        """The next message; None at the end."""

    def cancel(self) -> None:
        """Ends the call; a `read` that waits returns with an error."""


class QuerySource:
    """The rows of a query."""

    def __init__(self, transport: Transport, text: str, parameters: pa.RecordBatch | None, options: Options) -> None:
        self._transport, self._text, self._parameters, self._options = transport, text, parameters, options
        self._reader: Any = None
        self._fields: dict[str, Any] = {}

    def open(self) -> pa.Schema:
        info = self._transport.plan(self._text, self._parameters, self._options)
        ticket, call = info.endpoints[0].ticket, self._transport.call_options(self._options)
        self._reader = self._transport.guarded(lambda: self._transport.client.do_get(ticket, call))
        self._fields = self._transport.last_fields()
        return self._transport.guarded(lambda: self._reader.schema)

    def read(self) -> Message | None:
        return read_message(self._reader, self._fields)

    def cancel(self) -> None:
        if self._reader is not None:
            self._reader.cancel()


def read_message(reader: Any, fields: dict[str, Any]) -> Message | None:
    """The next message of a pyarrow reader; None at the end. Errors: `QueryError`."""
    try:
        chunk = reader.read_chunk()
    except StopIteration:
        return None
    except FLIGHT_ERRORS as error:
        raise from_flight(error, fields) from None
    metadata = chunk.app_metadata.to_pybytes() if chunk.app_metadata is not None else b""
    return Message(chunk.data, _object(metadata))


def _object(metadata: bytes) -> dict[str, Any]:
    """Application metadata that is a JSON object; anything else is not for us."""
    try:
        told = json.loads(metadata) if metadata else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


class _Channel:
    """Hands messages, at last None or an error, from one thread to another; holds a few."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: Any) -> bool:
        """Waits for room; False when nobody wants more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < _READ_AHEAD)
            self._items.append(item)
            self._changed.notify_all()
            return not self._closed

    def take(self) -> Any:
        """Waits for the next item."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items))
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Lets the other side go on without an effect."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()


class _Pump:
    """The thread that reads ahead. It knows nothing of the `Stream`, so that a dropped stream is found."""

    def __init__(self, source: Source) -> None:
        self._source, self.channel, self._stopped = source, _Channel(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="sidereus-read", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.channel.put(self._source.open())
            while not self._stopped.is_set():
                message = self._source.read()
                if not self.channel.put(message) or message is None:
                    break
        except BaseException as error:
            self.channel.put(error)
        finally:
            if self._stopped.is_set():
                self._source.cancel()

    def stop(self) -> None:
        """Cancels the call and waits a moment for the thread."""
        self._stopped.set()
        self._source.cancel()
        self.channel.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(_STOP_SECONDS)


class Stream:
    """Rows that are read while they arrive: an iterator of `pyarrow.RecordBatch`, and a context manager.

    Closing it, leaving its `with` block or dropping it stops the query. Whatever takes Arrow streams takes it
    (`polars.DataFrame(stream)`, `pyarrow.RecordBatchReader.from_stream(stream)`).

    Attributes:
        schema: the columns, with unit, ucd, utype, xtype and description in the metadata of each field.
        truncated: True once the server said that it cut the answer at `max_rows`; a `TruncatedWarning` is given as well.
    """

    def __init__(self, source: Source, bar: Bar, counted: Literal["rows", "targets"] = "rows") -> None:
        self._bar, self._counted, self._rows, self._ended = bar, counted, 0, False
        self.truncated = False
        self._pump = _Pump(source)
        self._finalizer = weakref.finalize(self, self._pump.stop)
        self.schema: pa.Schema = self._take()

    def _take(self) -> Any:
        try:
            item = self._pump.channel.take()
        except BaseException:
            self.close()
            raise
        if item is None or isinstance(item, BaseException):
            self.close()
        if isinstance(item, BaseException):
            raise item.with_traceback(None)
        return item

    def read_next_batch(self) -> pa.RecordBatch:
        """The next batch, never empty. Errors: StopIteration at the end; `QueryError` where the server fails; ValueError after `close`."""
        while not self._ended:
            if not self._finalizer.alive:
                raise ValueError("the stream is closed")
            message: Message | None = self._take()
            if message is None:
                self._ended = True
                break
            batch = message.batch
            self._rows += batch.num_rows if batch is not None else 0
            self._follow(message)
            if batch is not None and batch.num_rows:
                return batch
        raise StopIteration

    def _follow(self, message: Message) -> None:
        """Moves the bar, and warns of a cut."""
        self._bar.reach(self._rows if self._counted == "rows" else int(message.told.get("targets", 0)))
        if message.told.get("overflow") is True:
            self.truncated = True
            warn_truncated(self._rows)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        return self.read_next_batch()

    def read_all(self) -> pa.Table:
        """All rows that are left. Errors: as `read_next_batch`; the query is stopped then."""
        with self:
            return pa.Table.from_batches(list(self), schema=self.schema)

    def to_reader(self) -> pa.RecordBatchReader:
        """The same rows as pyarrow's own class; closing that one does not stop the query, closing this one does."""
        return pa.RecordBatchReader.from_batches(self.schema, self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.to_reader().__arrow_c_stream__(requested_schema)

    def close(self) -> None:
        """Stops the query where it is. Closing twice does nothing."""
        self._finalizer()
        self._bar.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
