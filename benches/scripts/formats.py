#!/usr/bin/env python3
"""How fast does a whole result leave in each format, and what does it cost the server?

    formats.py TAP_URL TABLE COLUMNS [--pid PID] [--rows N] [--formats csv,fits] [--gzip] [--keep DIR] [--psql CONNINFO]

Asks for COLUMNS of every row of TABLE over /sync, once to warm up and `--repeat` times timed; the bytes are counted and thrown away (or kept in
`--keep`), so that no client's parser is measured. Prints seconds to the last byte (the shortest), megabytes, megabytes a second, seconds to the first
byte, and with `--pid` the server's processor seconds and the peak of its resident memory while the answer left. `--psql` asks the same of PostgreSQL's
COPY in text, CSV and binary, by psql.
"""

import argparse
import http.client
import os
import subprocess
import time
import urllib.parse
from pathlib import Path

FORMATS = ["parquet", "arrow", "votable/b2", "votable/b", "votable/td", "fits", "csv", "tsv", "json"]
PIECE = 1 << 20


class Process:
    """What Linux tells of a process."""

    def __init__(self, pid):
        self.folder = Path(f"/proc/{pid}") if pid else None

    def reset_peak(self):
        if self.folder:
            (self.folder / "clear_refs").write_text("5")

    def peak_mb(self):
        lines = (self.folder / "status").read_text().splitlines() if self.folder else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), float("nan"))

    def cpu(self):
        if not self.folder:
            return float("nan")
        fields = (self.folder / "stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def download(url, form, query, packed, path):
    connection = http.client.HTTPConnection(url.netloc, timeout=3600)
    headers = {"Content-Type": "application/x-www-form-urlencoded", **({"Accept-Encoding": "gzip"} if packed else {})}
    body = urllib.parse.urlencode({"LANG": "ADQL", "RESPONSEFORMAT": form, "QUERY": query, "MAXREC": 2**31 - 1})
    begun = time.monotonic()
    connection.request("POST", f"{url.path}/sync", body, headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"{form}: {answer.status} {answer.read(2000).decode()}")
    if answer.headers.get("X-Overflow") == "true":
        raise SystemExit(f"{form}: the answer was cut; raise the server's row limit")
    piece, size, first = bytearray(PIECE), 0, None
    with open(path or os.devnull, "wb") as file:
        while read := answer.readinto(piece):
            first = first or time.monotonic() - begun
            size += read
            file.write(memoryview(piece)[:read])
    return time.monotonic() - begun, first, size


def copy(connection, query, form):
    begun = time.monotonic()
    process = subprocess.Popen(["psql", "-X", "-q", connection, "-c", f"COPY ({query}) TO STDOUT ({form})"], stdout=subprocess.PIPE, bufsize=0)
    size, piece = 0, bytearray(PIECE)
    while read := process.stdout.readinto(piece):
        size += read
    assert process.wait() == 0
    return time.monotonic() - begun, size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tap")
    parser.add_argument("table")
    parser.add_argument("columns")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--rows", type=int, help="only so many (TOP)")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--gzip", action="store_true", help="let the server pack, as pyvo does")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--psql")
    options = parser.parse_args()
    top = f"TOP {options.rows} " if options.rows else ""
    query = f"SELECT {top}{options.columns} FROM {options.table}"
    url, process = urllib.parse.urlparse(options.tap), Process(options.pid)
    print(f"{'format':<14}{'s':>8}{'first s':>9}{'MB':>9}{'MB/s':>8}{'cpu s':>8}{'peak MB':>9}")
    for form in filter(None, options.formats.split(",")):
        path = options.keep and options.keep / ("rows." + form.replace("/", "-"))
        best, peak = None, 0.0
        for _ in range(options.repeat):
            process.reset_peak()
            cpu = process.cpu()
            seconds, first, size = download(url, form, query, options.gzip, path)
            peak = max(peak, process.peak_mb())
            found = (seconds, first, size, process.cpu() - cpu)
            best = min(best or found, found)
        seconds, first, size, cpu = best
        print(f"{form:<14}{seconds:>8.2f}{first:>9.2f}{size / 1e6:>9.0f}{size / 1e6 / seconds:>8.0f}{cpu:>8.2f}{peak:>9.0f}", flush=True)
    if options.psql:
        limit = f" LIMIT {options.rows}" if options.rows else ""
        for form in ("FORMAT text", "FORMAT csv", "FORMAT binary"):
            found = [copy(options.psql, f"SELECT {options.columns} FROM {options.table}{limit}", form) for _ in range(options.repeat)]
            seconds, size = min(found)
            print(f"COPY {form[7:]:<9}{seconds:>8.2f}{'':>9}{size / 1e6:>9.0f}{size / 1e6 / seconds:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
