"""Which tables do the queries of the comparison with PostgreSQL run over?

Synthetic, of a fixed seed, with what catalogs of astronomical archives hold: sentinels (99.99) beside NULL beside NaN
and infinity, 64-bit and text identifiers, negative identifiers, HEALPix columns, flags, padded one-letter filters.
Knows neither server: gives Arrow tables, by schema and name.
"""

import numpy as np
import pyarrow as pa
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

SEED = 20261122
# The field in which nearly all objects lie, so that cones and boxes find some: ra, dec, half width in degrees.
FIELD = (187.3, -2.5, 4.0)


def holed(rng, values, kind, sentinel=None, nan=0.05, null=0.05, infinite=0.0):
    """An array with a share of NaN, of NULL and of a sentinel among its values."""
    values = values.astype(kind)
    if np.issubdtype(values.dtype, np.floating):
        # A NaN has a sign, which means nothing; computed ones often have it.
        values[rng.random(len(values)) < nan / 2] = np.nan
        values[rng.random(len(values)) < nan / 2] = np.copysign(np.nan, -1)
        values[rng.random(len(values)) < 0.01] = 0.0
        values[rng.random(len(values)) < 0.01] = -0.0
        values[rng.random(len(values)) < infinite] = np.inf
        values[rng.random(len(values)) < infinite] = -np.inf
    if sentinel is not None:
        values[rng.random(len(values)) < 0.05] = sentinel
    return pa.array(values, mask=rng.random(len(values)) < null)


def sky(rng, rows):
    """Right ascension and declination: most in the field, some across 0 degrees, some at the poles."""
    ra = FIELD[0] + FIELD[2] * (2 * rng.random(rows) - 1)
    dec = FIELD[1] + FIELD[2] * (2 * rng.random(rows) - 1)
    edge = rows // 10
    ra[:edge] = (rng.random(edge) - 0.5) % 360
    dec[:edge] = rng.random(edge) - 0.5
    ra[edge : edge + edge // 2] = 360 * rng.random(edge // 2)
    dec[edge : edge + edge // 2] = 90 - 0.5 * rng.random(edge // 2)
    return ra, dec


def positions(ra, dec):
    """Columns that an archive derives of positions."""
    places = SkyCoord(ra * u.deg, dec * u.deg, frame="icrs")
    galactic, ecliptic = places.galactic, places.barycentricmeanecliptic
    ring = HEALPix(nside=256, order="ring").lonlat_to_healpix(ra * u.deg, dec * u.deg)
    nest = HEALPix(nside=4096, order="nested").lonlat_to_healpix(ra * u.deg, dec * u.deg)
    return {
        "ra": ra,
        "dec": dec,
        "glon": galactic.l.deg,
        "glat": galactic.b.deg,
        "elon": ecliptic.lon.deg,
        "elat": ecliptic.lat.deg,
        "ring256": ring.astype(np.int32),
        "nest4096": nest.astype(np.int32),
    }


def objects(rng, rows):
    ra, dec = sky(rng, rows)
    magnitude = lambda mean: holed(rng, rng.normal(mean, 2.5, rows), np.float32, sentinel=99.99)
    error = lambda: holed(rng, rng.exponential(0.15, rows), np.float32, sentinel=9.99)
    kinds = np.array(["PSF", "REX", "EXP", "DEV", "COMP"])
    return {
        "id": [f"{field}.{number}" for number, field in enumerate(rng.integers(160, 180, rows))],
        "fieldid": rng.integers(160, 180, rows).astype(np.int32),
        **positions(ra, dec),
        "random_id": (100 * rng.random(rows)).astype(np.float32),
        "gmag": magnitude(20), "rmag": magnitude(19), "imag": magnitude(18.5),
        "gerr": error(), "rerr": error(),
        "pmra": holed(rng, rng.normal(0, 5, rows), np.float64),
        "pmdec": holed(rng, rng.normal(0, 5, rows), np.float64),
        "parallax": holed(rng, rng.normal(0.5, 1, rows), np.float64),
        "radial_velocity": holed(rng, rng.normal(0, 60, rows), np.float64, nan=0.7, infinite=0.02),
        "sharp": holed(rng, rng.normal(0, 0.6, rows), np.float32),
        "depthflag": rng.integers(0, 4, rows).astype(np.int16),
        "ndetr": rng.integers(0, 9, rows).astype(np.int32),
        "extclass": rng.integers(-1, 3, rows).astype(np.int16),
        "expnum_g": pa.array(rng.integers(605_600, 605_700, rows).astype(np.int32), mask=rng.random(rows) < 0.1),
        "flux": holed(rng, rng.normal(10, 8, rows), np.float32),
        "dflux": holed(rng, rng.exponential(2, rows), np.float32),
        "psfsize_r": holed(rng, rng.normal(1.2, 0.2, rows), np.float32),
        "type": kinds[rng.integers(0, 5, rows)],
        "source_id": rng.integers(2**60, 2**62, rows),
    }


def epochs(rng, rows, of):
    chosen = rng.integers(0, len(of["id"]), rows)
    jitter = lambda: rng.normal(0, 2e-5, rows)
    return {
        "id": [of["id"][index] for index in chosen],
        "ra": of["ra"][chosen] + jitter(),
        "dec": of["dec"][chosen] + jitter(),
        "mjd": 56000 + 2000 * rng.random(rows),
        "cmag": holed(rng, rng.normal(20, 2, rows), np.float32, sentinel=99.99),
        "cerr": holed(rng, rng.exponential(0.1, rows), np.float32),
        "filter": np.array(["u", "g", "r", "i", "z"])[rng.integers(0, 5, rows)],
    }


def spectra(rng, rows, of):
    chosen = rng.permutation(len(of["id"]))[:rows]
    return {
        "specobjid": rng.integers(-(2**62), 2**62, rows),
        "bestobjid": rng.integers(0, 4 * rows, rows),
        "plate": rng.integers(2950, 2960, rows).astype(np.int32),
        "mjd": rng.integers(53000, 53400, rows).astype(np.int32),
        "joinid": np.arange(rows, dtype=np.int64) // 2,
        "ra": of["ra"][chosen],
        "dec": of["dec"][chosen],
        "z": holed(rng, rng.exponential(0.1, rows), np.float32),
        "class_noqso": np.array(["GALAXY", "STAR", ""])[rng.integers(0, 3, rows)],
        "zwarning_noqso": rng.integers(0, 3, rows).astype(np.int16),
        "boss_target1": rng.integers(0, 2**40, rows),
        "resolvestatus": rng.integers(0, 1024, rows).astype(np.int32),
    }


def lines(rng, of):
    rows = len(of["joinid"])
    return {
        "joinid": of["joinid"],
        "mjd": of["mjd"],
        "oiii_flux": holed(rng, rng.normal(5, 5, rows), np.float64),
        "oiii_flux_err": holed(rng, rng.exponential(1, rows), np.float64),
    }


def plates(rng, of):
    known = np.unique(of["bestobjid"])[::2]
    return {"objid": known, "platex": holed(rng, rng.normal(0, 100, len(known)), np.float64)}


def wise(rng, rows, of):
    """Objects seen again nearby; also which object each of them is."""
    chosen = rng.permutation(len(of["id"]))[:rows]
    ra, dec = (of[name][chosen] + rng.normal(0, 1e-4, rows) for name in ("ra", "dec"))
    ra, dec = ra % 360, np.clip(dec, -90, 90)
    return chosen, {
        "cntr": np.arange(10**15, 10**15 + rows),
        "ra": ra,
        "dec": dec,
        "glat": SkyCoord(ra * u.deg, dec * u.deg).galactic.b.deg,
        "random_id": (100 * rng.random(rows)).astype(np.float32),
        "w1mpro": holed(rng, rng.normal(15, 2, rows), np.float32),
        "w1snr": holed(rng, rng.exponential(8, rows), np.float32),
        "w2snr": holed(rng, rng.exponential(6, rows), np.float32),
    }


def matches(of, others, chosen):
    """A published cross-match: pairs of identifiers and positions, with their distance in arcseconds."""
    left = SkyCoord(of["ra"][chosen] * u.deg, of["dec"][chosen] * u.deg)
    separation = left.separation(SkyCoord(others["ra"] * u.deg, others["dec"] * u.deg))
    return {
        "id1": [of["id"][row] for row in chosen],
        "ra1": of["ra"][chosen],
        "dec1": of["dec"][chosen],
        "id2": others["cntr"],
        "ra2": others["ra"],
        "dec2": others["dec"],
        "distance": separation.arcsec,
    }


def mine(rng, rows, of):
    chosen = rng.permutation(len(of["id"]))[:rows]
    return {
        "name": [f"target {number}" for number in range(rows)],
        "ra": of["ra"][chosen] + rng.normal(0, 1e-4, rows),
        "dec": of["dec"][chosen] + rng.normal(0, 1e-4, rows),
        "source_id": of["source_id"][chosen],
    }


def make(rows):
    """All tables, by (schema, name); the largest has that many rows."""
    rng = np.random.default_rng(SEED)
    obj = objects(rng, rows)
    spec = spectra(rng, rows // 5, obj)
    chosen, allwise = wise(rng, rows // 2, obj)
    columns = {
        ("cat", "obj"): obj,
        ("cat", "src"): epochs(rng, rows * 2, obj),
        ("cat", "x1p5__obj__surv__wise"): matches(obj, allwise, chosen),
        ("surv", "spec"): spec,
        ("surv", "lines"): lines(rng, spec),
        ("surv", "plates"): plates(rng, spec),
        ("surv", "wise"): allwise,
        ("personal", "mine"): mine(rng, 60, obj),
        ("personal", "other"): mine(rng, 20, obj),
    }
    return {name: pa.table(table) for name, table in columns.items()}
