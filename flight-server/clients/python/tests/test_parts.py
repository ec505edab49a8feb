"""Do the parts that need no server keep what they promise?"""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight
import pytest

import sidereus
from sidereus import _wire
from sidereus._astropy import from_astropy, to_astropy
from sidereus._describe import path
from sidereus._errors import from_flight
from sidereus._inputs import as_batches
from sidereus._outputs import formed

CARET = "line 2, column 6: unknown table t\n2 | FROM t\n  |      ^ did you mean u?"


def test_places_come_from_the_field_else_from_the_text() -> None:
    wrapped = pa.ArrowInvalid(f"Flight returned invalid argument error, with message: {CARET}. gRPC client debug context: INVALID_ARGUMENT:{CARET}")
    told = {"x-sidereus-errors-bin": [b'[{"line":7,"column":1,"message":"m","hint":null}]']}
    assert (from_flight(wrapped, told).line, from_flight(wrapped, told).hint) == (7, None)
    bare = from_flight(wrapped, {"x-sidereus-errors-bin": [b"not JSON"]})
    assert (bare.line, bare.column, bare.message, bare.hint, str(bare)) == (2, 6, "unknown table t", "did you mean u?", CARET)
    assert from_flight(flight.FlightUnavailableError("Flight returned unavailable error, with message: gone"), {}).message == "gone"
    again = pickle.loads(pickle.dumps(bare))
    assert (str(again), again.places, again.code) == (CARET, bare.places, "INVALID_ARGUMENT")


def test_messages_of_flight_sql() -> None:
    long = "x" * 300
    assert _wire.unpacked(_wire.statement(long)) == _wire.field(1, long.encode())
    result = _wire.packed("ActionCreatePreparedStatementResult", _wire.flag(9, True) + _wire.field(2, b"schema") + _wire.field(1, b"handle"))
    assert _wire.prepared_handle(result) == b"handle"
    assert _wire.bound_handle(None, b"old") == b"old" and _wire.bound_handle(_wire.field(1, b"new"), b"old") == b"new"
    with pytest.raises(ValueError, match="ends within"):
        _wire.unpacked(b"\xff")


def test_names_of_tables() -> None:
    assert path("t") == ["t"] and path("public.t") == ["public", "t"] and path('my."odd "".name"') == ["my", 'odd ".name']
    with pytest.raises(ValueError, match="no name of a table"):
        path("")


def test_batches_are_cut_by_their_bytes() -> None:
    table = pa.table({"text": ["x" * 1000] * 1000 + ["y" * 200_000], "n": range(1001)}).combine_chunks()
    cut = as_batches(table, 100_000)
    pieces = list(cut.batches)
    assert cut.rows == 1001 and pa.Table.from_batches(pieces).equals(table)
    assert all(piece.nbytes <= 100_000 for piece in pieces[:-1]) and pieces[-1].num_rows == 1


def test_every_type_of_arrow_has_a_column_of_astropy() -> None:
    table = pa.table(
        {
            "u8": pa.array([255, None], pa.uint8()),
            "u64": pa.array([2**64 - 1, 0], pa.uint64()),
            "f32": pa.array([np.nan, None], pa.float32()),
            "bool": pa.array([True, None]),
            "text": pa.array(["é", None], pa.string_view()),
            "long": ["x" * 300, ""],
            "class": pa.array(["a", "b"]).dictionary_encode(),
            "time": pa.array([0, None], pa.timestamp("us")),
            "pair": pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64(), 2)),
            "curve": pa.array([[1.0], None], pa.list_(pa.float64())),
            "struct": [{"a": 1}, {"a": 2}],
            "empty": pa.nulls(2),
        }
    )
    out = to_astropy(table)
    assert out["u8"].mask.tolist() == [False, True] and out["u64"][0] == 2**64 - 1
    assert np.isnan(out["f32"].data.data[0]) and out["f32"].mask.tolist() == [False, True], "NaN is no null"
    assert out["bool"].dtype == bool and out["text"].dtype.kind == "U" and out["long"].dtype == object
    assert out["class"].tolist() == ["a", "b"] and out["time"].dtype.kind == "M" and out["time"].mask.tolist() == [False, True]
    assert out["pair"].shape == (2, 2) and out["curve"][0].tolist() == [1.0] and out["curve"].mask.tolist() == [False, True]
    assert out["struct"][1] == {"a": 2} and out["empty"].mask.all()


def test_units_that_nobody_knows_are_kept() -> None:
    from astropy.units import UnrecognizedUnit

    units = {"a": "furlong/moon", "b": "'electron'.s**-1"}
    schema = pa.schema([pa.field(name, pa.float64(), metadata={"unit": unit}) for name, unit in units.items()])
    out = to_astropy(pa.table([[1.0], [2.0]], schema=schema))
    assert isinstance(out["a"].unit, UnrecognizedUnit) and str(out["a"].unit) == "furlong/moon"
    assert out["b"].unit is not None and str(out["b"].unit) == "electron / s"


def test_astropy_there_and_back() -> None:
    import astropy.units as u
    from astropy.table import MaskedColumn, QTable, Table
    from astropy.utils.masked import Masked

    table = QTable({"q": Masked([1.0, 2.0] * u.km / u.s, mask=[False, True]), "pair": np.array([[1, 2], [3, 4]], dtype=">i4")})
    table["name"] = MaskedColumn(np.array([b"a", b"\xc3\xa9"]), mask=[True, False])
    sent = from_astropy(table)
    assert sent.to_pydict() == {"q": [1.0, None], "pair": [[1, 2], [3, 4]], "name": [None, "é"]}
    back = to_astropy(sent)
    assert back["q"].unit == u.km / u.s and back["q"].mask.tolist() == [False, True] and back["pair"].shape == (2, 2)
    with pytest.raises(TypeError, match="column cube"):
        from_astropy(Table({"cube": np.zeros((2, 2, 2))}))


def test_columns_of_one_name() -> None:
    table = pa.Table.from_arrays([pa.array([n]) for n in range(4)], names=["a", "a", "a_2", "a"])
    assert formed(table, "polars").columns == ["a", "a_3", "a_2", "a_4"]
    assert formed(table, "arrow").column_names == ["a", "a", "a_2", "a"]


def test_an_extra_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r"pip install 'sidereus\[polars\]'"):
        sidereus.connect().query("SELECT TOP 1 hip FROM hipparcos2", format="polars")
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"pip install 'sidereus\[progress\]'"):
        sidereus.connect().stream("SELECT TOP 1 hip FROM hipparcos2", progress=True)


def test_arguments_of_connect() -> None:
    with pytest.raises(ValueError, match="one of them"):
        sidereus.connect(user="a", token="b")
    with pytest.raises(FileNotFoundError):
        sidereus.connect("grpc+tls://127.0.0.1:1", tls_root_certs="/nowhere/ca.pem")
