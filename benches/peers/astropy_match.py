"""astropy: `match_to_catalog_sky`, and FITS to sorted Parquet.

Install: pip install astropy scipy pyarrow
"""

from worker import Peer, run


class AstropyMatch(Peer):
    """What a notebook does; reading the Parquet files is part of the match."""

    tasks = ("crossmatch", "ingest")

    def start(self):
        import astropy
        import pyarrow  # noqa: F401 - reads the catalog
        import scipy

        return f"astropy {astropy.__version__}, SciPy {scipy.__version__}"

    def load(self, sky):
        self.files, self.second_files = sky["files"], sky["second_files"]

    def crossmatch(self, radius_deg):
        from astropy.coordinates import SkyCoord

        left, right = read(self.second_files, "id"), read(self.files, "source_id")
        second, sky = (SkyCoord(rows["ra"], rows["dec"], unit="deg") for rows in (left, right))
        nearest, separation, _ = second.match_to_catalog_sky(sky)
        near = separation.deg <= radius_deg
        return {
            "id": left["id"][near],
            "source_id": right["source_id"][nearest[near]],
            "separation": separation.deg[near],
        }

    def ingest(self, source, folder):
        """FITS, sorted by the key that it holds, to Parquet."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq
        from astropy.io import fits

        if not source.endswith(".fits"):
            raise NotImplementedError("FITS only")
        with fits.open(source, memmap=True) as units:
            rows = units[1].data
            order = np.argsort(rows["healpix29"])
            columns = {name: native(rows[name])[order] for name in rows.names}
        pq.write_table(pa.table(columns), f"{folder}/sky.parquet", compression="lz4", row_group_size=131072)

    def ingested(self, folder):
        import pyarrow.parquet as pq

        return pq.read_table(f"{folder}/sky.parquet", columns=["source_id"])


def native(values):
    """In the byte order of this machine; texts as such."""
    import numpy as np

    values = np.asarray(values)
    return values if values.dtype.kind == "U" else values.astype(values.dtype.newbyteorder("="))


def read(files, name):
    import pyarrow.dataset as dataset

    table = dataset.dataset(files, format="parquet", partitioning=None).to_table(columns=[name, "ra", "dec"])
    return {column: table[column].to_numpy() for column in table.column_names}


if __name__ == "__main__":
    run(AstropyMatch(), "pip install astropy scipy pyarrow")
