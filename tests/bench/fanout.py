"""
How many messages a second stage 3 delivers in one room, and how long one is under way.

A message to a room of 100 is delivered 100 times: its sender hears it, too. Every
member must get every message, once and in order, or there is no result.
"""

import json
import selectors
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.bench.flames import draw
from tests.bench.frames import (
    PING,
    PONG,
    TEXT,
    first_frame,
    from_client,
    read,
)
from tests.bench.groups import (
    IN_MEMORY,
    NO_CLOSING,
    PLAIN,
    STAGE,
    VARIANTS,
    Missing,
    Pace,
    Variant,
    entered,
    hush,
    in_turn,
    percentiles,
    project_of,
    row,
    running,
)
from tests.checker.client import PATIENCE, WireError
from tests.checker.endpoint import Endpoint

ROUNDS = 20
SECONDS = 0.4
WARM_UP = 0.2  # Seconds. Python specializes the code that runs often.

# How many members, and how many messages they keep in flight: far fewer than the 100 at
# which a layer begins to drop them.
ROOMS = {100: 8, 500: 4}

SPEAKER = "member-0"

OPEN_FILES = 4096  # The largest rooms of all servers at once, and some more.


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """
    Talk in a room of every server, for twice `seconds` in each of the rounds.

    First with messages in flight all the time, which is the server's limit, then with
    one at a time, for the percentiles: the time from its sending until a member has it.
    Numbers are medians over the rounds, and so are ratios.
    """
    rows = []
    allow_open_files(OPEN_FILES)
    with TemporaryDirectory() as folder:
        projects = {
            variant: project_of(variant, Path(folder) / str(variant))
            for variant in [*VARIANTS, Variant(NO_CLOSING, IN_MEMORY)]
        }
        for project in projects.values():
            hush(project)
        for size, window in ROOMS.items():
            with running(projects) as servers, ExitStack() as stack:
                rooms = {
                    # Servers that share a Redis share its rooms.
                    variant: Room(stack, server, f"room-{number}", size)
                    for number, (variant, server) in enumerate(servers.items())
                }
                paces = talk_in_turn(rooms, window, rounds, seconds)
            rows += [
                row(
                    f"{variant}; {size} members",
                    "deliveries_per_s",
                    mine,
                    paces[Variant(PLAIN, variant.layer)],
                    paces[Variant(STAGE, variant.layer)],
                )
                for variant, mine in paces.items()
            ]
    return {"message": f"text, {len(text(0))} bytes", "rows": rows}


def allow_open_files(number: int) -> None:
    """Let this process, and those that it starts, open so many. Raises Missing."""
    if sys.platform == "win32":
        return  # There is no such limit.
    import resource  # Nor such a module.

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
        except ValueError:
            raise Missing(
                f"This system lets a process open {hard} files and connections; the "
                f"benchmark needs {number}."
            ) from None


def talk_in_turn(
    rooms: dict[Variant, "Room"], window: int, rounds: int, seconds: float
) -> dict[Variant, list[Pace]]:
    """Return what each room did in each of the rounds."""
    measured = defaultdict(list)
    for room in rooms.values():
        room.talk(window, WARM_UP)
    for variant, room in in_turn(rooms, rounds):
        crowded, alone = room.talk(window, seconds), room.talk(1, seconds)
        measured[variant].append(
            Pace(
                crowded.deliveries_per_s,
                *percentiles(alone.delays),
                crowded.client_busy,
            )
        )
    for room in rooms.values():
        room.talk(1, 0)  # One more: nothing else may have come before it.
    return measured


def text(number: int) -> str:
    """Return the text of a message. It is always 32 bytes long."""
    return f"message {number:010} of one speaker"


class Member:
    """A client in a room."""

    def __init__(self, tcp: socket.socket, came: bytes) -> None:
        self.tcp = tcp
        self.came = came
        """What came of a frame that is not complete."""
        self.heard = 0
        """How many messages it has got."""

    def payloads(self) -> Iterator[bytes]:
        """Read what has come, and yield the text frames. Raises WireError at an end."""
        self.came += read(self.tcp)
        while frame := first_frame(self.came):
            opcode, payload, self.came = frame
            if opcode == TEXT:
                yield payload
            elif opcode == PING:
                # Daphne hangs up on members that do not answer for 30 seconds.
                self.tcp.sendall(from_client(PONG, payload))
            else:
                raise WireError("another message", f"Opcode {opcode} came, no text.")


class Talk(NamedTuple):
    """What was measured while a room talked."""

    deliveries_per_s: float
    delays: list[float]
    """From the sending of a message until a member had it: seconds, a delivery each."""
    client_busy: float


class Room:
    """
    The members of a room, in which one speaks and all listen.

    Texts have numbers, so that a message that is lost or doubled is noticed.
    """

    def __init__(
        self, stack: ExitStack, server: Endpoint, room: str, size: int
    ) -> None:
        """Fill the room. Raises WireError unless everyone is welcome."""
        self.name = room
        self.selector = stack.enter_context(selectors.DefaultSelector())
        self.members = []
        self.said_at: list[float] = []
        self.unheard: list[int] = []  # How many members still wait for a message.
        self.right: dict[int, bytes] = {}  # How the server writes it, once checked.
        for number in range(size):
            name = f"member-{number}"
            member = Member(*stack.enter_context(entered(server, room, name)))
            self.selector.register(member.tcp, selectors.EVENT_READ, member)
            self.members.append(member)

    def say(self) -> None:
        """Send one message."""
        message = {"type": "message", "text": text(len(self.said_at))}
        self.said_at.append(time.perf_counter())
        self.unheard.append(len(self.members))
        self.members[0].tcp.sendall(from_client(TEXT, json.dumps(message).encode()))

    def listen(self) -> Iterator[int]:
        """
        Wait until something comes, and yield the number of each message that came.

        Raises WireError if a member gets anything but the message that comes next, or
        if nobody gets anything for 3 seconds.
        """
        if not (ready := self.selector.select(PATIENCE)):
            number = next(n for n, members in enumerate(self.unheard) if members)
            raise WireError(
                "silence",
                f"Message {number} did not reach {self.unheard[number]} of "
                f"{len(self.members)} members within {PATIENCE} seconds.",
            )
        for key, _events in ready:
            member = key.data
            for payload in member.payloads():
                number = member.heard
                if payload != self.right.get(number):
                    self.check(number, payload)
                    self.right[number] = payload
                member.heard += 1
                self.unheard[number] -= 1
                yield number

    def check(self, number: int, payload: bytes) -> None:
        """Raise WireError unless this is the message with that number."""
        message = {
            "type": "message",
            "room": self.name,
            "name": SPEAKER,
            "text": text(number),
        }
        if number >= len(self.said_at) or json.loads(payload) != message:
            raise WireError(
                "another message", f"{payload!r} came, which is not message {number}."
            )

    def talk(self, window: int, seconds: float) -> Talk:
        """
        Keep `window` messages in flight: one that has reached everyone lets one follow.

        After `seconds`, no more are sent, and the talk ends when all are heard.
        """
        delays = []
        cpu, start = time.process_time(), time.perf_counter()
        for _ in range(window):
            self.say()
        in_flight = window
        while in_flight:
            for number in self.listen():
                now = time.perf_counter()
                delays.append(now - self.said_at[number])
                if self.unheard[number]:
                    continue
                if now - start < seconds:
                    self.say()
                else:
                    in_flight -= 1
        elapsed = time.perf_counter() - start
        busy = (time.process_time() - cpu) / elapsed
        return Talk(len(delays) / elapsed, delays, busy)


def profile(drawing: Path) -> None:
    """
    Draw what stage 3 does while 100 members hear messages, in memory.

    py-spy looks into the server, which goes on as it is, 200 times a second for 10
    seconds. Raises Missing if there is no py-spy, or if it may not look.
    """
    if (py_spy := shutil.which("py-spy")) is None:
        raise Missing("No py-spy was found on the PATH. Install it: pip install py-spy")
    stage = Variant(STAGE, IN_MEMORY)
    with TemporaryDirectory() as folder, ExitStack() as stack:
        project = project_of(stage, Path(folder) / "project")
        hush(project)
        [server] = stack.enter_context(running({stage: project})).values()
        room = Room(stack, server, "room", 100)
        room.talk(ROOMS[100], WARM_UP)
        seen = Path(folder) / "seen"
        spy = stack.enter_context(
            subprocess.Popen(
                [
                    *(py_spy, "record", "--pid", str(server.process.pid)),
                    *("--rate", "200", "--duration", "10", "--nolineno"),
                    *("--format", "raw", "--output", seen),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )
        stack.callback(spy.kill)  # Unless it has ended by then.
        while spy.poll() is None:
            room.talk(ROOMS[100], SECONDS)
        if spy.returncode:
            raise Missing(f"py-spy could not look into the server: {spy.stderr.read()}")
        title = "What the server does while 100 members hear messages"
        drawing.write_text(draw(title, seen.read_text("utf-8")), "utf-8", newline="\n")
