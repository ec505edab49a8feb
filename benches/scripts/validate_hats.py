"""Checks a HATS catalog or collection with the reference tools.

    python validate_hats.py CATALOG|COLLECTION [...]

Needs the PyPI packages hats and lsdb (tested with 0.11). For each catalog: strict validation; the metadata files, the
leaves and the properties must agree; every row of a partition must lie in its cell and rows must ascend by key; keys
must be those of the positions; row-count maps must agree with the rows; lsdb must open it, count it, and return for
random cones exactly the rows that a brute-force distance over all rows gives.

For a collection also: margins must be strictly valid; lsdb must open it, find rows by each of its indexes, and crossmatch the
catalog with itself shifted by less than the margin without losing a partner that a search over all rows finds.
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
from hats.io.validation import is_valid_catalog, is_valid_collection
from scipy.spatial import KDTree

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


def collection_of(root):
    """What a collection's properties say, by key."""
    lines = (root / "collection.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def check_indexes(root, properties):
    """Rows that lsdb finds by the ids of each index."""
    words = properties.get("all_indexes", "").split()
    for column, folder in zip(words[::2], words[1::2]):
        index = pq.read_table(root / folder / "dataset/index/part.0.parquet", columns=[column])[column]
        assert index.to_pylist() == sorted(index.to_pylist()), f"{folder} is not in order"
        random = np.random.default_rng(3)
        wanted = sorted({index[int(i)].as_py() for i in random.integers(len(index), size=5)})
        for value in wanted:
            found = lsdb.open_catalog(root).id_search(values={column: value}).compute()
            expected = sum(1 for other in index.to_pylist() if other == value)
            assert len(found) == expected > 0, f"{column} = {value}: {len(found)} rows, expected {expected}"
        print(f"{root / folder}: {len(index)} ids in order, {len(wanted)} found by lsdb")


def check_margin(root, properties, positions):
    """A crossmatch that needs the margin at the borders."""
    for folder in properties.get("all_margins", "").split():
        assert is_valid_catalog(root / folder, strict=True), f"{folder} is not strictly valid"
        threshold = hats.read_hats(root / folder).catalog_info.margin_threshold
        left = lsdb.open_catalog(root / properties["hats_primary_table_url"])
        right = lsdb.open_catalog(root, margin_cache=folder)
        radius = 0.9 * threshold
        found = left.crossmatch(right, radius_arcsec=radius, n_neighbors=20, suffixes=("_a", "_b")).compute()
        unit = np.stack([np.cos(np.radians(positions[1])) * np.cos(np.radians(positions[0])),
                         np.cos(np.radians(positions[1])) * np.sin(np.radians(positions[0])),
                         np.sin(np.radians(positions[1]))], axis=1)
        tree = KDTree(unit)
        chord = 2 * np.sin(np.radians(radius / 3600) / 2)
        counts = tree.query_ball_point(unit, chord, return_length=True)
        expected = int(np.minimum(counts, 20).sum())
        assert len(found) == expected, f"{folder}: lsdb finds {len(found)} pairs, a search over all rows {expected}"
        print(f"{root / folder}: strictly valid, {len(found)} pairs within {radius} arcsec, none lost")


def main():
    for argument in sys.argv[1:]:
        root = Path(argument)
        collection = None
        if (root / "collection.properties").exists():
            collection, properties = root, collection_of(root)
            assert is_valid_collection(root, strict=True), f"{root} is not strictly valid"
            root = root / properties["hats_primary_table_url"]
        assert is_valid_catalog(root, strict=True), f"{root} is not strictly valid"
        positions = check_files(root)
        rows = check_cones(root, positions)
        print(f"{root}: strictly valid, {positions.shape[1]} rows, {CONES} cones of {rows} rows agree")
        if collection is not None:
            check_indexes(collection, properties)
            check_margin(collection, properties, positions)


if __name__ == "__main__":
    main()
