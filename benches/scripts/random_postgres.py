"""Do random queries have the answers that PostgreSQL with Q3C gives?

    python benches/scripts/random_postgres.py --sidereus target/release/sidereus [--queries 5000] [--seed 1]

Makes queries of conditions, regions, joins, groupings and set operations over the tables of compare_postgres.py, asks both, and
compares names and rows; types are compared there. Needs what that script needs. Prints each query that differs, and counts.
"""

import argparse
import contextlib
import math
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

import postgres_tables
from compare_postgres import compare, postgres, sidereus
from postgres_shapes import Shape
from postgres_tables import FIELD

REALS = ["gmag", "rmag", "imag", "gerr", "rerr", "sharp", "flux", "dflux", "psfsize_r"]
DOUBLES = ["ra", "dec", "pmra", "pmdec", "parallax", "radial_velocity"]
WHOLE = ["fieldid", "depthflag", "ndetr", "extclass", "expnum_g"]


class Queries:
    """Random queries in the language that both understand."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def pick(self, values):
        return values[int(self.rng.integers(0, len(values)))]

    def chance(self, share):
        return self.rng.random() < share

    def position(self):
        return round(FIELD[0] + self.rng.uniform(-4, 2), 6), round(FIELD[1] + self.rng.uniform(-4, 2), 6)

    def region(self, t):
        lon, lat = self.position()
        radius = round(float(10 ** self.rng.uniform(-2, 0.8)), 5)
        kind = self.rng.integers(0, 5)
        if kind == 0:
            return f"q3c_dist({t}ra, {t}dec, {lon}, {lat}) < {radius}"
        if kind == 1:
            corners = []
            start = self.rng.uniform(0, 2 * math.pi)
            for step in range(int(self.rng.integers(3, 6))):
                # Counter-clockwise on the sky: east is to the left.
                angle = start + 2 * math.pi * step / 6
                corners += [round(lon + radius * math.cos(angle) / math.cos(math.radians(lat)), 6), round(lat + radius * math.sin(angle), 6)]
            return f"q3c_poly_query({t}ra, {t}dec, ARRAY{corners})"
        if kind == 2:
            return f"q3c_join({lon}, {lat}, {t}ra, {t}dec, {radius})"
        return f"q3c_radial_query({t}ra, {t}dec, {lon}, {lat}, {radius})"

    def comparison(self, t):
        op = self.pick(["<", "<=", ">", ">=", "=", "<>"])
        real, double, whole = t + self.pick(REALS), t + self.pick(DOUBLES), t + self.pick(WHOLE)
        x, k = round(self.rng.uniform(-2, 25), 2), int(self.rng.integers(0, 9))
        return self.pick([
            f"{real} {op} {x}",
            f"{double} {op} {x}",
            f"{double} {op} '{self.pick(['NaN', 'Infinity', '-Infinity', str(x)])}'",
            f"{real} = 'NaN'",
            f"{whole} {op} {k}",
            f"{whole} BETWEEN {k - 2} AND {k + 2}",
            f"{double} NOT BETWEEN {x - 3} AND {x}",
            f"{self.pick([real, double, whole])} IS {self.pick(['', 'NOT '])}NULL",
            f"{whole} {self.pick(['', 'NOT '])}IN ({k}, {k + 1}, 605623, 170)",
            f"({whole} & {1 << int(self.rng.integers(0, 4))}) <> 0",
            f"{t}ndetr % {k + 1} = {int(self.rng.integers(0, 3))}",
            f"{t}gmag - {t}rmag {op} {round(self.rng.uniform(-2, 3), 2)}",
            f"abs({t}sharp) < {round(self.rng.uniform(0, 1), 2)}",
            f"{t}flux / {t}dflux > {x}" if self.chance(0.3) else f"{t}flux > {x} * {t}dflux",
            f"{t}type {self.pick(['=', '<>', '<', '>='])} '{self.pick(['PSF', 'REX', 'EXP', 'x'])}'",
            f"{t}type LIKE '{self.pick(['%E%', 'P_F', 'D%', '_E_'])}'",
            f"COALESCE({t}expnum_g, {k}) {op} {k}",
            f"CASE WHEN {t}extclass > 0 THEN {double} ELSE {t}dec END {op} {x}",
            f"GREATEST({t}ndetr, {t}fieldid - 165) {op} {k}",
            f"{t}parallax IS DISTINCT FROM {t}pmra",
        ])

    def condition(self, t, depth=2):
        kind = self.rng.random()
        if depth == 0 or kind < 0.3:
            return self.region(t) if self.chance(0.35) else self.comparison(t)
        if kind < 0.4:
            return f"NOT ({self.condition(t, depth - 1)})"
        join = " AND " if kind < 0.75 else " OR "
        return "(" + join.join(self.condition(t, depth - 1) for _ in range(int(self.rng.integers(2, 4)))) + ")"

    def aggregates(self, t):
        real, double, whole = t + self.pick(REALS), t + self.pick(DOUBLES), t + self.pick(WHOLE)
        several = [
            "COUNT(*) AS n", f"COUNT({real}) AS c", f"COUNT(DISTINCT {whole}) AS d", f"MIN({real}) AS lo", f"MAX({double}) AS hi",
            f"AVG({t}ra) AS m", f"SUM({t}ndetr) AS s", f"MIN({t}type) AS first",
            f"STDDEV({t}dec) AS sd", f"AVG({t}gmag - {t}imag) AS colour", f"bool_or({t}ndetr > 4) AS any",
            f"COUNT(*) FILTER (WHERE {self.comparison(t)}) AS some",
        ]
        return list(self.rng.permutation(several)[: int(self.rng.integers(1, 5))])

    def query(self):
        kind = int(self.rng.integers(0, 10))
        where = self.condition("")
        if kind <= 2:
            columns = ", ".join(self.rng.permutation(["id", *REALS, *DOUBLES, *WHOLE, "type", "gmag - rmag AS g_r"])[: int(self.rng.integers(1, 6))])
            if self.chance(0.5):
                return Shape("select", f"SELECT {columns} FROM cat.obj WHERE {where}")
            cut = f"ORDER BY source_id, id LIMIT {int(self.rng.integers(1, 50))} OFFSET {int(self.rng.integers(0, 20))}"
            return Shape("order", f"SELECT {columns} FROM cat.obj WHERE {where} {cut}", ordered=True)
        if kind == 3:
            return Shape("total", f"SELECT {', '.join(self.aggregates(''))} FROM cat.obj WHERE {where}")
        if kind == 4:
            key = self.pick(["type", "fieldid", "extclass", "ring256", "ndetr % 3", "FLOOR(dec)", "gerr > 0.1"])
            having = f" HAVING COUNT(*) > {int(self.rng.integers(0, 40))}" if self.chance(0.4) else ""
            return Shape("group", f"SELECT {key} AS k, {', '.join(self.aggregates(''))} FROM cat.obj WHERE {where} GROUP BY {key}{having}")
        if kind == 5:
            near = f"q3c_join(w.ra, w.dec, o.ra, o.dec, {round(float(10 ** self.rng.uniform(-4, -1.5)), 6)})"
            side = self.pick(["JOIN", "LEFT JOIN"])
            return Shape("near", f"SELECT w.cntr, o.id FROM surv.wise AS w {side} cat.obj AS o ON {near} AND {self.condition('o.', 1)} "
                                 f"WHERE w.w1snr > {int(self.rng.integers(0, 20))}")
        if kind == 6:
            inner = f"SELECT 1 FROM cat.src AS s WHERE s.id = o.id AND s.cmag < {int(self.rng.integers(15, 25))}"
            word = self.pick(["EXISTS", "NOT EXISTS"])
            return Shape("exists", f"SELECT o.id FROM cat.obj AS o WHERE {self.condition('o.', 1)} AND {word} ({inner})")
        if kind == 7:
            word = self.pick(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
            return Shape("set", f"SELECT type, fieldid FROM cat.obj WHERE {where} {word} SELECT type, fieldid FROM cat.obj WHERE {self.condition('')}")
        if kind == 8:
            side = self.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
            return Shape("join", f"SELECT o.id, s.mjd, s.filter FROM (SELECT * FROM cat.obj WHERE {where}) AS o {side} "
                                 f"(SELECT * FROM cat.src WHERE cmag < {int(self.rng.integers(16, 24))}) AS s ON o.id = s.id")
        rank = self.pick(["ROW_NUMBER() OVER (PARTITION BY type ORDER BY source_id, id)", "COUNT(*) OVER (PARTITION BY fieldid)",
                          "SUM(ndetr) OVER (ORDER BY source_id, id)", "LAG(ndetr) OVER (ORDER BY source_id, id)"])
        return Shape("window", f"SELECT id, {rank} AS v FROM cat.obj WHERE {where}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sidereus", required=True, type=Path)
    parser.add_argument("--queries", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    tables = postgres_tables.make(given.rows)
    queries = Queries(given.seed)
    verdicts, rows, empty = Counter(), 0, 0
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sidereus-postgres-")))
        folder.chmod(0o755)
        theirs = stack.enter_context(postgres(folder, tables))
        ours = stack.enter_context(sidereus(folder, given.sidereus.absolute(), tables))
        warnings.simplefilter("ignore")
        for _ in range(given.queries):
            shape = queries.query()
            shape = Shape(shape.number, shape.text.replace("{", "{{").replace("}", "}}"), ordered=shape.ordered, tolerance=1e-9, types="not here")
            what, found = compare(shape, {}, ours, theirs)
            # What PostgreSQL itself refuses (a division by zero) says nothing.
            verdict = "refused by PostgreSQL" if what and what.startswith("PostgreSQL: ") else "differs" if what else "same"
            verdicts[verdict] += 1
            rows += found
            empty += not found
            if verdict == "differs":
                print(f"{shape.number}: {shape.text}\n    {what}", flush=True)
    print(f"{given.queries} queries, {rows} rows, {empty} empty answers: {dict(verdicts)}")
    return 1 if verdicts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
