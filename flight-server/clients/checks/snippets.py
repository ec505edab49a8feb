"""Do the snippets of the README work as they stand?

Every code block of README.md is either run here or stands below a comment `<!-- not run: reason -->`; a new block that is
neither fails. The default addresses are replaced by those of the running server, `sidereus` by the given binary. Where
a block is followed by a block marked `text`, that is what it must print (white space aside).
Arguments: FLIGHT_URI TAP_URL BINARY.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
FLIGHT, TAP, BINARY = sys.argv[1:4]
DEFAULTS = {"grpc://127.0.0.1:32010": FLIGHT, "http://127.0.0.1:8080": TAP.removesuffix("/tap")}
BLOCK = re.compile(r"(?P<before>[^\n]*)\n+```(?P<language>\w*)\n(?P<code>.*?)\n```", re.DOTALL)


def blocks(page):
    """(language, code, comment above) of each fenced block, in order."""
    return [(found["language"], found["code"], found["before"]) for found in BLOCK.finditer(page)]


def run(language, code):
    """What the block prints."""
    for default, actual in DEFAULTS.items():
        code = code.replace(default, actual)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sidereus").symlink_to(BINARY)
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        command = [sys.executable, "-c", code] if language == "python" else ["bash", "-euo", "pipefail", "-c", code]
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{code}\n--- ended with {done.returncode}\n{done.stdout}{done.stderr}"
    assert done.stdout.strip(), f"{code}\n--- printed nothing\n{done.stderr}"
    return done.stdout


def main():
    page, last, ran = (PROJECT / "README.md").read_text(), None, 0
    for language, code, before in blocks(page):
        if language == "text":
            assert last is None or last.split() == code.split(), f"expected\n{code}\nbut got\n{last}"
        elif before.startswith("<!-- not run: "):
            last = None
        elif language in ("python", "bash"):
            last, ran = run(language, code), ran + 1
            print(f"--- {language}\n{code}\n--- printed\n{last}")
        else:
            raise AssertionError(f"this block is neither run nor marked as not run:\n{code}")
    assert ran >= 4, f"only {ran} blocks of the README were run"


if __name__ == "__main__":
    main()
