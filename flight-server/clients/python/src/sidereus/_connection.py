"""What can be asked of a server: queries, streams, crossmatches, uploads, and what there is to ask.

`Connection` only puts the parts together: `_transport` (rows, by pyarrow.flight), `_stream`, `_crossmatch`, `_adbc` (uploads),
`_tap` (tables that a query brings along), `_outputs` (forms). Which way a call takes, and why, is told in `_transport`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

import pyarrow as pa

from . import _describe, _wire
from ._adbc import Driver, Mode
from ._crossmatch import TARGET_BYTES, ExchangeSource, How, check_positions, request
from ._describe import Column, Estimate, Table
from ._errors import warn_truncated
from ._inputs import Batches, as_batches, as_parameters
from ._outputs import Format, check_format, formed
from ._progress import Bar
from ._stream import QuerySource, Stream
from ._tap import Tap
from ._transport import Login, Options, Transport

_SYSTEM_SCHEMAS = {"tap_schema", "information_schema"}


def connect(
    uri: str = "grpc://127.0.0.1:32010",
    *,
    user: str | None = None,
    password: str | None = None,
    token: str | None = None,
    language: str = "adql",
    max_rows: int | None = None,
    timeout: float | None = None,
    compression: str | None = None,
    tls_root_certs: str | Path | bytes | None = None,
    tls_verify: bool = True,
    tap: str | None = None,
) -> Connection:
    """Connects to a server; without `user` and `token` anonymously.

    Args:
        uri: `grpc://HOST:PORT`, or `grpc+tls://HOST:PORT` for an encrypted connection.
        user, password: log in at once, and again when the login has expired.
        token: a bearer token, instead of them.
        language: `adql` or `sql`, unless a query says otherwise.
        max_rows: rows after which an answer is cut, which a `TruncatedWarning` tells. None: the server's limit, which is an error.
        timeout: seconds that a query may take. None: the server's.
        compression: of rows on the way: `none`, `lz4` or `zstd`, for slow networks.
        tls_root_certs: file of the certificates in PEM form that the server's is checked against, or their bytes. None: the system's.
        tls_verify: False takes any certificate.
        tap: address of the same server's TAP service, such as `http://127.0.0.1:8080/tap`: for queries with `uploads`.

    Errors: `QueryError` where a login is refused. Without `user` the server is not asked before the first query.
    """
    if token is not None and user is not None:
        raise ValueError("token and user: expected one of them")
    roots = tls_root_certs if isinstance(tls_root_certs, (bytes, type(None))) else Path(tls_root_certs).read_bytes()
    login, options = Login(user, password, token), Options(language, max_rows, timeout, compression)
    transport = Transport(uri, login, roots, tls_verify)
    return Connection(transport, Driver(uri, login, roots, tls_verify), Tap(tap, login, roots, tls_verify) if tap else None, options)


class Connection:
    """A server and the options of `connect`, which makes it. A context manager. Threads may share it, but for `upload`."""

    def __init__(self, transport: Transport, driver: Driver, tap: Tap | None, options: Options) -> None:
        self._transport, self._driver, self._tap, self._options = transport, driver, tap, options

    def query(
        self,
        text: str,
        parameters: Sequence[Any] | pa.RecordBatch | pa.Table | None = None,
        *,
        format: Format = "arrow",
        uploads: Mapping[str, Any] | None = None,
        progress: bool | None = None,
        language: str | None = None,
        max_rows: int | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Asks a query and gives all of its rows.

        Args:
            parameters: values of the `?` in the text. Of a `RecordBatch` or `Table` each row is one run, and the answers follow each other.
            format: `arrow` (`pyarrow.Table`), `astropy` (`Table`), `pandas` or `polars` (`DataFrame`).
            uploads: tables that the query brings along, by name: `{"mine": table}` is `TAP_UPLOAD.mine` in the text. Takes `tap` of `connect`.
            progress: None shows a bar where somebody looks and there is tqdm, after a second; True and False force it.
            language, max_rows, timeout: as for `connect`, for this call.

        Units: in the field metadata (arrow), `column.unit` (astropy), `attrs["columns"]` (pandas); polars keeps none.
        Nulls: null (arrow, polars), masked (astropy), `NA` in integers, truth values and texts, NaN in floats (pandas).
        Errors: `QueryError`. Warnings: `TruncatedWarning` where the answer was cut at `max_rows`.
        """
        check_format(format)
        options = self._options.over(language=language, max_rows=max_rows, timeout=timeout)
        if uploads:
            return formed(self._query_with(text, parameters, uploads, options), format)
        return formed(self._rows(text, parameters, options, progress).read_all(), format)

    def stream(
        self,
        text: str,
        parameters: Sequence[Any] | pa.RecordBatch | pa.Table | None = None,
        *,
        progress: bool | None = None,
        language: str | None = None,
        max_rows: int | None = None,
        timeout: float | None = None,
    ) -> Stream:
        """Asks a query and gives its rows while they arrive; arguments and errors as of `query`. Closing the stream stops the query."""
        return self._rows(text, parameters, self._options.over(language=language, max_rows=max_rows, timeout=timeout), progress)

    def crossmatch(
        self,
        table: Any,
        catalog: str,
        radius: Any,
        *,
        k: int | None = 1,
        columns: Sequence[str] | None = None,
        how: How = "inner",
        epoch: Any = None,
        ra: str | None = None,
        dec: str | None = None,
        format: Format = "arrow",
        progress: bool | None = None,
    ) -> Any:
        """Finds the stars of a catalog near each of your targets.

        Args:
            table: the targets: a table of pyarrow, astropy, pandas or polars, a reader, or an iterable of record batches.
            catalog: name of the table that is searched.
            radius: an astropy angle, or a number of arcseconds.
            k: the nearest `k` of each target; None for all within the radius.
            columns: of the catalog; None for all, [] for none.
            how: `inner`, targets with a match; `left`, all targets, null where nothing was found; `anti`, targets without a match.
            epoch: Julian year (or astropy `Time`) of the targets' positions, to which the catalog's stars are moved by their proper motions.
            ra, dec: names of the targets' columns, in degrees, ICRS; None: the usual names are looked for.
            format, progress: as of `query`; the bar counts targets.

        Shape: the targets' columns, then the catalog's (`_match` is appended to a name that the targets have as well), then
        `separation` in arcseconds; with `anti` the targets' columns alone. One row for each pair.
        Errors: `QueryError` of the server; ValueError for arguments; whatever the iterable of targets raises.
        """
        check_format(format)
        stream = self.crossmatch_stream(table, catalog, radius, k=k, columns=columns, how=how, epoch=epoch, ra=ra, dec=dec, progress=progress)
        return formed(stream.read_all(), format)

    def crossmatch_stream(
        self,
        table: Any,
        catalog: str,
        radius: Any,
        *,
        k: int | None = 1,
        columns: Sequence[str] | None = None,
        how: How = "inner",
        epoch: Any = None,
        ra: str | None = None,
        dec: str | None = None,
        progress: bool | None = None,
    ) -> Stream:
        """As `crossmatch`, and gives matches while targets are still sent: neither side is ever held as a whole."""
        asked = request(catalog, radius, k=k, columns=columns, how=how, epoch=epoch, ra=ra, dec=dec)
        targets = as_batches(table, TARGET_BYTES)
        check_positions(targets.schema, ra, dec)
        options = Options(compression=self._options.compression, timeout=self._options.timeout)
        source = ExchangeSource(self._transport, asked, targets, options)
        return Stream(source, Bar(progress, f"crossmatch {catalog}", "targets", targets.rows), "targets")

    def upload(self, table: Any, name: str, *, mode: Mode = "create", progress: bool | None = None) -> int:
        """Stores a table on the server, under a name or `schema.name`; gives the number of its rows.

        Args:
            mode: `create` fails where the table is there; `append` where it is not; `replace` drops it first; `create_append` takes both.

        Units, UCDs and descriptions go along. Errors: `QueryError`; nothing is stored then.
        """
        if mode not in get_args(Mode):
            raise ValueError(f"mode {mode!r}, expected one of {', '.join(get_args(Mode))}")
        source = as_batches(table)
        with Bar(progress, f"upload {name}", "rows", source.rows) as bar:
            return self._driver.ingest(_counted(source, bar), name, mode)

    def tables(self) -> list[Table]:
        """The tables that can be asked, in the order of their names; those that describe the others are left out."""
        listed = self._rows("SELECT table_name, description FROM tap_schema.tables", None, Options("adql"), False).read_all()
        known = {row["table_name"]: row["description"] or "" for row in listed.to_pylist()}
        info = self._transport.info(_wire.list_tables(), Options())
        ticket, call = info.endpoints[0].ticket, self._transport.call_options()
        found = self._transport.guarded(lambda: self._transport.client.do_get(ticket, call).read_all()).to_pylist()
        names = {f"{row['db_schema_name']}.{row['table_name']}" for row in found} | set(known)
        return [Table(name, known.get(name, "")) for name in sorted(names) if name.split(".")[0] not in _SYSTEM_SCHEMAS]

    def columns(self, table: str) -> list[Column]:
        """The columns of a table, in their order. Errors: `QueryError` where there is no such table."""
        return [_describe.column(field) for field in self._transport.schema(_describe.path(table))]

    def explain(self, text: str, *, language: str | None = None) -> str:
        """How a query will be run, as text: its plans and what they will cost. Nothing is run. Errors: `QueryError`."""
        options = self._options.over(language=language)
        self._transport.plan(text, None, options)  # the places of its errors are those of the user's own text
        rows = self._rows(f"EXPLAIN {text}", None, options, False).read_all().to_pylist()
        return "\n\n".join(f"{row['plan_type']}:\n{row['plan'].rstrip()}" for row in rows)

    def estimate(self, text: str, *, language: str | None = None) -> Estimate:
        """What a query will read and give, and how long it will take. Nothing is run. Errors: `QueryError`."""
        options = self._options.over(language=language, estimate="true")
        return _describe.estimate(self._transport.plan(text, None, options).app_metadata)

    def close(self) -> None:
        """Closes the connection; streams that are open on it end with an error."""
        self._driver.close()
        self._transport.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _rows(self, text: str, parameters: Any, options: Options, progress: bool | None) -> Stream:
        source = QuerySource(self._transport, text, as_parameters(parameters), options)
        return Stream(source, Bar(progress, "query", "rows"))

    def _query_with(self, text: str, parameters: Any, uploads: Mapping[str, Any], options: Options) -> pa.Table:
        if self._tap is None:
            raise ValueError('uploads go over TAP: name the service, as in connect(uri, tap="http://127.0.0.1:8080/tap")')
        if parameters is not None:
            raise ValueError("a query with uploads takes no parameters: put the values into the text, or into an uploaded table")
        table, was_cut = self._tap.query(text, uploads, options)
        if was_cut:
            warn_truncated(table.num_rows)
        return table


def _counted(source: Batches, bar: Bar) -> Batches:
    """The same batches; the bar moves when one is taken."""

    def batches() -> Any:
        for batch in source.batches:
            bar.add(batch.num_rows)
            yield batch

    return Batches(source.schema, batches(), source.rows)
