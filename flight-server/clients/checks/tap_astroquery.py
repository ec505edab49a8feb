"""Do astroquery's classes `TapPlus` and `GaiaClass` work with this service as they are?

Arguments: FLIGHT_URI TAP_URL.
"""

import os
import sys
import tempfile
import warnings

from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.units import Quantity

warnings.simplefilter("ignore")
# It looks for a configuration in the home folder and would write one.
os.environ["HOME"] = tempfile.mkdtemp()

from astroquery.gaia import GaiaClass  # noqa: E402
from astroquery.utils.tap.core import TapPlus  # noqa: E402

TAP = sys.argv[2]
QUERY = "SELECT TOP 5 hip, ra, dec FROM hipparcos2 ORDER BY hip"


def lists_tables(tap):
    names = {table.get_qualified_name() for table in tap.load_tables(only_names=True)}
    assert any(name.endswith("hipparcos2") for name in names), names
    whole = next(table for table in tap.load_tables() if table.get_qualified_name().endswith("hipparcos2"))
    assert any(column.name == "plx" and column.unit == "mas" for column in whole.columns), whole.columns
    assert len(tap.load_table("public.hipparcos2").columns) == len(whole.columns)


def runs_queries(tap):
    assert list(tap.launch_job(QUERY).get_results()["hip"]) == [1, 2, 3, 4, 5]
    # FITS that is not packed is read by no version so far: it looks for the file's start where its end is.
    for form in ("votable", "votable_plain", "votable_gzip", "csv", "json"):
        for launch in (tap.launch_job, tap.launch_job_async):
            found = launch(QUERY, output_format=form).get_results()
            assert list(found["hip"]) == [1, 2, 3, 4, 5], (form, launch.__name__, found)
    job = tap.launch_job_async(QUERY, name="mine")
    assert job.get_phase() == "COMPLETED" and job.is_finished()
    assert job.jobid in {entry.jobid for entry in tap.list_async_jobs()}
    other = tap.launch_job_async(QUERY)
    tap.remove_jobs([job.jobid, other.jobid])
    assert not {job.jobid, other.jobid} & {entry.jobid for entry in tap.list_async_jobs()}


def uploads(tap):
    table = Table({"hip": [3, 1], "mark": ["c", "a"]})
    for launch in (tap.launch_job, tap.launch_job_async):
        found = launch("SELECT u.mark, h.hip FROM tap_upload.mine AS u JOIN hipparcos2 AS h ON u.hip = h.hip ORDER BY h.hip",
                       upload_resource=table, upload_table_name="mine").get_results()
        assert list(found["hip"]) == [1, 3] and [str(mark) for mark in found["mark"]] == ["a", "c"], found


def asks_as_of_gaia():
    """The class that most people know, with this server in the place of ESA's."""
    gaia = GaiaClass(gaia_tap_server=TAP.removesuffix("/tap"), tap_server_context=None, show_server_messages=False)
    gaia.MAIN_GAIA_TABLE = "public.gaia_dr3_bright"
    gaia.ROW_LIMIT = 20
    pleiades, radius = SkyCoord(56.75, 24.12, unit="deg"), Quantity(1, "deg")
    for search in (gaia.cone_search, gaia.cone_search_async):
        found = search(pleiades, radius=radius).get_results()
        nearest = list(found["dist"])
        assert len(found) == 20 and nearest == sorted(nearest) and nearest[-1] < 1, (search.__name__, found)
    for query in (gaia.query_object, gaia.query_object_async):
        assert len(query(pleiades, width=radius, height=radius)) > 5, query.__name__
    matched = gaia.cross_match_basic(
        table_a_full_qualified_name="public.hipparcos2", table_a_column_ra="ra", table_a_column_dec="dec",
        table_b_full_qualified_name="public.gaia_dr3_bright", radius=1.0).get_results()
    pairs = gaia.launch_job("SELECT COUNT(*) AS n FROM hipparcos2 AS h JOIN gaia_dr3_bright AS g ON DISTANCE(h.ra, h.dec, g.ra, g.dec) < 1 / 3600.0")
    assert len(matched) == pairs.get_results()["n"][0] > 100, len(matched)


def main():
    tap = TapPlus(url=TAP)
    lists_tables(tap)
    runs_queries(tap)
    uploads(tap)
    asks_as_of_gaia()


main()
