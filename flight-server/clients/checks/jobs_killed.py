"""Is a job ever lost, or a result ever damaged, when the server is killed?

    python jobs_killed.py FLIGHT_URI TAP_URL BINARY [KILLS [SEED]]

Clients make, run and delete jobs, some with tables of their own, and write down what the server told them. Meanwhile the server is killed
again and again: two times in three by `kill -9` at any moment, else by itself at one of the places where something has been done in part
(builds with debug assertions have them). In the end every job that was told to be there is complete with the very result that it would have
had, every job that was told to be gone is gone, and no file is left that belongs to no job. 12 kills are part of the tests; a campaign is
`jobs_killed.py - - target/debug/sidereus 500`.
"""

import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

BINARY = str(Path(sys.argv[3]).resolve())
KILLS = int(sys.argv[4]) if len(sys.argv) > 4 else 12
SEED = int(sys.argv[5]) if len(sys.argv) > 5 else 1
CATALOGS = Path(__file__).resolve().parents[3] / "testdata" / "catalogs"
PLACES = ["object-write", "upload-written", "upload-published", "job-inserted", "job-queued", "result-written", "result-published",
          "job-completed", "job-deleted"]
TABLE = "hip,mark\n" + "".join(f"{hip},m{hip}\n" for hip in range(1, 2000))
# query: whether a table comes along
QUERIES = {
    "SELECT COUNT(*) AS n FROM openngc": False,
    "SELECT hip, ra, dec, plx FROM hipparcos2 WHERE hip < 40000 ORDER BY hip": False,
    "SELECT h.hip, u.mark FROM TAP_UPLOAD.mine AS u JOIN hipparcos2 AS h ON h.hip = u.hip ORDER BY h.hip": True,
}


class Server:
    def __init__(self, state, place=None):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIDEREUS_")}
        environment |= {"SIDEREUS_LOG_FILTER": "error", "SIDEREUS_JOBS_RUNNING_EACH": "4", "SIDEREUS_ADMISSION_QUERIES_PER_USER": "8"}
        if place:
            environment["SIDEREUS_FAILPOINT"] = place
        self.process = subprocess.Popen([BINARY, "serve", "--state", str(state), "--catalogs", str(CATALOGS), "--flight", "127.0.0.1:0",
                                         "--http", "127.0.0.1:0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        address = next((line for line in self.process.stdout if line.startswith("http: ")), None)
        assert address, self.process.stderr.read()
        self.tap = address.split()[1]
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def kill(self):
        self.process.kill()
        self.process.wait()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


def ask(url, fields=None, table=None, method=None):
    """Status, headers and body; an error of the connection is an OSError."""
    headers, body = {}, None
    if fields is not None:
        parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields)
        if table:
            parts += f'--b\r\nContent-Disposition: form-data; name="part"; filename="t.csv"\r\n\r\n{table}\r\n'
        headers, body = {"Content-Type": "multipart/form-data; boundary=b"}, (parts + "--b--\r\n").encode()
    try:
        with OPENER.open(urllib.request.Request(url, body, headers, method=method), timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def make_job(tap, query):
    fields = [("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", query), ("PHASE", "RUN")]
    table = TABLE if QUERIES[query] else None
    if table:
        fields.append(("UPLOAD", "mine,param:part"))
    status, headers, body = ask(f"{tap}/async", fields, table)
    assert status == 303, (status, body)
    return headers["Location"].rsplit("/", 1)[1]


def client(tap, chance, log, stop):
    """Works until the server is gone; what is in the log was told by the server, but for deletions that were asked for and not answered."""
    mine = []
    while not stop.is_set():
        try:
            if mine and chance.random() < 0.2:
                gone = mine.pop(chance.randrange(len(mine)))
                log["doubtful"].add(gone)
                if ask(f"{tap}/async/{gone}", method="DELETE")[0] == 303:
                    log["deleted"].add(gone)
            else:
                query = chance.choice(list(QUERIES))
                job = make_job(tap, query)
                log["made"][job] = query
                mine.append(job)
            time.sleep(chance.random() * 0.1)
        except OSError:
            return


def phase_of(tap, job):
    status, _, body = ask(f"{tap}/async/{job}/phase")
    return body.decode() if status == 200 else None


def main():
    chance = random.Random(SEED)
    log = {"made": {}, "deleted": set(), "doubtful": set()}
    with tempfile.TemporaryDirectory() as state:
        server, expected = Server(state), {}
        for query in QUERIES:
            job = make_job(server.tap, query)
            log["made"][job] = query
            ask(f"{server.tap}/async/{job}?WAIT=60")
            while phase_of(server.tap, job) in ("QUEUED", "EXECUTING"):
                time.sleep(0.05)
            expected[query] = hashlib.sha256(ask(f"{server.tap}/async/{job}/results/result")[2]).hexdigest()
        server.kill()
        inside = 0
        for kill in range(KILLS):
            place = f"{chance.choice(PLACES)}:{chance.randint(1, 4)}" if kill % 3 == 2 else None
            server, stop = Server(state, place), threading.Event()
            threads = [threading.Thread(target=client, args=(server.tap, random.Random(chance.random()), log, stop)) for _ in range(3)]
            for thread in threads:
                thread.start()
            try:
                server.process.wait(chance.random() * 2 if place is None else 5)
                inside += 1
            except subprocess.TimeoutExpired:
                server.kill()
            stop.set()
            for thread in threads:
                thread.join()
        server = Server(state)
        kept = {job: query for job, query in log["made"].items() if job not in log["doubtful"]}
        counts = {}
        for job, query in kept.items():
            deadline = time.monotonic() + 120
            while (phase := phase_of(server.tap, job)) in ("QUEUED", "EXECUTING") and time.monotonic() < deadline:
                time.sleep(0.02)
            counts[phase] = counts.get(phase, 0) + 1
            told = ask(f"{server.tap}/async/{job}")[2].decode()
            if phase == "ERROR":
                assert re.search(r"the server stopped 3 times", told), told
                continue
            assert phase == "COMPLETED", f"{job} is {phase}: {told}"
            body = ask(f"{server.tap}/async/{job}/results/result")[2]
            assert hashlib.sha256(body).hexdigest() == expected[query], f"{job}: another result"
        for job in log["deleted"]:
            assert phase_of(server.tap, job) is None, f"{job} is there again"
        listed = set(re.findall(r'jobref id="([0-9a-f]{32})"', ask(f"{server.tap}/async")[2].decode()))
        server.kill()
        for folder in ("results", "uploads", "spool"):
            stray = {name for name in os.listdir(Path(state) / folder) if name.split(".")[0] not in listed}
            assert not stray, f"{folder} holds files of no job: {sorted(stray)[:5]}"
        assert len(kept) > KILLS, f"only {len(kept)} jobs were made"
        print(f"{KILLS} kills, {inside} of them inside a step: {len(log['made'])} jobs made, {len(log['deleted'])} deleted, {counts}")


main()
