"""DuckDB with a table of its own, sorted by key.

Install: pip install duckdb pyarrow astropy cdshealpix
"""

from duckdb_parquet import DuckdbParquet, source_table
from worker import run


class DuckdbTable(DuckdbParquet):
    """The native format, with an index on the identifiers."""

    def load(self, sky):
        self.open(f"{sky['folder']}/sky.duckdb")
        names = self.rows("SELECT table_name FROM duckdb_tables()")["table_name"].to_pylist()
        if "second" not in names:
            self.connection.execute("SET preserve_insertion_order = true")
            self.connection.execute(f"CREATE OR REPLACE TABLE sky AS SELECT * FROM read_parquet({sky['files']!r})")
            self.connection.execute("CREATE INDEX by_id ON sky (source_id)")
            second = f"read_parquet({sky['second_files']!r})"
            self.connection.execute(f"CREATE TABLE second AS SELECT * FROM {second}")
            self.connection.execute("CHECKPOINT")
            self.connection.execute("SET preserve_insertion_order = false")
        self.sky, self.second = "sky", "second"

    def ingest(self, source, folder):
        cursor = self.connection.cursor()
        cursor.execute(f"ATTACH '{folder}/sky.duckdb' AS made")
        cursor.execute("SET preserve_insertion_order = true")
        cursor.execute(f"CREATE TABLE made.sky AS SELECT * FROM {source_table(source)} ORDER BY healpix29")
        cursor.execute("CHECKPOINT made")
        cursor.execute("SET preserve_insertion_order = false")

    def ingested(self, folder):
        rows = self.rows("SELECT source_id FROM made.sky")
        self.connection.execute("DETACH made")
        return rows


if __name__ == "__main__":
    run(DuckdbTable(), "pip install duckdb pyarrow astropy cdshealpix")
