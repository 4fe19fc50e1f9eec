"""A master, its replica and Sentinels, two Daphnes, and the master is lost."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.bench.machines.members import (
    Member,
    Talk,
    count,
    staying,
    until_all_hear,
)
from tests.bench.machines.redises import (
    Redis,
    Sentinel,
    guarded_by_sentinels,
)
from tests.bench.machines.servers import daphnes, in_turn
from tests.checker.servers.tls import BackendServer
from tests.proofs.runs import ROOT

STAGE = ROOT / "stage03_groups"
INTERVAL = 0.1  # Seconds.
BEFORE = 2  # Seconds.
PATIENCE = 45  # Seconds.

# Sentinels, what happens to the master, and the layer's socket_timeout in seconds.
VARIANTS = {
    "killed, 1 Sentinel": (1, "killed", "8"),
    "killed, 3 Sentinels": (3, "killed", "8"),
    "silent, 3 Sentinels": (3, "silent", "8"),
    "silent, 3 Sentinels, socket_timeout 5.5": (3, "silent", "5.5"),
}


def measure(folder: Path) -> dict[str, Any]:
    """See how long nobody is heard, and what is lost."""
    return in_turn(VARIANTS, folder, one)


def one(folder: Path, sentinels: int, fate: str, socket_timeout: str) -> dict[str, Any]:
    """Let members talk through two Daphnes, and take the master away."""
    with guarded_by_sentinels(folder, sentinels) as (master, replica, watching):
        ports = " ".join(str(each.port) for each in watching)
        with daphnes(
            *(2, STAGE, folder, "behind_sentinels"),
            SENTINELS=ports,
            SOCKET_TIMEOUT=socket_timeout,
        ) as servers:
            return asyncio.run(watch(servers, master, replica, watching[0], fate))


async def watch(
    servers: list[BackendServer],
    master: Redis,
    replica: Redis,
    sentinel: Sentinel,
    fate: str,
) -> dict[str, Any]:
    """Say when the members were closed, when all hear all again, what was lost."""
    members = [
        Member(server.url, room, f"{place}-{room}")
        for room in ("garden", "kitchen")
        for place, server in enumerate(servers)
    ]
    talk = Talk(members, INTERVAL)
    async with staying(members):
        began = time.monotonic()
        await talk.go_on(BEFORE)
        lost = time.monotonic()
        if fate == "killed":
            await asyncio.to_thread(master.kill)
        else:
            pid = master.pid
            os.kill(pid, signal.SIGSTOP)
        promoted = asyncio.create_task(promotion(sentinel, replica))
        again = await until_all_hear(talk, lost + 0.5, PATIENCE)
        await talk.go_on(1)
        over = time.monotonic()
        if fate != "killed":
            os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(1)  # The last words are on their way.
        ends = [stay for member in members for stay in member.stays]
        refused = [code for member in members for _at, code in member.refused]
        gone = [n for each in members for n in unheard(each, lost, over)]
        return {
            "before": count(members, began, lost - 1)._asdict(),
            "promoted_s": round(await promoted - lost, 1),
            "closed": len(ends),
            "closed_s": round(max(s.end for s in ends) - lost, 2),
            "codes": sorted({stay.code for stay in ends}),
            "refused": len(refused),
            "again_s": again and round(again - lost, 1),
            # Said on a connection that was open, as far as a page can know.
            "said_in_vain": len(gone),
            "after": count(members, (again or over), over - 0.5, 0.5)._asdict(),
        }


def unheard(member: Member, begin: float, end: float) -> list[int]:
    """Return what a member said in some time, and has not even heard itself."""
    own = {number for number, _at in member.heard[member.name]}
    return [
        number
        for number, (at, _stay) in member.said.items()
        if begin <= at <= end and number not in own
    ]


async def promotion(sentinel: Sentinel, replica: Redis) -> float:
    """Return when a Sentinel names the replica as the master."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if await asyncio.to_thread(sentinel.master_port) == replica.port:
            return time.monotonic()
        await asyncio.sleep(0.05)
    raise TimeoutError("No Sentinel has named the replica.")
