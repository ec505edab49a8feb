"""What happens when there is no room left on the disk, wherever the server writes?

    python disk_full.py FLIGHT_URI TAP_URL BINARY [ROUNDS [SEED]]

The state folder, the folder of temporary files and the target of an import lie on a small disk of their own (a tmpfs: root only), which
ballast fills but for some KiB. Each round does one thing that writes, with a floor of free disk that is none, small, or the default;
some end with a restart while the disk is full, by `kill -9` or SIGTERM. What cannot be written is told as lack of room and not as a mistake
of the client, what is told as done is whole, and everything can still be read. With room again all goes on, without a restart: what
was told to be there is there as it was, no job hangs, no file is left. Everything that is wrong is told at the end, by round.
10 rounds, one for each site, are part of the tests; a campaign is `disk_full.py - - target/release/sidereus 300 7`.
"""

import collections
import hashlib
import http.client
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

BINARY = str(Path(sys.argv[3]).resolve())
ROUNDS = int(sys.argv[4]) if len(sys.argv) > 4 else 10
SEED = int(sys.argv[5]) if len(sys.argv) > 5 else 13324
CATALOGS = Path(__file__).resolve().parents[3] / "testdata" / "catalogs"
DISK_MIB, START_SECONDS, PATIENCE = 64, 60, 15
NO_ROOM = re.compile(rb"no space left|disk is (nearly )?full", re.IGNORECASE)
ENDED = ("COMPLETED", "ERROR", "ABORTED")
FLOORS = {"none": "0", "1 MiB": "1", "the default": None}

COUNT = "SELECT COUNT(*) AS n FROM openngc"
STARS = "SELECT hip, ra, dec, plx FROM hipparcos2 WHERE hip < 40000 ORDER BY hip"
# Long enough for the disk to be full before it ends; writes nothing but that it has ended.
SLOW = "SELECT COUNT(*) AS n FROM hipparcos2 AS a CROSS JOIN (SELECT dec FROM hipparcos2 WHERE hip < 400) AS b WHERE a.ra + b.dec > 90"
MINE = "SELECT hip, mark FROM TAP_UPLOAD.mine ORDER BY hip"
# More than the memory of sorts holds: 9 MB and 5 MB go to the disk.
PAIRS = "hipparcos2 AS a CROSS JOIN (SELECT hip AS n FROM hipparcos2 WHERE hip < 6) AS b"
SORT = f"SELECT SUM(x) AS s FROM (SELECT a.hip * ROW_NUMBER() OVER (ORDER BY a.ra, b.n) AS x FROM {PAIRS}) AS q"
GROUPS = f"SELECT COUNT(DISTINCT x) AS n FROM (SELECT a.hip * 100 + b.n AS x FROM {PAIRS}) AS q"


def table(rows):
    return "hip,mark\n" + "".join(f"{hip},{hashlib.md5(str(hip).encode()).hexdigest()}\n" for hip in range(1, rows + 1))


# name: language, format, query, table that comes along
WORK = {
    "count": ("ADQL", "csv", COUNT, None),
    "stars": ("ADQL", "csv", STARS, None),
    "stars as FITS": ("ADQL", "fits", STARS, None),
    "slow count": ("ADQL", "csv", SLOW, None),
    "small table": ("ADQL", "csv", MINE, table(500)),
    "large table": ("ADQL", "csv", MINE, table(30_000)),
    "sort": ("SQL", "csv", SORT, None),
    "groups": ("SQL", "csv", GROUPS, None),
}

# What writes: the work of a round, and with what. Each has its turn.
SITES = [
    ("sync", ["small table", "large table"]),
    ("sync", ["stars as FITS"]),
    ("sync", ["sort", "groups"]),
    ("job", ["count", "stars", "stars as FITS", "sort"]),
    ("job", ["small table", "large table"]),
    ("overtaken_job", ["slow count"]),
    ("overtaken_job", ["stars", "large table", "sort"]),
    ("many_jobs", ["count", "stars"]),
    ("delete", ["one"]),
    ("import_table", ["sky"]),
]


class NoStart(Exception):
    """What a server said that did not start."""


class Server:
    def __init__(self, disk, floor):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIDEREUS_")}
        environment |= {"SIDEREUS_LOG_FILTER": "error", "SIDEREUS_ENGINE_THREADS": "2", "SIDEREUS_ENGINE_MEMORY_MIB": "24",
                        "TMPDIR": str(disk / "tmp")}
        if FLOORS[floor] is not None:
            environment["SIDEREUS_JOBS_FREE_MIB"] = FLOORS[floor]
        self.process = subprocess.Popen([BINARY, "serve", "--state", str(disk / "state"), "--catalogs", str(CATALOGS), "--flight",
                                         "127.0.0.1:0", "--http", "127.0.0.1:0"], env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.told = []
        reader = threading.Thread(target=lambda: self.told.extend(self.process.stderr), daemon=True)
        reader.start()
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.start()
        address = next((line for line in self.process.stdout if line.startswith("http: ")), None)
        timer.cancel()
        if address is None:
            self.process.wait()
            reader.join()
            raise NoStart("".join(self.told))
        self.tap = address.split()[1]
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def end(self, how):
        """Its exit code; None where it had to be killed."""
        self.process.send_signal(how)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


def ask(url, fields=None, part=None, method=None):
    """Status, headers and body; the status is None where the answer broke off."""
    headers, body = {}, None
    if fields is not None:
        parts = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields)
        if part:
            parts += f'--b\r\nContent-Disposition: form-data; name="part"; filename="t.csv"\r\n\r\n{part}\r\n'
        headers, body = {"Content-Type": "multipart/form-data; boundary=b"}, (parts + "--b--\r\n").encode()
    try:
        with OPENER.open(urllib.request.Request(url, body, headers, method=method), timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
    except (OSError, http.client.HTTPException) as error:
        return None, {}, repr(error).encode()


def fields_of(name):
    language, form, query, part = WORK[name]
    return [("LANG", language), ("FORMAT", form), ("QUERY", query)] + ([("UPLOAD", "mine,param:part")] if part else []), part


def digest(body):
    return hashlib.sha256(body).hexdigest()


class Campaign:
    """The disk, what was told to be on it, and what was wrong so far."""

    def __init__(self, disk, scratch):
        self.disk, self.state, self.ballast = disk, disk / "state", disk / "ballast"
        self.source, self.target = scratch / "sky.csv", disk / "sky"
        (disk / "tmp").mkdir()
        rows = (f"{row},{row * 0.0089:.4f},{row * 0.0022 - 44:.4f},{'x' * 40}{row}\n" for row in range(40_000))
        self.source.write_text("id,ra,dec,name\n" + "".join(rows))
        # What was wrong: in which rounds, and how it was told first.
        self.server, self.round, self.wrong, self.expected = None, "before the first", {}, {}
        # Jobs that were told to be there: what they run. Those of before are complete in every round.
        self.jobs, self.before = {}, {}
        self.counts = collections.Counter()

    def expect(self, is_so, what, detail=b""):
        if not is_so:
            detail = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
            found = re.search(r'value="ERROR">(.*?)</INFO>', detail, re.DOTALL)
            shown = " ".join((found.group(1) if found else detail).split())[-300:]
            rounds, _ = self.wrong.setdefault(what, ([], shown))
            if self.round not in rounds:
                rounds.append(self.round)
        return is_so

    # The disk.

    def fill(self, kib):
        while True:
            found = os.statvfs(self.disk)
            room = found.f_bavail * found.f_frsize - kib * 1024
            try:
                with open(self.ballast, "wb") as file:
                    if room > 0:
                        os.posix_fallocate(file.fileno(), 0, room)
                    return
            except OSError:
                # The server has taken some of it meanwhile.
                self.empty()

    def empty(self):
        self.ballast.unlink(missing_ok=True)

    # What is done while it is full.

    def judge(self, name, answer):
        """A direct answer is whole, or says that there is no room."""
        status, _, body = answer
        if status == 200:
            self.expect(digest(body) == self.expected[name], f"{name}: an answer with status 200 is another", f"{len(body)} bytes")
            self.counts["whole answers"] += 1
        elif self.is_refused(name, status, body):
            self.counts["refused"] += 1

    def is_refused(self, name, status, body):
        return (self.expect(NO_ROOM.search(body), f"{name}: status {status} does not name the lack of room", body)
                and self.expect(status in (503, 507), f"{name}: lack of room has status {status}", body))

    def sync(self, name):
        self.judge(name, ask(f"{self.server.tap}/sync", *fields_of(name)))

    def make(self, name, note=""):
        """A job that is asked to run: its id, or None."""
        fields, part = fields_of(name)
        status, headers, body = ask(f"{self.server.tap}/async", fields + [("NOTE", note), ("PHASE", "RUN")], part)
        if status == 303:
            job = headers["Location"].rsplit("/", 1)[1]
            self.jobs[job] = name
            return job
        self.is_refused(f"new job with {name}", status, body)
        self.counts["refused"] += 1
        return None

    def job(self, name):
        self.make(name, "n" * self.chance.choice([0, 5_000, 300_000]))

    def overtaken_job(self, name):
        """One that was made with room, and runs when there is none."""
        left = self.kib
        self.empty()
        self.make(name)
        self.fill(left)

    def many_jobs(self, name):
        for _ in range(6):
            self.make(name, "n" * self.chance.choice([0, 20_000]))

    def delete(self, _):
        """A job of before; where that cannot be done, it stays."""
        job = self.chance.choice(list(self.before))
        status, _, body = ask(f"{self.server.tap}/async/{job}", method="DELETE")
        if status == 303:
            del self.before[job]
        else:
            self.is_refused("deletion of a job", status, body)
            self.counts["refused"] += 1

    def import_table(self, _):
        done = self.import_once()
        if done.returncode == 0:
            self.verify_import()
        else:
            self.counts["refused"] += 1
            self.expect(NO_ROOM.search(done.stderr.encode()), "import: does not name the lack of room", done.stderr)
            self.expect("panicked" not in done.stderr, "import: panicked", done.stderr)
            self.expect(not self.target.exists(), "import: a part of a catalog is at its place")

    def import_once(self):
        command = [BINARY, "import", str(self.source), "--memory", "2M", "--rows-per-partition", "4000", "--to", str(self.target)]
        return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TMPDIR": str(self.disk / "tmp")})

    def verify_import(self):
        done = subprocess.run([BINARY, "catalog", "verify", str(self.target)], capture_output=True, text=True)
        self.expect(done.returncode == 0, "import: the catalog is not whole", done.stdout + done.stderr)

    # What must always be so.

    def reads(self, when):
        query = urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": COUNT})
        status, _, body = ask(f"{self.server.tap}/sync?{query}")
        self.expect(status == 200 and digest(body) == self.expected["count"], f"{when}: a plain query, status {status}", body)
        status, _, body = ask(f"{self.server.tap}/async")
        if self.expect(status == 200, f"{when}: the list of jobs, status {status}", body):
            absent = set(self.before) - self.listed(body)
            self.expect(not absent, f"{when}: jobs of before are not listed", absent)
        for job, name in self.before.items():
            self.is_whole(job, name, when)
        self.expect(self.server.process.poll() is None, f"{when}: the server has ended", "".join(self.server.told))
        self.expect(not any("panicked at" in line for line in self.server.told), f"{when}: a panic", "".join(self.server.told))

    def listed(self, body=None):
        body = ask(f"{self.server.tap}/async")[2] if body is None else body
        return set(re.findall(r'jobref id="([0-9a-f]{32})"', body.decode()))

    def phase(self, job):
        status, _, body = ask(f"{self.server.tap}/async/{job}/phase")
        return body.decode() if status == 200 else f"status {status}"

    def wait(self, seconds):
        """Until the jobs of this round have ended; those that have not."""
        end = time.monotonic() + seconds
        while (left := {job for job in self.jobs if self.phase(job) not in ENDED}) and time.monotonic() < end:
            time.sleep(0.05)
        return left

    def is_whole(self, job, name, when):
        status, _, body = ask(f"{self.server.tap}/async/{job}/results/result")
        told = ask(f"{self.server.tap}/async/{job}")[2]
        is_whole = status == 200 and digest(body) == self.expected[name] and self.expected[name].encode() in told
        self.expect(is_whole, f"{when}: the result of a job with {name}, status {status}", told + body[-200:])

    def ended(self, when):
        """Whether jobs of this round that have ended did so well."""
        for job, name in self.jobs.items():
            phase = self.phase(job)
            if phase == "COMPLETED":
                self.is_whole(job, name, when)
                continue
            status = ask(f"{self.server.tap}/async/{job}/results/result")[0]
            self.expect(status != 200, f"{when}: a job is {phase} and has a result")
            if phase == "ERROR":
                self.expect(NO_ROOM.search(told := ask(f"{self.server.tap}/async/{job}/error")[2]),
                            f"job with {name}: its error does not name the lack of room", told)

    def strays(self, when):
        """Files that belong to nothing, once nothing runs."""
        end = time.monotonic() + 2
        listed = self.listed()
        while True:
            found = [f"{folder}/{name}" for folder in ("results", "uploads", "spool") for name in os.listdir(self.state / folder)
                     if name.split(".")[0] not in listed]
            if not found or time.monotonic() > end:
                break
            time.sleep(0.05)
        self.expect(not found, f"{when}: files are left", found)

    # A round.

    def start(self, floor):
        self.server = Server(self.disk, floor)

    def end_server(self, how):
        code = self.server.end(how)
        self.expect(how == signal.SIGKILL or code == 0, f"SIGTERM: exit code {code}", "".join(self.server.told))
        self.expect(not any("panicked at" in line for line in self.server.told), "a panic", "".join(self.server.told))

    def restart_while_full(self, floor, how):
        self.end_server(how)
        try:
            self.start(floor)
            self.counts["starts while full"] += 1
            self.reads("started while full")
        except NoStart as said:
            self.counts["no starts while full"] += 1
            self.expect(NO_ROOM.search(str(said).encode()), "no start while full, and another reason", said)
            self.expect("panicked" not in str(said), "a panic at the start", said)
            self.empty()
            self.start(floor)

    def keep_some(self):
        """Jobs of before, made where there is room."""
        while len(self.before) < 3:
            self.jobs = {}
            name = self.chance.choice(["count", "stars", "small table", "stars as FITS"])
            self.make(name)
            self.expect(not self.wait(60), f"with room: a job with {name} does not end")
            self.ended("with room")
            self.before |= self.jobs
        self.jobs = {}

    def run_round(self, number):
        # Each round has chance of its own, so that what one does is not changed by how others went.
        self.chance = random.Random(f"{SEED} {number}")
        turn = list(SITES)
        random.Random(f"{SEED} {number // len(SITES)}").shuffle(turn)
        doing, names = turn[number % len(SITES)]
        what, name = getattr(self, doing), self.chance.choice(names)
        floor = self.chance.choice(["none", "none", "none", "1 MiB", "the default"])
        kib = self.chance.choice([0, self.chance.randint(1, 64), self.chance.randint(64, 1024), self.chance.randint(1024, 4096)])
        again = self.chance.choice([None, None, signal.SIGKILL, signal.SIGTERM])
        self.kib = kib
        self.round = f"{number}: {what.__name__} {name}, {kib} KiB left, floor {floor}, {again.name if again else 'no'} restart"
        self.start("none")
        self.strays("after a restart")
        self.keep_some()
        if floor != "none":
            self.end_server(signal.SIGTERM)
            self.start(floor)
        self.fill(kib)
        what(name)
        self.reads("while full")
        if again != signal.SIGKILL:
            self.wait(1)
        self.ended("while full")
        if again:
            self.restart_while_full(floor, again)
        self.empty()
        stuck = self.wait(PATIENCE)
        for job in stuck:
            phase = self.phase(job)
            lost = phase == "status 404"
            self.expect(False, "a job that was told to be there is lost" if lost else f"with room again: a job stays {phase}", self.jobs[job])
            if lost:
                del self.jobs[job]
        if floor == "the default":
            status, _, body = ask(f"{self.server.tap}/sync", *fields_of("small table"))
            self.is_refused("upload below the floor", status, body)
            self.end_server(signal.SIGTERM)
            self.start("none")
        self.reads("with room again")
        self.ended("with room again")
        for fresh in ("small table", "stars as FITS"):
            answer = ask(f"{self.server.tap}/sync", *fields_of(fresh))
            self.expect(answer[0] == 200 and digest(answer[2]) == self.expected[fresh], f"with room again: {fresh}, status {answer[0]}", answer[2])
        if what == self.import_table and not self.target.exists():
            done = self.import_once()
            self.expect(done.returncode == 0, "import with room again", done.stderr)
            self.verify_import()
        left = [path.name for path in self.disk.iterdir() if path.name not in ("state", "tmp", "sky")]
        self.expect(not left, "import: files are left", left)
        shutil.rmtree(self.target, ignore_errors=True)
        extra = self.listed() - set(self.jobs) - set(self.before)
        self.expect(not extra, "a job that was refused is there", extra)
        for job in set(self.jobs) | extra:
            status, _, body = ask(f"{self.server.tap}/async/{job}", method="DELETE")
            self.expect(status == 303 and self.phase(job) == "status 404", f"with room again: deletion of a job, status {status}", body)
        self.strays("with room again, without a restart")
        fresh = self.make("small table")
        self.jobs = {job: name for job, name in self.jobs.items() if job == fresh}
        self.expect(fresh and not self.wait(PATIENCE) and self.phase(fresh) == "COMPLETED", "with room again: a new job is not run")
        self.ended("with room again")
        ask(f"{self.server.tap}/async/{fresh}", method="DELETE")
        self.jobs = {}
        self.end_server(signal.SIGTERM)
        # A server that is killed cannot take away what it has for itself among the temporary files of the machine.
        left = os.listdir(self.disk / "tmp")
        self.expect(not left or again == signal.SIGKILL, "temporary files are left", left)
        for name in left:
            shutil.rmtree(self.disk / "tmp" / name, ignore_errors=True)

    def run(self):
        self.chance = random.Random(SEED)
        self.start("none")
        for name in WORK:
            status, _, body = ask(f"{self.server.tap}/sync", *fields_of(name))
            assert status == 200, (name, body)
            self.expected[name] = digest(body)
        self.end_server(signal.SIGTERM)
        for number in range(ROUNDS):
            self.run_round(number)
        self.server = None


def main():
    if os.geteuid() != 0:
        print("skipped: only root can mount a small disk")
        return
    with tempfile.TemporaryDirectory() as scratch:
        disk = Path(scratch) / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", str(disk)], capture_output=True, text=True)
        if mounted.returncode != 0:
            print(f"skipped: a small disk cannot be mounted here: {mounted.stderr.strip()}")
            sys.exit(1 if os.environ.get("CI") == "true" else 0)
        campaign = Campaign(disk, Path(scratch))
        try:
            campaign.run()
        finally:
            if campaign.server and campaign.server.process.poll() is None:
                campaign.server.end(signal.SIGKILL)
            subprocess.run(["umount", str(disk)], check=True)
    print(f"{ROUNDS} rounds: " + ", ".join(f"{number} {what}" for what, number in campaign.counts.items()))
    for what, (rounds, shown) in campaign.wrong.items():
        print(f"{len(rounds)} x {what}\n    {shown}\n    first in round {rounds[0]}")
    sys.exit(1 if campaign.wrong else 0)


main()
