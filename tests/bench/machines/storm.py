"""Everybody is dropped at once and comes back: a real Daphne, and the simulation."""

import asyncio
import math
import os
import signal
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from docs.shown.paper import Policy, storm
from tests.bench.machines.members import Member, staying, until
from tests.bench.machines.servers import daphne
from tests.checker.servers.tls import BackendServer
from tests.proofs.runs import ROOT

STAGE = ROOT / "stage03_groups"
CLIENTS = 300
PATIENCE = 60  # Seconds.
REPEATS = 5


def measure(folder: Path) -> dict[str, Any]:
    """Drop hundreds of clients with and without jitter, and simulate the same."""
    seen: dict[str, list[dict[str, Any]]] = {"jitter": [], "no jitter": []}
    for turn in range(REPEATS):
        for name, some in seen.items():
            log = folder / f"{name}-{turn}.log"
            with daphne(STAGE, log) as server:
                some.append(asyncio.run(watch(server, jitter=name == "jitter")))
    every = [each for some in seen.values() for each in some]
    return {
        "clients": CLIENTS,
        "handshakes_per_s": round(median(each["handshakes_per_s"] for each in every)),
        "first": middle([each["first"] for each in every]),
        "measured": {
            name: middle([each["again"] for each in some])
            for name, some in seen.items()
        },
        "simulated": {
            name: middle([simulated(each, name) for each in some])
            for name, some in seen.items()
        },
    }


def middle(some: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Return the median of each number. None is for what has not come to be."""
    found: dict[str, float | None] = {}
    for key in some[0]:
        value = median(math.inf if each[key] is None else each[key] for each in some)
        found[key] = None if math.isinf(value) else round(value, 2)
    return found


async def watch(server: BackendServer, *, jitter: bool) -> dict[str, Any]:
    """Let all in at once, kill the server, start it again, and wait for all."""
    members = [
        Member(server.url, f"room-{number}", "ana", jitter=jitter)
        for number in range(CLIENTS)
    ]
    begun = time.monotonic()
    async with staying(members, PATIENCE):
        elapsed = max(member.begin for member in members) - begun
        first = waits(members)
        # Whoever lived for long begins anew to count his attempts. Nobody here has.
        for member in members:
            member.waits.clear()
            member.attempt = 0
        killed = time.monotonic()
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        await asyncio.to_thread(server.launch)
        up = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            await until(lambda: all(m.begin > killed for m in members))
        refused = sum(len(member.refused) for member in members)
        begins = sorted(member.begin - killed for member in members)
        return {
            "handshakes_per_s": CLIENTS / elapsed,
            "first": first,
            "again": {
                "down_s": up - killed,
                "half_in_s": begins[len(begins) // 2],
                "all_in_s": begins[-1],
                "refused_each": refused / CLIENTS,
                **waits(members),
            },
        }


def waits(members: list[Member]) -> dict[str, float]:
    """Return how long members waited for their welcome, in seconds."""
    seconds = [wait for member in members for wait in member.waits]
    cuts = quantiles(seconds, n=100)
    return {"wait_p50_s": cuts[49], "wait_p99_s": cuts[98]}


def simulated(seen: dict[str, Any], name: str) -> dict[str, float]:
    """
    Return what the simulation says of the same storm.

    How many handshakes a second the server does was seen when all came the first time.
    """
    rate, down = seen["handshakes_per_s"], seen["again"]["down_s"]
    result = storm(CLIENTS, rate, Policy(jitter=name == "jitter"), down=down)
    return {
        "down_s": down,
        "half_in_s": result.half_in,
        "all_in_s": result.all_in,
        "refused_each": result.refused / CLIENTS,
        "wait_p50_s": result.wait_p50,
        "wait_p99_s": result.wait_p99,
    }
