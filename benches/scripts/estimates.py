#!/usr/bin/env python3
"""How good is what the server says of a query before it runs?

    estimates.py TAP_URL TABLE [--queries 200] [--seed 1]

Cones, boxes, polygons and scans at random, with and without conditions: the rows that EXPLAIN expects beside those that come, and the time
that the QUOTE of a pending job gives beside the time that the whole answer takes (the shortest of three). Tells how many are within a factor
of two, and lists the others. An answer of few rows counts as right within 10 rows, one of a short time within 50 ms.
"""

import argparse
import datetime
import http.client
import random
import re
import time
import urllib.parse


class Tap:
    def __init__(self, url):
        self.url = urllib.parse.urlparse(url)

    def post(self, path, **fields):
        connection = http.client.HTTPConnection(self.url.netloc, timeout=600)
        connection.request("POST", self.url.path + path, urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "MAXREC": 2**31 - 1, **fields}),
                           {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def rows(self, query):
        status, _, body = self.post("/sync", QUERY=query)
        assert status == 200, (query, body[:500])
        return body.count(b"\n") - 1

    def expected(self, query):
        status, _, body = self.post("/sync", QUERY=f"EXPLAIN {query}")
        assert status == 200, (query, body[:500])
        found = re.search(rb"answer: rows=(\d+)", body)
        return found and int(found[1])

    def quote(self, query):
        status, headers, body = self.post("/async", QUERY=query)
        assert status == 303, body[:500]
        place = urllib.parse.urlparse(headers["Location"]).path
        connection = http.client.HTTPConnection(self.url.netloc, timeout=600)
        connection.request("GET", place)
        answer = connection.getresponse()
        body = answer.read().decode()
        # The time that is left counts from when the document was made.
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        connection.request("DELETE", place)
        connection.getresponse().read()
        found = re.search(r"<uws:quote>([^<]+)Z</uws:quote>", body)
        return found and (datetime.datetime.fromisoformat(found[1]) - now).total_seconds()


def queries(table, chance, count):
    conditions = ["", " AND phot_g_mean_mag < 18", " AND parallax > 1", " AND bp_rp BETWEEN 0.5 AND 1.5"]
    for number in range(count):
        ra, dec = 360 * chance.random(), 140 * chance.random() - 70
        columns = chance.choice(["source_id", "source_id, ra, dec", "*", "ra, dec, phot_g_mean_mag, bp_rp"])
        condition = chance.choice(conditions)
        kind = number % 4
        if kind == 0:
            yield "cone", f"SELECT {columns} FROM {table} WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE({ra}, {dec}, {10 ** chance.uniform(-1.5, 1):.4f})){condition}"
        elif kind == 1:
            width = 10 ** chance.uniform(-1, 1)
            yield "box", f"SELECT {columns} FROM {table} WHERE ra BETWEEN {min(ra, 340):.4f} AND {min(ra, 340) + 2 * width:.4f} AND dec BETWEEN {dec:.4f} AND {dec + width:.4f}{condition}"
        elif kind == 2:
            size = 10 ** chance.uniform(-0.5, 0.8)
            corners = [(ra, dec), (ra + size, dec), (ra + size, dec + size), (ra, dec + size)]
            text = ", ".join(f"{x:.4f}, {y:.4f}" for x, y in corners)
            yield "polygon", f"SELECT {columns} FROM {table} WHERE 1 = CONTAINS(POINT(ra, dec), POLYGON({text})){condition}"
        else:
            limit = chance.uniform(12, 21)
            aggregate = chance.choice([columns, "COUNT(*) AS n", "AVG(bp_rp) AS m, MAX(parallax) AS p"])
            yield "scan", f"SELECT {aggregate} FROM {table} WHERE phot_g_mean_mag < {limit:.2f}{condition}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tap")
    parser.add_argument("table")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tap, judged = Tap(options.tap), {}
    for kind, query in queries(options.table, random.Random(options.seed), options.queries):
        expected, quote = tap.expected(query), tap.quote(query)
        times = []
        for _ in range(3):
            begun = time.monotonic()
            rows = tap.rows(query)
            times.append(time.monotonic() - begun)
        seconds = min(times)
        rows_right = expected is not None and (rows / 2 <= expected <= rows * 2 or abs(expected - rows) <= 10)
        time_right = quote is not None and (seconds / 2 <= quote <= seconds * 2 or abs(quote - seconds) <= 0.05)
        counts = judged.setdefault(kind, [0, 0, 0])
        for place, right in enumerate((True, rows_right, time_right)):
            counts[place] += right
        if not (rows_right and time_right):
            print(f"{kind}: {expected} rows expected, {rows} came; {quote} s quoted, {seconds:.3f} s taken: {query}")
    for kind, (all_of, rows_right, time_right) in judged.items():
        print(f"{kind:<8} {all_of} queries: rows right {rows_right}, time right {time_right}")


main()
