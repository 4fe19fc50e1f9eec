"""Speak at an open WebSocket: one message, and how it ends."""

import json
import time

from websockets.protocol import State

from tests.checker.client import Client, WireError
from tests.checker.doctor.handshake import Knock
from tests.checker.doctor.report import Report
from tests.checker.wire import short

FIRST = 1.2  # Seconds. Daphne takes one to see that an application has crashed.
ANSWER = 3  # Seconds.
AGAIN = 0.3  # Seconds in which the same answer would come twice.
GOODBYE = 2  # Seconds.
TEXT = "A question of the doctor"
MESSAGE = json.dumps({"type": "message", "text": TEXT})
MOST = 20  # Messages that are read. A server may speak without end.

CLOSES = {1000, 1001, 1006, 1008, 1009, 1011, 4401, 4503}


def recv(client: Client, seconds: float) -> str | bytes | None:
    """Return the next message, or None if none comes or the connection ends."""
    try:
        return client.recv_within(max(0.01, seconds))
    except (TimeoutError, WireError):
        return None


def is_closed(client: Client) -> bool:
    """Tell whether the connection has ended."""
    return client.protocol.state is not State.OPEN


def say_close(client: Client, when: str, report: Report) -> None:
    """Say how the server has ended the connection."""
    close = client.protocol.close_rcvd
    code = close.code if close else 1006
    reason = f", {close.reason!r}" if close and close.reason else ""
    report.step("!!", f"the server closed it {when}: code {code}{reason}")
    name = f"closed-{code}" if code in CLOSES else "closed-other"
    report.find(name, code=code, when=when, reason=reason)


def talk(door: Knock, report: Report, may_speak: bool) -> None:
    """Hear what comes first, send one message, and say goodbye."""
    client = door.client
    first = recv(client, FIRST)
    if is_closed(client) and first is None:
        say_close(client, "before I said anything", report)
        return
    if first is None:
        report.step("ok", "the server waits until I speak")
    else:
        report.step("ok", f"first message: {short(first)}")
        say_error(first, report)
    has_joined = kind_of(first or "") == "join"
    for _ in range(MOST):  # A welcome, and then that we have joined.
        more = recv(client, 0.1)
        if more is None:
            break
        has_joined |= kind_of(more) == "join"
    if is_closed(client):
        say_close(client, "before I said anything", report)
        return
    if not may_speak:
        report.step("ok", "I send nothing: others may be in this room")
    elif not answer(client, report, has_joined):
        return
    goodbye(client, report)


def say_error(message: str | bytes, report: Report) -> None:
    """Say it if the first thing that a server says is an error."""
    if kind_of(message) == "error":
        report.find("first-is-error", message=short(message))


def kind_of(message: str | bytes) -> str:
    """Return the type of a message of the course, or ""."""
    try:
        read = json.loads(message)
    except (ValueError, RecursionError):
        return ""
    kind = read.get("type") if isinstance(read, dict) else ""
    return kind if isinstance(kind, str) else ""


def answer(client: Client, report: Report, has_joined: bool) -> bool:
    """
    Send a message and hear the answer. False: the connection has ended.

    `has_joined` says that the room was told of us, so that it has a group.
    """
    report.step("", f"I send one message: {MESSAGE}")
    try:
        client.send(MESSAGE)
    except WireError:
        say_close(client, "as I began to speak", report)
        return False
    deadline = time.monotonic() + ANSWER
    heard: str | bytes | None = None
    for _ in range(MOST):
        heard = recv(client, deadline - time.monotonic())
        if heard is None or kind_of(heard) not in ("welcome", "join", "leave"):
            break
    if heard is None and is_closed(client):
        say_close(client, "after my message", report)
        return False
    if heard is None:
        report.step("!!", f"no answer within {ANSWER} s")
        report.find("no-answer", message=MESSAGE, seconds=ANSWER)
        return True
    judge(heard, report, has_joined)
    if recv(client, AGAIN) == heard:
        report.step("!!", "the same answer came twice")
        report.find("answered-twice", message=short(heard))
    if is_closed(client):
        say_close(client, "after its answer", report)
        return False
    return True


def judge(heard: str | bytes, report: Report, has_joined: bool) -> None:
    """Say what kind of an answer this is."""
    kind = kind_of(heard)
    if heard == MESSAGE:
        report.step("ok", "answer: the same text, so this is an echo")
    elif isinstance(heard, bytes):
        report.step("!!", f"answer: {short(heard)}")
        report.find("binary-answer")
    elif kind == "message" and TEXT in heard:
        # Before chapter 3, and without a group, the sender alone gets it.
        to_whom = ", as everybody in the room gets it" if has_joined else ""
        report.step("ok", f"answer: my message{to_whom}")
    elif kind == "error":
        report.step("?", f"answer: {short(heard)}")
        report.find("answered-error", message=short(heard))
    elif "undefined" in heard or "[object" in heard:
        report.step("?", f"answer: {short(heard)}")
    else:
        report.step("ok", f"then I hear: {short(heard)}")


def goodbye(client: Client, report: Report) -> None:
    """Close, and see whether the server answers that."""
    client.protocol.send_close(1000)
    deadline = time.monotonic() + GOODBYE
    try:
        client.flush()
        while client.protocol.state is not State.CLOSED:
            if not client.read(max(0, deadline - time.monotonic())):
                break
    except WireError:
        pass
    close = client.protocol.close_rcvd
    if close:
        report.step("ok", f"goodbye: I close with 1000, and hear {close.code}")
        return
    seen = "hangs up without an answer"
    if client.protocol.state is not State.CLOSED:
        seen = f"does not answer it within {GOODBYE} s"
    report.step("?", f"goodbye: the server {seen}")
    report.find("no-goodbye")
