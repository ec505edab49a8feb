"""What can be sent as a table? Whatever holds columns becomes a schema and record batches of bounded size.

    pyarrow Table, RecordBatch, RecordBatchReader    as they are
    astropy Table, QTable                            units, UCDs and descriptions kept, masked values null
    pandas DataFrame (without its index), polars DataFrame
    anything with __arrow_c_stream__                 duckdb, ibis, ...
    an iterable of record batches                    read once, while it is sent

A batch is cut to some 8 MB, since drivers and servers refuse messages beyond 16 MiB.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

MAX_BYTES = 8 << 20


@dataclass(frozen=True)
class Batches:
    """A table on its way: schema, batches, and how many rows they have; None is not known."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    rows: int | None

    def reader(self) -> pa.RecordBatchReader:
        """The same as a pyarrow reader."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches)


def as_batches(table: Any, max_bytes: int = MAX_BYTES) -> Batches:
    """A table of any kind as batches of at most that many bytes, but for single rows that are larger.

    Errors: TypeError for what is no table; ValueError for an iterable without a batch.
    """
    whole = _as_arrow(table)
    if isinstance(whole, pa.Table):
        return Batches(whole.schema, _cut(whole.to_batches(), whole.schema, max_bytes), whole.num_rows)
    if isinstance(whole, pa.RecordBatchReader):
        return Batches(whole.schema, _cut(whole, whole.schema, max_bytes), None)
    rest = iter(whole)
    first = next(rest, None)
    if first is None:
        raise ValueError("an iterable without a record batch has no columns: send a pyarrow table without rows instead")
    if not isinstance(first, pa.RecordBatch):
        raise TypeError(f"an iterable of {type(first).__name__} is no table, expected record batches")
    return Batches(first.schema, _cut(itertools.chain([first], rest), first.schema, max_bytes), None)


def as_parameters(values: Sequence[Any] | pa.RecordBatch | pa.Table | None) -> pa.RecordBatch | None:
    """The values of the `?` of a query as one batch, a column for each; of a table each row is one run of the query."""
    if values is None or isinstance(values, pa.RecordBatch):
        return values
    if isinstance(values, pa.Table):
        return values.combine_chunks().to_batches()[0]
    if isinstance(values, (str, bytes)):
        raise TypeError("parameters are a sequence of values, one for each ?, not a text")
    columns = [pa.array([value.item() if hasattr(value, "item") else value]) for value in values]
    return pa.RecordBatch.from_arrays(columns, names=[str(number) for number in range(len(columns))])


def _as_arrow(table: Any) -> pa.Table | pa.RecordBatchReader | Iterable[Any]:
    package = type(table).__module__.split(".")[0]
    if isinstance(table, (pa.Table, pa.RecordBatchReader)):
        return table
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if hasattr(table, "colnames") and hasattr(table, "itercols"):
        from ._astropy import from_astropy

        return from_astropy(table)
    if package == "pandas" and hasattr(table, "columns"):
        return pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    if package == "polars" and hasattr(table, "to_arrow") and hasattr(table, "columns"):
        from polars import CompatLevel

        return table.to_arrow(compat_level=CompatLevel.oldest())
    if hasattr(table, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(table)
    if isinstance(table, Iterable) and not isinstance(table, (str, bytes, dict)):
        return table
    raise TypeError(f"{type(table).__name__} is no table: expected one of pyarrow, astropy, pandas or polars, or an iterable of record batches")


def _cut(batches: Iterable[pa.RecordBatch], schema: pa.Schema, max_bytes: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if batch.schema != schema:
            raise ValueError(f"a later batch has other columns ({batch.schema.names}) than the first ({schema.names})")
        yield from _halves(batch, max_bytes)


def _halves(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """The batch, cut in halves until each is small enough; batches without rows are left out."""
    if batch.num_rows == 0:
        return
    if batch.num_rows == 1 or batch.nbytes <= max_bytes:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _halves(batch.slice(0, half), max_bytes)
    yield from _halves(batch.slice(half), max_bytes)
