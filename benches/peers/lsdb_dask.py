"""LSDB with Dask over the HATS catalog; hats-import for ingest.

Install: pip install lsdb hats-import lsst-sphgeom
"""

import glob
import os
import warnings

from worker import Peer, run

ANSWER = ["source_id", "ra", "dec", "phot_g_mean_mag"]
MARGIN_ARCSEC = 5.0


class LsdbDask(Peer):
    """A Dask cluster with one process a core."""

    tasks = ("cone", "polygon", "scan", "density", "crossmatch", "export", "ingest")

    def start(self):
        warnings.simplefilter("ignore")
        import dask
        import hats_import  # noqa: F401 - for ingest
        import lsdb

        self.lsdb = lsdb
        return f"LSDB {lsdb.__version__}, Dask {dask.__version__}"

    def configuration(self):
        return {"workers": os.cpu_count(), "threads_per_worker": 1, "margin_arcsec": MARGIN_ARCSEC}

    def load(self, sky):
        import dask
        from dask.distributed import Client

        dask.config.set({"distributed.worker.memory.pause": False, "distributed.worker.memory.terminate": False})
        self.dask = Client(
            n_workers=os.cpu_count(), threads_per_worker=1, dashboard_address=None, local_directory=sky["folder"]
        )
        self.catalog, self.second = sky["catalog"], sky["second"]
        self.margin = f"{sky['folder']}/margin"
        if not os.path.exists(f"{self.margin}/hats.properties"):
            from hats_import import MarginCacheArguments, pipeline_with_client

            arguments = MarginCacheArguments(
                input_catalog_path=self.catalog, output_path=sky["folder"], output_artifact_name="margin",
                margin_threshold=MARGIN_ARCSEC, progress_bar=False, resume=False,
            )
            pipeline_with_client(arguments, self.dask)
        self.positions = self.open(ANSWER)

    def client(self):
        raise NotImplementedError("Dask has all cores already")

    def open(self, columns, **options):
        return self.lsdb.open_catalog(self.catalog, columns=columns, **options)

    def found(self, search):
        """The rows of a search; it is an error there to search where no partition lies."""
        try:
            return search().compute()
        except ValueError as error:
            if "non-overlapping" in str(error).lower() or "no coverage" in str(error).lower():
                return {name: [] for name in ANSWER}
            raise

    def cone(self, probe):
        return self.found(lambda: self.positions.cone_search(probe["ra"], probe["dec"], probe["radius_deg"] * 3600))

    def polygon(self, probe):
        return self.found(lambda: self.positions.polygon_search([tuple(vertex) for vertex in probe["vertices"]]))

    def scan(self):
        import pandas as pd

        def part(rows, *_):
            magnitude = rows["phot_g_mean_mag"]
            chosen = rows[(magnitude >= 15) & (magnitude <= 18) & (rows["bp_rp"] > 0.8) & (rows["parallax"] > 1)]
            return pd.DataFrame(
                {
                    "n": [len(chosen)],
                    "sum": [float(chosen["bp_rp"].astype("f8").sum())],
                    "faint_limit": [float(chosen["phot_g_mean_mag"].min()) if len(chosen) else float("inf")],
                    "nearest": [float(chosen["parallax"].max()) if len(chosen) else float("-inf")],
                }
            )

        empty = pd.DataFrame({"n": [0], "sum": [0.0], "faint_limit": [0.0], "nearest": [0.0]})
        columns = ["ra", "dec", "phot_g_mean_mag", "bp_rp", "parallax"]
        parts = self.open(columns).map_partitions(part, meta=empty).compute()
        n = int(parts["n"].sum())
        return (
            ["n", "mean", "faint_limit", "nearest"],
            [(n, parts["sum"].sum() / n if n else None, parts["faint_limit"].min(), parts["nearest"].max())],
        )

    def density(self, order):
        import pandas as pd

        shift = 2 * (29 - order)

        def part(rows, *_):
            cells = pd.DataFrame(
                {"cell": rows.index.to_numpy() >> shift, "sum": rows["phot_g_mean_mag"].to_numpy(dtype="f8")}
            )
            return cells.groupby("cell")["sum"].agg(["size", "sum"]).reset_index()

        empty = pd.DataFrame({"cell": pd.Series([0], dtype="i8"), "size": pd.Series([0], dtype="i8"), "sum": [0.0]})
        parts = self.open(["ra", "dec", "phot_g_mean_mag"]).map_partitions(part, meta=empty).compute()
        cells = parts.groupby("cell").sum().reset_index()
        return {
            "cell": cells["cell"].to_numpy(),
            "n": cells["size"].to_numpy(),
            "mean": (cells["sum"] / cells["size"]).to_numpy(),
        }

    def crossmatch(self, radius_deg):
        left = self.lsdb.open_catalog(self.second, columns=["id", "ra", "dec"])
        right = self.open(["source_id", "ra", "dec"], margin_cache=self.margin)
        pairs = left.crossmatch(right, radius_arcsec=radius_deg * 3600, n_neighbors=1, suffixes=("_l", "_r")).compute()
        names = {name.rsplit("_", 1)[0]: name for name in pairs.columns if name.endswith(("_l", "_r"))}
        return {
            "id": pairs[names.get("id", "id")].to_numpy(),
            "source_id": pairs[names.get("source_id", "source_id")].to_numpy(),
            "separation": pairs["_dist_arcsec"].to_numpy() / 3600,
        }

    def export(self, columns):
        return self.open([name for name in columns if name != "_healpix_29"]).compute().reset_index()[columns]

    def ingest(self, source, folder):
        """hats-import; one file is one task of it."""
        from hats_import import ImportArguments, pipeline_with_client

        kind = os.path.splitext(source)[1].lstrip(".")
        arguments = ImportArguments(
            output_path=folder, output_artifact_name="made", input_file_list=[source], file_reader=kind,
            ra_column="ra", dec_column="dec", pixel_threshold=1_000_000, highest_healpix_order=9,
            progress_bar=False, resume=False,
        )
        pipeline_with_client(arguments, self.dask)

    def ingested(self, folder):
        import pyarrow as pa
        import pyarrow.parquet as pq

        files = glob.glob(f"{folder}/made/dataset/Norder*/**/*.parquet", recursive=True)
        return pa.concat_tables([pq.ParquetFile(file).read(columns=["source_id"]) for file in files])

    def close(self):
        if hasattr(self, "dask"):
            self.dask.close()


if __name__ == "__main__":
    run(LsdbDask(), "pip install lsdb hats-import lsst-sphgeom")
