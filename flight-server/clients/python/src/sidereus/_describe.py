"""What is said of tables, columns and the cost of a query."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import pyarrow as pa

_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')


class Table(NamedTuple):
    """A table that can be asked: its name as it stands in a query, and what it is; an empty text where nobody said."""

    name: str
    description: str


class Column(NamedTuple):
    """A column of a table: its name, its Arrow type as text, and what is known of it; None where nobody said."""

    name: str
    datatype: str
    unit: str | None
    ucd: str | None
    utype: str | None
    xtype: str | None
    description: str | None


class Estimate(NamedTuple):
    """What a query will cost: rows and bytes (in memory) of its answer, rows and bytes (as stored) that are read, seconds on an
    idle machine. None is not known."""

    rows: int | None
    bytes: int | None
    rows_read: int | None
    bytes_read: int | None
    seconds: float | None


def column(field: pa.Field) -> Column:
    """What the metadata of a field says."""
    told = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return Column(field.name, str(field.type), *(told.get(key) for key in ("unit", "ucd", "utype", "xtype", "description")))


def estimate(metadata: bytes) -> Estimate:
    """The estimate in the application metadata of a FlightInfo that was asked for with one."""
    told = (json.loads(metadata) if metadata else {}).get("estimate") or {}
    return Estimate(*(told.get(key) for key in Estimate._fields))


def path(table: str) -> list[str]:
    """The parts of a table's name, without their double quotes: `public."my table"` has two."""
    parts = [quoted.replace('""', '"') if quoted else plain.strip() for quoted, plain in _PART.findall(table)]
    if not parts or not all(parts):
        raise ValueError(f"{table!r} is no name of a table, expected NAME or SCHEMA.NAME")
    return parts
