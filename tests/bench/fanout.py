"""
How many messages a second a room hears, and how long one is under way.

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
from tests.bench.record import Record, Scope, cost_of, naming, row
from tests.bench.rows import (
    AUTOBAHN,
    BARE,
    FAST,
    FRAMED_ONCE,
    IN_MEMORY,
    LAYERS,
    NO_CLOSING,
    PLAIN,
    REDIS,
    STAGE,
    TUTORIAL,
    UVICORN_FAST,
    UVICORN_STAGE,
    WEBSOCKETS,
    Missing,
    Variant,
    all_entered,
    hush,
    in_turn,
    percentiles,
    project_of,
    running,
    those_that_run,
)
from tests.bench.servers import cores, ending, load_core, quick
from tests.bench.spread import ratios
from tests.checker.client import PATIENCE, WireError
from tests.checker.servers.runserver import Server

WHOLE = Scope(rounds=6, seconds=0.2, warm_up=0.1)
QUICK = Scope(rounds=1, seconds=0.06, warm_up=0.03, is_quick=True)

# How many messages a room of so many keeps in flight: far fewer than the 100 at which a
# layer begins to drop them.
WINDOWS = {100: 8, 200: 8, 500: 4, 2000: 1}

SPEAKER = "member-0"
LOOK = 4  # Seconds, after which rooms that are silent are looked after.

MEMORY = [
    *(Variant(each, IN_MEMORY) for each in (STAGE, PLAIN, TUTORIAL, NO_CLOSING, FAST)),
    *(Variant(each) for each in (BARE, AUTOBAHN, FRAMED_ONCE, WEBSOCKETS)),
    *(Variant(each, IN_MEMORY) for each in (UVICORN_STAGE, UVICORN_FAST)),
]
ON_REDIS = [
    *(Variant(each, layer) for layer in LAYERS[1:] for each in (STAGE, PLAIN)),
    Variant(FAST, REDIS),
]
OF_THE_GOALS = [Variant(STAGE, IN_MEMORY), Variant(FAST, IN_MEMORY), MEMORY[8]]


LARGEST = "rooms of 2,000 members"
"""What scope.is_largest asks for."""


class Batch(NamedTuple):
    """Rooms that are open at once, and take turns: each of a size, on its server."""

    rooms: list[Variant]
    rounds: int


def batch_of(scope: Scope) -> Batch:
    """
    Return what is measured side by side.

    Sizes are, because the question is how a delivery's cost grows with them. A room is
    alone on its server: there, it would wait for the others, and the layer walks over
    the mailboxes of all. Only the largest come after the others have gone, because a
    system lets nobody open so many connections, and last of all, if there is time.
    """
    memory, _ = those_that_run(MEMORY)
    if scope.is_largest:
        large = [each for each in memory if each.consumer != PLAIN]
        large = of_sizes(OF_THE_GOALS if scope.is_quick else large, 2000)
        return Batch(large, max(1, scope.rounds // 2))
    if scope.is_quick:
        small = of_sizes(memory, 100) + of_sizes(OF_THE_GOALS, 500)
    else:
        redis, _ = those_that_run(ON_REDIS)
        small = of_sizes([*memory, *redis], 100, 500) + of_sizes(OF_THE_GOALS, 200)
    return Batch(small, scope.rounds)


def of_sizes(variants: list[Variant], *sizes: int) -> list[Variant]:
    """Return each of these rows with each of these sizes."""
    return [each._replace(size=size) for size in sizes for each in variants]


ENTER_US = 1300  # Microseconds that a handshake takes, to tell how long all will take.
SLOW = (STAGE, PLAIN, TUTORIAL, NO_CLOSING, UVICORN_STAGE)


def delivery_us(variant: Variant) -> float:
    """Return about how many microseconds a delivery takes, on a quiet machine."""
    return 150 + 0.7 * variant.size if variant.consumer in SLOW else 60


def servers(scope: Scope) -> int:
    """Return how many servers are started."""
    return len(batch_of(scope).rooms)


def seconds(scope: Scope) -> float:
    """Return how long the measuring takes, on a quiet machine."""
    total = 0.0
    rooms, rounds = batch_of(scope)
    for variant in rooms:
        window = WINDOWS[variant.size]
        one = variant.size * delivery_us(variant) / 1e6
        # What is in flight when the time is over has to arrive, too.
        crowd = scope.seconds + window * one if window > 1 else one
        alone = scope.seconds / 2 + one if window > 1 else 0
        warm_up = scope.warm_up + (window + 1) * one if window > 1 else 0
        enter = variant.size * ENTER_US / 1e6
        total += enter + warm_up + rounds * (crowd + alone)
    return total


def measure(scope: Scope, record: Record) -> None:
    """
    Talk in the rooms of every server, in each of the rounds.

    First with messages in flight all the time, which is the server's limit, then with
    one at a time, for the percentiles: the time from its sending until a member has it.
    """
    if not scope.is_largest:
        missing = MEMORY if scope.is_quick else [*MEMORY, *ON_REDIS]
        record.left_out = those_that_run(missing)[1]
    batch = batch_of(scope)
    largest = sum(variant.size for variant in batch.rooms)
    try:
        allow_open_files(largest + 100 * len(batch.rooms))
    except Missing as missing:
        record.left_out.append(str(missing))
    else:
        measure_batch(batch, scope, record)


def measure_batch(batch: Batch, scope: Scope, record: Record) -> None:
    """Fill the rooms that are open at once, and let them talk in turn."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        projects = {each: project_of(each, folder / str(each)) for each in batch.rooms}
        for project in projects.values():
            hush(project)
        with quick():
            servers = stack.enter_context(running(projects, cores()))
        stack.enter_context(load_core())
        clients = stack.enter_context(ExitStack())
        stack.enter_context(ending(servers.values()))
        house: list[Room] = []
        rooms = {
            variant: Room(clients, server, "room", variant.size, house)
            for variant, server in servers.items()
        }
        for variant, room in rooms.items():
            if WINDOWS[variant.size] > 1:  # One message warms up the largest room.
                with naming(variant):
                    room.talk(WINDOWS[variant.size], scope.warm_up)
        record.begin(map(str, rooms))
        for variant, room in in_turn(rooms, scope, batch.rounds):
            for each in house:
                each.stay()
            window = WINDOWS[variant.size]
            record.add(str(variant), **sample(room, window, scope.seconds))
        for variant, room in rooms.items():
            with naming(variant):
                if WINDOWS[variant.size] > 1:
                    room.talk(1, 0)  # One more: nothing else may have come before it.
                else:
                    room.stay()  # That would take as long as all the measuring.


def sample(room: "Room", window: int, seconds: float) -> dict[str, float]:
    """Return what was seen of one room in one round."""
    crowded, cost = cost_of(room.server, lambda: room.talk(window, seconds))
    alone = room.talk(1, seconds / 2) if window > 1 else crowded
    p50, p99 = percentiles(alone.delays)
    return {
        "deliveries_per_s": crowded.deliveries_per_s,
        "p50_ms": p50,
        "p99_ms": p99,
        "client_busy": crowded.client_busy,
        **cost.each(len(crowded.delays)),
    }


def result(record: Record) -> dict[str, Any]:
    """
    Return the table.

    `ratio` and `cheaper` compare with the plain consumer on the same layer, in a room
    of the same size, and `stage_3_ratio` with stage 3 there. In rooms of a size in
    which there was no plain consumer, both compare with stage 3.
    """
    found = record.rows()
    rows = []
    for name, mine in found.items():
        server, _, where = name.partition("; ")
        layer = next((each for each in reversed(LAYERS) if each in server), IN_MEMORY)
        stage = found[f"{Variant(STAGE, layer)}; {where}"]
        plain = found.get(f"{Variant(PLAIN, layer)}; {where}", stage)
        numbers = ["deliveries_per_s", "p50_ms", "p99_ms"]
        compared = {"stage_3_ratio": ratios(mine, stage, numbers[0]).median}
        rows.append(row(name, mine, plain, numbers) | compared)
    sizes = [f"; {size} members" for size in WINDOWS]
    rows.sort(key=lambda each: [size not in each["name"] for size in sizes])
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
                f"This system lets a process open {hard} files and connections, and "
                f"{number} would be needed."
            ) from None


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

    Texts have numbers, so that a message that is lost or doubled is noticed. A house is
    the rooms that are open at once, and no more: each answers pings, whoever talks.
    """

    def __init__(
        self,
        stack: ExitStack,
        server: Server,
        room: str,
        size: int,
        house: list["Room"] | None = None,
    ) -> None:
        """Fill the room. Raises WireError unless everyone is welcome."""
        self.name = room
        self.server = server
        self.house = [] if house is None else house
        self.house.append(self)
        self.looked = time.monotonic()
        # A server that delivers to all at once delivers to nobody before.
        self.patience = max(PATIENCE, size / 100)
        self.selector = stack.enter_context(selectors.DefaultSelector())
        self.members = []
        self.said_at: list[float] = []
        self.unheard: list[int] = []  # How many members still wait for a message.
        self.right: dict[int, bytes] = {}  # How the server writes it, once checked.
        members = [(room, f"member-{number}") for number in range(size)]
        for connection in all_entered(stack, server, members):
            member = Member(*connection)
            self.selector.register(member.tcp, selectors.EVENT_READ, member)
            self.members.append(member)
            self.look_after(self.house)

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
        if nobody gets anything for 3 seconds, or for longer in a large room.
        """
        if not (ready := self.selector.select(self.patience)):
            number = next(n for n, members in enumerate(self.unheard) if members)
            raise WireError(
                "silence",
                f"Message {number} did not reach {self.unheard[number]} of "
                f"{len(self.members)} members within {self.patience:g} seconds.",
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

    def look_after(self, rooms: list["Room"]) -> None:
        """Let others stay, if that was long ago."""
        if time.monotonic() - self.looked > LOOK:
            for room in rooms:
                room.stay()
            self.looked = time.monotonic()

    def stay(self) -> None:
        """
        Answer the pings of a room that is silent while others talk.

        A server hangs up on members that do not answer for 20 or 30 seconds. Raises
        WireError if anything else has come.
        """
        for key, _events in self.selector.select(0):
            for payload in key.data.payloads():
                raise WireError("another message", f"{payload!r} came unasked.")

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
        others = [room for room in self.house if room is not self]
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
            self.look_after(others)
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
        room.talk(WINDOWS[100], 0.2)
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
            room.talk(WINDOWS[100], 0.4)
        if spy.returncode:
            raise Missing(f"py-spy could not look into the server: {spy.stderr.read()}")
        title = "What the server does while 100 members hear messages"
        drawing.write_text(draw(title, seen.read_text("utf-8")), "utf-8", newline="\n")
