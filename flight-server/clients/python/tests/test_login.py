"""Who asks, and over what? A server that wants users and encrypts."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import sidereus
from conftest import Server

COUNT = "SELECT COUNT(*) AS n FROM openngc WHERE name = 'NGC0224'"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the certificate `ca.pem` for this machine."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed: no certificate for the server")
    folder = tmp_path_factory.mktemp("locked")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out ca.pem"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def locked(binary: str, folder: Path) -> Iterator[Server]:
    hashed = subprocess.run([binary, "hash-password"], input="moons!\n", capture_output=True, text=True, check=True).stdout.strip()
    config = folder / "sidereus.toml"
    config.write_text(
        f'anonymous = false\n[[user]]\nname = "galileo"\npassword_hash = "{hashed}"\n'
        f'[tls]\ncertificate = "{folder / "ca.pem"}"\nkey = "{folder / "key.pem"}"\n'
    )
    running = Server(binary, folder / "state", "--config", str(config))
    yield running
    running.stop()


def uri(server: Server) -> str:
    return "grpc+tls://localhost:" + server.uri.rpartition(":")[2]


def test_a_user_logs_in_over_tls(locked: Server, folder: Path) -> None:
    tap = "https://localhost:" + locked.tap.rpartition(":")[2]
    for roots in (folder / "ca.pem", (folder / "ca.pem").read_bytes()):
        with sidereus.connect(uri(locked), user="galileo", password="moons!", tls_root_certs=roots, tap=tap) as sky:
            assert sky.query(COUNT)["n"].to_pylist() == [1]
            assert sky.query("SELECT name FROM openngc WHERE name = ?", ["NGC0224"]).num_rows == 1
            assert sky.estimate("SELECT hip FROM hipparcos2").rows == 117_955
            assert sky.query("SELECT * FROM TAP_UPLOAD.t", uploads={"t": pa.table({"a": [1]})}).to_pydict() == {"a": [1]}
            assert len(sky.tables()) == 3 and len(sky.columns("openngc")) > 10


def test_a_token_is_as_good(locked: Server, folder: Path) -> None:
    with sidereus.connect(uri(locked), user="galileo", password="moons!", tls_root_certs=folder / "ca.pem") as sky:
        assert sky._transport._authorization is not None
        token = sky._transport._authorization[1].decode().removeprefix("Bearer ")
        with sidereus.connect(uri(locked), token=token, tls_root_certs=folder / "ca.pem") as other:
            assert other.query(COUNT)["n"].to_pylist() == [1]
            assert other.estimate("SELECT hip FROM hipparcos2").rows == 117_955


def test_an_expired_login_is_renewed(locked: Server, folder: Path) -> None:
    with sidereus.connect(uri(locked), user="galileo", password="moons!", tls_root_certs=folder / "ca.pem") as sky:
        sky._transport._authorization = (b"authorization", b"Bearer expired")
        assert sky.query(COUNT)["n"].to_pylist() == [1]


def test_who_is_refused(locked: Server, folder: Path) -> None:
    roots = folder / "ca.pem"
    with pytest.raises(sidereus.QueryError, match="wrong password") as caught:
        sidereus.connect(uri(locked), user="galileo", password="moon", tls_root_certs=roots)
    assert caught.value.code == "UNAUTHENTICATED"
    for refused in (sidereus.connect(uri(locked), tls_root_certs=roots), sidereus.connect(uri(locked), token="forged", tls_root_certs=roots)):
        for call in (lambda refused=refused: refused.query(COUNT), lambda refused=refused: refused.estimate(COUNT)):
            with pytest.raises(sidereus.QueryError):
                call()


def test_a_certificate_that_nobody_knows_is_refused(locked: Server) -> None:
    with pytest.raises(sidereus.QueryError) as caught:
        sidereus.connect(uri(locked), user="galileo", password="moons!")
    assert caught.value.code == "UNAVAILABLE" and "certificate" in str(caught.value).lower(), str(caught.value)
    with sidereus.connect(uri(locked), user="galileo", password="moons!", tls_verify=False) as trusting:
        assert trusting.query(COUNT)["n"].to_pylist() == [1]
