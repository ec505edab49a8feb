"""DuckDB over the catalog's own Parquet files.

Install: pip install duckdb pyarrow astropy cdshealpix
"""

import os

from sky_sql import SqlPeer
from worker import run


class DuckdbParquet(SqlPeer):
    """In process; file footers are kept between queries."""

    tasks = (*SqlPeer.tasks, "ingest")

    def start(self):
        import cdshealpix  # noqa: F401 - for the crossmatch
        import duckdb
        import pyarrow  # noqa: F401 - answers are Arrow tables

        self.duckdb = duckdb
        return f"DuckDB {duckdb.__version__}"

    def configuration(self):
        return {
            "threads": os.cpu_count(),
            "memory_limit": memory(),
            "parquet_metadata_cache": True,
            "preserve_insertion_order": False,
        }

    def load(self, sky):
        self.open(":memory:")
        self.sky = f"read_parquet({sky['files']!r})"
        self.second = f"read_parquet({sky['second_files']!r})"

    def open(self, database):
        config = {"threads": os.cpu_count(), "memory_limit": memory()}
        self.connection = self.duckdb.connect(database, config=config)
        self.connection.execute("SET parquet_metadata_cache = true")
        self.connection.execute("SET preserve_insertion_order = false")

    def client(self):
        other = type(self)()
        other.connection, other.sky = self.connection.cursor(), self.sky
        return other

    def rows(self, sql):
        return self.connection.sql(sql).to_arrow_table()

    def match_table(self, columns):
        import pyarrow as pa

        self.connection.register("cells", pa.table(columns))
        return "cells"

    def ingest(self, source, folder):
        """CSV becomes Parquet in order of the key that the CSV holds."""
        cursor = self.connection.cursor()
        cursor.execute("SET preserve_insertion_order = true")
        cursor.execute(
            f"COPY (SELECT * FROM {source_table(source)} ORDER BY healpix29) TO '{folder}/sky.parquet'"
            " (FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE 131072)"
        )
        cursor.execute("SET preserve_insertion_order = false")

    def ingested(self, folder):
        return self.rows(f"SELECT source_id FROM '{folder}/sky.parquet'")


def memory():
    """Two fifths of the machine's memory: other peers live at the same time."""
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') * 2 // 5 // 10**9}GB"


def source_table(source):
    """A file to read as a table; DuckDB reads no FITS."""
    if source.endswith(".csv"):
        return f"read_csv('{source}')"
    if source.endswith(".parquet"):
        return f"read_parquet('{source}')"
    raise NotImplementedError(f"{os.path.splitext(source)[1]} is not read")


if __name__ == "__main__":
    run(DuckdbParquet(), "pip install duckdb pyarrow astropy cdshealpix")
