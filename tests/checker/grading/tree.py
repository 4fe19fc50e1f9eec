"""
All that a process has started: who is there, what they take, and their end.

On Linux an orphan comes to the next ancestor that adopts (namespaces.py), so nobody
gets away, and /proc is read directly: among thousands that fork, we must be quick.
"""

import contextlib
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

import psutil

IS_LINUX = sys.platform == "linux"
LONG = 30  # Seconds for the end of all. It takes one, of thousands that fork.
PAGE = os.sysconf("SC_PAGE_SIZE") if IS_LINUX else 0
DEAD = {b"Z", b"X"}


def family() -> dict[int, list[tuple[int, bool]]]:
    """Return the children of each process, and whether they have ended. Linux."""
    found = defaultdict(list)
    for name in os.listdir("/proc"):  # noqa: PTH208  # Quickly.
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb", buffering=0) as file:  # noqa: PTH123
                state, parent = file.read(512).rpartition(b")")[2].split()[:2]
        except (OSError, ValueError):
            continue  # It has just gone.
        found[int(parent)].append((int(name), state in DEAD))
    return found


def memory(pids: Collection[int], most: int) -> int:
    """Return how many bytes processes take. What they share counts once, if it may."""
    total = sum(map(resident, pids))
    if total <= most or not IS_LINUX:
        return total
    shared = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
            shared += int(text.partition(b"\nPss:")[2].split(maxsplit=1)[0]) * 1024
    return shared or total


def resident(pid: int) -> int:
    """Return how many bytes of a process are in memory."""
    try:
        if IS_LINUX:
            return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * PAGE
        return psutil.Process(pid).memory_info().rss
    except (OSError, ValueError, IndexError, psutil.Error):
        return 0


def send(pids: Collection[int], number: int) -> None:
    """Send all a signal, as quickly as can be."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


class Tree:
    """
    What this process has started, without what belongs to those in `others`.

    `mark` is in the environment of all of them, unless they took it away.
    """

    def __init__(self, in_namespace: bool, mark: str, others: Collection[int]) -> None:
        self.in_namespace = in_namespace
        self.mark = mark
        self.others = others
        self.seen: dict[int, psutil.Process] = {}

    def pids(self) -> list[int]:
        """Return who is there now, and lives."""
        if not IS_LINUX:
            return self.pids_elsewhere()
        found, tree, below = [], family(), [os.getpid()]
        while below:
            for pid, is_dead in tree.get(below.pop(), ()):
                if pid in self.others:
                    continue
                below.append(pid)
                if not is_dead:
                    found.append(pid)
        return found

    def pids_elsewhere(self) -> list[int]:
        """
        Return who is there where nobody adopts: our tree, and who was in it.

        Who belongs to the others is no part of it, and all below them are not.
        """
        me = psutil.Process()
        found = list(me.children(recursive=True))
        known = {each.pid for each in found}
        for pid, each in self.seen.items():
            with contextlib.suppress(psutil.Error):
                if pid not in known and each.is_running():
                    found += [each, *each.children(recursive=True)]
        spared = set(self.others)
        for pid in self.others:
            with contextlib.suppress(psutil.Error):
                below = psutil.Process(pid).children(recursive=True)
                spared |= {each.pid for each in below}
        self.seen = {each.pid: each for each in found if each.pid not in spared}
        return [pid for pid, each in self.seen.items() if lives(each)]

    def marked(self) -> list[int]:
        """Return who has our mark in the environment: daemons that got away."""
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if each.environ().get("GRADE_RUN") == self.mark and lives(each):
                    found.append(each.pid)
        return found

    def reap(self, but: int = 0) -> None:
        """Take leave of orphans that were left to us, and have ended."""
        if IS_LINUX:
            for pid, is_dead in family().get(os.getpid(), ()):
                if is_dead and pid != but and pid not in self.others:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(pid, os.WNOHANG)

    def end(self) -> int:
        """Kill everybody, and return how many live on after that: 0, or we say so."""
        deadline = time.monotonic() + LONG
        while True:
            left = self.pids()
            if not left and not IS_LINUX:
                left = self.marked()
            if not left:
                self.reap()
                return 0
            if time.monotonic() > deadline:
                return len(left)
            if hasattr(signal, "SIGSTOP"):
                send(left, signal.SIGSTOP)  # Who is stopped cannot fork.
            send(left, getattr(signal, "SIGKILL", signal.SIGTERM))


def lives(process: psutil.Process) -> bool:
    """Tell whether a process runs, or could."""
    with contextlib.suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
