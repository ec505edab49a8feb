"""Does anything that fits the description of the HTTP surface, or just does not, make the server fail?

    python http_schemathesis.py FLIGHT_URI TAP_URL

Requests are made from `/openapi.yaml` with a fixed seed; SIDEREUS_EXAMPLES sets how many of each kind. No answer may have a status of 500 or more, except
503, which says when to come back.
"""

import os
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = sys.argv[2].removesuffix("/tap")


def new_job():
    """The id of a job that runs, for the paths that need one."""
    form = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": "SELECT TOP 5 hip FROM hipparcos2", "PHASE": "RUN"}).encode()
    with urllib.request.urlopen(f"{ROOT}/tap/async", form) as answer:
        return answer.url.rsplit("/", 1)[1]


def main():
    examples = os.environ.get("SIDEREUS_EXAMPLES", "15")
    with tempfile.TemporaryDirectory() as folder:
        # A job is deleted on the way; what comes after it is answered with 404.
        (Path(folder) / "schemathesis.toml").write_text(f'[parameters]\n"path.id" = "{new_job()}"\n')
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{ROOT}/openapi.yaml", "--checks", "not_a_server_error",
                   "--max-examples", examples, "--seed", "1", "--workers", "2", "--suppress-health-check", "all"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    print(next(line for line in done.stdout.splitlines() if "generated," in line))


main()
