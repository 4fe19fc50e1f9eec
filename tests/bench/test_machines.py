"""
How the program counts that looks at several machines, and its cheapest parts, live.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.bench.machines import cluster, shards
from tests.bench.machines.members import Member, Stay, count
from tests.bench.machines.redises import Redis
from tests.checker.servers.redis import MISSING, find_redis
from tests.proofs.runs import ROOT

HERE = Path(__file__).parent / "machines"


def run(coroutine: Coroutine) -> Any:
    """Return what a coroutine returns. Where a browser runs, this thread has a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def member(name: str, *stays: Stay, begin: float = 0.0) -> Member:
    """Return a member who was in a room at some times, without any server."""
    made = Member("ws://127.0.0.1:1", "garden", name)
    made.stays, made.begin = list(stays), begin
    return made


def test_all_that_was_said_and_heard_is_counted_once() -> None:
    ana, ben = member("ana", begin=1), member("ben", begin=1)
    ana.said = {0: (2.0, 0), 1: (3.0, 0)}
    ana.heard["ana"] = [(0, 2.1), (1, 3.1)]
    ben.heard["ana"] = [(0, 2.1), (1, 3.1)]
    assert count([ana, ben], 0, 9) == (2, 4, 4, 0)


def test_message_that_is_lost_or_told_twice_is_noticed() -> None:
    ana, ben = member("ana", begin=1), member("ben", begin=1)
    ana.said = {0: (2.0, 0), 1: (3.0, 0)}
    ana.heard["ana"] = [(0, 2.1), (1, 3.1)]
    ben.heard["ana"] = [(0, 2.1), (0, 2.2)]
    assert count([ana, ben], 0, 9) == (2, 4, 3, 1)


def test_nobody_who_was_away_is_waited_for() -> None:
    ana = member("ana", begin=1)
    ben = member("ben", Stay(1, 2.5, 4001), begin=5)
    ana.said = {0: (2.0, 0), 1: (6.0, 0)}
    ana.heard["ana"] = [(0, 2.1), (1, 6.1)]
    ben.heard["ana"] = [(1, 6.1)]
    assert count([ana, ben], 0, 9) == (2, 3, 3, 0)


def test_rooms_are_where_the_layer_looks_for_them() -> None:
    for settings, key in shards.GROUPS.items():
        for shard in (0, 1):
            rooms = shards.rooms_on(shard, settings)
            assert {shards.shard_of(key.format(room), 2) for room in rooms} == {shard}


@pytest.mark.recorded(HERE, ROOT / "stage03_groups")
def test_send_over_two_redis_loses_what_groups_do_not(tmp_path: Path) -> None:
    if find_redis() is None:
        pytest.skip(MISSING)
    with Redis(tmp_path / "a") as first, Redis(tmp_path / "b") as second:
        one = run(shards.direct([first.url]))
        two = run(shards.direct([first.url, second.url]))
    assert one["received"] == one["sent"]
    assert 0 < two["received"] < two["sent"]


@pytest.mark.recorded(HERE, ROOT / "stage03_groups")
def test_cluster_takes_pub_sub_and_not_core(tmp_path: Path) -> None:
    if find_redis() is None:
        pytest.skip(MISSING)
    with cluster.cluster(tmp_path) as nodes:
        urls = [node.url for node in nodes]
        seen = {}
        for settings in ("several_redis", "several_pubsub"):
            folder = tmp_path / settings
            folder.mkdir()
            seen[settings] = run(cluster.one(folder, settings, urls[:2]))
    core, pub_sub = seen.values()
    assert core["members_in"] == 0, core
    kinds = {error.split()[0] for error in core["errors"]}
    assert kinds
    assert kinds <= {"MovedError", "ResponseError"}
    assert pub_sub["members_in"] == pub_sub["members"], pub_sub
    assert pub_sub["came"] == pub_sub["wanted"] > 0, pub_sub
