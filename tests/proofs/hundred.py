"""
A hundred hand-ins, many of them nasty, and what grading them costs.

    python -m tests.proofs.hundred FOLDER             # makes them, grades, measures
    python -m tests.proofs.hundred FOLDER --only ana  # some of them, by their names

FOLDER must be new. All other words go to grade. Those that are made for a sandbox must
never be graded without one: they end every program of whoever runs them.
"""

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from tests.checker.grading import sandbox
from tests.checker.system import ROOT
from tests.proofs.hand_ins import digest, make


class Meter:
    """Measures the grader's own memory, and what it takes of the machine's."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = psutil.Process(process.pid)
        self.own = self.machine = self.disk = 0
        self.over = threading.Event()
        self.disk_before = shutil.disk_usage("/").used
        self.memory_before = psutil.virtual_memory().available
        self.thread = threading.Thread(target=self.measure, daemon=True)
        self.thread.start()

    def measure(self) -> None:
        """Look ten times a second."""
        while not self.over.wait(0.1):
            with contextlib.suppress(psutil.Error):
                self.own = max(self.own, self.process.memory_info().rss)
            taken = self.memory_before - psutil.virtual_memory().available
            self.machine = max(self.machine, taken)
            used = shutil.disk_usage("/").used - self.disk_before
            self.disk = max(self.disk, used)


def strays(before: set[int]) -> list[str]:
    """Return who runs now, did not before, and is not one of the system's own."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = " ".join(each.cmdline())
            if each.pid not in before and re.search(
                "grading.inside|submission|nameless", words
            ):
                found.append(f"{each.pid} {words[:100]}")
    return found


def main() -> int:
    """Make the hand-ins, grade them, and print what it cost."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.hundred")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", metavar="WORDS", help="some, by a part of the name")
    parser.add_argument("--make", action="store_true", help="make them only")
    options, words = parser.parse_known_args()
    into = options.folder.resolve() / "hand-ins"
    walls = sandbox.find()
    found = make(into, bool(walls.words) and "--no-sandbox" not in words)
    if options.only:
        for name in found:
            path = into / name
            if options.only not in name:
                is_folder = path.is_dir() and not path.is_symlink()
                shutil.rmtree(path) if is_folder else path.unlink()
    print(f"{len(list(into.iterdir()))} hand-ins in {into}", flush=True)
    if options.make:
        return 0
    before, running = digest(into), set(psutil.pids())
    out = options.folder.resolve() / "results"
    command = [sys.executable, "-m", "tests.checker.grade", "1", into, "--out", out]
    begun = time.monotonic()
    grader = subprocess.Popen([*command, *words], cwd=ROOT)
    meter = Meter(grader)
    code = grader.wait()
    seconds = time.monotonic() - begun
    meter.over.set()
    rows = [json.loads(line) for line in (out / "results.json").open()]
    print(f"\nexit code {code}, {len(rows)} rows, {seconds:.0f} s")
    print(f"peak memory of the grader: {meter.own / 1e6:.0f} MB")
    print("peak memory of the machine, and disk, beyond the time before (others")
    print(f"count, too): {meter.machine / 1e6:.0f} MB, {meter.disk / 1e6:.0f} MB")
    for what, unit in {"memory": 1e6, "disk": 1e6, "processes": 1}.items():
        most, who = max((row["peak"].get(what, 0) / unit, row["name"]) for row in rows)
        print(f"most {what} of one hand-in: {most:.0f}, {who!r}")
    print(f"hand-ins unchanged: {digest(into) == before}")
    print(f"left running: {strays(running) or 'nothing'}")
    slowest = sorted(rows, key=lambda row: -row["seconds"])[:8]
    for row in slowest:
        print(
            f"  {row['seconds']:6.1f} s  {row['name']!r}: {row['why'] or row['state']}"
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
