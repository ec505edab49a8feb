#!/usr/bin/env python3
"""How long does an uploaded table take until it is joined with a catalog, and what does it cost the server?

    uploads.py TAP_URL TABLE FOLDER [--rows 20,10000000] [--formats csv,fits] [--pid PID]

Fetches that many rows of four columns of TABLE in each format into FOLDER (once), then sends each file back with three queries: its rows are counted, joined
with the catalog by identifier, and joined with it by place within 1". Prints the median seconds from the first byte sent to the last of the answer and,
with `--pid`, the peak of the server's resident memory. Checks that every row was found.
"""

import argparse
import http.client
import statistics
import time
import urllib.parse
from pathlib import Path

from formats import Process, download

FORMATS = ["parquet", "arrow", "fits", "votable/b2", "votable/b", "votable/td", "csv"]
BOUNDARY = "rows-from-here-on"
QUERIES = {
    "count": "SELECT COUNT(*) AS n FROM TAP_UPLOAD.mine",
    "id": "SELECT COUNT(*) AS n FROM TAP_UPLOAD.mine AS u JOIN {table} AS c ON u.source_id = c.source_id",
    "place": "SELECT COUNT(DISTINCT u.source_id) AS n FROM TAP_UPLOAD.mine AS u JOIN {table} AS c ON DISTANCE(u.ra, u.dec, c.ra, c.dec) < 1 / 3600.0",
}


def send(connection, path, file, query):
    fields = {"LANG": "ADQL", "FORMAT": "csv", "UPLOAD": "mine,param:mine", "QUERY": query}
    head = "".join(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    head += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="mine"; filename="mine"\r\n\r\n'
    head, tail = head.encode(), f"\r\n--{BOUNDARY}--\r\n".encode()
    begun = time.monotonic()
    connection.putrequest("POST", f"{path}/sync")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(head) + file.stat().st_size + len(tail)))
    connection.endheaders()
    connection.send(head)
    with file.open("rb") as rows:
        while piece := rows.read(1 << 20):
            connection.send(piece)
    connection.send(tail)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        raise SystemExit(f"{file.name}: {answer.status} {text[:2000]}")
    return time.monotonic() - begun, int(text.split()[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tap")
    parser.add_argument("table")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", default="20,10000000")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--queries", default=",".join(QUERIES))
    parser.add_argument("--pid", type=int)
    options = parser.parse_args()
    url, process = urllib.parse.urlparse(options.tap), Process(options.pid)
    options.folder.mkdir(exist_ok=True)
    print(f"{'format':<12}{'rows':>10}{'query':>8}{'s':>10}{'MB/s':>8}{'peak MB':>9}")
    for rows in map(int, options.rows.split(",")):
        for form in options.formats.split(","):
            file = options.folder / f"{form.replace('/', '-')}.{rows}"
            if not file.exists():
                download(url, form, f"SELECT TOP {rows} source_id, ra, dec, phot_g_mean_mag FROM {options.table}", False, file)
            for name in options.queries.split(","):
                connection, times = http.client.HTTPConnection(url.netloc, timeout=3600), []
                process.reset_peak()
                for _ in range(21 if rows < 10_000 else 1):
                    seconds, found = send(connection, url.path, file, QUERIES[name].format(table=options.table))
                    times.append(seconds)
                    assert found == rows, (form, name, found)
                seconds = statistics.median(times)
                print(f"{form:<12}{rows:>10}{name:>8}{seconds:>10.4f}{file.stat().st_size / 1e6 / seconds:>8.0f}{process.peak_mb():>9.0f}", flush=True)


if __name__ == "__main__":
    main()
