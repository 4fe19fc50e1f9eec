"""
The arithmetic of many machines, and a simulation of everybody coming back at once.

Pure functions of numbers. Where the numbers come from stands in COSTS, and nowhere
else: docs/bench.json, and docs/machines.json for what only several machines show.
"""

import heapq
import math
import random
from typing import NamedTuple

# A step of the simulation, in seconds.
STEP = 0.005


class Policy(NamedTuple):
    """How a page comes back, in seconds: as chat.js does."""

    first: float = 0.5
    longest: float = 8
    jitter: bool = True

    def delay(self, attempt: int, chance: random.Random) -> float:
        """Return how long it waits before an attempt, the first of which is 0."""
        longest = min(self.first * 2**attempt, self.longest)
        return longest * (0.5 + chance.random() / 2) if self.jitter else longest


class Storm(NamedTuple):
    """What became of a crowd that was dropped at once. Seconds since then."""

    half_in: float
    all_in: float | None
    refused: int
    """Attempts while nobody listened."""
    given_up: int
    """Handshakes that were begun, and took too long."""
    wait_p50: float
    wait_p99: float
    """From the attempt that succeeded to the welcome."""
    peak: int
    """The most handshakes that were begun and not done, at one time."""


def storm(
    clients: int,
    rate: float,
    policy: Policy,
    *,
    down: float = 0.0,
    limit: float = 4.0,
    until: float = 300.0,
    seed: int = 1,
) -> Storm:
    """
    Let clients come back to a server that does `rate` handshakes a second.

    The server is away for `down` seconds, and refuses at once meanwhile. It works on
    all handshakes that have begun, in turn, as an event loop does: of n, each gets the
    n-th part. One that takes longer than `limit` is given up, and its work is lost:
    that is what guard() does after four seconds. Ends after `until` seconds.
    """
    chance = random.Random(seed)  # noqa: S311  # No secret.
    attempts = [0] * clients
    arrivals = [(policy.delay(0, chance), client) for client in range(clients)]
    heapq.heapify(arrivals)
    working: list[tuple[float, float, int]] = []  # Done at this much work; since when.
    begun: list[tuple[float, int]] = []  # In the order of their deadlines.
    current: dict[int, float] = {}
    ins: list[float] = []
    waits: list[float] = []
    refused = given_up = peak = 0
    work = now = 0.0

    def again(client: int, at: float) -> None:
        attempts[client] += 1
        later = at + policy.delay(attempts[client], chance)
        heapq.heappush(arrivals, (later, client))

    while len(ins) < clients and now < until:
        now += STEP
        while arrivals and arrivals[0][0] <= now:
            at, client = heapq.heappop(arrivals)
            if at < down:
                refused += 1
                again(client, at)
                continue
            current[client] = at
            heapq.heappush(working, (work + 1, at, client))
            begun.append((at, client))
        peak = max(peak, len(current))
        if current:
            work += rate * STEP / len(current)
        while working and working[0][0] <= work:
            _done, at, client = heapq.heappop(working)
            if current.get(client) != at:
                continue  # It was given up.
            del current[client]
            ins.append(now)
            waits.append(now - at)
        late = 0
        for at, client in begun:
            if at > now - limit:
                break
            late += 1
            if current.get(client) == at:
                del current[client]
                given_up += 1
                again(client, now)
        del begun[:late]
    waits.sort()
    return Storm(
        half_in=ins[clients // 2] if len(ins) > clients // 2 else math.inf,
        all_in=ins[-1] if len(ins) == clients else None,
        refused=refused,
        given_up=given_up,
        wait_p50=waits[len(waits) // 2] if waits else math.inf,
        wait_p99=waits[len(waits) * 99 // 100] if waits else math.inf,
        peak=peak,
    )
