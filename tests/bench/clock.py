"""
The time that a run may take, and the signals that end it.

A run keeps its time on any machine. It plans more rounds than a slow or busy one has
time for, and each benchmark ends after the last whole round that fits into its share.
What would not end in time at all is interrupted. Either way, what was measured in whole
rounds is kept.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

SPARE = 5.0  # Seconds, in which Python has started, and in which the servers end.


class Stopped(KeyboardInterrupt):
    """Something wants this process to end. It is no error."""

    sentence = "\nStopped. This is what was measured."
    code = 130


class Terminated(Stopped):
    """SIGTERM has come: from a service manager, or from `timeout`."""

    code = 143


class OutOfTime(Stopped):
    """The time is over, and a round is not."""

    sentence = "The time is over. This is what was measured."
    code = 0


@contextmanager
def stopping(seconds: float = math.inf) -> Iterator[Callable[[], None]]:
    """
    Within this block, SIGTERM raises Terminated, and the end of the time OutOfTime.

    One of them, and once: `timeout` sends SIGTERM twice, and what was measured must be
    told in between. Gives what ends that earlier than the block: then SIGTERM is
    ignored. Windows has no alarm. There, only whole rounds end in time.
    """
    has_alarm = seconds < math.inf and hasattr(signal, "setitimer")

    def enough() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if has_alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def terminate(_number: int, _frame: FrameType | None) -> None:
        enough()
        raise Terminated

    def ring(_number: int, _frame: FrameType | None) -> None:
        enough()
        raise OutOfTime

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, terminate)}
    if has_alarm:
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield enough
    finally:
        enough()
        for number, each in before.items():
            signal.signal(number, each)


class Clock:
    """Shares the time of a run among its parts, by how long each is planned to take."""

    def __init__(self, seconds: float, planned: Mapping[Any, float]) -> None:
        self.end = time.monotonic() + seconds - SPARE
        self.planned = dict(planned)
        """Of the parts that are still to come, the seconds on a quiet machine."""
        self.took = self.should = 0.0

    def left(self) -> float:
        """Return how many seconds are left."""
        return self.end - time.monotonic()

    def share(self, part: Any) -> float:
        """Return the moment at which a part should end: the others want time, too."""
        share = self.planned[part] / (sum(self.planned.values()) or 1)
        return self.end if share == 1 else time.monotonic() + self.left() * share

    def has_time_for(self, seconds: float) -> bool:
        """Tell whether what takes so long on a quiet machine would end in time here."""
        return seconds * self.slowness() <= self.left()

    def slowness(self) -> float:
        """Return how many times as long as planned the parts so far have taken."""
        return max(1.0, self.took / self.should) if self.should else 1.0

    def done(self, part: Any, took: float, should: float) -> None:
        """Note how long a part took, and how long that takes on a quiet machine."""
        del self.planned[part]
        self.took += took
        self.should += should
