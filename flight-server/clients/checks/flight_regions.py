"""Does Flight SQL give the stars that astropy finds, in 200 cones and 50 polygons, whatever the server skips?

    python flight_regions.py FLIGHT_URI TAP_URL BINARY

Starts a server of its own on the real catalogs of ../shared and on the catalog that `sidereus import` makes of Tycho-2. Every
region is asked in ADQL through ADBC, with all rules and with none, on every form of its catalog; counts and checksums of the
ids must be those of the truth. The plain file, where a question without rules decodes everything, is asked so for every fifth
region only, or with the variable EVERY_REGION for all. Where ../shared is not there, nothing is asked, and a line says so.
"""

import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from functools import reduce
from operator import xor
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight_sql
from run import PROJECT, Server

# Tables that hold the rows of a catalog.
FORMS = {"gaia_dr3_g10": ["gaia_dr3_g10"], "tycho2_07": ["tycho2_07", "tycho2_07_hats"]}
PLAIN = "tycho2_07"
HEADER = "adbc.flight.sql.rpc.call_header.x-sidereus-"


def shared():
    """The folder of data and truth beside the project, or None."""
    return next((path for path in (PROJECT.parent / "shared", PROJECT.parent.parent / "shared") if path.is_dir()), None)


def regions(truth):
    """Every region with its row of the truth."""
    with open(truth / "cone.csv", newline="") as file:
        cones = list(csv.DictReader(file))
    polygons = [json.loads(line) for line in (truth / "polygon.jsonl").read_text().splitlines()]
    assert (len(cones), len(polygons)) == (200, 50)
    for cone in cones:
        yield f"CIRCLE({cone['ra_deg']}, {cone['dec_deg']}, {cone['radius_deg']})", cone
    for polygon in polygons:
        yield f"POLYGON({', '.join(f'{ra!r}, {dec!r}' for ra, dec in polygon['vertices_deg'])})", polygon


def check(cursor, table, region, truth, rules):
    key = truth["id_column"]
    cursor.execute(f"SELECT {key} FROM {table} WHERE 1 = CONTAINS(POINT(ra, dec), {region})")
    ids = sorted(cursor.fetch_arrow_table()[key].to_pylist())
    digest = hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]
    seen = (len(ids), reduce(xor, ids, 0), digest)
    wanted = (int(truth["n"]), int(truth["id_xor"]), truth["sha256_16"])
    assert seen == wanted, f"{truth['qid']} {truth['kind']} on {table}, {rules}: {seen} instead of {wanted}"


def main():
    folder = shared()
    if folder is None:
        print("skipped: ../shared is not there")
        return
    data, binary = folder / "data", sys.argv[3]
    with tempfile.TemporaryDirectory() as temporary:
        imported = Path(temporary) / "tycho2_07_hats"
        subprocess.run([binary, "import", str(data / "tycho2_07.parquet"), "--output", str(imported)], check=True,
                       capture_output=True)
        server = Server(binary, [data / "hats_real", data / "tycho2_07.parquet", imported])
        asked = 0
        for rules, options in {"all rules": {}, "no rules": {f"{HEADER}rules-off": "all"}}.items():
            options = {f"{HEADER}language": "adql"} | options
            with flight_sql.connect(server.flight, db_kwargs=options) as connection, connection.cursor() as cursor:
                for number, (region, truth) in enumerate(regions(folder / "truth" / "dev")):
                    for table in FORMS[truth["catalog"]]:
                        if rules == "no rules" and table == PLAIN and number % 10 != 1 and not os.environ.get("EVERY_REGION"):
                            continue
                        check(cursor, table, region, truth, rules)
                        asked += 1
        wrong = server.stop()
        assert wrong is None, wrong
        assert asked >= 2 * (125 + 125) + 125 + 25, asked
        print(f"{asked} answers are those of astropy")


if __name__ == "__main__":
    main()
