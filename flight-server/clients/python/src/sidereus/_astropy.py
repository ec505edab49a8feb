"""How do Arrow tables become astropy tables, and back? Column by column, with what is known of each.

| Arrow field metadata | astropy |
|---|---|
| `unit` | `column.unit`; a text that astropy cannot read stays an unrecognised unit |
| `description` | `column.description` |
| `ucd`, `utype`, `xtype`, `frame` | `column.info.meta` |
| metadata of the schema | `table.meta` |

Nulls are masked, and NaN stays NaN. Integers keep their 64 bits: nothing passes through floats.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ._extras import extra

_LONGEST_FIXED_TEXT = 256
_KEPT = ("ucd", "utype", "xtype", "frame")


def to_astropy(table: pa.Table) -> Any:
    """An astropy `Table`; `QTable(table)` makes quantities of it.

    Shape: one column for each, of numbers, truth values, times (`datetime64`) or texts. Texts are of fixed width, as astropy's writers
    want them, unless one is longer than 256 characters: then Python texts. Lists of one size are columns of two dimensions; other lists are
    columns of arrays, anything else of Python values.
    Nulls: a column with nulls is a `MaskedColumn`.
    """
    tables = extra("astropy.table", "astropy")
    out = tables.Table(meta=_texts(table.schema.metadata))
    for field, column in zip(table.schema, table.columns, strict=True):
        values, mask = _values(column)
        told = _texts(field.metadata)
        kind = tables.Column if mask is None else tables.MaskedColumn
        masked = {} if mask is None else {"mask": mask}
        made = kind(values, name=field.name, unit=_unit(told.get("unit")), description=told.get("description"), **masked)
        made.info.meta = {key: told[key] for key in _KEPT if key in told}
        out.add_column(made)
    return out


def from_astropy(table: Any) -> pa.Table:
    """An astropy table as Arrow. A `SkyCoord` column becomes `ra` and `dec` in degrees, ICRS; a `Time` column ISO 8601 texts in UTC.

    Errors: TypeError that names a column of another kind; ValueError where a `SkyCoord` meets columns `ra` or `dec`.
    """
    fields, columns = [], []
    for column in table.itercols():
        for name, values, told in _plain(table, column):
            array = _array(values, name)
            fields.append(pa.field(name, array.type, metadata=told))
            columns.append(array)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _texts(metadata: Any) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (metadata or {}).items()}


def _unit(text: str | None) -> Any:
    """The unit of that name, in the ways in which archives write units."""
    if not text:
        return None
    units = extra("astropy.units", "astropy")
    for way in ("vounit", "generic", "cds"):
        # Some versions warn of names that they take for new units.
        with contextlib.suppress(ValueError, units.UnitsWarning), warnings.catch_warnings():
            warnings.simplefilter("error", units.UnitsWarning)
            return units.Unit(text, format=way, parse_strict="raise")
    return units.Unit(text, parse_strict="silent")


def _values(column: pa.ChunkedArray) -> tuple[Any, Any]:
    """The values of a column, something harmless where they are null, and the mask; None without nulls."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], column.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    mask = np.asarray(array.is_null()) if array.null_count else None
    return _data(array), mask


def _data(array: pa.Array) -> Any:
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return array.fill_null(pa.scalar(0, pa.int8()).cast(kind)).to_numpy(zero_copy_only=False)
    if pa.types.is_temporal(kind):
        return array.to_numpy(zero_copy_only=False)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        filled = array.cast(pa.large_string()).fill_null("")
        longest = pc.max(pc.utf8_length(filled)).as_py() or 0
        return np.array(filled.to_pylist(), dtype=object if longest > _LONGEST_FIXED_TEXT else f"U{max(longest, 1)}")
    if pa.types.is_fixed_size_list(kind) and not array.null_count and pa.types.is_primitive(kind.value_type):
        inner = array.flatten()
        if not inner.null_count:
            return inner.to_numpy(zero_copy_only=False).reshape(len(array), kind.list_size)
    return _objects(array)


def _objects(array: pa.Array) -> Any:
    """One Python value for each row; lists of numbers are numpy arrays."""
    values = array.to_pylist()
    is_list = pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_fixed_size_list(array.type)
    out = np.empty(len(values), dtype=object)
    numbers = is_list and pa.types.is_primitive(array.type.value_type) and not pa.types.is_temporal(array.type.value_type)
    for row, value in enumerate(values):
        out[row] = np.array(value) if numbers and value is not None and None not in value else value
    return out


def _plain(table: Any, column: Any) -> list[tuple[str, Any, dict[str, str]]]:
    """A column of astropy as columns of values: name, values, field metadata."""
    name = column.info.name
    if type(column).__name__ == "SkyCoord":
        if {"ra", "dec"} & set(table.colnames):
            raise ValueError(f"column {name} holds positions, and there are columns ra or dec as well: remove one of them")
        degrees = {"unit": "deg"}
        return [("ra", column.icrs.ra.deg, {**degrees, "ucd": "pos.eq.ra"}), ("dec", column.icrs.dec.deg, {**degrees, "ucd": "pos.eq.dec"})]
    told = _told(column.info)
    if hasattr(column, "utc") and hasattr(column, "isot"):
        return [(name, column.utc.isot, {**told, "xtype": "timestamp"})]
    if hasattr(column, "unmasked"):
        return [(name, np.ma.MaskedArray(np.asarray(column.unmasked), column.mask), told)]
    return [(name, column, told)]


def _told(info: Any) -> dict[str, str]:
    told = {key: str(value) for key, value in (info.meta or {}).items() if key in _KEPT}
    if info.unit is not None:
        told["unit"] = _unit_text(info.unit)
    if info.description:
        told["description"] = str(info.description)
    return told


def _unit_text(unit: Any) -> str:
    try:
        return str(unit.to_string("vounit"))
    except ValueError:
        return str(unit)


def _array(values: Any, name: str) -> pa.Array:
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    data = np.asarray(values)
    if data.dtype.kind in "iuf" and not data.dtype.isnative:
        data = data.astype(data.dtype.newbyteorder("="))
    if data.dtype.kind == "S":
        data = np.char.decode(data, "utf-8")
    try:
        if data.ndim == 2 and (mask is None or not mask.any()):
            return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(data).ravel()), data.shape[1])
        if data.ndim != 1:
            raise TypeError(f"{data.ndim} dimensions, expected one, or two without masked values")
        return pa.array(data.tolist() if data.dtype.kind == "O" else data, mask=mask)
    except (TypeError, pa.ArrowException) as error:
        raise TypeError(f"column {name} cannot be sent: {error}") from error
