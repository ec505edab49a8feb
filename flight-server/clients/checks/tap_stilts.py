"""Does STILTS query, match and search cones over the service, and agree with its own matching on the spot?

    python tap_stilts.py FLIGHT_URI TAP_URL BINARY
"""

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

TAP, BINARY = sys.argv[2:4]
PROJECT = Path(__file__).resolve().parents[3]
CATALOGS = PROJECT / "testdata" / "catalogs"


def stilts(*arguments):
    done = subprocess.run(["stilts", *map(str, arguments)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"stilts {arguments[0]}: {done.stderr[-2000:]}"
    return done.stdout


def rows(path):
    with open(path, newline="") as lines:
        return list(csv.DictReader(lines))


def queries(folder):
    out = folder / "q.csv"
    query = "SELECT TOP 9 hip, ra, dec FROM hipparcos2 ORDER BY hip"
    for options in (["sync=true"], ["sync=false", "delete=finished"], ["sync=false", "compress=true", "delete=finished"]):
        stilts("tapquery", f"tapurl={TAP}", f"adql={query}", *options, f"out={out}", "ofmt=csv")
        assert [row["hip"] for row in rows(out)] == [str(hip) for hip in range(1, 10)], (options, rows(out))
    uploaded = folder / "up.csv"
    uploaded.write_text("id,ra,dec\n1,10.6847,41.269\n2,83.6331,22.0145\n")
    for form in ("tabledata", "binary", "binary2"):
        stilts("tapquery", f"tapurl={TAP}", "nupload=1", f"upload1={uploaded}", "ufmt1=csv", "upname1=mine", f"upvotformat={form.upper()}",
               "adql=SELECT id, ra, dec FROM TAP_UPLOAD.mine ORDER BY id", f"out={out}", "ofmt=csv")
        assert [(row["id"], float(row["ra"])) for row in rows(out)] == [("1", 10.6847), ("2", 83.6331)], form


def matches(folder):
    """Hipparcos against Gaia: the same pairs as `tmatch2` finds on the spot."""
    for name, columns in (("hipparcos2", "hip, ra, dec"), ("gaia_dr3_bright", "source_id, ra, dec")):
        subprocess.run([BINARY, "query", "--catalogs", str(CATALOGS), "--format", "csv", "-o", str(folder / f"{name}.csv"),
                        f"SELECT {columns} FROM {name} WHERE ra IS NOT NULL AND dec IS NOT NULL"], check=True)
    here, there = folder / "here.csv", folder / "there.csv"
    stilts("tmatch2", "matcher=sky", "params=2", "find=all", "join=1and2", f"in1={folder / 'hipparcos2.csv'}", "ifmt1=csv",
           f"in2={folder / 'gaia_dr3_bright.csv'}", "ifmt2=csv", "values1=ra dec", "values2=ra dec", f"out={here}", "ofmt=csv",
           "progress=none")
    stilts("tapskymatch", f"in={folder / 'hipparcos2.csv'}", "ifmt=csv", "inlon=ra", "inlat=dec", f"tapurl={TAP}",
           "taptable=gaia_dr3_bright", "taplon=ra", "taplat=dec", f"sr={2 / 3600}", "find=all", "blocksize=50000",
           "tapcols=source_id", f"out={there}", "ofmt=csv")
    pairs = [{(row["hip"], row["source_id"]) for row in rows(path)} for path in (here, there)]
    assert pairs[0] == pairs[1] and len(pairs[0]) > 10_000, (len(pairs[0]), len(pairs[1]), sorted(pairs[0] ^ pairs[1])[:5])


def cones(folder):
    centers, out = folder / "centers.csv", folder / "cones.csv"
    centers.write_text("k,ra,dec\n1,56.75,24.12\n2,10.68,41.27\n")
    url = TAP.removesuffix("/tap") + "/scs/public.hipparcos2?"
    stilts("coneskymatch", "servicetype=cone", f"serviceurl={url}", f"in={centers}", "ra=ra", "dec=dec", "sr=1.5", "usefoot=false",
           f"out={out}", "ofmt=csv")
    found = [row["k"] for row in rows(out)]
    assert found.count("1") == 36 and found.count("2") > 5, (found.count("1"), found.count("2"))


def main():
    with tempfile.TemporaryDirectory() as folder:
        queries(Path(folder))
        matches(Path(folder))
        cones(Path(folder))


main()
