"""What does a query give? Against a real server, in every form."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pyarrow as pa
import pytest

import sidereus
from conftest import Server

NULLS = "SELECT source_id, hip, ra FROM gaia_dr3_bright WHERE hip < 40000 OR DISTANCE(ra, dec, 83.8, -5.4) < 1 ORDER BY source_id"
BIG = 2**53 + 1


def test_arrow_has_units_and_what_the_answer_was_made_of(sky: sidereus.Connection) -> None:
    table = sky.query("SELECT hip, ra FROM hipparcos2 WHERE hip IN (1, 71683) ORDER BY hip")
    assert table["hip"].to_pylist() == [1, 71683]
    assert table.schema.field("ra").metadata[b"unit"] == b"deg"
    assert b"hipparcos2" in table.schema.metadata[b"sidereus.snapshots"]


def test_adql_is_the_language_unless_told_otherwise(sky: sidereus.Connection, server: Server) -> None:
    text = "SELECT TOP 1 LOG(10) AS l FROM openngc"
    assert sky.query(text)["l"][0].as_py() == pytest.approx(np.log(10))
    assert sky.query(text, language="sql")["l"][0].as_py() == pytest.approx(1)
    with sidereus.connect(server.uri, language="sql") as other:
        assert other.query("SELECT 1 AS one").to_pydict() == {"one": [1]}


def test_a_text_keeps_its_lines_and_its_letters(sky: sidereus.Connection) -> None:
    assert sky.query("\n\n  SELECT TOP 1 'é ☉' AS text\nFROM openngc -- ?\n").to_pydict() == {"text": ["é ☉"]}


def test_parameters(sky: sidereus.Connection) -> None:
    text = "SELECT hip FROM hipparcos2 WHERE hip = ? AND dec < ? AND ? = 'a'"
    assert sky.query(text, (71683, 0.0, "a")).to_pydict() == {"hip": [71683]}
    assert sky.query(text, [np.int64(71683), np.float32(0), "b"]).num_rows == 0
    many = pa.table({"0": [1, 2, 3], "1": [90.0, 90.0, -90.0], "2": ["a", "a", "a"]})
    assert sky.query(text, many)["hip"].to_pylist() == [1, 2], "one run for each row"
    with pytest.raises(sidereus.QueryError, match="3 parameters"):
        sky.query(text, [1])
    with pytest.raises(TypeError, match="sequence of values"):
        sky.query(text, "a")


def test_integers_beyond_2_to_the_53_in_every_form(sky: sidereus.Connection) -> None:
    text = f"SELECT TOP 2 {BIG} AS big, CASE WHEN hip < 2 THEN {BIG} END AS id FROM hipparcos2 WHERE hip < 3 ORDER BY hip"
    assert sky.query(text)["id"].to_pylist() == [BIG, None]
    stars = sky.query(text, format="astropy")
    assert stars["big"].dtype == np.int64 and list(stars["big"]) == [BIG, BIG]
    assert stars["id"][0] == BIG and stars["id"].mask.tolist() == [False, True]
    frame = sky.query(text, format="pandas")
    assert int(frame["id"][0]) == BIG and frame["id"].isna().tolist() == [False, True] and str(frame["id"].dtype) == "Int64"
    assert sky.query(text, format="polars")["id"].to_list() == [BIG, None]


def test_astropy_has_units_descriptions_and_masked_nulls(sky: sidereus.Connection) -> None:
    import astropy.units as u
    from astropy.table import QTable

    stars = sky.query("SELECT name, pmra, sbrightn, radvel, vmag FROM openngc WHERE name IN ('NGC0224', 'NGC0007') ORDER BY name", format="astropy")
    assert stars["pmra"].unit == u.mas / u.yr and stars["radvel"].unit == u.km / u.s and stars["sbrightn"].unit == u.mag / u.arcsec**2
    assert stars["name"].unit is None and stars["name"].dtype.kind == "U"
    assert stars["vmag"].description == "Apparent total magnitude in V"
    assert stars["pmra"].info.meta == {"ucd": "pos.pm;pos.eq.ra"}
    arrow = sky.query("SELECT name, pmra FROM openngc WHERE name IN ('NGC0224', 'NGC0007') ORDER BY name")["pmra"].to_pylist()
    assert None in arrow, "the test wants a null"
    assert [None if masked else value for value, masked in zip(stars["pmra"].data, np.ma.getmaskarray(stars["pmra"]), strict=True)] == arrow
    assert QTable(stars)["radvel"].unit == u.km / u.s
    assert "sidereus.snapshots" in stars.meta


def test_nulls_agree_in_every_form(sky: sidereus.Connection) -> None:
    arrow = sky.query(NULLS)["hip"].to_pylist()
    assert None in arrow and any(value is not None for value in arrow), "the test wants both"
    astropy = sky.query(NULLS, format="astropy")["hip"]
    assert [None if masked else int(value) for value, masked in zip(astropy.data.data, astropy.mask, strict=True)] == arrow
    pandas = sky.query(NULLS, format="pandas")
    assert [None if value is pandas["hip"].array.dtype.na_value else int(value) for value in pandas["hip"]] == arrow
    assert pandas.attrs["columns"]["ra"]["unit"] == "deg"
    polars = sky.query(NULLS, format="polars")
    assert polars["hip"].to_list() == arrow and polars["source_id"].to_list() == pandas["source_id"].to_list()


@pytest.mark.parametrize("form", ["arrow", "astropy", "pandas", "polars"])
def test_an_empty_answer_has_its_columns(sky: sidereus.Connection, form: str) -> None:
    empty = sky.query("SELECT hip, ra, notngc FROM hipparcos2, openngc WHERE 1 = 0".replace("ra", "hipparcos2.ra"), format=form)
    names = empty.column_names if form == "arrow" else list(getattr(empty, "colnames", None) or empty.columns)
    assert names == ["hip", "ra", "notngc"] and len(empty) == 0


def test_columns_of_one_name_are_told_apart(sky: sidereus.Connection) -> None:
    text = "SELECT a.hip, b.hip, a.ra FROM hipparcos2 AS a JOIN hipparcos2 AS b ON a.hip = b.hip WHERE a.hip = 7"
    arrow = sky.query(text)
    for form in ("astropy", "polars", "pandas"):
        table = sky.query(text, format=form)
        names = list(getattr(table, "colnames", None) or table.columns)
        assert len(set(names)) == 3 and len(arrow.column_names) == 3, names


def test_a_cut_is_told(sky: sidereus.Connection) -> None:
    with pytest.warns(sidereus.TruncatedWarning, match="after 5 rows") as told:
        assert sky.query("SELECT hip FROM hipparcos2", max_rows=5).num_rows == 5
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sky.query("SELECT TOP 5 hip FROM hipparcos2", max_rows=5).num_rows == 5
        assert sky.query("SELECT TOP 5 hip FROM hipparcos2").num_rows == 5
    with pytest.warns(sidereus.TruncatedWarning), sky.stream("SELECT hip FROM hipparcos2", max_rows=3) as stream:
        assert sum(batch.num_rows for batch in stream) == 3 and stream.truncated
    with pytest.warns(sidereus.TruncatedWarning, match="after 2 rows"):
        assert sky.query("SELECT hip FROM hipparcos2 WHERE hip < ?", [100], max_rows=2).num_rows == 2


def test_options_of_the_connection(server: Server) -> None:
    with sidereus.connect(server.uri, max_rows=2, compression="zstd") as few, pytest.warns(sidereus.TruncatedWarning):
        assert few.query("SELECT * FROM hipparcos2").num_rows == 2
        assert few.query("SELECT * FROM hipparcos2", max_rows=3).num_rows == 3


def test_an_error_says_where(sky: sidereus.Connection) -> None:
    with pytest.raises(sidereus.QueryError) as caught:
        sky.query("SELECT hip\nFROM hipparcos2\nWHERE DISTANCES(ra, dec, 10, 20) < 1")
    error = caught.value
    assert (error.line, error.column, error.hint, error.code) == (3, 7, "did you mean DISTANCE?", "INVALID_ARGUMENT")
    assert error.message == "unknown function DISTANCES"
    assert str(error).splitlines()[:2] == ["line 3, column 7: unknown function DISTANCES", "3 | WHERE DISTANCES(ra, dec, 10, 20) < 1"]
    assert "^^^^^^^^^" in str(error) and "gRPC" not in str(error) and "Flight" not in str(error)


def test_every_error_of_a_query_is_told(sky: sidereus.Connection) -> None:
    with pytest.raises(sidereus.QueryError) as caught:
        sky.query("SELECT no_such, nor_this FROM hipparcos2")
    assert [place.column for place in caught.value.places] == [8, 17] and caught.value.code == "NOT_FOUND"
    for call in (lambda: sky.estimate("SELECT no_such FROM hipparcos2"), lambda: sky.explain("SELECT no_such FROM hipparcos2")):
        with pytest.raises(sidereus.QueryError) as caught:
            call()
        assert (caught.value.line, caught.value.column) == (1, 8)


def test_an_error_of_a_query_that_runs(sky: sidereus.Connection) -> None:
    with pytest.raises(sidereus.QueryError, match=r"\Adivision by zero\Z") as caught:
        sky.query("SELECT 1 / (hip - hip) AS x FROM hipparcos2")
    assert caught.value.line is None and caught.value.places == []


def test_a_timeout(sky: sidereus.Connection) -> None:
    with pytest.raises(sidereus.QueryError) as caught:
        sky.query("SELECT COUNT(*) AS n FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.ra + b.ra > 1e-5", timeout=0.5)
    assert caught.value.code == "DEADLINE_EXCEEDED"


def test_no_server() -> None:
    with sidereus.connect("grpc://127.0.0.1:1") as nobody, pytest.raises(sidereus.QueryError) as caught:
        nobody.query("SELECT TOP 1 hip FROM hipparcos2")
    assert caught.value.code == "UNAVAILABLE"


ENDLESS = "SELECT a.ra FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.ra + b.ra > 1e-5"


INTERRUPTED = """
import signal, sys, sidereus
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
sky = sidereus.connect(sys.argv[1])
try:
    print("asked", flush=True)
    sky.query("SELECT COUNT(*) AS n FROM hipparcos2 AS a, hipparcos2 AS b, openngc AS c WHERE a.ra + b.ra + c.ra > 1e-5")
except KeyboardInterrupt:
    print(sky.query("SELECT COUNT(*) AS n FROM openngc WHERE name = 'NGC0224'")["n"][0].as_py())
"""


def test_an_interrupt_stops_a_query_that_has_no_rows_yet(server: Server) -> None:
    before = server.outcomes().count("cancelled")
    asking = subprocess.Popen([sys.executable, "-c", INTERRUPTED, server.uri], stdout=subprocess.PIPE, text=True)
    assert asking.stdout is not None and asking.stdout.readline() == "asked\n"
    time.sleep(1)
    begun = time.monotonic()
    asking.send_signal(signal.SIGINT)
    assert asking.communicate(timeout=20)[0] == "1\n"
    assert time.monotonic() - begun < 5 and server.outcomes().count("cancelled") == before + 1


@pytest.mark.parametrize("way", ["close", "with", "drop"])
def test_closing_a_stream_stops_the_query(sky: sidereus.Connection, server: Server, way: str) -> None:
    before = server.outcomes().count("cancelled")
    stream = sky.stream(ENDLESS)
    assert stream.read_next_batch().num_rows > 0
    begun = time.monotonic()
    if way == "close":
        stream.close()
        with pytest.raises(ValueError, match="closed"):
            stream.read_next_batch()
    elif way == "with":
        with stream:
            next(stream)
    del stream
    assert time.monotonic() - begun < 2
    while server.outcomes().count("cancelled") == before:
        assert time.monotonic() - begun < 10, "the query was not cancelled"
        time.sleep(0.05)
    assert sky.query("SELECT COUNT(*) AS n FROM openngc")["n"][0].as_py() > 10_000


def test_a_stream_is_an_arrow_stream(sky: sidereus.Connection) -> None:
    import polars

    text = "SELECT hip, ra FROM hipparcos2"
    with sky.stream(text) as stream:
        frame = polars.DataFrame(stream)
    assert frame.shape == (117_955, 2) and frame["hip"].n_unique() == 117_955
    with sky.stream(text) as stream:
        assert pa.RecordBatchReader.from_stream(stream).read_all().num_rows == 117_955
    with sky.stream(text) as stream:
        assert stream.to_reader().read_all().num_rows == 117_955


def test_threads_share_a_connection(sky: sidereus.Connection) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def ask(hip: int) -> str | int:
        try:
            return int(sky.query(f"SELECT hip FROM hipparcos2 WHERE hip = {hip} AND {'wrong' if hip % 2 else 'hip'} > 0")["hip"][0].as_py())
        except sidereus.QueryError as error:
            return f"{error.message} {error.column}"

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(2, 62)))
    assert answers[::2] == list(range(2, 62, 2))
    assert set(answers[1::2]) <= {f"unknown column wrong {column}" for column in (46, 47)}


def test_uploads_of_every_kind(sky: sidereus.Connection) -> None:
    import pandas
    import polars
    from astropy.table import QTable

    data = {"hip": [71683, 32349], "note": ["é", None]}
    text = "SELECT m.note, h.hpmag FROM TAP_UPLOAD.mine AS m JOIN hipparcos2 AS h ON h.hip = m.hip ORDER BY m.hip"
    masked = QTable(pa.table(data).select(["hip"]).to_pydict())
    for table in (pa.table(data), pandas.DataFrame(data), polars.DataFrame(data)):
        answer = sky.query(text, uploads={"mine": table})
        assert answer["hpmag"].to_pylist() == [-1.0876, 0.1373] and answer["note"].to_pylist() == [None, "é"]
    assert sky.query(text.replace("m.note, ", ""), uploads={"mine": masked}, format="astropy")["hpmag"].unit == "mag"
    with pytest.warns(sidereus.TruncatedWarning):
        assert sky.query(text, uploads={"mine": pa.table(data)}, max_rows=1).num_rows == 1
    with pytest.raises(sidereus.QueryError) as caught:
        sky.query("SELECT *\nFROM TAP_UPLOAD.mine WHERE wrong = 1", uploads={"mine": pa.table(data)})
    assert (caught.value.line, caught.value.message) == (2, "unknown column wrong")


def test_uploads_keep_what_astropy_knows(sky: sidereus.Connection) -> None:
    import astropy.units as u
    from astropy.table import QTable
    from astropy.time import Time

    mine = QTable({"flux": [1.5, 2.5] * u.mJy, "n": [BIG, 2], "t": Time(["2024-01-01", "2024-07-01"])})
    mine["flux"].info.description = "Flux at 1.4 GHz"
    mine["flux"].info.meta = {"ucd": "phot.flux;em.radio"}
    back = sky.query("SELECT * FROM TAP_UPLOAD.mine", uploads={"mine": mine}, format="astropy")
    assert back["flux"].unit == u.mJy and back["flux"].description == "Flux at 1.4 GHz" and back["flux"].info.meta["ucd"] == "phot.flux;em.radio"
    assert list(back["n"]) == [BIG, 2] and back["t"][1].startswith("2024-07-01T00:00:00")


def test_uploads_need_an_address(server: Server) -> None:
    with sidereus.connect(server.uri) as plain, pytest.raises(ValueError, match="tap="):
        plain.query("SELECT * FROM TAP_UPLOAD.t", uploads={"t": pa.table({"a": [1]})})


def test_what_there_is(sky: sidereus.Connection) -> None:
    tables = {table.name: table.description for table in sky.tables()}
    assert set(tables) == {"public.gaia_dr3_bright", "public.hipparcos2", "public.openngc"}
    assert "Hipparcos-2" in tables["public.hipparcos2"]
    columns = {column.name: column for column in sky.columns('public."hipparcos2"')}
    assert columns["plx"] == ("plx", "double", "mas", "pos.parallax", None, None, "Parallax; may be negative")
    with pytest.raises(sidereus.QueryError, match="nothing_like_it") as caught:
        sky.columns("nothing_like_it")
    assert caught.value.code == "NOT_FOUND"


def test_what_it_will_cost(sky: sidereus.Connection) -> None:
    estimate = sky.estimate("SELECT hip FROM hipparcos2")
    assert estimate.rows == estimate.rows_read == 117_955 and (estimate.seconds or 0) > 0 and (estimate.bytes_read or 0) > 0
    assert sky.estimate("SELECT 1 AS one", language="sql").rows == 1
    with pytest.raises(sidereus.QueryError, match="needs a FROM"):
        sky.estimate("SELECT 1 AS one")
    assert "HatsScanExec" in sky.explain("SELECT hip FROM hipparcos2 WHERE hip < 9")
    assert "estimate:\nanswer: rows=" in sky.explain("SELECT hip FROM hipparcos2")


def test_a_form_that_there_is_not(sky: sidereus.Connection) -> None:
    with pytest.raises(ValueError, match="expected one of arrow, astropy, pandas, polars"):
        sky.query("SELECT hip FROM hipparcos2", format="excel")  # type: ignore[arg-type]
