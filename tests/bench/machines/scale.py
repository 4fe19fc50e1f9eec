"""One, two and four Daphnes behind an nginx, on one Redis: how much do they carry?"""

import asyncio
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.machines.members import Member, staying
from tests.bench.machines.proxied import files, memory, nginx, worked
from tests.bench.machines.redises import Redis
from tests.bench.machines.servers import daphnes
from tests.proofs.runs import ROOT

STAGE = ROOT / "stage03_groups"
NUMBERS = (1, 2, 4)
ROOMS, EACH = 10, 8
ROUNDS, SECONDS = 5, 2
IDLE = 500  # Connections.
QUIET = 8  # Seconds, at most.


class Room:
    """Members of whom the first speaks: again, as soon as all have heard it."""

    def __init__(self, url: str, name: str) -> None:
        self.members = [Listener(url, name, f"{name}-{each}") for each in range(EACH)]
        for member in self.members:
            member.told = self.hear
        self.waiting = 0
        self.heard = 0
        self.all_heard = asyncio.Event()

    def hear(self) -> None:
        """Take down that one more has heard it."""
        self.heard += 1
        self.waiting -= 1
        if not self.waiting:
            self.all_heard.set()

    async def talk(self, end: float) -> None:
        """Speak until some time."""
        number = 0
        while time.monotonic() < end:
            self.waiting = len(self.members)
            self.all_heard.clear()
            await self.members[0].say(number)
            async with asyncio.timeout(20):
                await self.all_heard.wait()
            number += 1


class Listener(Member):
    """A member that tells its room of each message."""

    def take(self, message: dict[str, Any]) -> None:
        """Tell of a message, and keep nothing."""
        if message["type"] == "message":
            self.told()


def measure(folder: Path) -> dict[str, Any]:
    """Let rooms talk through one, two and four, in turn."""
    with ExitStack() as stack:
        redis = stack.enter_context(Redis(folder / "redis"))
        urls = {"REDIS_URLS": redis.url}
        servers = stack.enter_context(
            daphnes(max(NUMBERS), STAGE, folder, "several_redis", **urls)
        )
        ports = [server.port for server in servers]
        sites = {number: ports[:number] for number in NUMBERS}
        proxy = stack.enter_context(nginx(folder / "nginx", sites))
        pids = {
            "Daphne": [server.process.pid for server in servers],
            "Redis": [redis.pid],
            "nginx": [proxy.pid],
        }
        rounds = defaultdict(list)
        for turn in range(ROUNDS + 1):  # The first warms them up.
            for number in NUMBERS:
                url = f"ws://127.0.0.1:{proxy.ports[number]}"
                seen = asyncio.run(one(url, f"{turn}-{number}", pids))
                if turn:
                    rounds[number].append(seen)
        idle = asyncio.run(idle_ones(proxy.ports[1], pids, redis))
    base = [seen["deliveries_per_s"] for seen in rounds[1]]
    return {
        "rooms": ROOMS,
        "members_each": EACH,
        "rounds": ROUNDS,
        "rows": [
            {
                "daphnes": number,
                "ratio": round(
                    median(
                        seen["deliveries_per_s"] / first
                        for seen, first in zip(some, base, strict=True)
                    ),
                    2,
                ),
                **{
                    key: round(median(seen[key] for seen in some), 4) for key in some[0]
                },
            }
            for number, some in rounds.items()
        ],
        "idle": idle,
    }


async def one(url: str, turn: str, pids: dict[str, list[int]]) -> dict[str, float]:
    """Fill rooms, let them talk, and say how fast, and what each has computed."""
    rooms = [Room(url, f"{turn}-{number}") for number in range(ROOMS)]
    async with staying(member for room in rooms for member in room.members):
        await quiet(pids["Daphne"])
        before = {name: sum(map(worked, some)) for name, some in pids.items()}
        own, begun = time.process_time(), time.monotonic()
        await asyncio.gather(*(room.talk(begun + SECONDS) for room in rooms))
        elapsed = time.monotonic() - begun
        heard = sum(room.heard for room in rooms)
        costs = {
            f"{name}_us": 1e6 * (sum(map(worked, some)) - before[name]) / heard
            for name, some in pids.items()
        }
        return {
            "deliveries_per_s": heard / elapsed,
            **costs,
            "client_busy": (time.process_time() - own) / elapsed,
        }


async def quiet(pids: list[int]) -> None:
    """Wait until all comings and goings are told, but not for long."""
    end = time.monotonic() + QUIET
    while time.monotonic() < end:
        before = sum(map(worked, pids))
        await asyncio.sleep(0.2)
        if sum(map(worked, pids)) - before < 0.01:
            return


async def idle_ones(port: int, pids: dict[str, list[int]], redis: Redis) -> dict:
    """Say what connections cost of which nobody says anything."""
    first = {name: some[:1] for name, some in pids.items()}
    members = [
        Member(f"ws://127.0.0.1:{port}", f"idle-{number}", "idle")
        for number in range(IDLE)
    ]

    def look() -> dict[str, tuple[int, int]]:
        return {
            name: (sum(map(memory, some)), sum(map(files, some)))
            for name, some in first.items()
        }

    before = look()
    async with staying(members, 60):
        await asyncio.sleep(1)
        after = look()
        clients = redis.command("INFO", "clients")["connected_clients"]
    return {
        "connections": IDLE,
        **{
            name: {
                "kib": round((after[name][0] - before[name][0]) / IDLE / 1024, 1),
                "files": round((after[name][1] - before[name][1]) / IDLE, 2),
            }
            for name in first
        },
        "redis_clients": clients,
    }
