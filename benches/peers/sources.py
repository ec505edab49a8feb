"""Makes the files that ingest is timed with: a catalog's rows in random order, as CSV and FITS.

    python sources.py CATALOG FOLDER ROWS

Writes sky.csv and sky.fits with at most ROWS rows (a random part of them where there are more). The spatial key is
called healpix29 there, so that a system which computes its own does not find it, and one which cannot may sort by it.
Needs: pip install numpy pyarrow astropy
"""

import glob
import sys

import numpy as np
import pyarrow.csv as csv
import pyarrow.dataset as dataset
from astropy.table import MaskedColumn, Table


def main(catalog, folder, rows):
    files = sorted(glob.glob(f"{catalog}/dataset/Norder=*/**/*.parquet", recursive=True))
    table = dataset.dataset(files, format="parquet", partitioning=None)
    random = np.random.default_rng(1)
    chosen = random.permutation(table.count_rows())[:rows]
    table = table.take(chosen) if len(chosen) < table.count_rows() else table.to_table().take(chosen)
    names = ["healpix29" if name == "_healpix_29" else name for name in table.column_names]
    table = table.rename_columns(names).replace_schema_metadata(None)
    csv.write_csv(table, f"{folder}/sky.csv")
    Table([column(name, table[name]) for name in names]).write(f"{folder}/sky.fits", overwrite=True)
    print(table.num_rows)


def column(name, values):
    """NaN where a float is null, as FITS has it; texts in the width of the longest."""
    kind = str(values.type)
    if kind in ("float", "double"):
        return MaskedColumn(values.to_numpy(), name=name)
    if kind in ("string", "large_string"):
        return MaskedColumn(np.asarray(values.to_pylist(), dtype="S"), name=name)
    return MaskedColumn(values.to_numpy(), name=name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
