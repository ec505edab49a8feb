"""Does XMATCH give the pairs that STILTS gives, of real catalogs?

    python match_stilts.py FLIGHT_URI TAP_URL BINARY

Each kind of match is asked of both: `stilts tmatch2 matcher=sky` with find and join, and XMATCH. Pairs must be the same, and
separations within a microarcsecond. What STILTS has no word for is compared with what follows from its answers.
"""

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

BINARY = sys.argv[3]
PROJECT = Path(__file__).resolve().parents[3]
CATALOGS = PROJECT / "testdata" / "catalogs"
# left table and its id, right table and its id, radius in arcseconds
MATCHES = [("hipparcos2", "hip", "gaia_dr3_bright", "source_id", 5), ("openngc", "name", "hipparcos2", "hip", 600)]
# how of XMATCH: find and join of STILTS
KINDS = {"all": ("all", "1and2"), "full": ("all", "1or2"), "best1": ("best1", "1and2"), "best2": ("best2", "1and2"),
         "each": ("best1", "all1"), "semi": ("best1", "1and2"), "anti": ("all", "1not2")}


def ask(query, path):
    subprocess.run([BINARY, "query", "--catalogs", str(CATALOGS), "--format", "csv", "-o", str(path), query],
                   check=True, capture_output=True, text=True)
    return path


def stilts(folder, radius, find, join):
    out = folder / f"stilts_{find}_{join}.csv"
    if not out.exists():
        inputs = [f"{key}{side}={value}" for side in (1, 2)
                  for key, value in (("in", folder / f"{side}.csv"), ("ifmt", "csv"), ("values", "ra dec"))]
        done = subprocess.run(["stilts", "tmatch2", "matcher=sky", f"params={radius}", f"find={find}", f"join={join}", "fixcols=all",
                               *inputs, f"out={out}", "ofmt=csv", "progress=none"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return out


def pairs(path, left, right, separation):
    """Pairs of ids, "" for a side that is not there, with separations in arcseconds."""
    found = {}
    with open(path, newline="") as lines:
        for row in csv.DictReader(lines):
            pair = row.get(left, ""), row.get(right, "")
            assert pair not in found, f"{pair} came twice in {path.name}"
            found[pair] = float(row[separation]) if row.get(separation) else None
    return found


def compare(folder, match):
    left, left_id, right, right_id, radius = match
    ask(f"SELECT {left_id} AS id, ra, dec FROM {left} WHERE ra IS NOT NULL AND dec IS NOT NULL", folder / "1.csv")
    ask(f"SELECT {right_id} AS id, ra, dec FROM {right} WHERE ra IS NOT NULL AND dec IS NOT NULL", folder / "2.csv")
    sides = [f"(SELECT {name} AS id, ra, dec FROM {table} WHERE ra IS NOT NULL AND dec IS NOT NULL)"
             for name, table in ((left_id, left), (right_id, right))]

    def ours(how):
        alone = how in ("semi", "anti")
        columns = "id" if alone else "id_1, id_2, separation * 3600 AS sep"
        text = f"SELECT {columns} FROM XMATCH({sides[0]}, {sides[1]}, {radius} / 3600.0, '{how}')"
        path = ask(text, folder / f"ours_{how}.csv")
        return pairs(path, "id" if alone else "id_1", "id_2", "sep")

    for how, (find, join) in KINDS.items():
        theirs = pairs(stilts(folder, radius, find, join), "id_1", "id_2", "Separation")
        found = ours(how)
        if how in ("semi", "anti"):
            theirs = {(pair[0], ""): None for pair in theirs}
        assert theirs.keys() == found.keys(), (left, how, list(theirs.keys() ^ found.keys())[:5])
        for pair, separation in found.items():
            if separation is not None:
                assert abs(separation - theirs[pair]) < 1e-6, (left, how, pair, separation, theirs[pair])
        print(f"{left} with {right}, {how}: {len(found)} rows")
    # Of what is nearest both ways nothing can be taken away by another pair, so it is among STILTS' symmetric best; but of
    # rows at one place STILTS takes one.
    best1, best2 = (pairs(stilts(folder, radius, find, "1and2"), "id_1", "id_2", "Separation") for find in ("best1", "best2"))
    nearest = {pair[1]: separation for pair, separation in best2.items()}
    symmetric = pairs(stilts(folder, radius, "best", "1and2"), "id_1", "id_2", "Separation")
    mutual = ours("mutual").keys()
    assert mutual == {pair for pair, separation in best1.items() if separation < nearest[pair[1]] + 1e-9}, (left, "mutual")
    assert {pair[1] for pair in mutual} == {pair[1] for pair in best1.keys() & best2.keys()}, (left, "mutual")
    assert best1.keys() & best2.keys() <= symmetric.keys(), (left, "symmetric")
    print(f"{left} with {right}, mutual: {len(mutual)} rows, {len(symmetric)} symmetric")


def main():
    for match in MATCHES:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), match)


if __name__ == "__main__":
    main()
