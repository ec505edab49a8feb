"""Does astroquery's `TapPlus` class work with this service as it is?

Arguments: FLIGHT_URI TAP_URL.
"""

import os
import sys
import tempfile
import warnings

from astropy.table import Table

warnings.simplefilter("ignore")
# It looks for a configuration in the home folder and would write one.
os.environ["HOME"] = tempfile.mkdtemp()

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


def uploads(tap):
    table = Table({"hip": [3, 1], "mark": ["c", "a"]})
    for launch in (tap.launch_job, tap.launch_job_async):
        found = launch("SELECT u.mark, h.hip FROM tap_upload.mine AS u JOIN hipparcos2 AS h ON u.hip = h.hip ORDER BY h.hip",
                       upload_resource=table, upload_table_name="mine").get_results()
        assert list(found["hip"]) == [1, 3] and [str(mark) for mark in found["mark"]] == ["a", "c"], found


def main():
    tap = TapPlus(url=TAP)
    lists_tables(tap)
    runs_queries(tap)
    uploads(tap)


main()
