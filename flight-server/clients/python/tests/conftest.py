"""What tests ask: a real server on the bundled catalogs (SIDEREUS_BINARY), and a server of pyarrow that speaks the protocol of
crossmatches and uploads and can be told to fail."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import sidereus
from match_server import MatchServer

PROJECT = Path(__file__).resolve().parents[4]
START_SECONDS, STOP_SECONDS = 60, 40


class Server:
    """The running binary: its addresses and what it printed."""

    def __init__(self, binary: str, state: Path, *arguments: str) -> None:
        command = [binary, "serve", "--catalogs", str(PROJECT / "testdata" / "catalogs"), "--state", str(state)]
        command += ["--flight", "127.0.0.1:0", "--http", "127.0.0.1:0", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIDEREUS_")}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.printed: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.uri, self.tap = self._address("flight: "), self._address("http: ")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line)
            self._lines.put(line)

    def _address(self, label: str) -> str:
        end = time.monotonic() + START_SECONDS
        while (left := end - time.monotonic()) > 0 and self.process.poll() is None:
            try:
                line = self._lines.get(timeout=min(left, 0.2))
            except queue.Empty:
                continue
            if line.startswith(label):
                return line[len(label) :].strip()
        raise AssertionError(f"the server printed no line {label!r}:\n{''.join(self.printed)}")

    def outcomes(self) -> list[str]:
        """How the queries ended, as the server logs it."""
        return [found[1] for line in list(self.printed) if (found := re.search(r'outcome="(\w+)"', line))]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(STOP_SECONDS) == 0, "".join(self.printed[-40:])
        assert not any("panicked at" in line for line in self.printed), "the server panicked"


@pytest.fixture(scope="session")
def binary() -> str:
    """The server's program; what needs it is skipped without it."""
    path = os.environ.get("SIDEREUS_BINARY")
    if not path:
        pytest.skip("SIDEREUS_BINARY names no server to ask")
    return str(Path(path).resolve())


@pytest.fixture(scope="session")
def server(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(binary, tmp_path_factory.mktemp("state"))
    yield running
    running.stop()


@pytest.fixture
def sky(server: Server) -> Iterator[sidereus.Connection]:
    with sidereus.connect(server.uri, tap=server.tap) as connection:
        yield connection


@pytest.fixture
def match_server() -> Iterator[MatchServer]:
    with MatchServer() as running:
        yield running


@pytest.fixture
def mock(match_server: MatchServer) -> Iterator[sidereus.Connection]:
    with sidereus.connect(match_server.uri) as connection:
        yield connection


@pytest.fixture(params=["mock", "server"])
def either(request: pytest.FixtureRequest) -> sidereus.Connection:
    """The mock, then the real server: for what both must do alike. Use it with `offered`."""
    found: sidereus.Connection = request.getfixturevalue("mock" if request.param == "mock" else "sky")
    return found


def offered(call):  # type: ignore[no-untyped-def]
    """Makes a call; skips the test where the server says that it does not offer such calls yet."""
    try:
        return call()
    except sidereus.QueryError as error:
        if error.code == "UNIMPLEMENTED":
            pytest.skip(f"the server does not offer this: {error}")
        raise
