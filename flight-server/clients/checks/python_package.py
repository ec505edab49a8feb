#!/usr/bin/env python3
"""Do the tests of the Python package pass with this server?

    python python_package.py FLIGHT_URI TAP_URL BINARY

They start servers of their own from BINARY, with users and encryption as well.
"""

import os
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "python"


def main():
    environment = {**os.environ, "SIDEREUS_BINARY": sys.argv[3], "PYTHONPATH": str(PACKAGE / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    sys.exit(subprocess.run(command, cwd=PACKAGE, env=environment).returncode)


if __name__ == "__main__":
    main()
