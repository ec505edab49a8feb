#!/usr/bin/env python3
"""Computes which stars of the bundled catalogs lie in a set of cones and polygons, with numpy and astropy.

    python testdata/truth/compute.py        (packages: testdata/requirements.txt)

Writes `cones.csv`, `polygons.jsonl` and `crossmatch.json` beside itself. Nothing of Sidereus takes part: the files are
the judge of its answers. README.md describes the columns.
"""

import csv
import hashlib
import json
from pathlib import Path

import astropy.units as u
import numpy as np
import pyarrow.dataset as ds
from astropy.coordinates import Angle, SkyCoord, angular_separation, search_around_sky

HERE = Path(__file__).parent
CATALOGS = HERE.parent / "catalogs"
TABLES = {"gaia_dr3_bright": ("gaia_dr3_bright_collection/gaia_dr3_bright", "source_id"), "hipparcos2": ("hipparcos2", "hip")}
NEAREST_DEG = 1e-9  # no star may be nearer to a border than this: any correct formula then gives the same set


def load(table):
    """Ids (int64) and positions (degrees) of a table, read by pyarrow."""
    folder, key = TABLES[table]
    rows = ds.dataset(CATALOGS / folder / "dataset", format="parquet",
                      exclude_invalid_files=False, ignore_prefixes=["_"]).to_table(columns=[key, "ra", "dec"])
    return rows[key].to_numpy().astype("int64"), rows["ra"].to_numpy(), rows["dec"].to_numpy()


def digest(ids):
    """Count and checksums of a set of ids."""
    ids = np.sort(ids)
    text = ",".join(map(str, ids.tolist()))
    return {"n": len(ids), "id_min": int(ids[0]) if len(ids) else "", "id_max": int(ids[-1]) if len(ids) else "",
            "id_xor": int(np.bitwise_xor.reduce(ids)) if len(ids) else 0,
            "sha256_16": hashlib.sha256(text.encode()).hexdigest()[:16]}


# --------------------------------------------------------------------------------------------------------- cones
CONES = [  # kind, ra, dec, radius in degrees
    ("random", 83.822, -5.391, 1.0), ("random", 201.3, -11.16, 2.5), ("random", 310.36, 45.28, 0.5),
    ("random", 56.75, 24.12, 1.5), ("empty", 150.0, 2.2, 0.001),
    ("north pole", 0.0, 90.0, 1.5), ("south pole", 123.4, -90.0, 2.0), ("near pole", 37.95, 89.264, 0.8),
    ("near pole", 250.0, -89.9, 0.3),
    ("ra 0", 0.0, 0.0, 1.0), ("ra 0", 360.0, 30.0, 0.7), ("ra 0", 359.9, -45.0, 0.5), ("ra 0", 0.05, 60.0, 0.2),
    ("base cell corner", 45.0, 41.8103148957786, 0.9), ("base cell corner", 90.0, 0.0, 0.9),
    ("hemisphere", 266.4, -29.0, 90.0), ("large", 192.86, 27.13, 40.0), ("all but a cap", 10.68, 41.27, 179.0),
]


def cones():
    """One row a cone: both tables, and two cones on a star."""
    for table in TABLES:
        ids, ra, dec = load(table)
        brightest = int(np.argmin(ids))
        on_stars = [("on a star", ra[brightest], dec[brightest], 1.0 / 3600), ("on a star", ra[len(ra) // 2], dec[len(ra) // 2], 30.0 / 3600)]
        for kind, ra0, dec0, radius in CONES + on_stars:
            distance = np.degrees(angular_separation(np.radians(ra0), np.radians(dec0), np.radians(ra), np.radians(dec)))
            assert np.min(np.abs(distance - radius)) > NEAREST_DEG, (table, kind)
            yield {"table": table, "kind": kind, "ra": repr(float(ra0)), "dec": repr(float(dec0)), "radius_deg": repr(radius),
                   **digest(ids[distance <= radius])}


# ------------------------------------------------------------------------------------------------------ polygons
POLYGONS = [  # kind, vertices; edges are the shorter great-circle arcs, the inside is the smaller side
    ("convex", [(80.0, -10.0), (90.0, -10.0), (90.0, 0.0), (80.0, 0.0)]),
    ("convex, other winding", [(80.0, 0.0), (90.0, 0.0), (90.0, -10.0), (80.0, -10.0)]),
    ("triangle", [(279.23, 38.78), (297.7, 8.87), (310.36, 45.28)]),
    ("concave", [(200.0, 10.0), (215.0, 25.0), (230.0, 10.0), (215.0, 15.0)]),
    ("star", [(150.0, 68.0), (153.0, 57.0), (140.0, 50.0), (155.0, 48.0), (160.0, 38.0), (165.0, 48.0), (180.0, 50.0), (167.0, 57.0)]),
    ("north pole", [(0.0, 80.0), (90.0, 82.0), (180.0, 80.0), (270.0, 85.0)]),
    ("south pole", [(300.0, -84.0), (200.0, -80.0), (60.0, -82.0)]),
    ("ra 0", [(355.0, -5.0), (5.0, -5.0), (5.0, 5.0), (355.0, 5.0)]),
    ("sliver", [(10.0, 40.0), (40.0, 40.2), (40.0, 40.25)]),
    ("large", [(230.0, -50.0), (310.0, -50.0), (300.0, 20.0), (240.0, 25.0)]),
]


def unit_vectors(ra, dec):
    position = SkyCoord(ra, dec, unit="deg").cartesian
    return np.stack([position.x.value, position.y.value, position.z.value], axis=-1)


def inside_by_winding(vertices, stars):
    """Sum of the changes of direction towards the vertices, seen from each star: a full turn inside, none outside.

    The antipodes of the inside see a full turn as well; every polygon here lies within 90 degrees of its centre.
    """
    corners = SkyCoord(vertices, unit="deg")
    seen = np.stack([stars.position_angle(corner).rad for corner in corners])
    turn = Angle(np.diff(np.vstack([seen, seen[:1]]), axis=0) * u.rad).wrap_at(180 * u.deg).rad.sum(axis=0)
    corners, points = unit_vectors(*np.transpose(vertices)), unit_vectors(stars.ra.deg, stars.dec.deg)
    assert (corners @ corners.sum(axis=0) > 0).all()
    return (np.abs(turn) > np.pi) & (points @ corners.sum(axis=0) > 0)


def inside_by_crossing(vertices, stars):
    """Parity of the edges that the arc from each star to a point far outside crosses."""
    corners = unit_vectors(*np.transpose(vertices))
    points = unit_vectors(stars.ra.deg, stars.dec.deg)
    far = -corners.sum(axis=0) / np.linalg.norm(corners.sum(axis=0))
    far = unit_vectors(*np.degrees([np.arctan2(far[1], far[0]) + 0.01234, np.arcsin(far[2]) * 0.987]))
    parity = np.zeros(len(points), dtype=int)
    path = np.cross(points, far)
    for a, b in zip(corners, np.roll(corners, -1, axis=0)):
        edge = np.cross(a, b)
        meeting = np.cross(path, edge)
        sides = [np.sign(np.einsum("ij,ij->i", np.cross(path, points), meeting)), np.sign(np.einsum("ij,ij->i", np.cross(far, path), meeting)),
                 np.sign(np.einsum("j,ij->i", np.cross(edge, a), meeting)), np.sign(np.einsum("j,ij->i", np.cross(b, edge), meeting))]
        parity += np.abs(np.sum(sides, axis=0)) == 4
    return parity % 2 == 1


def polygons():
    for table in TABLES:
        ids, ra, dec = load(table)
        stars = SkyCoord(ra, dec, unit="deg")
        for kind, vertices in POLYGONS:
            inside = inside_by_winding(vertices, stars)
            assert (inside == inside_by_crossing(vertices, stars)).all(), (table, kind)
            assert inside.mean() < 0.5 and nearest_edge_deg(vertices, stars) > NEAREST_DEG, (table, kind)
            yield {"table": table, "kind": kind, "vertices": vertices, **digest(ids[inside])}


def nearest_edge_deg(vertices, stars):
    """Distance of the nearest star from the great circles of the edges: a lower bound of that from the border."""
    corners, points = unit_vectors(*np.transpose(vertices)), unit_vectors(stars.ra.deg, stars.dec.deg)
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return np.degrees(np.min(np.abs(np.arcsin(points @ normals.T))))


# ---------------------------------------------------------------------------------------------------- crossmatch
def crossmatch():
    """Pairs hipparcos2 x gaia_dr3_bright within some arcsec, on the positions as catalogued (no change of epoch)."""
    (hip, hip_ra, hip_dec), (gaia, gaia_ra, gaia_dec) = load("hipparcos2"), load("gaia_dr3_bright")
    left, right = SkyCoord(hip_ra, hip_dec, unit="deg"), SkyCoord(gaia_ra, gaia_dec, unit="deg")
    for arcsec in (1.0, 5.0):
        i, j, separation, _ = search_around_sky(left, right, arcsec * u.arcsec)
        pairs = sorted(zip(hip[i].tolist(), gaia[j].tolist()))
        text = "".join(f"{a},{b}\n" for a, b in pairs)
        yield {"left": "hipparcos2", "right": "gaia_dr3_bright", "radius_arcsec": arcsec, "pairs": len(pairs),
               "left_rows": len(set(i.tolist())), "sum_separation_arcsec": round(float(separation.arcsec.sum()), 6),
               "sha256_16": hashlib.sha256(text.encode()).hexdigest()[:16]}


def main():
    rows = list(cones())
    with open(HERE / "cones.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (HERE / "polygons.jsonl").write_text("".join(json.dumps(row) + "\n" for row in polygons()))
    (HERE / "crossmatch.json").write_text(json.dumps(list(crossmatch()), indent=1) + "\n")


if __name__ == "__main__":
    main()
