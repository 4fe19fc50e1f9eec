"""
The client of the checks, which has no thread: it hears what has come when it is asked.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from threading import Event, Thread

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.checker import client
from tests.checker.client import (
    Client,
    WireError,
    connect,
    open_websocket,
    refusal,
)
from tests.checker.endpoint import Endpoint
from tests.checker.servers.effort import Effort, effort_of
from tests.checker.wire import WIRE


@contextmanager
def connected_to(handler: Callable[[ServerConnection], None]) -> Iterator[Client]:
    """Open a WebSocket to a server that does with it what the handler does."""
    with serve(handler, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.socket.getsockname()[1]
            with connect(Endpoint(f"ws://127.0.0.1:{port}"), "/") as ana:
                yield ana
        finally:
            server.shutdown()
            thread.join()


def test_close_that_has_come_is_seen_by_who_reads_nothing() -> None:
    with connected_to(lambda end: end.close(4001)) as ana:
        deadline = time.monotonic() + client.PATIENCE
        while not ana.is_closed():
            assert time.monotonic() < deadline, "The close is not seen."
        with pytest.raises(WireError) as told:
            ana.send("too late")
        assert told.value.symptom == "close 4001"


def test_messages_before_a_close_are_heard_first() -> None:
    def speak_and_go(end: ServerConnection) -> None:
        end.send("one")
        end.send(["t", "w", "o"])
        end.send(b"\x00\xff")
        end.close(4001)

    with connected_to(speak_and_go) as ana:
        for message in ("one", "two", b"\x00\xff"):
            ana.expect(message)
        with pytest.raises(WireError) as told:
            ana.recv()
        assert told.value.symptom == "close 4001"
        ana.expect_close(4001)


def test_server_that_sends_without_end_is_told_and_fills_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "WAITING", 10_000_000)

    def flood(end: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                end.send("and again")

    with connected_to(flood) as ana:
        for _ in range(1000):  # Who is listened to may send as much as it likes.
            ana.expect("and again")

        def listen() -> None:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                ana.catch_up()

        with pytest.raises(WireError) as told:
            listen()
        assert told.value.symptom == "flood"


def test_handshake_without_an_answer_is_tried_twice_and_both_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            for _ in range(2):
                tcp, _address = listening.accept()
                with tcp:
                    tcp.recv(4096)

        thread = Thread(target=hang_up)
        thread.start()
        WIRE.begin()
        server = Endpoint(f"ws://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(WireError) as raised, connect(server, "/"):
            pass
        thread.join()
    assert raised.value.symptom == "no answer"
    assert [event.words for event in WIRE.events] == [
        "→ handshake /",
        "← end, without an answer",
        "→ handshake /, a second try",
        "← end, without an answer",
    ]


@pytest.fixture
def picky() -> Iterator[tuple[Endpoint, list[str | None]]]:
    """A server that lets in who sends no Origin, and the Origins that came to it."""
    came: list[str | None] = []

    def judge(connection: ServerConnection, request: Request) -> Response | None:
        came.append(request.headers.get("Origin"))
        return connection.respond(403, "no") if came[-1] else None

    with serve(lambda _: None, "127.0.0.1", 0, process_request=judge) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield Endpoint(f"ws://127.0.0.1:{server.socket.getsockname()[1]}"), came
        server.shutdown()
        thread.join()


def test_refusal_that_is_expected_is_asked_once(
    picky: tuple[Endpoint, list[str | None]],
) -> None:
    server, came = picky
    assert refusal(server, "/") == 403
    assert came == [server.origin]


def test_refusal_that_is_a_surprise_is_asked_whether_origin_is_why(
    picky: tuple[Endpoint, list[str | None]],
) -> None:
    server, came = picky
    with pytest.raises(WireError) as raised, connect(server, "/"):
        pass
    assert raised.value.symptom == "HTTP 403 for the Origin"
    assert came == [server.origin, None]
    # Who brings headers of their own is told the status, and nothing else.
    headers = {"Origin": "http://evil.example"}
    with pytest.raises(WireError) as raised:
        open_websocket(server, "/", additional_headers=headers)
    assert raised.value.symptom == "HTTP 403"
    assert came[2:] == ["http://evil.example"]


def test_history_ends_with_a_failure_and_goes_on_with_the_next_client() -> None:
    def words() -> list[str]:
        return [event.words for event in WIRE.events]

    def say_hello(end: ServerConnection) -> None:
        end.send("hello")
        end.recv()

    WIRE.begin()
    with pytest.raises(WireError), connected_to(say_hello) as ana:
        ana.expect("another word")
    assert words()[-1] == "← text hello"
    with connected_to(say_hello) as ana:
        ana.expect("hello")
        ana.send("goodbye")
    assert words()[-1].startswith("← close")


def test_ping_is_answered_while_a_message_is_waited_for() -> None:
    def ping(end: ServerConnection) -> None:
        end.send("answered" if end.ping().wait(client.PATIENCE) else "not answered")
        end.recv()

    with connected_to(ping) as ana:
        ana.expect("answered")
        ana.send("goodbye")


def test_message_is_sent_in_as_many_frames_as_it_has_parts() -> None:
    with connected_to(lambda end: end.send("|".join(end.recv_streaming()))) as ana:
        ana.send(["one", "two", "three"])
        ana.expect("one|two|three")


def test_text_that_is_no_utf_8_ends_the_connection() -> None:
    def say_it_and_listen(end: ServerConnection) -> None:
        end.send(b"\xff", text=True)
        for _message in end:
            pass

    with connected_to(say_it_and_listen) as ana:
        with pytest.raises(WireError) as told:
            ana.recv()
        assert told.value.symptom == "close 1006"
        assert ana.protocol.close_sent.code == 1007


def test_silence_and_an_open_end_are_told_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with connected_to(lambda end: end.recv()) as ana:
        with monkeypatch.context() as hasty:
            hasty.setattr(client, "PATIENCE", 0.2)
            with pytest.raises(WireError) as told:
                ana.recv()
            assert told.value.symptom == "silence"
            with pytest.raises(WireError) as told:
                ana.expect_close(4001)
            assert told.value.symptom == "left open"
        ana.expect_open()  # A pong may take its time on a busy machine.
        ana.send("goodbye")


def test_close_without_a_code_has_none_on_the_wire() -> None:
    codes = []

    def listen(end: ServerConnection) -> None:
        for _message in end:
            pass
        codes.append(end.close_code)

    with connected_to(listen) as ana:
        ana.close(None)
        ana.close()  # Once more does no harm.
    assert codes == [1005]


@pytest.mark.parametrize(
    ("effort", "symptom"),
    [
        (Effort(worked=1), "busy"),
        (Effort(worked=0.1, waited=1), "too slow here"),
        (Effort(worked=0.01), "silence"),  # What an idle server needs to be alive.
    ],
)
def test_server_at_work_is_given_more_time_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, effort: Effort, symptom: str
) -> None:
    shorter = {"PATIENCE": 0.2, "LOOK": 0.1, "ENDLESS": 1.5, "LONGEST": 0.5}
    for name, seconds in shorter.items():
        monkeypatch.setattr(client, name, seconds)
    with connected_to(lambda end: end.recv()) as ana:
        so_far = Effort()

        def work() -> Effort:
            nonlocal so_far
            so_far = so_far.plus(effort)
            return so_far

        monkeypatch.setattr(ana.server, "effort", work)
        for wait in (ana.recv, lambda: ana.expect_close(1000)):
            with pytest.raises(WireError) as told:
                wait()
            expected = {symptom, "left open"} if symptom == "silence" else {symptom}
            assert told.value.symptom in expected
        ana.send("goodbye")


def test_answer_of_a_server_that_was_at_work_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, seconds in (("PATIENCE", 0.2), ("LOOK", 0.1)):
        monkeypatch.setattr(client, name, seconds)
    at_last = Event()

    def answer_late(end: ServerConnection) -> None:
        assert at_last.wait(10)
        end.send("at last")

    with connected_to(answer_late) as ana:
        asked = count()

        def work() -> Effort:
            number = next(asked)
            if number == 3:
                at_last.set()
            return Effort(worked=number)

        monkeypatch.setattr(ana.server, "effort", work)
        ana.expect("at last")


@pytest.mark.posix("Windows ends no group of processes")
def test_effort_of_a_process_is_what_it_and_its_children_do() -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    loop = "print('here', flush=True)\nwhile True: pass"
    command = [sys.executable, "-c", code, loop]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            process.stdout.readline()
            before = effort_of(process.pid)
            deadline = time.monotonic() + 10
            while effort_of(process.pid).minus(before).total < client.AT_WORK:
                assert time.monotonic() < deadline, "A loop is not seen to work."
                time.sleep(0.05)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert effort_of(process.pid) == Effort()


class Busy(Endpoint):
    """A server whose tasks are those that are given, at one look after the other."""

    def __init__(self, *tasks: int) -> None:
        super().__init__("ws://127.0.0.1:1")
        self.looks = [*tasks]

    def tasks(self) -> int:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.checker.endpoint.SHORT", 0.1)
    monkeypatch.setattr("tests.checker.endpoint.LONG", 0.5)


def test_who_takes_long_to_leave_is_waited_for_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # So long that nobody is given up here, however slow the machine is.
    monkeypatch.setattr("tests.checker.endpoint.LONG", 60)
    server = Busy(0)
    server.rest(is_long=True)
    for _ in range(2):  # A cancellation that was lost, and another one.
        server.looks = [1] * 20 + [0]
        server.rest(is_long=True)
        assert server.at_rest == 0
    assert not server.lingers


@pytest.mark.usefixtures("short_waits")
def test_what_never_leaves_is_waited_for_once() -> None:
    server = Busy(1)
    server.rest(is_long=True)
    assert server.at_rest == 1
    assert server.lingers
    begin = time.monotonic()
    server.looks = [2]
    server.rest(is_long=True)
    assert server.at_rest == 2
    assert time.monotonic() - begin < 0.4


@pytest.mark.usefixtures("short_waits")
def test_handshake_does_not_wait_long() -> None:
    server = Busy(*[1] * 20, 0)
    server.rest(is_long=False)
    assert server.at_rest == 1
    assert not server.lingers
    server.rest(is_long=True)  # The first that hears events waits for all.
    assert server.at_rest == 0
