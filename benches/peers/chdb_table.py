"""ClickHouse in process (chDB), a MergeTree table ordered by key.

Install: pip install chdb pyarrow astropy cdshealpix
"""

import os

from sky_sql import SqlPeer
from worker import run

TYPES = {
    "_healpix_29": "Int64", "source_id": "Int64", "ra": "Float64", "dec": "Float64", "ra_error": "Float32",
    "dec_error": "Float32", "parallax": "Nullable(Float32)", "pmra": "Nullable(Float32)",
    "pmdec": "Nullable(Float32)", "phot_g_mean_mag": "Float32", "bp_rp": "Nullable(Float32)", "class": "String",
}


class ChdbTable(SqlPeer):
    """One session; its folder is kept. Sessions do not run queries side by side, so there is one client."""

    tasks = (*SqlPeer.tasks, "ingest")
    best_match = "argMin(source_id, d)"
    shift_key = 'bitShiftRight("_healpix_29", {shift})'

    def start(self):
        import cdshealpix  # noqa: F401 - for the crossmatch
        import chdb
        import pyarrow

        self.chdb, self.arrow = chdb, pyarrow
        return f"chDB {chdb.__version__} (ClickHouse {chdb.engine_version})"

    def configuration(self):
        return {"max_threads": os.cpu_count(), "index_granularity": 1024}

    def load(self, sky):
        from chdb import session

        self.folder = sky["folder"]
        self.session = session.Session(f"{self.folder}/store")
        self.session.query(f"SET max_threads = {os.cpu_count()}")
        self.session.query("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic")
        made = self.rows("SELECT count() AS n FROM system.tables WHERE database = 'bench' AND name = 'second'")
        if made["n"][0].as_py() == 0:
            self.make("bench.sky", TYPES, sky["files"])
            second = {"id": "Int64", "ra": "Float64", "dec": "Float64"}
            self.make("bench.second", second, sky["second_files"])
        self.sky, self.second = "bench.sky", "bench.second"

    def make(self, table, types, files):
        """A table of some Parquet files. Arrow rewrites them first: not every release reads each encoding."""
        import pyarrow.dataset as dataset
        import pyarrow.parquet as pq

        self.create(table, types, "_healpix_29" if "_healpix_29" in types else "id")
        names = list(types)
        for number, file in enumerate(files):
            path = f"{self.folder}/load_{number}.parquet"
            rows = dataset.dataset(file, format="parquet", partitioning=None).to_table(columns=names)
            pq.write_table(rows, path, compression="zstd")
            quoted = ", ".join(f'"{name}"' for name in names)
            self.session.query(f"INSERT INTO {table} SELECT {quoted} FROM file('{path}')")
            os.remove(path)
        self.session.query(f"OPTIMIZE TABLE {table} FINAL")

    def create(self, table, types, order):
        columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        self.session.query(f"DROP TABLE IF EXISTS {table} SYNC")
        self.session.query(
            f'CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY "{order}" SETTINGS index_granularity = 1024'
        )

    def rows(self, sql):
        settings = " SETTINGS output_format_arrow_compression_method = 'none'"
        data = self.session.query(sql + settings, "ArrowStream").bytes()
        if not data:
            return {}
        return self.arrow.ipc.open_stream(self.arrow.py_buffer(data)).read_all()

    def client(self):
        raise NotImplementedError("one query at a time")

    def match_table(self, columns):
        import pyarrow.parquet as pq

        path = f"{self.folder}/cells.parquet"
        pq.write_table(self.arrow.table(columns), path, compression="none", use_dictionary=False)
        return f"file('{path}')"

    def ingest(self, source, folder):
        if not source.endswith(".csv"):
            raise NotImplementedError(f"{os.path.splitext(source)[1]} is not read")
        types = {name: kind for name, kind in TYPES.items() if name != "_healpix_29"} | {"healpix29": "Int64"}
        self.create("bench.made", types, "healpix29")
        names = ", ".join(f'"{name}"' for name in types)
        self.session.query(f"INSERT INTO bench.made ({names}) SELECT {names} FROM file('{source}')")
        self.session.query("OPTIMIZE TABLE bench.made FINAL")

    def ingested(self, folder):
        rows = self.rows("SELECT source_id FROM bench.made")
        self.session.query("DROP TABLE bench.made SYNC")
        return rows


if __name__ == "__main__":
    run(ChdbTable(), "pip install chdb pyarrow astropy cdshealpix")
