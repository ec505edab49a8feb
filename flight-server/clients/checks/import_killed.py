"""Does an import that is killed at any moment go on, and end as if nothing had happened?

Arguments: FLIGHT_URI TAP_URL BINARY [KILLS]. An import of a catalog, and one of a collection with a margin and indexes, is killed
(SIGKILL) as soon as it has come to each of its steps, and then at random moments, so often; killed or not, it is started again until
it ends. What it leaves must be the same, file by file, as of an import that was left alone, but for the time of writing.
"""

import collections
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BINARY, KILLS = sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 2
READING, WRITING, DESCRIBING, MARGIN, INDEX, CLOSING, DONE = STEPS = (
    "reading", "writing partitions", "describing the catalog", "making the margin", "making the indexes", "closing", "done")
# What a start takes over, at least, from one that was killed in a step.
TAKEN_OVER = {READING: "runs", WRITING: "partitions", DESCRIBING: "partitions", MARGIN: "sky", INDEX: "sky_3600arcs", CLOSING: "sky_name"}
# Lines with the time of writing, or with a digest of what has it.
WRITTEN = re.compile(rb"(hats_creation_date|sidereus_primary_snapshot)=.*\n")


def files(root):
    """All files but the manifests, which `sidereus catalog verify` compares with the files."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_file() and path.name != "sidereus.manifest"]
    return {path.relative_to(root): WRITTEN.sub(b"", path.read_bytes()) for path in paths}


def make_sources(folder):
    draw = np.random.default_rng(3)
    sources = []
    for part in range(3):
        rows = 60_000
        ra, dec = draw.uniform(0, 360, rows), np.degrees(np.arcsin(draw.uniform(-1, 1, rows)))
        sources.append(str(folder / f"part{part}.csv"))
        lines = [f"{part * rows + row},{float(ra[row])!r},{float(dec[row])!r},star {row}" for row in range(rows)]
        lines[17] = "broken"
        Path(sources[-1]).write_text("\n".join(["id,ra,dec,name", *lines]))
    return sources


class Import:
    """One command, and what it should leave."""

    def __init__(self, scratch, sources, further):
        options = ["--memory", "2M", "--rows-per-partition", "4000", "--codec", "zstd", "--name", "sky", *further]
        self.command = [BINARY, "import", *sources, *options, "--to"]
        self.target, self.members = scratch / "again", scratch / ".again.import" / "collection"
        self.rejects, self.is_collection = scratch / "again.rejects.csv", bool(further)
        whole = scratch / "whole"
        begun = time.monotonic()
        subprocess.run([*self.command, str(whole)], check=True, capture_output=True)
        self.seconds = time.monotonic() - begun
        self.expected, self.expected_rejects = files(whole), (scratch / "whole.rejects.csv").read_text()
        assert len(self.expected) > 40 and self.expected_rejects.count("\n") == 4, self.expected_rejects
        shutil.rmtree(whole)
        self.kills, self.told = collections.Counter(), collections.Counter()

    def step(self):
        """What the import does, by the files that it has."""
        if self.target.exists():
            return DONE
        for member, step in (("sky_name", CLOSING), ("sky_3600arcs", INDEX), ("sky", MARGIN)):
            if (self.members / member).exists():
                return step
        try:
            journal = (self.members.parent / "journal").read_text()
        except FileNotFoundError:
            return READING
        return DESCRIBING if "\ncatalog " in journal else WRITING if "\npartition " in journal else READING

    def run(self, is_time, is_watched=False):
        """Runs until it ends, or is killed when `is_time(seconds)`; the step in which that was, or what it took over."""
        process = subprocess.Popen([*self.command, str(self.target)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        begun = time.monotonic()
        while process.poll() is None:
            if is_time(time.monotonic() - begun):
                process.send_signal(signal.SIGSTOP)
                step = self.step()
                if is_watched and step != DONE:
                    self.is_refused()
                process.kill()
                process.communicate()
                self.kills[step] += 1
                assert not self.target.exists() or files(self.target) == self.expected, "a part of a catalog is at its place"
                return step, set()
            time.sleep(0.0005)
        output, errors = process.communicate()
        assert process.returncode == 0 or self.target.exists() and "never overwritten" in errors, errors
        some = re.search(r"^(\d+) runs and (\d+) partitions were taken over", output, re.MULTILINE)
        taken = {kind for number, kind in zip(some.groups() if some else (), ("runs", "partitions")) if number != "0"}
        taken |= set(re.findall(r"^(\S+) was taken over whole", output, re.MULTILINE))
        self.told.update(taken)
        return None, taken

    def is_refused(self):
        """A second import to the same target, while the first is at work."""
        second = subprocess.run([*self.command, str(self.target)], capture_output=True, text=True)
        # The first may have ended just before it was stopped.
        told = "never overwritten" if self.target.exists() else "another import writes to"
        assert second.returncode != 0 and told in second.stderr, second

    def check(self):
        """It left what it should, and nothing else."""
        found = files(self.target)
        assert found.keys() == self.expected.keys(), found.keys() ^ self.expected.keys()
        assert found == self.expected, [path for path in found if found[path] != self.expected[path]]
        assert self.rejects.read_text() == self.expected_rejects
        subprocess.run([BINARY, "catalog", "verify", str(self.target)], check=True, capture_output=True)
        left = [path.name for path in self.target.parent.iterdir() if path.name.startswith(".")]
        assert not left, left
        shutil.rmtree(self.target)
        self.rejects.unlink()

    def kill_at_each_step(self):
        """What was finished before a step is taken over from an import that was killed in it."""
        journal = self.members.parent / "journal"
        for step in STEPS[:-1] if self.is_collection else STEPS[:3]:
            for attempt in range(20):
                has_begun = lambda _: STEPS.index(self.step()) >= STEPS.index(step)
                if step == READING:
                    has_begun = lambda _: journal.exists() and "\nrun " in journal.read_text()
                reached, _ = self.run(has_begun, is_watched=True)
                _, taken = self.run(lambda _: False)
                self.check()
                if reached == step:
                    break
            assert reached == step or step == CLOSING, f"never killed while {step}"
            assert reached != step or TAKEN_OVER[step] in taken, (step, taken)

    def kill_at_random(self, kills):
        chance = random.Random(kills)
        killed = 0
        while killed < kills or self.target.exists() or self.members.parent.exists():
            moment = chance.uniform(0.02, 1.05) * self.seconds if killed < kills else float("inf")
            step, _ = self.run(lambda seconds: seconds > moment)
            killed += step is not None
            if step is None:
                self.check()


def counts(counter):
    return ", ".join(f"{number} {what}" for what, number in counter.items())


def main():
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        sources = make_sources(scratch)
        for further in ([], ["--margin", "3600", "--index", "id", "--index", "name"]):
            work = Import(scratch, sources, further)
            work.kill_at_each_step()
            print(f"{' '.join(further) or 'a catalog'}: {len(work.expected)} files, {work.seconds:.1f} s")
            print(f"  killed at each step: {counts(work.kills)}; taken over at the end: {counts(work.told)}")
            work.kills.clear(), work.told.clear()
            work.kill_at_random(KILLS)
            print(f"  killed at random: {counts(work.kills)}; taken over at the end: {counts(work.told)}")


main()
