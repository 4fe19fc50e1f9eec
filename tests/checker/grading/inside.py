"""
The process above the checks of one hand-in: it holds the limits, and ends what is left.

    python -m tests.checker.grading.inside SPEC < PIPE > REPORT 2> OUTPUT

SPEC is JSON. The pipe's end says that the grader is gone. In a sandbox this is process
1 of its own namespace: with it, the system ends everything in there. Elsewhere it
adopts what becomes an orphan (Linux), and ends the tree. It reports one line of JSON.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.checker.grading.tree import Tree, memory

LOOK = 0.1  # Seconds between two looks at the processes.
GOODBYE = 2  # Seconds that servers have to end, once the checks have.
FULL = 0.95  # Of a disk: what is written in blocks never fits in whole.
FILES = 50_000  # At most, and folders.
LOOK_AT_FILES = 0.5  # Seconds between two looks at the files.


def limit(spec: dict[str, Any]) -> None:
    """Set the limits that hold for each process by itself."""
    try:
        import resource
    except ImportError:
        return  # Windows.
    # A signal would end who writes; Python itself gets an OSError instead.
    lower(resource, resource.RLIMIT_FSIZE, spec["output"])
    lower(resource, resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        lower(resource, resource.RLIMIT_DATA, spec["memory"])
    if os.getuid() != 0:  # It does not hold for root.
        lower(resource, resource.RLIMIT_NPROC, spec["tasks"])


def lower(resource: Any, which: int, value: int) -> None:
    """Set one limit, if it is not lower already."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(which, (value, value))


def files_in(place: Path) -> tuple[int, int, int]:
    """Return how many bytes files take, how many the largest, how many there are."""
    total = largest = count = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):
                about = os.lstat(os.path.join(folder, name))  # noqa: PTH118  # Many.
                total += getattr(about, "st_blocks", about.st_size // 512 + 1) * 512
                largest = max(largest, about.st_size)
        count += 1 + len(names)
        if count > FILES:
            break
    return total, largest, count


class Guard:
    """Looks again and again whether a limit is reached, and notes what was most."""

    def __init__(self, spec: dict[str, Any], tree: Tree) -> None:
        self.spec = spec
        self.tree = tree
        self.peak = {"memory": 0, "disk": 0, "processes": 0}
        self.next_files = 0.0

    def note(self, what: str, value: int) -> bool:
        """Note a value, and tell whether it is too much."""
        self.peak[what] = max(self.peak[what], value)
        return value > self.spec[what]

    def broken(self) -> str:
        """Return the name of the limit that is reached, or an empty string."""
        pids = self.tree.pids()
        if self.note("processes", len(pids)):
            return "processes"
        if self.note("memory", memory(pids, self.spec["memory"])):
            return "memory"
        if time.monotonic() > self.next_files:
            return self.broken_by_files()
        return ""

    def broken_by_files(self) -> str:
        """Return the name of the limit that files have reached, or nothing."""
        now = time.monotonic()
        disk, largest, count = files_in(Path(self.spec["place"]))
        # What the run itself prints goes to a file, too.
        largest = max(largest, os.fstat(sys.stderr.fileno()).st_size)
        took = time.monotonic() - now
        self.next_files = now + max(LOOK_AT_FILES, 10 * took)
        if self.note("disk", disk) or disk > FULL * self.spec["disk"]:
            return "disk"
        if count > FULL * FILES:
            return "files"
        return "output" if largest >= self.spec["output"] else ""


def end_with_the_grader(tree: Tree, guard: Guard) -> None:
    """Wait until the grader is gone, or wants no more, then end everything."""
    os.read(0, 1)
    report = {"reached": "time", "peak": guard.peak}
    if not tree.in_namespace:
        report["lives"] = tree.end()
    print(json.dumps(report), flush=True)
    os._exit(1)


def run(spec: dict[str, Any]) -> dict[str, Any]:
    """Run the checks, and return how they ended, and what was the most they took."""
    tree = Tree(spec["sandbox"], spec["mark"], ())
    if sys.platform == "linux":
        from tests.checker.grading import namespaces

        if spec["sandbox"]:
            namespaces.shut_off(
                Path(spec["source"]),
                Path(spec["results"]),
                Path(spec["scratch"]),
                Path(spec["place"]),
                spec["disk"],
                FILES,
                spec["hidden"],
            )
            namespaces.give_up_rights()
        else:
            namespaces.adopt_orphans()
    limit(spec)
    if hasattr(signal, "SIGINT"):
        # From in here, process 1 hears nothing that it has not asked for.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    guard = Guard(spec, tree)
    words = [tree, guard]
    threading.Thread(target=end_with_the_grader, args=words, daemon=True).start()
    checks = subprocess.Popen(
        spec["command"],
        cwd=spec["cwd"],
        env=spec["environment"],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
        start_new_session=True,
    )
    reached = ""
    while True:
        try:
            checks.wait(LOOK)
            reached = guard.broken_by_files()  # It may have been quicker than we are.
            break
        except subprocess.TimeoutExpired:
            if reached := guard.broken():
                break
        tree.reap(checks.pid)
    report = {"reached": reached, "code": checks.returncode, "left": 0, "lives": 0}
    if not reached:
        report["left"] = left_behind(tree)
    if not tree.in_namespace:  # Where the system ends them with us, none can get away.
        report["lives"] = tree.end()
    return report | {"peak": guard.peak}


def left_behind(tree: Tree) -> int:
    """Return how many processes do not end, though the checks have."""
    deadline = time.monotonic() + GOODBYE
    while True:
        tree.reap()
        left = len(tree.pids())
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def main() -> None:
    """Read the spec, run, and report."""
    report = run(json.loads(sys.argv[1]))
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
