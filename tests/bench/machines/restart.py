"""Two Daphnes behind nginx are restarted, one after the other, while rooms talk."""

import asyncio
import time
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.machines.members import Member, Talk, count, staying
from tests.bench.machines.servers import in_turn
from tests.checker.accounts import PASSWORD, USERS, Accounts, Visitors
from tests.checker.servers.redis import RedisServer
from tests.checker.servers.runserver import terminate, wait_for_the_end
from tests.checker.servers.tls import NginxSite, copy_with_keys
from tests.proofs.runs import ROOT, solution

ROOMS, EACH = 10, 3
INTERVAL = 1.0  # Seconds.
CALM = 3  # Seconds, before, between and after.
PATIENCE = 15  # Seconds.

# What nginx does unless it is told otherwise: when a server was not there, it gives it
# one request in ten seconds, until one of them has ended well. A WebSocket that goes
# well does not end. The stage's own file asks always.
AVOIDS = "max_fails=1 fail_timeout=10s"
ASKS_ALWAYS = "max_fails=0"

# The exercise, nginx, and whether a page is asked for when a server is back.
VARIANTS = {
    "goodbye, max_fails=1": ("stage05_exercise_6", AVOIDS, False),
    "goodbye, max_fails=1, a page after each": ("stage05_exercise_6", AVOIDS, True),
    "goodbye, max_fails=0": ("stage05_exercise_6", ASKS_ALWAYS, False),
    "no goodbye, max_fails=0": ("", ASKS_ALWAYS, False),
}


def measure(folder: Path) -> dict[str, Any]:
    """Restart both servers of each variant, and count."""
    return in_turn(VARIANTS, folder, one)


def one(folder: Path, exercise: str, fails: str, asks: bool) -> dict[str, Any]:
    """Restart both servers of one variant."""
    plain = ROOT / "stage05_wss"
    source = solution(exercise, folder / "source") if exercise else plain
    project = copy_with_keys(source, folder / "project")
    configuration = project / "deploy" / "nginx.conf"
    text = configuration.read_text(encoding="utf-8")
    configuration.write_text(text.replace(ASKS_ALWAYS, fails), encoding="utf-8")
    with ExitStack() as stack:
        accounts = Accounts(project, folder)
        stack.callback(accounts.close)
        redis = stack.enter_context(RedisServer(folder))
        environment = accounts.environment | {"REDIS_URL": redis.url}
        log = folder / "site.log"
        site = stack.enter_context(NginxSite(project, log, environment=environment))
        visitors = Visitors(dict.fromkeys(USERS, PASSWORD))
        return asyncio.run(watch(site, visitors, redis, asks))


async def watch(
    site: NginxSite, visitors: Visitors, redis: RedisServer, asks: bool
) -> dict[str, Any]:
    """Let all talk, restart both, and say what was lost and what was told twice."""
    users = cycle(USERS)
    members = [
        Member(
            site.url,
            f"room-{room}",
            f"{room}-{place}",
            headers=visitors.headers(site, next(users)),
            trust=site.trust,
        )
        for room in range(ROOMS)
        for place in range(EACH)
    ]
    talk = Talk(members, INTERVAL)
    statuses = []
    async with staying(members):
        began = time.monotonic()
        await talk.go_on(CALM)
        for server in site.daphnes:
            restarting = asyncio.create_task(asyncio.to_thread(restart, server))
            while not restarting.done():
                await talk.go_on(INTERVAL)
            statuses.append(await restarting)
            if asks:
                await talk.go_on(11)  # Until nginx tries that server again.
                browser = visitors.browser(site, USERS[0])
                await asyncio.to_thread(browser.open, "/login/")
            patience = time.monotonic() + PATIENCE
            while time.monotonic() < patience and not all(m.is_in for m in members):
                await talk.go_on(INTERVAL)
            await talk.go_on(CALM)
        over = time.monotonic()
        await asyncio.sleep(4)  # The last words are on their way.
        keys = redis.keys("*:group:room.*")
        entries = sum(redis.command("ZCARD", key) for key in keys)
        ghosts = entries - sum(member.is_in for member in members)
        return found_of(members, began, over) | {
            "exit_statuses": statuses,
            "ghosts": ghosts,
        }


def restart(server: Any) -> int:
    """Stop a server as an operator does, and start it again. Return its status."""
    terminate(server.process)
    status = wait_for_the_end(server.process, 15)
    server.launch()
    return status


def found_of(members: list[Member], begin: float, end: float) -> dict[str, Any]:
    """Count what was lost, what nobody can be sure of, and how long who was away."""
    everything = count(members, begin, end, margin=3)
    doubts = [doubt for member in members for doubt in doubtful(member, end)]
    heard = sum(is_heard(members, member, number) for member, number in doubts)
    away = [seconds for member in members for seconds in absences(member, end)]
    talks = {number for member in members for number in member.said}
    return {
        **everything._asdict(),
        "members": len(members),
        "members_in_at_the_end": sum(member.is_in for member in members),
        "echo_ms": round(1000 * median(echoes(members)), 1),
        "closed": sum(len(member.stays) for member in members),
        "codes": sorted({stay.code for each in members for stay in each.stays}),
        "refused": sum(len(member.refused) for member in members),
        "refused_with": sorted({c for each in members for _at, c in each.refused}),
        "away_s": [round(median(away), 2), round(max(away), 2)],
        "unsaid": len(talks) * len(members) - sum(len(each.said) for each in members),
        # Sent, and the connection ended before the answer: the page gives it back.
        "in_doubt": len(doubts),
        "in_doubt_and_heard": heard,
        "missed_while_away": missed(members, begin, end),
    }


def absences(member: Member, end: float) -> list[float]:
    """Return how long a member was away, each time. Who is still away, until now."""
    back = [stay.begin for stay in member.stays[1:]]
    last = [member.begin or end]
    return [
        begin - stay.end
        for stay, begin in zip(member.stays, [*back, *last], strict=False)
    ]


def echoes(members: list[Member]) -> list[float]:
    """Return how long each member waited for what it had said itself, in seconds."""
    return [
        at - member.said[number][0]
        for member in members
        for number, at in member.heard[member.name]
    ]


def doubtful(member: Member, end: float) -> list[tuple[Member, int]]:
    """Return what a member sent on a connection that ended before the answer came."""
    own = {number for number, _at in member.heard[member.name]}
    return [
        (member, number)
        for number, (at, _stay) in member.said.items()
        if at <= end and number not in own
    ]


def is_heard(members: list[Member], speaker: Member, number: int) -> bool:
    """Tell whether any other has heard a number."""
    return any(
        heard == number
        for each in members
        if each is not speaker
        for heard, _at in each.heard[speaker.name]
    )


def missed(members: list[Member], begin: float, end: float) -> int:
    """Count what somebody heard, and another of the same room has not: it was away."""
    gone = 0
    for speaker in members:
        room = [each for each in members if each.room == speaker.room]
        heard = [{n for n, _at in each.heard[speaker.name]} for each in room]
        numbers = {n for n, (at, _stay) in speaker.said.items() if begin <= at <= end}
        told = set.union(*heard) & numbers
        gone += sum(len(told - each) for each in heard)
    return gone
