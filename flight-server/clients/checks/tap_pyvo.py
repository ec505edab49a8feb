"""Does pyvo, unmodified, find its way around the TAP service?

Arguments: FLIGHT_URI TAP_URL.
"""

import sys

import pyvo
from pyvo.dal.exceptions import DALQueryError

REFUSED = [
    "COPY gaia_dr3_bright TO '/tmp/stolen.csv'",
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "SET datafusion.execution.batch_size = 1",
    "SELECT * FROM '/etc/hostname'",
    "EXPLAIN ANALYZE COPY gaia_dr3_bright TO '/tmp/stolen.csv'",
    "DROP TABLE gaia_dr3_bright",
    "INSERT INTO openngc VALUES (1)",
]


def describes_itself(service):
    assert service.available
    languages = {language.name for capability in service.capabilities for language in getattr(capability, "languages", [])}
    assert "ADQL" in languages, languages
    tables = service.tables
    assert {"public.gaia_dr3_bright", "public.hipparcos2", "public.openngc"} <= set(tables.keys()), list(tables.keys())
    parallax = next(column for column in tables["public.hipparcos2"].columns if column.name == "plx")
    assert (parallax.unit, parallax.ucd) == ("mas", "pos.parallax") and "arallax" in parallax.description
    columns = service.search("SELECT column_name, unit, ucd, description FROM TAP_SCHEMA.columns WHERE table_name LIKE '%openngc'")
    assert len(columns) == 33 and all(row["description"] for row in columns), len(columns)


def answers_queries(service):
    stars = service.search("SELECT TOP 5 source_id, ra, dec, phot_g_mean_mag FROM gaia_dr3_bright WHERE phot_g_mean_mag < 6 "
                           "ORDER BY phot_g_mean_mag").to_table()
    assert len(stars) == 5 and str(stars["ra"].unit) == "deg" and stars["source_id"].dtype.kind == "i"
    assert list(stars["phot_g_mean_mag"]) == sorted(stars["phot_g_mean_mag"])
    pleiades = service.search("SELECT COUNT(*) AS n FROM hipparcos2 WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(56.75, 24.12, 1.5))")
    assert pleiades[0]["n"] == 36, pleiades[0]["n"]
    names = service.search("SELECT name, commonnames, vmag FROM openngc WHERE messier = '031' OR commonnames IS NULL ORDER BY name").to_table()
    assert any("Andromeda" in str(name) for name in names["commonnames"]) and names["vmag"].mask.any()
    nothing = service.search("SELECT ra FROM gaia_dr3_bright WHERE phot_g_mean_mag < -99")
    assert len(nothing) == 0 and nothing.fieldnames == ("ra",)


def tells_overflow(service):
    """pyvo warns of a cut that nobody asked for, and keeps the status of one that somebody did."""
    cut, whole = (service.search("SELECT ra FROM hipparcos2 WHERE hip < 10", maxrec=rows) for rows in (7, 9))
    assert (len(cut), cut.status[0], len(whole), whole.status[0]) == (7, "OVERFLOW", 9, "OK"), (cut.status, whole.status)


def points_at_errors(service):
    try:
        service.search("SELECT ra\nFROM hipparcos2\nWHERE DISTANCES(ra, dec, 10, 20) < 1")
    except DALQueryError as error:
        text = str(error)
    assert "line 3" in text and "DISTANCES" in text and "DISTANCE?" in text, text


def refuses(service):
    for text in REFUSED:
        try:
            service.search(text)
        except DALQueryError as error:
            assert "panic" not in str(error) and len(str(error)) > 10, (text, error)
        else:
            raise AssertionError(f"not refused: {text}")
    harmless = service.search("SELECT 'COPY (x) TO y' AS \"copy\", COUNT(*) AS n FROM openngc")
    assert harmless[0]["copy"] == "COPY (x) TO y" and harmless[0]["n"] == 14026


def main():
    service = pyvo.dal.TAPService(sys.argv[2])
    for check in (describes_itself, answers_queries, tells_overflow, points_at_errors, refuses):
        check(service)
        print(f"{check.__name__} ok")


if __name__ == "__main__":
    main()
