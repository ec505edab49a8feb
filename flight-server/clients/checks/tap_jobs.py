"""Do pyvo's jobs, uploads, examples and cone searches work, unmodified?

Arguments: FLIGHT_URI TAP_URL.
"""

import sys
import time
import warnings

import numpy as np
import pyvo
from astropy.table import MaskedColumn, Table
from astropy.time import Time
from pyvo.dal.exceptions import DALQueryError

warnings.simplefilter("ignore")
TAP = sys.argv[2]
SCS = TAP.removesuffix("/tap") + "/scs"


def runs_jobs(service):
    job = service.submit_job("SELECT TOP 7 hip, ra, dec FROM hipparcos2 ORDER BY hip", maxrec=5)
    assert job.phase == "PENDING" and job.owner is None and job.quote is not None
    job.execution_duration = 77
    duration = job.execution_duration
    assert float(getattr(duration, "sec", duration)) == 77, duration
    later = Time.now() + 2
    job.destruction = later
    assert abs((Time(str(job.destruction)) - later).sec) < 1, job.destruction
    job.run()
    job.wait(phases=["COMPLETED", "ERROR", "ABORTED"])
    assert job.phase == "COMPLETED", job.phase
    rows = job.fetch_result()
    assert list(rows["hip"]) == [1, 2, 3, 4, 5] and rows.status[0] == "OVERFLOW", rows.status
    listed = [entry.jobid for entry in service.get_job_list(phases=["COMPLETED"], last=50)]
    assert job.job_id in listed, listed
    job.delete()
    assert job.job_id not in [entry.jobid for entry in service.get_job_list()]


def tells_errors(service):
    for query, part in (("SELECT names FROM openngc", "did you mean"), ("DROP TABLE openngc", "SELECT")):
        for run in (service.run_sync, service.run_async):
            try:
                run(query)
            except DALQueryError as error:
                assert part in str(error), f"{run.__name__}: {error}"
            else:
                raise AssertionError(f"{query} was answered by {run.__name__}")
    job = service.submit_job("SELECT COUNT(*) FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.plx * b.plx > 3 + SIN(a.ra * b.dec)")
    job.run()
    while job.phase == "QUEUED":
        time.sleep(0.05)
    assert job.phase == "EXECUTING", job.phase
    job.abort()
    assert job.phase == "ABORTED"


def uploads(service):
    """Every type comes back as it went, and joins with catalogs by place."""
    table = Table({
        "ident": np.array([1, 2**53 + 1, -(2**63) + 1]),
        "ra": [10.6847, 83.6331, 266.4168], "dec": [41.269, 22.0145, -29.0078],
        "flux": np.array([1.5, np.nan, -0.25], dtype=np.float32),
        "small": np.array([1, -2, 3], dtype=np.int16),
        "name": ["Andromeda", "Crab", "Sgr A*"],
        "greek": ["\N{GREEK SMALL LETTER ALPHA}", "b", "\N{GREEK CAPITAL LETTER OMEGA}"],
        "seen": MaskedColumn([1, 2, 3], mask=[False, True, False]),
        "pair": np.arange(6.0).reshape(3, 2),
        "good": [True, False, True],
    })
    table["ra"].unit = "deg"
    query = "SELECT * FROM TAP_UPLOAD.mine"
    for run in (service.run_sync, service.run_async):
        back = run(query, uploads={"mine": table}).to_table()
        assert back.colnames == table.colnames, back.colnames
        order = np.argsort(back["ident"])
        for name in table.colnames:
            wanted, found = table[np.argsort(table["ident"])][name], back[order][name]
            for one, other in zip(wanted, found):
                if one is np.ma.masked or (np.isscalar(one) and one != one):
                    assert other is np.ma.masked or other != other, (name, one, other)
                else:
                    assert np.all(one == other), (name, one, other)
        assert str(back["ra"].unit) == "deg"
    near = ("SELECT u.name, o.name AS ngc FROM TAP_UPLOAD.u AS u JOIN openngc AS o "
            "ON 1 = CONTAINS(POINT('ICRS', o.ra, o.dec), CIRCLE('ICRS', u.ra, u.dec, 0.05)) ORDER BY o.name")
    found = {(str(row["name"]), str(row["ngc"])) for row in service.run_sync(near, uploads={"u": table})}
    assert {("Andromeda", "NGC0224"), ("Crab", "NGC1952")} <= found, found


def shows_examples(service):
    examples = service.examples
    assert len(examples) >= 9, len(examples)
    for example in examples:
        service.search(example["QUERY"], maxrec=3)


def searches_cones():
    service = pyvo.dal.SCSService(f"{SCS}/public.hipparcos2")
    rows = service.search(pos=(56.75, 24.12), radius=1.5, verbosity=3)
    assert len(rows) == 36, len(rows)
    assert abs(rows[0].pos.ra.deg - 56.75) < 2 and rows[0].id.isdigit()
    few = service.search(pos=(56.75, 24.12), radius=1.5, verbosity=1, maxrec=4)
    assert len(few) == 4 and len(few.fieldnames) == 3, few.fieldnames
    assert len(service.search(pos=(56.75, 24.12), radius=0)) == 0
    try:
        service.search(pos=(56.75, 24.12), radius=200)
    except DALQueryError as error:
        assert "SR" in str(error), error
    else:
        raise AssertionError("a radius of 200 degrees was taken")


def main():
    service = pyvo.dal.TAPService(TAP)
    runs_jobs(service)
    tells_errors(service)
    uploads(service)
    shows_examples(service)
    searches_cones()


main()
