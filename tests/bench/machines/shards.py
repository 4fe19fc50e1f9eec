"""Two Redis by `hosts`, two Daphnes, and one Redis is killed: who still hears whom?"""

import asyncio
import re
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from typing import Any

from channels_redis.core import RedisChannelLayer
from channels_redis.utils import _consistent_hash as shard_of

from tests.bench.machines.members import (
    Member,
    Talk,
    all_heard_at,
    count,
    staying,
    until_all_hear,
)
from tests.bench.machines.redises import Redis
from tests.bench.machines.servers import daphne
from tests.checker.rooms import join
from tests.checker.servers.tls import BackendServer
from tests.proofs.runs import ROOT, copy_of, replace

STAGE = ROOT / "stage03_groups"
ROOMS = 2  # On each shard.
INTERVAL = 0.2  # Seconds.
BEFORE, AWAY = 2, 8  # Seconds.
NEWCOMERS = 20
CHANNELS = 40

# What the hash is made of that says where a group is.
GROUPS = {
    "several_redis": "room.{}",
    "several_pubsub": "chat__group__room.{}",
}

TELLS_ALL = "others = clients if isinstance(error, redis.RedisError) else ()"
TELLS_ONE = "others = ()"

VARIANTS = {
    "core, guard() tells all": ("several_redis", False),
    "core, guard() tells one": ("several_redis", True),
    "pub/sub, guard() tells one": ("several_pubsub", True),
}


def rooms_on(shard: int, settings: str, how_many: int = ROOMS) -> list[str]:
    """Return names of rooms whose group the layer keeps on one of two Redis."""
    names = (f"room-{number}" for number in range(1000))
    key = GROUPS[settings]
    found = [name for name in names if shard_of(key.format(name), 2) == shard]
    return found[:how_many]


def measure(folder: Path) -> dict[str, Any]:
    """See what becomes of the rooms of each variant, and of what is sent to one."""
    found: dict[str, Any] = {
        name: one(folder / re.sub(r"\W", "-", name), *variant)
        for name, variant in VARIANTS.items()
    }
    with Redis(folder / "a") as first, Redis(folder / "b") as second:
        for hosts in ([first.url], [first.url, second.url]):
            found[f"send(), {len(hosts)} Redis"] = asyncio.run(direct(hosts))
    return found


def one(folder: Path, settings: str, tells_one: bool) -> dict[str, Any]:
    """See what becomes of rooms on either shard, and of members on either process."""
    folder.mkdir()
    project = copy_of(STAGE, folder / "project")
    if tells_one:
        replace(project / "chat" / "faults.py", TELLS_ALL, TELLS_ONE)
    with ExitStack() as stack:
        redises = [
            stack.enter_context(Redis(folder / f"redis-{each}")) for each in range(2)
        ]
        urls = " ".join(redis.url for redis in redises)
        servers = pair(stack, project, folder, settings, redises, urls)
        return asyncio.run(watch(servers, redises, settings))


def pair(
    stack: ExitStack,
    project: Path,
    folder: Path,
    settings: str,
    redises: list[Redis],
    urls: str,
) -> dict[str, BackendServer]:
    """
    Start two Daphnes: the mailbox of the first is on the first Redis.

    On core, where a process has its mailbox is chance, and so is how often we try. On
    pub/sub each connection has its own.
    """
    found: dict[str, BackendServer] = {}
    for attempt in range(20):
        log = folder / f"daphne-{attempt}.log"
        with ExitStack() as own:
            server = own.enter_context(daphne(project, log, settings, REDIS_URLS=urls))
            place = ("dead", "alive")[mailbox_of(server, redises, attempt, settings)]
            if place not in found:
                found[place] = server
                stack.push(own.pop_all())
        if len(found) == 2:
            return found
    raise AssertionError("Twenty processes had their mailboxes on the same Redis.")


def mailbox_of(
    server: BackendServer, redises: list[Redis], attempt: int, settings: str
) -> int:
    """Return on which Redis a process has its mailbox."""
    if settings != "several_redis":
        return attempt
    room = f"where-{attempt}"
    with join(server, room):
        key = f"chat:group:room.{room}"
        [channel] = redises[shard_of(f"room.{room}", 2)].command("ZRANGE", key, 0, -1)
    return shard_of(channel.partition("!")[0] + "!", 2)


async def watch(
    servers: dict[str, BackendServer], redises: list[Redis], settings: str
) -> dict[str, Any]:
    """Kill the first Redis, start it again, and say what members have noticed."""
    groups = {
        (place, where): [
            Member(servers[where].url, room, f"{where}-{room}")
            for room in rooms_on(shard, settings)
        ]
        for shard, place in enumerate(("dead", "alive"))
        for where in servers
    }
    # Nobody here has anything to do with the Redis that dies. But for the first
    # process, each of the rooms above has a member there.
    groups["at home", "alive"] = [
        Member(servers["alive"].url, room, f"{name}-{room}")
        for room in rooms_on(1, settings, 2 * ROOMS)[ROOMS:]
        for name in ("ana", "ben")
    ]
    members = [member for some in groups.values() for member in some]
    talk = Talk(members, INTERVAL)
    async with staying(members):
        began = time.monotonic()
        await talk.go_on(BEFORE)
        before = count(members, began, time.monotonic() - 1)
        killed = time.monotonic()
        await asyncio.to_thread(redises[0].kill)
        await talk.go_on(AWAY)
        over = time.monotonic() - INTERVAL
        let_in = await newcomers(servers)
        back = time.monotonic()
        await asyncio.to_thread(redises[0].start)
        started = time.monotonic()
        again = await until_all_hear(talk, started, 40)
        found = {
            f"room {room}, process {where}": outage(
                groups[room, where], members, killed, over
            )
            for room, where in groups
        }
        alive = [
            member
            for (room, _), some in groups.items()
            for member in some
            if room != "dead"
        ]
        return {
            "before": before._asdict(),
            "members": found,
            "rooms_alive": count(alive, killed, over - 1)._asdict(),
            "newcomers_asked": NEWCOMERS,
            "newcomers_let_in": let_in,
            "away_s": round(back - killed, 1),
            "again_s": again and round(again - started, 1),
            "alive_again_s": seconds(all_heard_at(alive, started), started),
        }


def seconds(then: float | None, since: float) -> float | None:
    """Return how long after some time it was, if it was."""
    return None if then is None else round(then - since, 1)


def outage(
    some: list[Member], everybody: list[Member], begin: float, end: float
) -> dict[str, Any]:
    """
    Say how some members have fared while a Redis was away.

    `connected` is the part of the time. `heard` is the part of what the others in the
    room could have said that they have heard.
    """
    ends = [stay for each in some for stay in each.stays if begin <= stay.end <= end]
    firsts = [
        min(stay.end for stay in each.stays if begin <= stay.end <= end)
        for each in some
        if any(begin <= stay.end <= end for stay in each.stays)
    ]
    connected = sum(
        max(0, min(stay_end, end) - max(stay_begin, begin))
        for each in some
        for stay_begin, stay_end in spans(each, end)
    )
    pairs = [
        (each, other)
        for each in some
        for other in everybody
        if other.room == each.room and other is not each
    ]
    heard = sum(
        begin < at < end for each, other in pairs for _, at in each.heard[other.name]
    )
    return {
        "closed": len(ends) / len(some),
        "codes": sorted({stay.code for stay in ends}),
        "first_s": round(median(firsts) - begin, 2) if firsts else None,
        "connected": round(connected / len(some) / (end - begin), 2),
        "heard": round(heard / (len(pairs) * (end - begin) / INTERVAL), 2),
    }


def spans(member: Member, end: float) -> Iterable[tuple[float, float]]:
    """Return from when to when a member was connected."""
    now = [(member.begin, end)] if member.begin else []
    return [*((stay.begin, stay.end) for stay in member.stays), *now]


async def newcomers(servers: dict[str, BackendServer]) -> dict[str, int]:
    """
    Let people come, and count who hears himself.

    Each has a room of his own, whose group the living Redis keeps.
    """
    let_in = {}
    for where, server in servers.items():
        # Of either layer: what both keep on the second.
        names = (f"{where}-{number}" for number in range(10_000))
        rooms = [name for name in names if lives(name)][:NEWCOMERS]
        visits = [Member(server.url, room, "newcomer") for room in rooms]
        tasks = [asyncio.create_task(visit.visit()) for visit in visits]
        await asyncio.sleep(1)
        for visit in visits:
            await visit.say(0)
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        let_in[where] = sum(bool(visit.heard[visit.name]) for visit in visits)
    return let_in


def lives(room: str) -> bool:
    """Tell whether the second Redis has a room's group, on core and on pub/sub."""
    return all(shard_of(key.format(room), 2) == 1 for key in GROUPS.values())


async def direct(urls: list[str]) -> dict[str, int]:
    """Send a message to one channel after the other, and count what is received."""
    layer = RedisChannelLayer(hosts=urls)
    received = 0
    for number in range(CHANNELS):
        channel = await layer.new_channel()
        await layer.send(channel, {"type": "number", "number": number})
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                received += (await layer.receive(channel))["number"] == number
    await layer.close_pools()
    return {"sent": CHANNELS, "received": received}
