#!/usr/bin/env python3
"""Starts the given `sidereus` binary on the bundled catalogs and runs real clients against it.

    python flight-server/clients/checks/run.py target/debug/sidereus            every check
    python flight-server/clients/checks/run.py target/debug/sidereus tap_curl   only this one

A check is a file of this folder, run as its own process:  python CHECK FLIGHT_URI TAP_URL BINARY.  It fails by a non-zero
exit code. A check whose packages are not installed is skipped with a line that says so; with CI=true that is a failure. One that
prints `skipped: REASON` cannot be run here, which is none.
After the checks the server must stop cleanly on SIGTERM and must not have panicked.
"""

import importlib.util
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[2]
START_SECONDS, CHECK_SECONDS, STOP_SECONDS = 60, 900, 40

# check: the Python modules and the programs that it needs
CHECKS = {
    "flight_pyarrow": (["pyarrow"], []),
    "flight_adbc": (["adbc_driver_flightsql", "pyarrow"], []),
    "flight_exchange": (["pyarrow", "numpy"], []),
    "flight_ingest": (["adbc_driver_flightsql", "pyarrow"], []),
    "flight_adbc_lowlevel": (["adbc_driver_flightsql", "pyarrow"], []),
    "flight_wire": (["pyarrow", "grpc", "grpc_health"], []),
    "flight_drivers": (["adbc_driver_flightsql", "pyarrow", "pandas", "polars", "duckdb", "flightsql", "sqlalchemy"], []),
    "flight_truth": (["adbc_driver_flightsql", "pyarrow"], []),
    "flight_regions": (["adbc_driver_flightsql", "pyarrow"], []),
    "corpus_verdicts": (["adbc_driver_flightsql", "pyarrow"], []),
    "tap_pyvo": (["pyvo", "astropy"], []),
    "tap_formats": (["astropy", "pyarrow", "numpy"], ["curl"]),
    "tap_curl": ([], ["curl"]),
    "tap_jobs": (["pyvo", "astropy"], []),
    "client_cards": (["pyvo", "astropy", "astroquery", "pyarrow", "adbc_driver_flightsql", "numpy"], ["curl", "stilts"]),
    "tap_taplint": ([], ["stilts"]),
    "tap_stilts": ([], ["stilts"]),
    "tap_astroquery": (["astroquery", "astropy"], []),
    "hats_lsdb": (["lsdb", "hats", "pandas", "pyarrow"], []),
    "http_schemathesis": (["schemathesis"], []),
    "jobs_killed": ([], []),
    "disk_full": ([], []),
    "match_stilts": ([], ["stilts"]),
    "import_formats": (["astropy", "pyarrow"], []),
    "import_killed": (["numpy"], []),
    "python_package": (["pytest", "pyarrow", "adbc_driver_flightsql", "astropy", "pandas", "polars", "tqdm"], []),
    "snippets": (["pyarrow", "adbc_driver_flightsql", "pyvo", "pandas"], ["bash", "curl"]),
}


class Server:
    """The running binary: its two addresses and all that it printed."""

    def __init__(self, binary, roots=(PROJECT / "testdata" / "catalogs",), more=()):
        catalogs = [argument for root in roots for argument in ("--catalogs", str(root))]
        self.state = tempfile.TemporaryDirectory()
        command = [binary, "serve", *catalogs, "--state", self.state.name, "--flight", "127.0.0.1:0", "--http", "127.0.0.1:0", *more]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIDEREUS_")}
        self.process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.printed, self.lines = [], queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.flight, self.tap = self.address("flight: "), self.address("http: ")

    def read(self):
        for line in self.process.stdout:
            self.printed.append(line)
            self.lines.put(line)
        self.lines.put(None)

    def address(self, label):
        """The rest of the first line that starts with the label."""
        end = time.monotonic() + START_SECONDS
        for line in self.printed:
            if line.startswith(label):
                return line[len(label):].strip()
        while (left := end - time.monotonic()) > 0:
            try:
                line = self.lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            if line.startswith(label):
                return line[len(label):].strip()
        self.process.kill()
        sys.exit(f"the server printed no line {label!r}:\n{''.join(self.printed)}")

    def stop(self):
        """Asks the server to stop; returns what was wrong with how it ended."""
        if self.process.poll() is not None:
            return f"the server ended before it was asked to, with code {self.process.returncode}"
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return f"the server did not stop within {STOP_SECONDS} s of SIGTERM"
        if code != 0:
            return f"the server stopped with code {code}"
        if any("panicked at" in line for line in self.printed):
            return "the server panicked"
        return None


def missing(check):
    """Names of what the check needs and is not there."""
    modules, programs = CHECKS[check]
    return ([name for name in modules if importlib.util.find_spec(name) is None]
            + [name for name in programs if shutil.which(name) is None])


def run_check(check, server, binary):
    """Runs one check; returns "ok", why it was skipped, or what was wrong."""
    command = [sys.executable, str(HERE / f"{check}.py"), server.flight, server.tap, binary]
    try:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=CHECK_SECONDS)
    except subprocess.TimeoutExpired as late:
        return f"no end within {CHECK_SECONDS} s\n{late.stdout or ''}"
    if done.returncode == 0 and done.stdout.startswith("skipped: "):
        return done.stdout
    return "ok" if done.returncode == 0 else f"exit code {done.returncode}\n{done.stdout}{done.stderr}"


def main():
    binary, wanted = str(Path(sys.argv[1]).resolve()), sys.argv[2:] or list(CHECKS)
    continuous = os.environ.get("CI") == "true"
    unknown = [name for name in wanted if name not in CHECKS]
    if unknown:
        sys.exit(f"no such check: {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    server = Server(binary)
    failures, skipped, passed = [], [], 0
    for check in wanted:
        begun = time.monotonic()
        absent = missing(check)
        if absent:
            print(f"client {check} ... skipped: not installed: {', '.join(absent)}", flush=True)
            (failures if continuous else skipped).append(check)
            continue
        outcome = run_check(check, server, binary)
        print(f"client {check} ... {outcome.splitlines()[0]} ({time.monotonic() - begun:.1f} s)", flush=True)
        if outcome == "ok":
            passed += 1
        elif outcome.startswith("skipped: "):
            skipped.append(check)
        else:
            failures.append(check)
            print(outcome, flush=True)
    wrong = server.stop()
    if wrong:
        failures.append("server")
        print(f"{wrong}\n{''.join(server.printed[-60:])}")
    print(f"client result: {'FAILED' if failures else 'ok'}. {passed} passed; {len(failures)} failed; {len(skipped)} skipped")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
