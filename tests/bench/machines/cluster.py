"""A Redis Cluster of three nodes: what each layer of channels-redis says to it."""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tests.bench.machines.members import Member, Talk, count, staying, until
from tests.bench.machines.redises import Redis, cluster, state_of
from tests.bench.machines.servers import daphne
from tests.checker.servers.tls import BackendServer
from tests.proofs.runs import ROOT

STAGE = ROOT / "stage03_groups"
INTERVAL = 0.1  # Seconds.
ENTER = 5  # Seconds, at most.
TALKS = 3  # Seconds.
SETTLE = 3  # Seconds: the last words are on their way, on a machine that is busy.


def measure(folder: Path) -> dict[str, Any]:
    """Ask a Cluster what it says to each way of using it."""
    with cluster(folder) as nodes:
        urls = [node.url for node in nodes]
        owner = owner_of("chat", nodes)
        other = next(node for node in nodes if node is not owner)
        ways: Mapping[str, tuple[str, list[str]]] = {
            "core, one node": ("several_redis", [urls[0]]),
            "core, three nodes as hosts": ("several_redis", [" ".join(urls)]),
            "core, all keys in one slot, its node": ("in_one_slot", [owner.url]),
            "core, all keys in one slot, another node": ("in_one_slot", [other.url]),
            "pub/sub, each process its own node": ("several_pubsub", urls[:2]),
        }
        found: dict[str, Any] = {}
        for number, (name, (settings, each)) in enumerate(ways.items()):
            place = folder / f"way-{number}"
            place.mkdir()
            found[name] = asyncio.run(one(place, settings, each))
        place = folder / "kill"
        place.mkdir()
        found["pub/sub, one node killed"] = asyncio.run(
            kill(place, urls[:2], nodes[1], nodes[0])
        )
        return found


def owner_of(key: str, nodes: list[Redis]) -> Redis:
    """Return the node that has a key's slot: only it obeys when it is asked for it."""
    for node in nodes:
        try:
            node.command("EXISTS", key)
        except Exception as error:  # redis-py's MovedError, among others.
            if "MOVED" not in str(error) and "Moved" not in type(error).__name__:
                raise
        else:
            return node
    raise AssertionError("No node has the slot.")


def start(
    stack: ExitStack, folder: Path, settings: str, urls: list[str]
) -> list[BackendServer]:
    """Start two Daphnes. Where there are two addresses, each has its own."""
    return [
        stack.enter_context(
            daphne(
                *(STAGE, folder / f"daphne-{each}.log", settings),
                REDIS_URLS=urls[each % len(urls)],
            )
        )
        for each in range(2)
    ]


def talkers(servers: list[BackendServer], rooms: int = 5) -> list[Member]:
    """Return members: in each room one on each server."""
    return [
        Member(server.url, f"room-{room}", f"{place}-{room}")
        for room in range(rooms)
        for place, server in enumerate(servers)
    ]


async def one(folder: Path, settings: str, urls: list[str]) -> dict[str, Any]:
    """Let members talk for a while, and say how that went."""
    with ExitStack() as stack:
        servers = start(stack, folder, settings, urls)
        members = talkers(servers)
        tasks = [asyncio.create_task(member.stay()) for member in members]
        with suppress(TimeoutError):  # Some are never let in.
            async with asyncio.timeout(ENTER):
                await until(lambda: all(member.is_in for member in members))
        talk = Talk(members, INTERVAL)
        began = time.monotonic()
        await talk.go_on(TALKS)
        over = time.monotonic()
        await asyncio.sleep(SETTLE)
        seen = count(members, began, over)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        codes = {code for member in members for _at, code in member.refused}
        codes |= {stay.code for member in members for stay in member.stays}
        return {
            **seen._asdict(),
            "members": len(members),
            "members_in": sum(member.is_in for member in members),
            "codes": sorted(codes),
            "errors": errors(servers),
        }


def errors(servers: list[BackendServer]) -> dict[str, int]:
    """Return what guard() has printed of Redis' errors, without ports and slots."""
    found: dict[str, int] = {}
    for server in servers:
        for words in re.findall(r"Closed with 4503: (.*)", server.printed()):
            kind = re.sub(r"\b\d+ 127[\d.:]+", "SLOT HOST:PORT", words)
            kind = re.sub(r"\b[0-9a-f]{40}\b", "…", kind)
            kind = re.sub(r" Command # .*", " in a pipeline", kind).strip()
            found[kind] = found.get(kind, 0) + 1
    return dict(sorted(found.items(), key=lambda each: -each[1]))


async def kill(
    folder: Path, urls: list[str], node: Redis, other: Redis
) -> dict[str, Any]:
    """Kill the node of the second process: who still hears whom?"""
    with ExitStack() as stack:
        servers = start(stack, folder, "several_pubsub", urls)
        members = [*talkers(servers), Member(servers[0].url, "room-0", "third")]
        talk = Talk(members, INTERVAL)
        async with staying(members):
            await talk.go_on(1)
            killed = time.monotonic()
            await asyncio.to_thread(node.kill)
            await talk.go_on(4)
            over = time.monotonic()
            await asyncio.sleep(SETTLE)
            firsts = [each for each in members if each.url.startswith(servers[0].url)]
            seconds = [each for each in members if each not in firsts]
            return {
                "state": await asyncio.to_thread(state_of, other),
                "its_own_process": count(seconds, killed, over)._asdict(),
                "its_own_process_in": sum(each.is_in for each in seconds),
                "the_other_process": count(firsts, killed, over)._asdict(),
                "the_other_process_in": sum(each.is_in for each in firsts),
                "of": [len(seconds), len(firsts)],
                "errors": errors(servers),
            }
