"""What is measured in rounds, and kept however the rounds end."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

from tests.bench.spread import Sample, Spread, is_quiet, ratios, spread
from tests.checker.client import WireError
from tests.checker.servers.runserver import Server

LIMIT = 0.8  # A load generator that computes for more of the time may be the limit.
LEAST = 1e-7  # Seconds of CPU: other systems than Linux count in hundredths of one.


class Scope(NamedTuple):
    """How much of a benchmark is run."""

    rounds: int
    seconds: float
    """How long a row is measured in each of them."""
    warm_up: float = 0
    """How long before: Python specializes the code that runs often."""
    is_quick: bool = False
    """Whether what takes long is left out: most of the largest rooms, Redis, nginx."""
    is_largest: bool = False
    """Whether this is what comes last, because it takes longest: fanout.py."""
    end: float = math.inf
    """The moment, by time.monotonic(), after which no round ends but the least."""

    @property
    def least(self) -> int:
        """How many rounds there are, however late it is: two have a spread."""
        return 1 if self.is_quick else 2


class Record:
    """
    What one benchmark has measured so far.

    A benchmark adds to it, so that Ctrl-C does not lose what there is.
    """

    def __init__(self) -> None:
        self.groups: list[dict[str, list[Sample]]] = []
        self.left_out: list[str] = []
        """Sentences: what this machine lacks, and for which there are no rows."""

    def begin(self, names: Iterable[str]) -> None:
        """Begin with rows that are compared with each other, in rounds."""
        self.groups.append({name: [] for name in names})

    def add(self, name: str, **sample: float) -> None:
        """Note what was measured of a row in one round."""
        self.groups[-1][name].append(sample)

    def rows(self) -> dict[str, list[Sample]]:
        """Return what was measured in rounds that all compared rows have."""
        found = {}
        for group in self.groups:
            rounds = min(map(len, group.values()), default=0)
            if rounds:
                found |= {name: each[:rounds] for name, each in group.items()}
        return found

    @property
    def last_rounds(self) -> int:
        """The whole rounds of the rows that were compared last."""
        return min(map(len, self.groups[-1].values()), default=0) if self.groups else 0

    def has_rounds_since(self, groups: int) -> bool:
        """Tell whether a group that was begun after so many has a whole round."""
        return any(
            min(map(len, group.values()), default=0) for group in self.groups[groups:]
        )

    @property
    def rounds(self) -> int:
        """The rounds of the row that has most of them."""
        return max(map(len, self.rows().values()), default=0)


class Cost(NamedTuple):
    """What a server did while something was measured, in seconds."""

    elapsed: float
    worked: float
    """CPU time of all its threads: what a busy machine changes least."""
    waited: float
    """In this time its threads could have run, and something else did."""

    def each(self, operations: int) -> dict[str, float]:
        """Return the part of a sample that says what one operation cost."""
        # A thread that waits on the only core for another one of the same server waits
        # while the server works. What is left is for the machine to answer.
        waited = min(self.waited, max(0, self.elapsed - self.worked))
        return {
            "cpu_us": max(self.worked, LEAST) / operations * 1e6,
            "server_busy": self.worked / self.elapsed,
            "waited": waited / self.elapsed,
        }


@contextmanager
def naming(row: object) -> Iterator[None]:
    """Say of which row it is, if a server answers wrong."""
    try:
        yield
    except WireError as error:
        raise WireError(error.symptom, f"{row}: {error}") from None


def cost_of(server: Server, work: Callable[[], Any]) -> tuple[Any, Cost]:
    """Let a server work. Returns what the work does, and what it cost."""
    before, start = server.effort(), time.perf_counter()
    done = work()
    elapsed = time.perf_counter() - start
    effort = server.effort().minus(before)
    return done, Cost(elapsed, effort.worked, effort.waited)


def with_quartiles(name: str, value: Spread) -> dict[str, Any]:
    """Return the cells of a number: its median, and the quartiles beside it."""
    return {name: value.median, f"{name}_quartiles": [value.low, value.high]}


def row(
    name: str, mine: list[Sample], base: list[Sample], numbers: Iterable[str]
) -> dict[str, Any]:
    """
    Return the row of one server. The first of the numbers is how fast it is.

    `ratio` is how many times as fast as the base it is, and `cheaper` how many times
    less CPU it takes for the same, round by round. Of what else is measured, the row
    has the medians.
    """
    speed, *others = numbers
    cells = with_quartiles(speed, spread([each[speed] for each in mine]))
    cells |= with_quartiles("ratio", ratios(mine, base, speed))
    cells |= with_quartiles("cpu_us", spread([each["cpu_us"] for each in mine]))
    cells |= with_quartiles("cheaper", ratios(mine, base, "cpu_us", inverse=True))
    others += ["client_busy", "server_busy", "waited"]
    cells |= {other: median(each[other] for each in mine) for other in others}
    return {"name": name, **cells}


def doubts(rows: dict[str, list[Sample]]) -> list[str]:
    """Say of which rows the numbers are not the server's own."""
    said = []
    limited = [
        name
        for name, each in rows.items()
        if median(sample.get("client_busy", 0) for sample in each) > LIMIT
    ]
    if limited:
        said.append(f"The load generator was the limit of: {'; '.join(limited)}.")
    waiting = [name for name, each in rows.items() if not is_quiet(each)]
    if waiting:
        said.append(
            f"The machine did something else meanwhile, so for {len(waiting)} of "
            f"{len(rows)} rows, CPU times say more than speeds."
        )
    return said
