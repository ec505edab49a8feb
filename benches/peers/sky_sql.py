"""How are the tasks written in SQL?

For systems without spherical functions: HEALPix ranges of the region (computed by the harness, handed over with each
probe) select candidates by the sorted key, and the exact test follows. The crossmatch is an equality join on order-14
cells: each row of the second table stands in the up to four cells that a 2" disc around it can touch.
"""

import math

from worker import Peer

ANSWER = ("source_id", "ra", "dec", "phot_g_mean_mag")
KEY = '"_healpix_29"'
SELECTED = "phot_g_mean_mag BETWEEN 15 AND 18 AND bp_rp > 0.8 AND parallax > 1"
SUMMARY = "count(*) AS n, avg(bp_rp) AS mean, min(phot_g_mean_mag) AS faint_limit, max(parallax) AS nearest"
TABLE_COLUMNS = {
    "_healpix_29": "BIGINT", "source_id": "BIGINT", "ra": "DOUBLE", "dec": "DOUBLE", "ra_error": "REAL",
    "dec_error": "REAL", "parallax": "REAL", "pmra": "REAL", "pmdec": "REAL", "phot_g_mean_mag": "REAL",
    "bp_rp": "REAL", "class": "VARCHAR",
}
MATCH_ORDER = 14
MATCH_SHIFT = 2 * (29 - MATCH_ORDER)


def candidates(probe, key=KEY):
    """Rows whose key lies in the ranges of a probe; the outer pair prunes where only AND does."""
    ranges = probe["ranges"]
    text = " OR ".join(f"({key} >= {begin} AND {key} < {end})" for begin, end in ranges)
    if len(ranges) > 1:
        text = f"{key} >= {ranges[0][0]} AND {key} < {ranges[-1][1]} AND ({text})"
    return text


def within_cone(probe):
    """The exact test of a cone: the haversine of the separation."""
    ra, dec, radius = probe["ra"], probe["dec"], probe["radius_deg"]
    limit = math.sin(math.radians(radius) / 2) ** 2
    return (
        f"(dec BETWEEN {dec - radius!r} AND {dec + radius!r}) AND pow(sin(radians(dec - ({dec!r})) / 2), 2)"
        f" + cos(radians(dec)) * {math.cos(math.radians(dec))!r} * pow(sin(radians(ra - ({ra!r})) / 2), 2) <= {limit!r}"
    )


def within_polygon(probe):
    """The exact test of a convex polygon: on the inner side of each edge's plane."""
    return " AND ".join(
        f"({x!r}) * cos(radians(dec)) * cos(radians(ra)) + ({y!r}) * cos(radians(dec)) * sin(radians(ra))"
        f" + ({z!r}) * sin(radians(dec)) >= 0"
        for x, y, z in probe["planes"]
    )


def match_cells(ra, dec):
    """Pairs of row number and order-14 cell: all cells that a 2" disc around each position can touch."""
    import astropy.units as u
    import cdshealpix
    import numpy as np
    from astropy.coordinates import Latitude, Longitude

    cells, _ = cdshealpix.bilinear_interpolation(Longitude(ra, u.deg), Latitude(dec, u.deg), MATCH_ORDER)
    rows = np.repeat(np.arange(len(ra)), 4)
    kept = ~np.ma.getmaskarray(cells).ravel()
    return rows[kept], np.asarray(cells.data).ravel().astype(np.int64)[kept]


def half_chord_squared(radius_deg):
    """What the haversine is compared with."""
    return math.sin(math.radians(radius_deg) / 2) ** 2


class SqlPeer(Peer):
    """A peer that is asked in SQL. It needs `rows(sql)`, `self.sky` and `self.second`, and `match_table` to join."""

    tasks = ("cone", "polygon", "identifier", "scan", "density", "crossmatch", "export")
    best_match = "arg_min(source_id, d)"
    shift_key = KEY + " >> {shift}"

    def rows(self, sql):
        raise NotImplementedError

    def cone(self, probe):
        where = f"{candidates(probe)} AND {within_cone(probe)}"
        return self.rows(f"SELECT {', '.join(ANSWER)} FROM {self.sky} WHERE {where}")

    def polygon(self, probe):
        where = f"{candidates(probe)} AND {within_polygon(probe)}"
        return self.rows(f"SELECT {', '.join(ANSWER)} FROM {self.sky} WHERE {where}")

    def identifier(self, probe):
        return self.rows(f"SELECT {', '.join(ANSWER)} FROM {self.sky} WHERE source_id = {probe['source_id']}")

    def scan(self):
        return self.rows(f"SELECT {SUMMARY} FROM {self.sky} WHERE {SELECTED}")

    def density(self, order):
        cell = self.shift_key.format(shift=2 * (29 - order))
        return self.rows(
            f"SELECT {cell} AS cell, count(*) AS n, avg(phot_g_mean_mag) AS mean FROM {self.sky} GROUP BY {cell}"
        )

    def export(self, columns):
        names = ", ".join(f'"{column}"' for column in columns)
        return self.rows(f"SELECT {names} FROM {self.sky}")

    def cells(self):
        """The second table, a row for each cell: id, ra, dec, cell; as numpy arrays."""
        from digest import columns_of

        table = columns_of(self.rows(f"SELECT id, ra, dec FROM {self.second}"))
        rows, cells = match_cells(table["ra"], table["dec"])
        return {name: table[name][rows] for name in ("id", "ra", "dec")} | {"cell": cells}

    def match_table(self, columns):
        """Makes the cells of the second table queryable; returns what stands after FROM."""
        raise NotImplementedError

    def crossmatch(self, radius_deg):
        cells = self.match_table(self.cells())
        cell = self.shift_key.format(shift=MATCH_SHIFT)
        haversine = (
            "pow(sin(radians(s.dec - c.dec) / 2), 2)"
            " + cos(radians(s.dec)) * cos(radians(c.dec)) * pow(sin(radians(s.ra - c.ra) / 2), 2)"
        )
        return self.rows(
            f"SELECT id, {self.best_match} AS source_id, 2 * degrees(asin(sqrt(min(d)))) AS separation"
            f" FROM (SELECT c.id AS id, s.source_id AS source_id, {haversine} AS d FROM {cells} c"
            f" JOIN (SELECT source_id, ra, dec, {cell} AS cell FROM {self.sky} k) s ON c.cell = s.cell"
            f" WHERE s.dec BETWEEN c.dec - {radius_deg!r} AND c.dec + {radius_deg!r}) p"
            f" WHERE d <= {half_chord_squared(radius_deg)!r} GROUP BY id"
        )
