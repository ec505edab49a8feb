"""Are targets matched while they travel? What the protocol promises, by the mock and by the real server where it offers it; how things fail,
by the mock, which can be made to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest

import sidereus
from conftest import offered
from match_server import STARS, MatchServer

FIRST = pa.table(
    {
        "name": ["empty", "Rigil Kentaurus", "Sirius"],
        "ra": [10.0, 219.9204, 101.2885],
        "dec": [10.0, -60.8351, -16.7131],
    }
)


def test_nearest_of_each(either: sidereus.Connection) -> None:
    found = offered(lambda: either.crossmatch(FIRST, "hipparcos2", 60, columns=["hip", "ra", "hpmag"]))
    assert found.column_names == ["name", "ra", "dec", "hip", "ra_match", "hpmag", "separation"]
    assert dict(zip(found["name"].to_pylist(), found["hip"].to_pylist(), strict=True)) == {"Rigil Kentaurus": 71683, "Sirius": 32349}
    assert all(0 < away < 1 for away in found["separation"].to_pylist())
    assert found.schema.field("separation").metadata[b"unit"] == b"arcsec" and found.schema.field("ra_match").metadata[b"unit"] == b"deg"


def test_all_pairs_in_radians_and_with_targets_without_a_match(either: sidereus.Connection) -> None:
    import astropy.units as u

    found = offered(lambda: either.crossmatch(FIRST, "hipparcos2", (60 * u.arcsec).to(u.rad), k=None, columns=["hip"], how="left"))
    pairs = sorted(zip(found["name"].to_pylist(), found["hip"].to_pylist(), strict=True), key=str)
    assert pairs == [("Rigil Kentaurus", 71681), ("Rigil Kentaurus", 71683), ("Sirius", 32349), ("empty", None)]
    assert offered(lambda: either.crossmatch(FIRST, "hipparcos2", 60, k=2, columns=[])).num_rows == 3


def test_targets_without_a_match(either: sidereus.Connection) -> None:
    found = offered(lambda: either.crossmatch(FIRST, "hipparcos2", 60, how="anti"))
    assert found.to_pydict() == {"name": ["empty"], "ra": [10.0], "dec": [10.0]}


def test_all_columns_of_the_catalog(either: sidereus.Connection) -> None:
    names = offered(lambda: either.crossmatch(FIRST, "hipparcos2", 60)).column_names
    assert names[:3] == FIRST.column_names and names[-1] == "separation" and {"hip", "ra_match", "dec_match", "plx"} <= set(names)


def test_other_names_and_forms(either: sidereus.Connection) -> None:
    import pandas
    import polars
    from astropy.coordinates import SkyCoord
    from astropy.table import QTable

    named = FIRST.rename_columns(["name", "lon", "lat"])
    places = QTable({"name": FIRST["name"].to_pylist(), "place": SkyCoord(FIRST["ra"], FIRST["dec"], unit="deg")})
    frame = pandas.DataFrame(FIRST.to_pydict())
    for targets in (places, frame, polars.DataFrame(FIRST.to_pydict()), FIRST.to_batches(), FIRST.to_reader()):
        assert offered(lambda targets=targets: either.crossmatch(targets, "hipparcos2", 5, columns=["hip"])).num_rows == 2
    stars = offered(lambda: either.crossmatch(named, "hipparcos2", 5, columns=["plx"], ra="lon", dec="lat", format="astropy"))
    assert stars["plx"].unit == "mas" and stars["separation"].unit == "arcsec" and len(stars) == 2
    assert offered(lambda: either.crossmatch(FIRST, "hipparcos2", 5, format="polars")).height == 2


def test_no_targets_give_columns(either: sidereus.Connection) -> None:
    found = offered(lambda: either.crossmatch(FIRST.slice(0, 0), "hipparcos2", 5, columns=["hip"]))
    assert found.num_rows == 0 and found.column_names == ["name", "ra", "dec", "hip", "separation"]


def test_an_unknown_catalog(either: sidereus.Connection) -> None:
    with pytest.raises(sidereus.QueryError, match="refuses") as caught:
        offered(lambda: either.crossmatch(FIRST, "refuses", 5))
    assert caught.value.code == "NOT_FOUND"


def test_the_request(mock: sidereus.Connection, match_server: MatchServer) -> None:
    from astropy.time import Time

    mock.crossmatch(FIRST, "hipparcos2", 2.5, k=3, columns=("hip",), how="left", epoch=Time(2016.0, format="jyear"), ra="ra", dec="dec")
    mock.crossmatch(FIRST, "hipparcos2", 1)
    plain = {"catalog": "hipparcos2", "radius": 1.0, "k": 1, "columns": None, "how": "inner", "epoch": None, "ra": None, "dec": None}
    assert match_server.asked[1] == plain
    assert match_server.asked[0] == {**plain, "radius": 2.5, "k": 3, "columns": ["hip"], "how": "left", "epoch": 2016.0, "ra": "ra", "dec": "dec"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"radius": -1}, "radius"),
        ({"radius": float("nan")}, "radius"),
        ({"k": 0}, "k 0"),
        ({"how": "outer"}, "inner, left, anti"),
        ({"ra": "ra"}, "together"),
        ({"ra": "lon", "dec": "lat"}, "no column lon"),
        ({"columns": "hip"}, "list of names"),
    ],
)
def test_wrong_arguments_are_not_sent(mock: sidereus.Connection, match_server: MatchServer, wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        mock.crossmatch(FIRST, "hipparcos2", **{"radius": 1, **wrong})
    assert match_server.asked == []


def test_positions_in_hours_are_not_taken_for_degrees(mock: sidereus.Connection) -> None:
    import astropy.units as u
    from astropy.table import QTable

    with pytest.raises(ValueError, match="column ra of the targets is in 15deg"):
        mock.crossmatch(QTable({"ra": [1.0] * u.hourangle, "dec": [1.0] * u.deg}), "hipparcos2", 1)


def batches(count: int, rows: int = 20_000, taken: list[int] | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of targets of some 0.5 MB each; tells how many were taken."""
    for number in range(count):
        if taken is not None:
            taken.append(number)
        yield pa.record_batch({"id": range(number * rows, (number + 1) * rows), "ra": [10.0] * rows, "dec": [20.0] * rows})


def test_matches_come_while_targets_are_sent_and_memory_is_bounded(mock: sidereus.Connection, match_server: MatchServer) -> None:
    taken: list[int] = []
    with mock.crossmatch_stream(batches(300, taken=taken), "echo", 1) as stream:
        first = stream.read_next_batch()
        assert first["id"][0].as_py() == 0
        time.sleep(1)
        assert len(taken) < 150, "the client went on although nobody read"
        rows = first.num_rows + sum(batch.num_rows for batch in stream)
    assert rows == 300 * 20_000 and len(taken) == 300


def test_a_server_that_reads_everything_first(mock: sidereus.Connection) -> None:
    targets = pa.concat_tables([FIRST] * 20_000).combine_chunks()
    assert mock.crossmatch(targets, "hungry", 60, columns=["hip"]).num_rows == 40_000


def test_large_tables_are_cut(mock: sidereus.Connection, match_server: MatchServer) -> None:
    table = pa.table({"ra": pa.array([1.0]).take(pa.array([0] * 3_000_000)), "dec": pa.array([1.0]).take(pa.array([0] * 3_000_000))})
    assert mock.crossmatch(table, "echo", 1).num_rows == 3_000_000
    assert match_server.taken == 3_000_000 and match_server.largest <= 1 << 20


def test_the_bar_counts_answered_targets(mock: sidereus.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    import tqdm.auto

    bars: list[Bar] = []

    class Bar:
        def __init__(self, **told: object) -> None:
            self.told, self.at, self.closed = told, 0, False
            bars.append(self)

        def update(self, count: int) -> None:
            assert count > 0
            self.at += count

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    mock.crossmatch(pa.concat_tables([FIRST, FIRST]), "hipparcos2", 1, progress=True)
    assert bars[0].told["total"] == 6 and bars[0].at == 6 and bars[0].closed
    mock.crossmatch(FIRST, "hipparcos2", 1, progress=False)
    mock.crossmatch(FIRST, "hipparcos2", 1)
    assert len(bars) == 1, "nobody looks at a test"


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("sidereus-")}


def gone(seconds: float = 10) -> bool:
    """Whether all threads of the package end."""
    end = time.monotonic() + seconds
    while threads() and time.monotonic() < end:
        time.sleep(0.02)
    return not threads()


def test_an_error_in_the_middle_ends_both_sides(mock: sidereus.Connection, match_server: MatchServer) -> None:
    taken: list[int] = []
    with pytest.raises(sidereus.QueryError, match="the catalog is broken at cell 17"):
        mock.crossmatch(batches(100_000, taken=taken), "fails_late", 1)
    assert len(taken) < 1000 and gone() and match_server.ended.wait(10)


def test_an_answer_that_ends_early_is_no_answer(mock: sidereus.Connection) -> None:
    with pytest.raises(sidereus.QueryError, match="before it had read all targets"):
        mock.crossmatch(batches(2_000), "ends_early", 1)
    assert gone()


def test_an_error_of_the_targets_is_raised_as_it_is(mock: sidereus.Connection, match_server: MatchServer) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches(3)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        mock.crossmatch(broken(), "echo", 1)
    with pytest.raises(ValueError, match="other columns"):
        mock.crossmatch(iter([*batches(1), pa.record_batch({"x": [1]})]), "echo", 1)
    with pytest.raises(ValueError, match="without a record batch"):
        mock.crossmatch(iter([]), "echo", 1)
    with pytest.raises(TypeError, match="no table"):
        mock.crossmatch(17, "echo", 1)
    assert gone() and match_server.ended.wait(10)


def test_closing_a_stream_ends_both_sides(mock: sidereus.Connection, match_server: MatchServer) -> None:
    taken: list[int] = []
    stream = mock.crossmatch_stream(batches(100_000, taken=taken), "echo", 1)
    assert stream.read_next_batch().num_rows == 20_000
    stream.close()
    assert gone() and match_server.ended.wait(10) and len(taken) < 1000
    stream = mock.crossmatch_stream(batches(100_000), "echo", 1)
    del stream
    assert gone()


def test_the_stars_of_the_mock_are_those_of_the_catalog(sky: sidereus.Connection) -> None:
    real = sky.query("SELECT hip, ra, dec, plx, hpmag FROM hipparcos2 WHERE hip IN (32349, 71681, 71683, 91262) ORDER BY hip")
    for name in real.column_names:
        assert STARS[name].to_pylist() == pytest.approx(real[name].to_pylist(), abs=1e-5)
