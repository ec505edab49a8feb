"""Does an import that is killed at any moment go on, and end as if nothing had happened?

Arguments: FLIGHT_URI TAP_URL BINARY [ROUNDS]. Each round starts the same import until it ends, and kills it (SIGKILL) at a random
moment as often as that takes; the catalog must be the same, file by file, as of an import that was left alone.
"""

import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BINARY, ROUNDS = sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 2


def files(root):
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*.parquet"))}


def main():
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        draw = np.random.default_rng(3)
        sources = []
        for part in range(3):
            rows = 60_000
            ra, dec = draw.uniform(0, 360, rows), np.degrees(np.arcsin(draw.uniform(-1, 1, rows)))
            sources.append(scratch / f"part{part}.csv")
            lines = [f"{part * rows + row},{ra[row]!r},{dec[row]!r},star {row}" for row in range(rows)]
            lines[17] = "broken"
            text = "\n".join(["id,ra,dec,name", *lines])
            sources[-1].write_text(text.replace("np.float64(", "").replace(")", ""))
        options = ["--memory", "2M", "--rows-per-partition", "4000", "--codec", "zstd", "--name", "sky"]
        command = [BINARY, "import", *map(str, sources), *options, "--to"]
        begun = time.monotonic()
        subprocess.run([*command, str(scratch / "whole")], check=True, capture_output=True)
        seconds = time.monotonic() - begun
        expected = files(scratch / "whole")
        rejects = (scratch / "whole.rejects.csv").read_text()
        assert len(expected) > 40 and rejects.count("\n") == 4, (len(expected), rejects)
        kills, taken_over = 0, 0
        for round_number in range(ROUNDS):
            chance = random.Random(round_number)
            target = scratch / "again"
            while True:
                process = subprocess.Popen([*command, str(target)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                try:
                    output, errors = process.communicate(timeout=chance.uniform(0.1, 1.1) * seconds)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    kills += 1
                    assert not target.exists() or files(target) == expected, "a part of a catalog is at its place"
                    continue
                assert process.returncode == 0 or "exists" in errors, errors
                taken_over += "taken over" in output
                break
            assert files(target) == expected, f"round {round_number}: other files"
            assert (scratch / "again.rejects.csv").read_text() == rejects
            left = [path.name for path in scratch.iterdir() if path.name.startswith(".again")]
            assert not left, left
            shutil.rmtree(target)
            (scratch / "again.rejects.csv").unlink()
        print(f"{kills} kills in {ROUNDS} rounds, {taken_over} times something was taken over")


main()
