"""Does Flight SQL give the same stars as astropy, in every cone and polygon of testdata/truth?

Asks through ADBC, as a notebook would, and compares counts and id checksums. Arguments: FLIGHT_URI.
"""

import csv
import hashlib
import json
import sys
from functools import reduce
from operator import xor
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight_sql

TRUTH = Path(__file__).resolve().parents[3] / "testdata" / "truth"
KEYS = {"gaia_dr3_bright": "source_id", "hipparcos2": "hip"}


def ids(cursor, table, region):
    key = KEYS[table]
    cursor.execute(f"SELECT {key} FROM {table} WHERE 1 = CONTAINS(POINT(ra, dec), {region})")
    return sorted(cursor.fetch_arrow_table()[key].to_pylist())


def check(expected, found):
    digest = hashlib.sha256(",".join(map(str, found)).encode()).hexdigest()[:16]
    seen = {"n": len(found), "id_xor": reduce(xor, found, 0), "sha256_16": digest}
    wanted = {"n": int(expected["n"]), "id_xor": int(expected["id_xor"]), "sha256_16": expected["sha256_16"]}
    assert seen == wanted, f"{expected['table']}, {expected['kind']}: {seen} instead of {wanted}"


def main():
    with flight_sql.connect(sys.argv[1]) as connection, connection.cursor() as cursor:
        with open(TRUTH / "cones.csv", newline="") as file:
            cones = list(csv.DictReader(file))
        for cone in cones:
            check(cone, ids(cursor, cone["table"], f"CIRCLE({cone['ra']}, {cone['dec']}, {cone['radius_deg']})"))
        polygons = [json.loads(line) for line in (TRUTH / "polygons.jsonl").read_text().splitlines()]
        for polygon in polygons:
            corners = ", ".join(f"{ra!r}, {dec!r}" for ra, dec in polygon["vertices"])
            check(polygon, ids(cursor, polygon["table"], f"POLYGON({corners})"))
    assert len(cones) == 40 and len(polygons) == 20


if __name__ == "__main__":
    main()
