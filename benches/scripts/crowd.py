#!/usr/bin/env python3
"""How does a server answer a crowd while it scans?

    crowd.py TAP_URL TABLE [--clients 50] [--seconds 20] [--scans 2]

Clients ask for cones at random and for metadata, each over a connection of its own, as fast as they are answered; meanwhile other clients scan the whole
table without end. Prints how long answers took (median, 99 %, the worst), how many were refused with 503, and how many ended otherwise.
"""

import argparse
import http.client
import random
import threading
import time
import urllib.parse

HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "crowd/1"}


def post(connection, path, query):
    body = urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": query})
    connection.request("POST", f"{path}/sync", body, HEADERS)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def scan(address, path, table, stop):
    while not stop.is_set():
        try:
            connection = http.client.HTTPConnection(address, timeout=600)
            post(connection, path, f"SELECT COUNT(*) AS n, AVG(ra * dec) AS a FROM {table} WHERE dec + ra > -{random.random()}")
        except OSError:
            return


def visit(address, path, table, stop, times):
    chance = random.Random()
    connection = None
    while not stop.is_set():
        begun = time.monotonic()
        try:
            connection = connection or http.client.HTTPConnection(address, timeout=120)
            if chance.random() < 0.1:
                connection.request("GET", f"{path}/tables?detail=min", headers=HEADERS)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            else:
                ra, dec = 360 * chance.random(), 120 * chance.random() - 60
                status = post(connection, path, f"SELECT ra, dec FROM {table} WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE({ra}, {dec}, 0.0167))")
        except OSError as error:
            status, connection = type(error).__name__, None
        times.append((status, time.monotonic() - begun))
        if status == 503:
            time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tap")
    parser.add_argument("table")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--scans", type=int, default=2)
    options = parser.parse_args()
    url = urllib.parse.urlparse(options.tap)
    stop, times = threading.Event(), []
    threads = [threading.Thread(target=scan, args=(url.netloc, url.path, options.table, stop)) for _ in range(options.scans)]
    threads += [threading.Thread(target=visit, args=(url.netloc, url.path, options.table, stop, times)) for _ in range(options.clients)]
    for thread in threads:
        thread.start()
    time.sleep(options.seconds)
    stop.set()
    for thread in threads[options.scans:]:
        thread.join()
    answered = sorted(seconds for status, seconds in times if status == 200)
    refused = [seconds for status, seconds in times if status == 503]
    others = [status for status, _ in times if status not in (200, 503)]
    at = lambda share: answered[min(len(answered) - 1, int(share * len(answered)))] * 1e3
    print(f"{options.clients} clients, {options.scans} scans, {options.seconds:.0f} s: {len(answered)} answers, "
          f"median {at(0.5):.0f}, 99 % {at(0.99):.0f}, worst {answered[-1] * 1e3:.0f} ms; "
          f"{len(refused)} refused (slowest {max(refused, default=0) * 1e3:.0f} ms); {len(others)} others {sorted(set(map(str, others)))}")


main()
