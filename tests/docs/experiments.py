"""
What our own server does with frames, right ones and wrong ones, recorded.

    python -m tests.docs.experiments            # prints what happens
    python -m tests.docs.experiments --write    # writes docs/assets/experiments.json

A client of bytes says something to the finished stage 1, over TCP, and takes down what
comes back. It says the same to a server that is made with the library websockets: what
comes of that is one sentence each. The page "Protocol workbench" tells it line by line.
Nobody writes the file by hand: tests/docs/test_workbench.py makes the recordings again,
and compares.
"""

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, NamedTuple

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.checker import client
from tests.checker.endpoint import Endpoint
from tests.checker.servers.forks import quick_starts
from tests.checker.servers.runserver import Server
from tests.proofs.runs import ROOT, copy_of

FILE = ROOT / "docs" / "assets" / "experiments.json"
PATH = "/ws/echo/"
PATIENCE = 3  # Seconds. Daphne answers within milliseconds, or not at all.
LONGEST = 125  # Bytes: more than a length of 7 bits can say.
MIB = 1024 * 1024
MASK = bytes.fromhex("37 fa 21 3d")  # That of the example in RFC 6455, section 5.7.

CONTINUATION, TEXT, CLOSE, PING, PONG = 0x0, 0x1, 0x8, 0x9, 0xA
# What a server prints, without the time and the client's port.
PRINTED = re.compile(r"WebSocket [A-Z]+|.*(?:[Ee]rror|[Ww]arn|Traceback).*")
NAMES = {
    CONTINUATION: "continuation",
    TEXT: "text",
    0x2: "binary",
    CLOSE: "close",
    PING: "ping",
    PONG: "pong",
}


class Step(NamedTuple):
    """Something that the client sends, and whether it waits for what comes then."""

    sent: bytes
    waits: bool = True


class Experiment(NamedTuple):
    """
    What is tried. `kind` is what the workbench calls such frames.

    After the steps, the client sees whether the connection is still open, and if so,
    says goodbye.
    """

    name: str
    kind: str
    steps: tuple[Step, ...]


def frame(
    payload: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes = MASK,
    length: int | None = None,
) -> bytes:
    """Return a frame, whatever the rules say (RFC 6455, section 5.2)."""
    length = len(payload) if length is None else length
    first = fin << 7 | rsv << 4 | opcode
    if length <= LONGEST:
        head = bytes([first, bool(mask) << 7 | length])
    elif length < 1 << 16:
        head = bytes([first, bool(mask) << 7 | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([first, bool(mask) << 7 | 127]) + length.to_bytes(8, "big")
    return head + mask + (masked(payload, mask) if mask else payload)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Combine a payload with a mask. Twice, it is the payload again."""
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


GOODBYE = frame((1000).to_bytes(2, "big"), CLOSE)

EXPERIMENTS = (
    Experiment("text", "text", (Step(frame(b"Hello")),)),
    Experiment("unmasked", "unmasked", (Step(frame(b"Hello", mask=b"")),)),
    Experiment("reserved-bit", "reserved-bit", (Step(frame(b"Hello", rsv=0b100)),)),
    Experiment("bad-utf-8", "utf-8", (Step(frame(b"caf\xe9 au lait")),)),
    Experiment(
        "pieces",
        "pieces",
        (
            Step(frame(b"Hel", fin=False), waits=False),
            Step(frame(b"there?", PING)),
            Step(frame(b"lo", CONTINUATION)),
        ),
    ),
    Experiment("long-ping", "control-too-long", (Step(frame(b"x" * 126, PING)),)),
    Experiment(
        "ping-in-pieces",
        "control-in-pieces",
        (
            Step(frame(b"Hel", PING, fin=False)),
            Step(frame(b"lo", CONTINUATION)),
        ),
    ),
    Experiment("half-a-close", "half-a-code", (Step(frame(b"\x03", CLOSE)),)),
    Experiment(
        "forbidden-code",
        "code",
        (Step(frame((1005).to_bytes(2, "big"), CLOSE)),),
    ),
    # Only the head of the frame: so much is announced.
    Experiment("too-much", "too-much", (Step(frame(b"", length=MIB + 1)),)),
)


# What frames say, in words


def describe(sent: bytes) -> str:
    """Say in words what a frame is, or the head of one that is not all there."""
    fin, rsv, opcode = sent[0] >> 7, sent[0] >> 4 & 0b111, sent[0] & 0xF
    has_mask, length, rest = sent[1] >> 7, sent[1] & 0x7F, sent[2:]
    if length > LONGEST:
        size = 2 if length == LONGEST + 1 else 8
        length, rest = int.from_bytes(rest[:size], "big"), rest[size:]
    mask, payload = (rest[:4], rest[4:]) if has_mask else (b"", rest)
    if mask:
        payload = masked(payload, mask)
    parts = [
        NAMES.get(opcode, f"opcode {opcode:#x}"),
        "FIN" if fin else "more to come",
        *(f"RSV{place}" for place in (1, 2, 3) if rsv & 0b1000 >> place),
        *(["masked"] if has_mask else []),
        f"{length:,} byte{'s' * (length != 1)}",
    ]
    return ", ".join(parts) + said(opcode, payload, length)


def said(opcode: int, payload: bytes, length: int) -> str:
    """Say what a payload means, in the words that follow a colon."""
    if len(payload) < length:
        return ", of which none is sent" if not payload else ", of which some are sent"
    if opcode == CLOSE and len(payload) != 1:
        code = int.from_bytes(payload[:2], "big")
        reason = payload[2:].decode()
        words = f": code {code}" if payload else ""
        return words + (f", “{reason}”" if reason else "")
    if not payload:
        return ""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return f": {payload.hex(' ')}"
    if not text.isprintable():
        return f": {payload.hex(' ')}"
    return f": “{text}”" if len(text) <= 20 else f": “{text[:12]}…”"


# What happens


class Recorder:
    """
    Takes down what is said on one connection, by whom, and when.

    `lines` have `who` ("client", "server" or "nobody"), `ms` (milliseconds since the
    handshake, rounded), `words`, and `hex` where bytes were sent.
    """

    def __init__(self, tcp: Any) -> None:
        self.tcp = tcp
        self.start = time.monotonic()
        self.came = b""
        self.lines: list[dict[str, Any]] = []
        self.is_over = False

    def note(self, who: str, words: str, sent: bytes = b"") -> None:
        """Take down a line."""
        line = {"who": who, "ms": round(1000 * (time.monotonic() - self.start))}
        if sent:
            line["hex"] = sent.hex(" ")
        self.lines.append(line | {"words": words})

    def send(self, sent: bytes) -> None:
        """Send bytes, unless the connection is over."""
        self.note("client", describe(sent), sent)
        # What is reset is noticed when it is read.
        with suppress(ConnectionError):
            self.tcp.sendall(sent)

    def read(self) -> None:
        """Take down the next frame that comes, the end, or that nothing comes."""
        self.tcp.settimeout(PATIENCE)
        try:
            while not (size := whole(self.came)):
                chunk = self.tcp.recv(65_536)
                if not chunk:
                    self.end("ends the TCP connection in order (FIN)")
                    return
                self.came += chunk
        except TimeoutError:
            self.note("nobody", f"nothing more for {PATIENCE} seconds")
            return
        except ConnectionError:
            self.end("cuts the TCP connection off (RST)")
            return
        self.note("server", describe(self.came[:size]), self.came[:size])
        self.came = self.came[size:]

    def end(self, words: str) -> None:
        """Take down the end, and what is no whole frame before it."""
        if self.came:
            self.note("server", "part of a frame", self.came)
        self.note("server", words)
        self.is_over = True


def whole(came: bytes) -> int:
    """Return the size of the first frame, or 0 if not all of it is there."""
    # A server masks nothing, and says nothing here that is longer than 125 bytes.
    if len(came) < 2 or len(came) < 2 + came[1]:
        return 0
    return 2 + came[1]


def record(server: Endpoint, experiment: Experiment) -> list[dict[str, Any]]:
    """Try one experiment on a connection of its own, and return what happened."""
    with client.raw_handshake(server, PATH) as (answer, tcp):
        assert answer.status == 101
        recorder = Recorder(tcp)
        for step in experiment.steps:
            if not recorder.is_over:
                recorder.send(step.sent)
                if step.waits:
                    recorder.read()
        if not recorder.is_over and not has_closed(recorder.lines):
            recorder.send(GOODBYE)
            recorder.read()
        if not recorder.is_over:
            recorder.read()
    return recorder.lines


def has_closed(lines: list[dict[str, Any]]) -> bool:
    """Tell whether the server has sent a close frame."""
    return any(
        line["who"] == "server" and line["words"].startswith("close") for line in lines
    )


def outcome(lines: list[dict[str, Any]]) -> str:
    """Say in a sentence what came of an experiment."""
    goodbye = GOODBYE.hex(" ")
    said = [line.get("hex") for line in lines]
    last = said.index(goodbye) if goodbye in said else len(lines)
    answers = [
        in_short(line["words"])
        for line in lines[:last]
        if line["who"] == "server" and "hex" in line
    ]
    told = " and ".join(answers)
    if last < len(lines):
        return f"The server answers with {told}, and the connection stays open."
    end = lines[-1]["words"]
    if answers:
        return f"The server answers with {told}, and {end}."
    return f"The server {end}, and sends no close frame."


def in_short(words: str) -> str:
    """Return what a description says of a frame's kind and payload."""
    return f"a {words.partition(',')[0]} frame ({words.partition(': ')[2]})"


def record_all(folder: Path) -> list[dict[str, Any]]:
    """Try all experiments on both servers, and return what happened, in order."""
    project = copy_of(ROOT / "stage01_echo", folder / "project")
    recordings = []
    with (
        quick_starts(),
        Server(project, folder / "server.log") as ours,
        another_server() as another,
    ):
        # The first client of a server waits for what is imported then.
        record(ours, EXPERIMENTS[0])
        ours.printed_within("DISCONNECT")
        for each in EXPERIMENTS:
            before = ours.position()
            lines = record(ours, each)
            printed = ours.printed_within("DISCONNECT", before)
            steps = [
                line["hex"]
                for line in lines
                if line["who"] == "client" and line["hex"] != GOODBYE.hex(" ")
            ]
            recordings.append(
                {
                    "name": each.name,
                    "kind": each.kind,
                    "sent": " ".join(steps),
                    "lines": lines,
                    "outcome": outcome(lines),
                    "printed": PRINTED.findall(printed),
                    "websockets": outcome(record(another, each)),
                }
            )
    return recordings


@contextmanager
def another_server() -> Iterator[Endpoint]:
    """Run an echo that is made with the library websockets, as its tutorial does."""

    def echo(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)

    with serve(echo, "127.0.0.1", 0, compression=None) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield Endpoint(f"ws://127.0.0.1:{server.socket.getsockname()[1]}")
        server.shutdown()
        thread.join()


def without_times(recordings: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return recordings as they can be compared."""
    return [
        each
        | {"lines": [{k: line[k] for k in line if k != "ms"} for line in each["lines"]]}
        for each in recordings
    ]


def environment() -> dict[str, str]:
    """Return what the recordings were made with."""
    python = ".".join(map(str, sys.version_info[:2]))
    return {"Python": python} | {
        name: version(name) for name in ("daphne", "autobahn", "websockets")
    }


def main() -> None:
    """Record, and print or write it."""
    with TemporaryDirectory() as folder:
        recordings = record_all(Path(folder))
    for each in recordings:
        print(each["name"])
        for line in each["lines"]:
            print(f"  {line['ms']:5} ms  {line['who']}: {line['words']}")
        print(f"  {each['outcome']}")
        print(f"  It prints {each['printed']}.")
        print(f"  websockets: {each['websockets']}")
    if "--write" in sys.argv:
        made = {"environment": environment(), "experiments": recordings}
        text = json.dumps(made, indent=1, ensure_ascii=False)
        FILE.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
