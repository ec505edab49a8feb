"""Plain DataFusion over the catalog's own Parquet files.

Install: pip install datafusion pyarrow astropy cdshealpix
"""

import os

from sky_sql import SqlPeer
from worker import run


class DatafusionParquet(SqlPeer):
    """In process, with filters evaluated inside the Parquet scan."""

    tasks = (*SqlPeer.tasks, "ingest")
    best_match = "first_value(source_id ORDER BY d)"

    def start(self):
        import cdshealpix  # noqa: F401 - for the crossmatch
        import datafusion

        self.datafusion = datafusion
        return f"DataFusion {datafusion.__version__}"

    def configuration(self):
        return {"target_partitions": os.cpu_count(), "pushdown_filters": True, "reorder_filters": True}

    def load(self, sky):
        config = self.datafusion.SessionConfig().with_target_partitions(os.cpu_count())
        for name in ("pushdown_filters", "reorder_filters"):
            config = config.set(f"datafusion.execution.parquet.{name}", "true")
        self.context = self.datafusion.SessionContext(config)
        self.register("sky", sky["files"])
        self.register("second", sky["second_files"])
        self.sky, self.second = "sky", "second"

    def register(self, name, files):
        """One table of several files, without the files of metadata beside them."""
        folder = os.path.commonpath([os.path.dirname(file) for file in files])
        self.context.register_parquet(name, f"{folder}/" if len(files) > 1 else files[0])

    def rows(self, sql):
        return self.context.sql(sql).to_arrow_table()

    def match_table(self, columns):
        import pyarrow as pa

        if self.context.table_exist("cells"):
            self.context.deregister_table("cells")
        self.context.register_record_batches("cells", [pa.table(columns).to_batches(max_chunksize=65536)])
        return "cells"

    def ingest(self, source, folder):
        if not source.endswith(".csv"):
            raise NotImplementedError(f"{os.path.splitext(source)[1]} is not read")
        if self.context.table_exist("source"):
            self.context.deregister_table("source")
        self.context.register_csv("source", source)
        self.context.sql(
            f"COPY (SELECT * FROM source ORDER BY healpix29) TO '{folder}/sky.parquet' STORED AS PARQUET"
            " OPTIONS ('format.compression' 'lz4', 'format.max_row_group_size' '131072')"
        ).collect()

    def ingested(self, folder):
        import pyarrow.parquet as pq

        return pq.read_table(f"{folder}/sky.parquet", columns=["source_id"])


if __name__ == "__main__":
    run(DatafusionParquet(), "pip install datafusion pyarrow astropy cdshealpix")
