"""How much a server has worked, and how long it waited until it was allowed to."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

PROCESSES = Path("/proc")
NANOSECONDS = 1e9  # In a second.


class Effort(NamedTuple):
    """Seconds on a CPU, and seconds of waiting for one, of all threads."""

    worked: float = 0.0
    waited: float = 0.0  # Only Linux tells.

    @property
    def total(self) -> float:
        """Seconds in which something was to be done."""
        return self.worked + self.waited

    def plus(self, other: "Effort") -> "Effort":
        """Return the sum of two."""
        return Effort(self.worked + other.worked, self.waited + other.waited)

    def minus(self, other: "Effort") -> "Effort":
        """Return what has come since another."""
        return Effort(self.worked - other.worked, self.waited - other.waited)


def effort_of(pid: int) -> Effort:
    """Return the effort of a process and its children. Of one that has ended: none."""
    total = Effort()
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error, OSError):
                total = total.plus(effort_of_one(each))
    return total


def effort_of_one(process: psutil.Process) -> Effort:
    """Return the effort of one process. Raises OSError or psutil.Error."""
    # The first two numbers: nanoseconds on a CPU, and in the queue for one.
    # https://docs.kernel.org/scheduler/sched-stats.html
    threads = [*PROCESSES.glob(f"{process.pid}/task/*/schedstat")]
    if not threads:
        times = process.cpu_times()
        return Effort(times.user + times.system)
    numbers = [list(map(int, file.read_text().split()[:2])) for file in threads]
    worked, waited = map(sum, zip(*numbers, strict=True))
    return Effort(worked / NANOSECONDS, waited / NANOSECONDS)
