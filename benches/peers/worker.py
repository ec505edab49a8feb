"""How does a peer talk with the harness?

One peer, one process: `python benches/peers/NAME.py` answers JSON lines. It begins with one line that says what it is,
or that something is missing; then each request gets one reply. Only what a client waits for is timed: from the call to
the last row in the client's memory. The digest of an answer and the processes' figures are taken afterwards.
What a peer writes to standard output otherwise goes to standard error.
"""

import json
import os
import sys
import threading
import time

try:
    from digest import columns_of, digest, rows_of

    LACKING = None
except ImportError as error:
    LACKING = error

PROBED = ("cone", "polygon", "identifier")


class Peer:
    """A system under test. Tasks are methods; what is not overridden is not supported.

    `cone`, `polygon` and `identifier` take a probe; `scan`, `density`, `crossmatch` and `export` ask for the whole
    table. All return rows that `digest.columns_of` understands, complete in this process.
    """

    tasks = ()

    def start(self):
        """Imports what is needed; returns its version. An ImportError or FileNotFoundError says what is missing."""
        raise NotImplementedError

    def load(self, sky):
        """Makes the tables of `sky` queryable; what is there from an earlier run is used again."""

    def configuration(self):
        """Settings that are not the default."""
        return {}

    def client(self):
        """A further client, for a thread of its own."""
        return self

    def processes(self):
        """Processes beside this one and its children that work for the peer."""
        return []

    def ingested(self, folder):
        """The `source_id` column of what `ingest` made."""
        raise NotImplementedError

    def close(self):
        """Ends what was started."""


def run(peer, install):
    """Serves requests until standard input ends."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(line):
        out.write(json.dumps(line) + "\n")

    try:
        if LACKING:
            raise LACKING
        version = peer.start()
    except (ImportError, FileNotFoundError) as error:
        say({"missing": str(error), "install": install})
        return
    say({"version": version, "configuration": peer.configuration(), "tasks": list(peer.tasks), "install": install})
    try:
        for line in sys.stdin:
            request = json.loads(line)
            try:
                say(answer(peer, request))
            except NotImplementedError as error:
                say({"error": f"not supported: {error}"})
            except Exception as error:  # whatever a peer does wrong is told, and the next request is served
                say({"error": f"{type(error).__name__}: {str(error)[:400]}"})
    finally:
        peer.close()


def answer(peer, request):
    """Does one request; returns the reply."""
    kind = request["kind"]
    pids = [os.getpid(), *peer.processes()]
    forget_peaks(pids)
    before = cpu_seconds(pids)
    if kind == "load":
        begun = time.perf_counter()
        peer.load(request["sky"])
        reply = {"seconds": [time.perf_counter() - begun], "answers": [], "configuration": peer.configuration()}
        rows = []
    elif request["clients"] > 1:
        reply, rows = clients(peer, request), []
    else:
        reply, rows = one_client(peer, request)
    pids = [os.getpid(), *peer.processes()]
    reply["cpu_seconds"] = max(cpu_seconds(pids) - before, 0.0)
    reply["peak_mb"] = sum(peak_mb(pid) for pid in tree(pids))
    if kind == "ingest":
        rows = [peer.ingested(request["folder"])]
    if rows:
        check = request["check"]
        reply["answers"] = [digest(columns_of(table), check) for table in rows]
    return reply


def one_client(peer, request):
    """All probes one after the other, until the budget is spent; or the task once."""
    seconds, rows, begun = [], [], time.perf_counter()
    for call in calls(peer, request):
        started = time.perf_counter()
        rows.append(call(peer))
        seconds.append(time.perf_counter() - started)
        if time.perf_counter() - begun > request["budget_seconds"]:
            break
    return {"seconds": seconds}, rows


def clients(peer, request):
    """Several clients that each ask the next probe as soon as they have an answer, until the budget is spent."""
    asked = calls(peer, request)
    workers = [peer.client() for _ in range(request["clients"])]
    for worker in workers:
        asked[0](worker)
    rows, lock, failures = [], threading.Lock(), []
    counter = iter(range(10**9))
    begun = time.perf_counter()

    def work(worker):
        mine = []
        try:
            while time.perf_counter() - begun < request["budget_seconds"]:
                number = next(counter)
                probe = number % len(asked)
                mine.append((probe, rows_of(asked[probe](worker))))
        except Exception as error:
            failures.append(error)
        with lock:
            rows.extend(mine)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begun
    for worker in workers:
        if worker is not peer:
            worker.close()
    if failures:
        raise failures[0]
    counts = [None] * len(asked)
    for number, count in rows:
        counts[number] = count
    answers = [None if count is None else {"rows": count} for count in counts]
    return {"seconds": [elapsed], "queries": len(rows), "answers": answers}


def calls(peer, request):
    """One callable a probe, or one for the whole task; each takes the client that is to ask."""
    kind = request["kind"]
    if kind in PROBED:
        return [lambda client, probe=probe: getattr(client, kind)(probe) for probe in request["probes"]]
    arguments = {
        "scan": [],
        "density": [request.get("order")],
        "crossmatch": [request.get("radius_deg")],
        "export": [request.get("columns")],
        "ingest": [request.get("source"), request.get("folder")],
    }[kind]
    return [lambda client: getattr(client, kind)(*arguments)]


def tree(pids):
    """The processes and all their descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parents.setdefault(int(file.read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
            except OSError:
                pass
    found, waiting = set(), list(pids)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(parents.get(pid, []))
    return found


def cpu_seconds(pids):
    """User and system time of the processes, their descendants and those that have ended."""
    ticks = 0
    for pid in tree(pids):
        try:
            with open(f"/proc/{pid}/stat") as file:
                ticks += sum(int(value) for value in file.read().rsplit(")", 1)[1].split()[11:15])
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    """The most memory that a process held since `forget_peaks`, in MB."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) * 1024 / 1e6 for line in file if line.startswith("VmHWM")), 0.0)
    except OSError:
        return 0.0


def forget_peaks(pids):
    """Lets the peaks of memory begin again at what is held now."""
    for pid in tree(pids):
        try:
            with open(f"/proc/{pid}/clear_refs", "w") as file:
                file.write("5")
        except OSError:
            pass
