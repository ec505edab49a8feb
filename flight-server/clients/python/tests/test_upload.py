"""Is a table stored whole? By the mock, and by the real server where it takes tables."""

from __future__ import annotations

import pyarrow as pa
import pytest

import sidereus
from conftest import offered
from match_server import MatchServer


def test_a_table_is_stored(either: sidereus.Connection) -> None:
    table = pa.table({"hip": [1, 2, None], "note": ["a", None, "é"]})
    assert offered(lambda: either.upload(table, "pyclient_mine", mode="replace")) == 3


def test_units_and_large_tables(mock: sidereus.Connection, match_server: MatchServer) -> None:
    import astropy.units as u
    from astropy.table import QTable

    rows = 3_000_000
    large = QTable({"id": range(rows), "ra": [1.5] * rows * u.deg})
    large["ra"].info.description = "Right ascension"
    assert mock.upload(large, "large") == rows
    stored = match_server.stored["large"]
    assert stored["id"].to_numpy().sum() == rows * (rows - 1) // 2
    assert stored.schema.field("ra").metadata[b"unit"] == b"deg" and stored.schema.field("ra").metadata[b"description"] == b"Right ascension"
    assert 1 << 20 < match_server.largest <= 8 << 20


def test_an_iterable_is_stored(mock: sidereus.Connection, match_server: MatchServer) -> None:
    batches = (pa.record_batch({"a": [number] * 10}) for number in range(5))
    assert mock.upload(batches, "public.some", mode="create_append", progress=False) == 50
    assert match_server.stored["some"].num_rows == 50


def test_refusals(mock: sidereus.Connection) -> None:
    table = pa.table({"a": [1]})
    with pytest.raises(sidereus.QueryError, match="the name refused is refused"):
        mock.upload(table, "refused")
    with pytest.raises(ValueError, match="create, append, replace, create_append"):
        mock.upload(table, "a", mode="overwrite")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected NAME or SCHEMA\.NAME"):
        mock.upload(table, "a.b.c")
