#!/usr/bin/env python3
"""Does the server live through queries that are made to stop it?

    python benches/scripts/adversarial.py BINARY CATALOG [--memory-mib 6144] [--seconds 20] [--only NAME ...]

Starts the server on a catalog (a large one: `sidereus-benches make-sky --rows 1e8`) with limits of memory and time, asks 40
queries one after the other, and meanwhile a cone of 1 arcminute over and over. Prints how each ended (rows, or the named limit),
the largest resident memory, and the 99th percentile of the cone. Fails if the process ended, an answer was neither rows nor a
client error or time-out, the memory rose more than 15 % above 8 GiB, or the cone's 99th percentile reached 1 s.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

GIB = 1 << 30
LIMIT = 8 * GIB


def queries(t):
    """Name and text (label SQL) of every query over table `t`."""
    rng = random.Random(7)
    cones = lambda n: " OR ".join(
        f"1=CONTAINS(POINT(ra,dec),CIRCLE({rng.uniform(0, 360):.6f},{rng.uniform(-90, 90):.6f},0.01))" for _ in range(n))
    ctes = lambda n: ", ".join([f"c0 AS (SELECT source_id FROM {t})"] + [
        f"c{i} AS (SELECT a.source_id FROM c{i-1} a JOIN c{i-1} b ON a.source_id = b.source_id)" for i in range(1, n)])
    return [
        ("cross join", f"SELECT COUNT(*) FROM {t} a, {t} b WHERE a.parallax * b.parallax < -1e30"),
        ("cross join of all columns", f"SELECT * FROM {t} a CROSS JOIN {t} b"),
        ("triple cross join", f"SELECT MAX(a.ra + b.ra + c.ra) FROM {t} a, {t} b, {t} c"),
        ("group by every row", f"SELECT source_id, COUNT(*) AS n FROM {t} GROUP BY source_id ORDER BY n DESC LIMIT 5"),
        ("group by pairs", f"SELECT ra, dec, AVG(parallax) AS p FROM {t} GROUP BY ra, dec ORDER BY p DESC LIMIT 5"),
        ("distinct everything", f"SELECT COUNT(*) FROM (SELECT DISTINCT * FROM {t}) AS d"),
        ("count distinct", f"SELECT COUNT(DISTINCT ra), COUNT(DISTINCT dec), COUNT(DISTINCT parallax) FROM {t}"),
        ("sort everything", f"SELECT * FROM {t} ORDER BY parallax OFFSET 90000000 LIMIT 10"),
        ("sort at random", f"SELECT * FROM {t} ORDER BY random() LIMIT 10"),
        ("window over everything", f"SELECT MAX(r) FROM (SELECT ROW_NUMBER() OVER (ORDER BY parallax) AS r FROM {t}) AS w"),
        ("window by row", f"SELECT MAX(s) FROM (SELECT SUM(ra) OVER (PARTITION BY source_id) AS s FROM {t}) AS w"),
        ("median", f"SELECT MEDIAN(ra), MEDIAN(dec), MEDIAN(parallax) FROM {t}"),
        ("self join on equal keys", f"SELECT COUNT(*) FROM {t} a JOIN {t} b ON a.source_id = b.source_id"),
        ("self join on a class", f"SELECT COUNT(*) FROM {t} a JOIN {t} b ON a.class = b.class"),
        ("full join", f"SELECT COUNT(*) FROM {t} a FULL JOIN {t} b ON a.source_id = b.source_id + 1"),
        ("crossmatch with itself", f"SELECT COUNT(*) FROM {t} a JOIN {t} b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 1"),
        ("crossmatch of the whole sky", f"SELECT COUNT(*) FROM {t} a, {t} b WHERE DISTANCE(a.ra, a.dec, b.ra, b.dec) < 170"),
        ("nearest without a radius", f"SELECT a.source_id, n.source_id FROM {t} a JOIN LATERAL (SELECT b.source_id FROM {t} b "
                                     f"ORDER BY DISTANCE(a.ra, a.dec, b.ra, b.dec) LIMIT 3) AS n ON true"),
        ("a million nearest", f"SELECT COUNT(*) FROM {t} a JOIN LATERAL (SELECT b.source_id FROM {t} b WHERE b.ra < 10 "
                              f"ORDER BY b.dec LIMIT 1000000) AS n ON true"),
        ("9 doubled CTEs", f"WITH {ctes(9)} SELECT COUNT(*) FROM c8"),
        ("16 doubled CTEs", f"WITH {ctes(16)} SELECT COUNT(*) FROM c15"),
        ("union of 200", " UNION ALL ".join([f"SELECT COUNT(*) FROM {t}"] * 200)),
        ("union of 5,000", " UNION ALL ".join(["SELECT 1"] * 5000)),
        ("5,000 conditions", f"SELECT COUNT(*) FROM {t} WHERE " + " OR ".join(f"ra = {i} AND dec = {i}" for i in range(5000))),
        ("3,000 cones", f"SELECT COUNT(*) FROM {t} WHERE {cones(3000)}"),
        ("100,000 identifiers", f"SELECT COUNT(*) FROM {t} WHERE source_id IN ({','.join(map(str, range(100_000)))})"),
        ("10,000 additions", f"SELECT {'+'.join(['1'] * 10_000)}"),
        ("1,000 parentheses", f"SELECT {'(' * 1000}1{')' * 1000}"),
        ("1,000 NOTs", f"SELECT COUNT(*) FROM {t} WHERE {'NOT ' * 1000} ra > 1"),
        ("60 nested sub-queries", "SELECT * FROM " + "(SELECT * FROM " * 60 + t + "".join(f") AS s{i}" for i in range(60))),
        ("a pathological expression", f"SELECT COUNT(*) FROM {t} WHERE REGEXP_LIKE(CAST(source_id AS VARCHAR), '(a*)*(a*)*(a*)*b')"),
        ("a huge repetition in a pattern", f"SELECT COUNT(*) FROM {t} WHERE REGEXP_LIKE(CAST(source_id AS VARCHAR), '((1{{900}}){{900}}){{900}}')"),
        ("LIKE with many wildcards", f"SELECT COUNT(*) FROM {t} WHERE CAST(source_id AS VARCHAR) LIKE '{'%1' * 400}'"),
        ("texts put together", f"SELECT MAX(CONCAT({', '.join(['CAST(ra AS VARCHAR)'] * 300)})) FROM {t}"),
        ("REPLACE that grows", "SELECT LENGTH(" + "REPLACE(" * 12 + "'aaaaaaaaaa'" + ", 'a', 'aaaaaaaaaa')" * 12 + ")"),
        ("repeat", "SELECT LENGTH(REPEAT('x', 1500000000))"),
        ("range", "SELECT RANGE(0, 400000000)"),
        ("array of everything", f"SELECT ARRAY_AGG(source_id) FROM {t}"),
        ("one text of everything", f"SELECT IVO_STRING_AGG(CAST(source_id AS VARCHAR), ',') FROM {t}"),
        ("integer overflow", f"SELECT SUM(source_id * 1000000) FROM {t}"),
    ]


def ask(tap, text, timeout):
    """Status, first line of the answer, and the rows of CSV that came."""
    body = urllib.parse.urlencode({"LANG": "SQL", "FORMAT": "csv", "QUERY": text}).encode()
    try:
        with urllib.request.urlopen(f"{tap}/sync", body, timeout) as answer:
            rows = 0
            while chunk := answer.read(1 << 20):
                rows += chunk.count(b"\n")
            return answer.status, "", rows - 1
    except urllib.error.HTTPError as error:
        page = error.read().decode(errors="replace")
        start = page.find('value="ERROR"')
        return error.code, page[page.find(">", start) + 1:].splitlines()[0][:90], 0
    except (OSError, ValueError) as error:
        return 0, f"{type(error).__name__}: {error}", 0


def resident(pid, which="VmHWM"):
    """Bytes of resident memory, by default the largest so far; 0 for a process that ended."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{which}:")[1].split()[0]) * 1024 if which in status else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("catalog")
    parser.add_argument("--memory-mib", type=int, default=6144)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--only", nargs="*", help="names of the queries to ask")
    options = parser.parse_args()
    limits = {"SIDEREUS_ENGINE_MEMORY_MIB": str(options.memory_mib), "SIDEREUS_LIMITS_QUERY_SECONDS": str(options.seconds),
              "SIDEREUS_LIMITS_DEFAULT_ROWS": "1000000", "SIDEREUS_LOG_FILTER": "error"}
    server = subprocess.Popen([options.binary, "serve", "--catalogs", options.catalog, "--flight", "127.0.0.1:0",
                               "--http", "127.0.0.1:0"], env=os.environ | limits, stdout=subprocess.PIPE, text=True)
    tap = next(line[len("http: "):].strip() for line in server.stdout if line.startswith("http: "))
    threading.Thread(target=server.stdout.read, daemon=True).start()
    table = Path(options.catalog).resolve().name
    cone = f"SELECT source_id FROM {table} WHERE q3c_radial_query(ra, dec, {{:.4f}}, {{:.4f}}, 0.016)"
    times, failures, over = [], [], threading.Event()

    def cones():
        rng = random.Random(3)
        while not over.is_set():
            begun = time.monotonic()
            status, message, _ = ask(tap, cone.format(rng.uniform(0, 360), rng.uniform(-80, 80)), 60)
            times.append(time.monotonic() - begun)
            if status != 200:
                failures.append(f"a cone ended with {status} {message}")
            time.sleep(0.02)

    def guard():
        """Ends a server that is past its limit for certain, before the system ends something else."""
        while server.poll() is None:
            time.sleep(0.05)
            if resident(server.pid, "VmRSS") > 1.5 * LIMIT:
                failures.append("the memory rose beyond 12 GiB: the server was ended")
                server.kill()

    watcher = threading.Thread(target=cones)
    watcher.start()
    threading.Thread(target=guard, daemon=True).start()
    asked = [query for query in queries(table) if not options.only or query[0] in options.only]
    for name, text in asked:
        begun = time.monotonic()
        status, message, rows = ask(tap, text, 20 * options.seconds)
        ended = f"{rows} rows" if status == 200 else f"{status} {message}"
        print(f"{name:32} {time.monotonic() - begun:7.2f} s {resident(server.pid) / GIB:6.2f} GiB  {ended}", flush=True)
        if status not in (200, 400, 403, 408, 413):
            failures.append(f"{name}: {ended}")
        if server.poll() is not None:
            print(f"{name} ended the server with {server.returncode}; {failures}", flush=True)
            os._exit(1)
    over.set()
    watcher.join()
    most, slowest = resident(server.pid), sorted(times)[int(0.99 * len(times))]
    server.send_signal(signal.SIGTERM)
    code = server.wait(60)
    summary = {"queries": len(asked), "peak_gib": round(most / GIB, 2), "cones": len(times), "cone_p99_s": round(slowest, 3),
               "exit_code": code, "failures": failures}
    print(json.dumps(summary, indent=1))
    sys.exit(0 if not failures and code == 0 and most < 1.15 * LIMIT and slowest < 1 else 1)


if __name__ == "__main__":
    main()
