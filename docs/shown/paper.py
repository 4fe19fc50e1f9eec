"""
The arithmetic of many machines, and a simulation of everybody coming back at once.

Pure functions of numbers: which of them were measured, and where, stands in
docs/shown/machines.py.
"""

import heapq
import random
from collections import deque
from math import ceil
from typing import NamedTuple


class Policy(NamedTuple):
    """How a page comes back, in seconds: as chat.js does."""

    first: float = 0.5
    longest: float = 8
    jitter: bool = True
    patience: float = 10

    def delay(self, attempt: int, chance: random.Random) -> float:
        """Return how long it waits before an attempt, the first of which is 0."""
        longest = min(self.first * 2**attempt, self.longest)
        return longest * (0.5 + chance.random() / 2) if self.jitter else longest


class Storm(NamedTuple):
    """What became of a crowd that was dropped at once. Seconds since then."""

    half_in: float | None
    all_in: float | None
    refused: int
    """Attempts while nobody listened."""
    given_up: int
    """Attempts that took longer than the page's patience."""
    wait_p50: float
    wait_p99: float
    """From the attempt that succeeded to the welcome."""
    peak: int
    """The most handshakes that had begun and were not done, at one time."""


def storm(
    clients: int,
    rate: float,
    policy: Policy,
    *,
    down: float = 0.0,
    until: float = 300.0,
    seed: int = 1,
) -> Storm:
    """
    Let clients come back to a server that does `rate` handshakes a second.

    For `down` seconds nobody listens, and who comes is refused at once. From then on
    one handshake is done after the other, in the order in which they came. Who would
    wait for longer than his patience leaves when that is over, before his turn, and
    comes again later. Ends after `until` seconds.
    """
    chance = random.Random(seed)  # noqa: S311  # No secret.
    arrivals = [(policy.delay(0, chance), 0, client) for client in range(clients)]
    heapq.heapify(arrivals)
    ins: list[float] = []
    waits: list[float] = []
    queue: deque[float] = deque()  # When each of those will be done.
    refused = given_up = peak = 0
    free = down
    while arrivals and arrivals[0][0] < until:
        at, attempt, client = heapq.heappop(arrivals)
        while queue and queue[0] <= at:
            queue.popleft()
        done = max(free, at) + 1 / rate
        is_away = at < down
        if not is_away and done - at <= policy.patience:
            free = done
            ins.append(done)
            waits.append(done - at)
            queue.append(done)
            peak = max(peak, len(queue))
            continue
        left = at if is_away else at + policy.patience
        refused += is_away
        given_up += not is_away
        later = left + policy.delay(attempt + 1, chance)
        heapq.heappush(arrivals, (later, attempt + 1, client))
    waits.sort()
    return Storm(
        half_in=ins[clients // 2] if len(ins) > clients // 2 else None,
        all_in=ins[-1] if len(ins) == clients else None,
        refused=refused,
        given_up=given_up,
        wait_p50=waits[len(waits) // 2],
        wait_p99=waits[len(waits) * 99 // 100],
        peak=peak,
    )


class Costs(NamedTuple):
    """What was measured of one process, one connection, one delivery."""

    deliveries_per_s: float
    """Of one process that does nothing else, in rooms of a hundred."""
    handshakes_per_s: float
    """Of one process, with a session."""
    process_kib: float
    """Memory that an idle connection keeps in Daphne."""
    proxy_kib: float
    """And in nginx."""
    proxy_files: float
    redis_us: float
    """Of Redis' one core, for each delivery in a room that is on several processes."""
    small_us: float
    """Of Daphne, for each delivery in a small room on one process."""
    spread_us: float
    """And in one that is on several."""
    kept_redis_us: float
    """Of Redis, in a small room on one process."""


class Site(NamedTuple):
    """What somebody wants to build."""

    connections: int = 1_000_000
    members: int = 20
    """Of a room."""
    messages_per_min: float = 1
    """That each member says."""
    bytes: int = 150
    """Of a message, with its frame."""
    used: float = 0.5
    """The part of a process, or of a Redis, that is used: the rest is for bad days."""


# Bytes around a frame: IP and TCP with a time stamp, and the record of TLS.
AROUND = 52 + 22
PING = 2 + 4  # Bytes of Daphne's ping, and about those of the answer.
PING_INTERVAL = 20  # Seconds.


def arithmetic(site: Site, costs: Costs) -> dict[str, float]:
    """Return what a site needs, if costs grow as they do on paper."""
    messages = site.connections * site.messages_per_min / 60
    deliveries = messages * site.members
    processes = ceil(deliveries / (costs.deliveries_per_s * site.used))

    def cores(each_us: float) -> int:
        return ceil(deliveries * each_us / 1e6 / site.used)

    kib = site.connections * (costs.process_kib + costs.proxy_kib)
    pings = site.connections / PING_INTERVAL
    idle = pings * 2 * (PING + AROUND)
    return {
        "messages_per_s": messages,
        "deliveries": deliveries,
        "processes": processes,
        "connections_each": site.connections / processes,
        "processes_small": cores(costs.small_us),
        "processes_spread": cores(costs.spread_us),
        "redis": cores(costs.redis_us),
        "redis_kept": cores(costs.kept_redis_us),
        "gib": kib / 1024**2,
        "files_of_nginx": site.connections * costs.proxy_files,
        "idle_mbit_per_s": idle * 8 / 1e6,
        "mbit_per_s": (idle + deliveries * (site.bytes + AROUND)) * 8 / 1e6,
        "all_in_s": site.connections / (processes * costs.handshakes_per_s),
    }


def joins(members: int) -> int:
    """Return how many joins are told if a room fills: each to those who are there."""
    return members * (members + 1) // 2
