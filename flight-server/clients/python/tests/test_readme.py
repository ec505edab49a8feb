"""Do the examples of the README work as they stand? A block of Python is run, and prints the block of text below it (white space aside);
one below a comment `<!-- not run: reason -->` is left alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from conftest import Server

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCK = re.compile(r"(?P<before>[^\n]*)\n+```(?P<language>\w+)\n(?P<code>.*?)\n```", re.DOTALL)


def test_examples_run_as_they_stand(server: Server) -> None:
    ran, printed = 0, ""
    for block in BLOCK.finditer(README.read_text()):
        if block["before"].startswith("<!-- not run: "):
            continue
        if block["language"] == "text":
            assert printed.split() == block["code"].split(), printed
            continue
        assert block["language"] == "python", f"this block is neither run nor marked as not run:\n{block['code']}"
        code = block["code"].replace("grpc://127.0.0.1:32010", server.uri).replace("http://127.0.0.1:8080/tap", server.tap)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{code}\n{done.stderr}"
        printed, ran = done.stdout, ran + 1
    assert ran == 5, f"{ran} blocks were run"
