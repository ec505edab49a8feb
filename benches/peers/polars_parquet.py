"""Polars over the catalog's own Parquet files.

Install: pip install polars pyarrow astropy cdshealpix
"""

import math
import os

from sky_sql import ANSWER, MATCH_SHIFT, half_chord_squared, match_cells
from worker import Peer, run


class PolarsParquet(Peer):
    """Lazy frames, the streaming engine."""

    tasks = ("cone", "polygon", "identifier", "scan", "density", "crossmatch", "export", "ingest")

    def start(self):
        import cdshealpix  # noqa: F401 - for the crossmatch
        import polars

        self.polars = polars
        return f"Polars {polars.__version__}"

    def configuration(self):
        return {"engine": "streaming", "threads": self.polars.thread_pool_size()}

    def load(self, sky):
        self.sky = self.polars.scan_parquet(sky["files"])
        self.second = self.polars.scan_parquet(sky["second_files"])

    def rows(self, frame):
        return frame.collect(engine="streaming")

    def candidates(self, probe):
        key, chosen = self.polars.col("_healpix_29"), None
        for begin, end in probe["ranges"]:
            one = (key >= begin) & (key < end)
            chosen = one if chosen is None else chosen | one
        ranges = probe["ranges"]
        return self.sky.filter((key >= ranges[0][0]) & (key < ranges[-1][1]) & chosen)

    def haversine(self, ra, dec):
        col = self.polars.col
        across = ((col("ra") - ra).radians() / 2).sin() ** 2
        cosines = col("dec").radians().cos() * (dec.radians().cos() if hasattr(dec, "radians") else cos_deg(dec))
        return ((col("dec") - dec).radians() / 2).sin() ** 2 + cosines * across

    def cone(self, probe):
        near = self.haversine(probe["ra"], probe["dec"]) <= half_chord_squared(probe["radius_deg"])
        return self.rows(self.candidates(probe).filter(near).select(ANSWER))

    def polygon(self, probe):
        col, frame = self.polars.col, self.candidates(probe)
        ra, dec = col("ra").radians(), col("dec").radians()
        for x, y, z in probe["planes"]:
            frame = frame.filter(x * dec.cos() * ra.cos() + y * dec.cos() * ra.sin() + z * dec.sin() >= 0)
        return self.rows(frame.select(ANSWER))

    def identifier(self, probe):
        return self.rows(self.sky.filter(self.polars.col("source_id") == probe["source_id"]).select(ANSWER))

    def scan(self):
        col, length = self.polars.col, self.polars.len
        magnitude = col("phot_g_mean_mag")
        chosen = self.sky.filter(magnitude.is_between(15, 18), col("bp_rp") > 0.8, col("parallax") > 1)
        return self.rows(
            chosen.select(
                length().alias("n"),
                col("bp_rp").cast(self.polars.Float64).mean().alias("mean"),
                magnitude.min().alias("faint_limit"),
                col("parallax").max().alias("nearest"),
            )
        )

    def density(self, order):
        cell = (self.polars.col("_healpix_29") // (1 << 2 * (29 - order))).alias("cell")
        mean = self.polars.col("phot_g_mean_mag").cast(self.polars.Float64).mean().alias("mean")
        return self.rows(self.sky.group_by(cell).agg(self.polars.len().alias("n"), mean))

    def export(self, columns):
        return self.rows(self.sky.select(columns))

    def crossmatch(self, radius_deg):
        col = self.polars.col
        second = self.rows(self.second.select("id", "ra", "dec"))
        ra, dec = second["ra"].to_numpy(), second["dec"].to_numpy()
        rows, cells = match_cells(ra, dec)
        spread = self.polars.LazyFrame(
            {"id": second["id"].to_numpy()[rows], "second_ra": ra[rows], "second_dec": dec[rows], "cell": cells}
        )
        cell = (col("_healpix_29") // (1 << MATCH_SHIFT)).alias("cell")
        pairs = (
            self.sky.select("source_id", "ra", "dec", cell)
            .join(spread, on="cell")
            .filter((col("dec") - col("second_dec")).abs() <= radius_deg)
            .with_columns(self.haversine(col("second_ra"), col("second_dec")).alias("d"))
            .filter(col("d") <= half_chord_squared(radius_deg))
        )
        best = pairs.group_by("id").agg(col("source_id").sort_by("d").first(), col("d").min())
        separation = (2 * col("d").sqrt().arcsin()).degrees().alias("separation")
        return self.rows(best.select("id", "source_id", separation))

    def ingest(self, source, folder):
        if not source.endswith(".csv"):
            raise NotImplementedError(f"{os.path.splitext(source)[1]} is not read")
        frame = self.polars.scan_csv(source).sort("healpix29")
        frame.sink_parquet(f"{folder}/sky.parquet", compression="lz4", row_group_size=131072)

    def ingested(self, folder):
        return self.polars.read_parquet(f"{folder}/sky.parquet", columns=["source_id"])


def cos_deg(angle):
    return math.cos(math.radians(angle))


if __name__ == "__main__":
    run(PolarsParquet(), "pip install polars pyarrow astropy cdshealpix")
