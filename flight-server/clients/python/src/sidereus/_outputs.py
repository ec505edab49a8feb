"""In which form are rows handed over? As Arrow, or as the tables of astropy, pandas or polars."""

from __future__ import annotations

from typing import Any, Literal, get_args

import pyarrow as pa

from ._extras import extra

Format = Literal["arrow", "astropy", "pandas", "polars"]


def check_format(name: str) -> None:
    """Errors: ValueError for a form that there is not, before anything is asked."""
    if name not in get_args(Format):
        raise ValueError(f"format {name!r}, expected one of {', '.join(get_args(Format))}")
    if name != "arrow":
        extra(name, name)


def formed(table: pa.Table, name: str) -> Any:
    """The table in that form. Of columns with the same name the later ones end in _2, _3 and so on, but in Arrow."""
    if name == "arrow":
        return table
    table = table.rename_columns(_apart(table.column_names)).replace_schema_metadata(table.schema.metadata)
    if name == "astropy":
        from ._astropy import to_astropy

        return to_astropy(table)
    if name == "polars":
        return extra("polars", "polars").from_arrow(table)
    return _to_pandas(table)


def _to_pandas(table: pa.Table) -> Any:
    """A frame whose integers and truth values are pandas' nullable ones: an id with nulls must not become a float.

    `frame.attrs["columns"]` has unit, ucd, utype, xtype and description of each column.
    """
    pandas = extra("pandas", "pandas")
    kinds: dict[pa.DataType, Any] = {pa.bool_(): pandas.BooleanDtype()}
    for bits in (8, 16, 32, 64):
        kinds[getattr(pa, f"int{bits}")()] = getattr(pandas, f"Int{bits}Dtype")()
        kinds[getattr(pa, f"uint{bits}")()] = getattr(pandas, f"UInt{bits}Dtype")()
    frame = table.replace_schema_metadata(None).to_pandas(types_mapper=kinds.get)
    told = {field.name: {key.decode(): value.decode() for key, value in (field.metadata or {}).items()} for field in table.schema}
    frame.attrs["columns"] = {name: each for name, each in told.items() if each}
    return frame


def _apart(names: list[str]) -> list[str]:
    """The names, no two of them equal."""
    taken, out = set(names), []
    seen: set[str] = set()
    for name in names:
        made, number = name, 1
        while made in seen or (number > 1 and made in taken):
            number += 1
            made = f"{name}_{number}"
        seen.add(made)
        out.append(made)
    return out
