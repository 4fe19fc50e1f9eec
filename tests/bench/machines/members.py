"""
Members of rooms: they say numbers, take down what they hear, and come back as a page.

One event loop for all of them. Times are seconds of time.monotonic().
"""

import asyncio
import json
import random
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

# As chat.js has them, in seconds.
PATIENCE = 10
FIRST_DELAY = 0.5
LONGEST_DELAY = 8
STABLE = 5


class Stay(NamedTuple):
    """One connection: from its welcome to its end, and the code that it ended with."""

    begin: float
    end: float
    code: int | None


class Member:
    """
    Who is in a room, and wants to be.

    `said` has, for each number, when it was sent and in which stay; a number that could
    not be sent is not in it. `heard` has, for each speaker, the numbers with the time.
    """

    def __init__(
        self,
        url: str,
        room: str,
        name: str,
        *,
        headers: Mapping[str, str] | None = None,
        trust: ssl.SSLContext | None = None,
        jitter: bool = True,
    ) -> None:
        self.url = f"{url}/ws/rooms/{room}/?name={name}"
        self.room, self.name = room, name
        self.headers = {"Origin": url.replace("ws", "http", 1), **(headers or {})}
        self.trust = trust
        self.jitter = jitter
        self.stays: list[Stay] = []
        self.refused: list[tuple[float, int]] = []
        self.said: dict[int, tuple[float, int]] = {}
        self.heard: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.waits: list[float] = []  # From the asking to the welcome.
        self.client: ClientConnection | None = None
        self.begin = 0.0
        self.attempt = 0

    @property
    def is_in(self) -> bool:
        """Whether it is welcome at this time, as far as it knows."""
        return bool(self.begin)

    async def stay(self) -> None:
        """Come, listen, and come back, until somebody cancels that."""
        while True:
            code = await self.visit()
            if self.begin:
                self.stays.append(Stay(self.begin, time.monotonic(), code))
                if time.monotonic() - self.begin > STABLE:
                    self.attempt = 0
            else:
                self.refused.append((time.monotonic(), code))
            self.client, self.begin = None, 0.0
            await asyncio.sleep(self.delay())

    def delay(self) -> float:
        """Return how long a page waits until it tries again."""
        longest = min(FIRST_DELAY * 2**self.attempt, LONGEST_DELAY)
        self.attempt += 1
        # One that half the others share is no secret.
        return longest * (0.5 + random.random() / 2) if self.jitter else longest  # noqa: S311

    async def visit(self) -> int:
        """Connect and listen. Return the code of its end, or the status of HTTP."""
        asked = time.monotonic()
        options: dict[str, Any] = {
            "additional_headers": self.headers,
            "compression": None,
            "ping_interval": None,
            "proxy": None,
            "open_timeout": PATIENCE,
            "close_timeout": 1,
            "ssl": self.trust,
        }
        try:
            async with connect(self.url, **options) as client:
                async for text in client:
                    if not self.begin:
                        self.begin, self.client = time.monotonic(), client
                        self.waits.append(self.begin - asked)
                    self.take(json.loads(text))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        except InvalidHandshake as refused:
            response = getattr(refused, "response", None)
            return response.status_code if response else 1006
        except (OSError, TimeoutError, EOFError):
            return 1006
        return client.close_code or 1006

    def take(self, message: dict[str, Any]) -> None:
        """Take down what a member says. Who it was stands in the text."""
        if message["type"] == "message":
            name, number = message["text"].split()
            self.heard[name].append((int(number), time.monotonic()))

    async def say(self, number: int) -> None:
        """Say a number, if there is a connection."""
        if self.client is None:
            return
        message = {"type": "message", "text": f"{self.name} {number}"}
        self.said[number] = (time.monotonic(), len(self.stays))
        with suppress(ConnectionClosed):
            await self.client.send(json.dumps(message))

    def has_heard(self, name: str, since: float) -> float | None:
        """Return when it first heard somebody again, of what was said since then."""
        return next((at for _number, at in self.heard[name] if at > since), None)

    def was_in(self, begin: float, end: float) -> bool:
        """Tell whether one of its connections lasted from one time to another."""
        stays = [*self.stays, Stay(self.begin or end + 1, end + 1, None)]
        return any(stay.begin <= begin and end <= stay.end for stay in stays)


async def until(what: Callable[[], bool]) -> None:
    """Return when something is true. Nobody tells us: we look."""
    while not what():  # noqa: ASYNC110  # It is made of many members.
        await asyncio.sleep(0.02)


@asynccontextmanager
async def staying(
    members: Iterable[Member], patience: float = 30
) -> AsyncIterator[None]:
    """Let members stay in their rooms meanwhile. Begins when all are in."""
    members = list(members)
    tasks = [asyncio.create_task(member.stay()) for member in members]
    try:
        async with asyncio.timeout(patience):
            await until(lambda: all(member.is_in for member in members))
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                raise ended


class Talk:
    """Numbers that all members say, again and again, each at a time of its own."""

    def __init__(self, members: Iterable[Member], interval: float) -> None:
        self.members = list(members)
        self.interval = interval
        self.number = 0

    async def go_on(self, seconds: float) -> None:
        """Let all talk for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            for place, member in enumerate(self.members, 1):
                await member.say(self.number)
                due = begun + self.interval * place / len(self.members)
                await asyncio.sleep(max(0, due - time.monotonic()))
            self.number += 1


async def until_all_hear(talk: Talk, since: float, patience: float) -> float | None:
    """
    Let all talk until everybody has heard everybody of the same room, since some time.

    Returns when that was, or None if it was not within `patience` seconds.
    """
    end = time.monotonic() + patience
    while time.monotonic() < end:
        await talk.go_on(talk.interval)
        if last := all_heard_at(talk.members, since):
            return last
    return None


def all_heard_at(members: Iterable[Member], since: float) -> float | None:
    """Return when the last of them had heard each of the same room since some time."""
    members = list(members)
    times = [
        listener.has_heard(speaker.name, since)
        for listener in members
        for speaker in members
        if speaker.room == listener.room
    ]
    return None if None in times else max(times)


class Count(NamedTuple):
    """
    What became of what was said to those in the room.

    `wanted` and `came` leave out those whose connection ended meanwhile: who said it,
    or who should have heard it.
    """

    said: int
    """Messages that were sent on a connection that was open, as far as one knew."""
    wanted: int
    """How many deliveries that makes, between those connected all the while."""
    came: int
    twice: int
    """Deliveries of a message to one who had it already."""


def count(
    members: Iterable[Member], begin: float, end: float, margin: float = 1.0
) -> Count:
    """
    Count what was said in some time, and what came of it.

    Who was connected from when it was said until `margin` seconds later should hear it,
    if the speaker was, too.
    """
    members = list(members)
    said = wanted = came = twice = 0
    for speaker in members:
        listeners = [each for each in members if each.room == speaker.room]
        numbers = {
            number: at
            for number, (at, _stay) in speaker.said.items()
            if begin <= at <= end
        }
        said += len(numbers)
        for listener in listeners:
            heard = [number for number, _at in listener.heard[speaker.name]]
            for number, at in numbers.items():
                times = heard.count(number)
                twice += max(0, times - 1)
                were_in = (each.was_in(at, at + margin) for each in (speaker, listener))
                if all(were_in):
                    wanted += 1
                    came += times > 0
    return Count(said, wanted, came, twice)
