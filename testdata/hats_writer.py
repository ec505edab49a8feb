"""Writes an Arrow table as a HATS catalog with the reference library, the same bytes on every run.

Knows the layout (https://hats.readthedocs.io) and nothing of any catalog. The spatial index, the partition borders,
the metadata files and the margin come from the packages `hats` and `hats-import`; the leaf files are written here,
because small pages, field metadata on the index column and a fixed order of rows cannot be asked of `hats-import`.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dask.distributed import Client
from hats.catalog import PartitionInfo, TableProperties
from hats.io import file_io, paths
from hats.io.parquet_metadata import write_parquet_metadata
from hats.io.skymap import write_skymap
from hats.pixel_math import compute_spatial_index
from hats.pixel_math.healpix_pixel import HealpixPixel
from hats.pixel_math.partition_stats import generate_alignment
from hats_import.margin_cache.margin_cache import generate_margin_cache
from hats_import.margin_cache.margin_cache_arguments import MarginCacheArguments

from columns import HEALPIX, schema

ROWS_PER_GROUP = 4096  # small, so that a catalog of this size has something to prune
ROWS_PER_PAGE = 1024
INDEX = HEALPIX[0]


def write_catalog(table, directory, name, *, rows_per_partition, finest_order, suffix=".parquet", properties):
    """Writes `table` (columns `ra`, `dec` in ICRS degrees) as the HATS catalog `directory`."""
    shutil.rmtree(directory, ignore_errors=True)
    table = with_index(table)
    cells = table[INDEX].to_numpy() >> (2 * (29 - finest_order))
    histogram = np.bincount(cells, minlength=12 * 4**finest_order)
    aligned = generate_alignment(histogram, highest_order=finest_order, threshold=rows_per_partition)
    pixels = sorted({HealpixPixel(int(p[0]), int(p[1])) for p in aligned if p is not None and p[2] > 0})
    for pixel in pixels:
        begin, end = (n << (2 * (29 - pixel.order)) for n in (pixel.pixel, pixel.pixel + 1))
        keys = table[INDEX].to_numpy()
        rows = table.slice(np.searchsorted(keys, begin), np.searchsorted(keys, end) - np.searchsorted(keys, begin))
        write_leaf(rows, paths.new_pixel_catalog_file(directory, pixel, npix_suffix=suffix).path)
    partitions = PartitionInfo.from_healpix(pixels)
    partitions.write_to_file(paths.get_partition_info_pointer(directory))
    written = write_parquet_metadata(directory)
    assert written == len(table), (written, len(table))
    file_io.write_fits_image(histogram, paths.get_point_map_file_pointer(directory))
    write_skymap(histogram=histogram, catalog_dir=directory, orders=None)
    TableProperties(
        catalog_name=name, catalog_type="object", total_rows=len(table), ra_column="ra", dec_column="dec",
        hats_col_healpix=INDEX, hats_col_healpix_order=29, hats_npix_suffix=suffix, hats_max_rows=rows_per_partition,
        hats_skymap_order=finest_order, hats_order=partitions.get_highest_order(),
        moc_sky_fraction=f"{partitions.calculate_fractional_coverage():0.5f}", hats_version="v1.0", **properties,
    ).to_properties_file(directory)


def write_margin(catalog, directory, arcsec):
    """Writes the margin cache of `catalog` (same collection) as `directory`."""
    shutil.rmtree(directory, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch, Client(processes=False, n_workers=1, threads_per_worker=1,
                                                          dashboard_address=None) as client:
        generate_margin_cache(MarginCacheArguments(
            input_catalog_path=catalog, output_path=directory.parent, output_artifact_name=directory.name,
            margin_threshold=arcsec, tmp_dir=scratch, progress_bar=False, resume=False), client)
    for leaf in sorted(directory.glob("dataset/Norder=*/**/*.parquet")):
        write_leaf(pq.read_table(leaf, partitioning=None), leaf)
    write_parquet_metadata(directory)
    for name in ("hats.properties", "properties"):  # the tool writes the absolute path of the primary
        text = (directory / name).read_text()
        (directory / name).write_text(text.replace(str(catalog), catalog.name))


def write_leaf(table, path):
    """Writes one partition, sorted by the index: zstd, page index, page checksums.

    Numbers with few distinct values (published with few digits) and texts get a dictionary, other floats are split
    by byte, the index is stored as differences.
    """
    table = table.sort_by(INDEX)
    dictionary = [name for name in table.column_names
                  if name != INDEX and pc.count_distinct(table[name]).as_py() < 0.5 * len(table)]
    encodings = {field.name: "BYTE_STREAM_SPLIT" for field in table.schema
                 if pa.types.is_floating(field.type) and field.name not in dictionary}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table, path, row_group_size=ROWS_PER_GROUP, max_rows_per_page=ROWS_PER_PAGE, write_batch_size=ROWS_PER_PAGE,
        compression="zstd", compression_level=15, use_dictionary=dictionary,
        column_encoding={**encodings, INDEX: "DELTA_BINARY_PACKED"}, write_page_index=True, write_page_checksum=True,
        sorting_columns=pq.SortingColumn.from_ordering(table.schema, [(INDEX, "ascending")]))


def with_index(table):
    """The table with its order-29 index in front, sorted by it."""
    index = pa.array(compute_spatial_index(table["ra"].to_numpy(), table["dec"].to_numpy()).astype("int64"))
    return table.add_column(0, schema([HEALPIX]).field(0), index).sort_by(INDEX)


def make_reproducible(directory):
    """Takes the date of the run out of all properties files: a rebuild then changes nothing."""
    for path in [*directory.rglob("*properties")]:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("hats_creation_date=")]
        path.write_text("\n".join(lines) + "\n")
