"""STILTS, the crossmatch of TOPCAT.

Install: apt install stilts; pip install astropy pyarrow
"""

import os
import re
import shutil
import subprocess

from worker import Peer, run


class Stilts(Peer):
    """`tskymatch2` on FITS tables that the load step makes; reading and writing them is part of the match."""

    tasks = ("crossmatch",)

    def start(self):
        import astropy  # noqa: F401 - makes and reads the FITS tables
        import pyarrow  # noqa: F401 - reads the catalog

        self.program = shutil.which("stilts")
        if not self.program:
            raise FileNotFoundError("the program stilts")
        text = subprocess.run([self.program, "-version"], capture_output=True, text=True).stdout
        version = re.search(r"[Vv]ersion:?\s+(\S+)", text)
        return f"STILTS {version[1] if version else 'of unknown version'}"

    def configuration(self):
        return {"heap": "8g"}

    def load(self, sky):
        self.folder = sky["folder"]
        self.sky = self.fits("sky", sky["files"], ["source_id", "ra", "dec"])
        self.second = self.fits("second", sky["second_files"], ["id", "ra", "dec"])

    def fits(self, name, files, columns):
        import pyarrow.dataset as dataset
        from astropy.table import Table

        path = f"{self.folder}/{name}.fits"
        if not os.path.exists(path):
            rows = dataset.dataset(files, format="parquet", partitioning=None).to_table(columns=columns)
            Table({column: rows[column].to_numpy() for column in columns}).write(path)
        return path

    def crossmatch(self, radius_deg):
        from astropy.io import fits

        result = f"{self.folder}/pairs.fits"
        command = [
            self.program, "-Xmx8g", "tskymatch2", f"in1={self.second}", f"in2={self.sky}", "ra1=ra", "dec1=dec",
            "ra2=ra", "dec2=dec", f"error={radius_deg * 3600!r}", "find=best1", "join=1and2", f"out={result}",
            "ofmt=fits",
        ]
        ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if ended.returncode:
            raise RuntimeError(ended.stderr[-300:])
        with fits.open(result) as units:
            rows = units[1].data
            pairs = {
                "id": rows["id"].astype("i8"),
                "source_id": rows["source_id"].astype("i8"),
                "separation": rows["Separation"].astype("f8") / 3600,
            }
        os.remove(result)
        return pairs


if __name__ == "__main__":
    run(Stilts(), "apt install stilts; pip install astropy pyarrow")
