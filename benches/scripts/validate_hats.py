"""Checks a HATS catalog with the reference tools.

    python validate_hats.py CATALOG [CATALOG ...]

Needs the PyPI packages hats and lsdb (tested with 0.11). For each catalog: strict validation; the metadata files, the
leaves and the properties must agree; every row of a partition must lie in its cell and rows must ascend by key; keys
must be those of the positions; row-count maps must agree with the rows; lsdb must open it, count it, and return for
random cones exactly the rows that a brute-force distance over all rows gives.
"""

import sys
from pathlib import Path

import cdshealpix
import hats
import lsdb
import numpy as np
import pyarrow.parquet as pq
from astropy.coordinates import Angle, Latitude, Longitude, angular_separation
from astropy.io import fits
import astropy.units as u
from hats.io.validation import is_valid_catalog

CONES = 12


def read_map(path):
    """Row counts by cell from a map in either numbering."""
    with fits.open(path) as units:
        header, table = units[1].header, units[1].data
        counts = np.zeros(12 * header["NSIDE"] ** 2, dtype=np.int64)
        if header["INDXSCHM"] == "EXPLICIT":
            counts[table["PIXEL"]] = table["VALUE"]
        else:
            counts[:] = table.field(0)
        return int(np.log2(header["NSIDE"])), counts


def check_files(root):
    """What can be seen without the reference tools; returns all positions."""
    catalog = hats.read_hats(root)
    properties = catalog.catalog_info
    dataset = root / "dataset"
    assert (root / "hats.properties").read_bytes() == (root / "properties").read_bytes()
    schema = pq.read_schema(dataset / "_common_metadata")
    every = pq.read_metadata(dataset / "_metadata")
    assert pq.read_schema(dataset / "_metadata").equals(schema, check_metadata=True)
    assert every.num_rows == properties.total_rows
    paths = [every.row_group(i).column(0).file_path for i in range(every.num_row_groups)]
    order, counts = read_map(root / "skymap.fits")
    assert (root / "skymap.fits").read_bytes() == (root / "point_map.fits").read_bytes()
    found = np.zeros_like(counts)
    positions = []
    for pixel in catalog.get_healpix_pixels():
        directory = pixel.pixel // 10000 * 10000
        relative = f"Norder={pixel.order}/Dir={directory}/Npix={pixel.pixel}.parquet"
        leaf = pq.ParquetFile(dataset / relative, page_checksum_verification=True)
        assert leaf.schema_arrow.equals(schema, check_metadata=True), relative
        assert paths.count(relative) == leaf.metadata.num_row_groups, relative
        rows = leaf.read(columns=["_healpix_29", properties.ra_column, properties.dec_column])
        key, ra, dec = (column.to_numpy() for column in rows.columns)
        assert (np.diff(key) >= 0).all(), f"{relative} is not sorted"
        shift = 2 * (29 - pixel.order)
        assert ((key >> shift) == pixel.pixel).all(), f"{relative} holds rows of other cells"
        expected = cdshealpix.lonlat_to_healpix(Longitude(ra, u.deg), Latitude(dec, u.deg), 29).astype(np.int64)
        differ = np.flatnonzero(expected != key)
        assert len(differ) == 0, f"{relative}: {len(differ)} keys differ, first at {ra[differ[:1]]}, {dec[differ[:1]]}"
        found += np.bincount(key >> (2 * (29 - order)), minlength=len(counts))
        positions.append(np.stack([ra, dec]))
    assert (found == counts).all(), "skymap and rows disagree"
    return np.concatenate(positions, axis=1)


def check_cones(root, positions):
    """Cone searches of lsdb against distances to all rows."""
    catalog = lsdb.open_catalog(root)
    assert len(catalog) == positions.shape[1]
    random = np.random.default_rng(7)
    total = 0
    for number in range(CONES):
        ra0, dec0 = positions[:, random.integers(positions.shape[1])]
        radius = 10.0 ** random.uniform(1.5, 4.0)
        found = catalog.cone_search(ra0, dec0, radius).compute()
        separation = angular_separation(*(Angle(x, u.deg) for x in (ra0, dec0, positions[0], positions[1])))
        expected = int((separation.to_value(u.arcsec) <= radius).sum())
        assert len(found) == expected, f"cone {number}: lsdb finds {len(found)}, brute force {expected}"
        total += expected
    return total


def main():
    for argument in sys.argv[1:]:
        root = Path(argument)
        assert is_valid_catalog(root, strict=True), f"{root} is not strictly valid"
        positions = check_files(root)
        rows = check_cones(root, positions)
        print(f"{root}: strictly valid, {positions.shape[1]} rows, {CONES} cones of {rows} rows agree")


if __name__ == "__main__":
    main()
