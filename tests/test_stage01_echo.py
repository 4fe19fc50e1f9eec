"""
Stage 1, echo: the server sends every message back to the client that it came from.

The contract of `/ws/echo/`, in the order handshake, messages, close.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.checker import client as websocket
from tests.checker.client import PATIENCE, WireError, raw_handshake, refusal, vanish
from tests.checker.servers.runserver import printed_at_rest

ECHO = "/ws/echo/"
CLIENTS = 5
MIB = 1024 * 1024  # Bytes. Daphne takes no larger message.


def test_handshake_switches_from_http_to_websocket(connect):
    with connect(ECHO) as client:
        assert client.response.status_code == 101


def test_handshake_proves_that_the_server_read_the_key(server, path):
    # The key and the answer to it are the example of RFC 6455, section 1.3.
    with raw_handshake(server, path, key="dGhlIHNhbXBsZSBub25jZQ==") as (answer, _tcp):
        accept = answer.headers["Sec-WebSocket-Accept"]
    wanted = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert accept == wanted, f"Sec-WebSocket-Accept is {accept}. It must be {wanted}."


def test_handshake_of_any_other_path_is_refused(server):
    paths = ["/ws/", "/ws/nowhere/", "/ws/echo/more/"]
    with ThreadPoolExecutor() as pool:  # Daphne can take a second for each.
        statuses = list(pool.map(partial(refusal, server), paths))
    for other, status in zip(paths, statuses, strict=True):
        assert status >= 400, (
            f"The handshake of {other} was answered with HTTP {status}. It must be "
            f"refused."
        )


def test_messages_come_only_after_the_client_speaks(connect):
    with connect(ECHO) as client:
        client.send("first")
        # If the server had spoken first, its message would come before this one.
        client.expect("first")


@pytest.mark.parametrize(
    "message",
    ["hello", "¡olé! 🎉", '{"type": "message"}', " \t\n\0 "],
    ids=["ascii", "unicode", "json", "spaces"],
)
def test_message_of_text_comes_back_as_the_same_text(connect, message):
    with connect(ECHO) as client:
        client.send(message)
        client.expect(message)


@pytest.mark.parametrize(
    "message",
    [b"hello", b"\x00\xff", bytes(range(256))],
    ids=["letters", "two", "all"],
)
def test_message_of_bytes_comes_back_as_the_same_bytes(connect, message):
    with connect(ECHO) as client:
        client.send(message)
        client.expect(message)


@pytest.mark.parametrize("message", ["x" * MIB, b"\xff" * MIB], ids=["text", "bytes"])
def test_message_of_1_mib_comes_back(connect, message):
    with connect(ECHO) as client:
        client.send(message)
        client.expect(message)


def test_message_in_three_frames_comes_back_whole(connect):
    with connect(ECHO) as client:
        client.send(["one, ", "two, ", "three"])
        client.expect("one, two, three")


def test_messages_come_back_in_order(connect):
    with connect(ECHO) as client:
        for number in range(100):
            client.send(str(number))
        for number in range(100):
            client.expect(str(number))


def test_message_comes_back_to_no_one_else(connect):
    with connect(ECHO) as ana, connect(ECHO) as ben:
        ana.send("for ana")
        ana.expect("for ana")
        # If the first message had leaked, it would reach ben before this one.
        ben.send("for ben")
        ben.expect("for ben")
        # And ben's would reach ana before this one.
        ana.send("for ana again")
        ana.expect("for ana again")


def test_close_is_left_to_the_client(connect):
    with connect(ECHO) as client:
        for message in ("one", b"two", "three"):
            client.send(message)
            client.expect(message)
        client.expect_open()


@pytest.mark.parametrize("code", [1000, 3000, 4999])
def test_close_is_answered_with_a_close_frame(connect, code):
    with connect(ECHO) as client:
        client.close(code)
        answer = client.protocol.close_rcvd
    assert answer is not None, "The server hung up without a close frame."
    # Most servers return the client's code (RFC 6455, section 5.5.1). Daphne answers
    # every code with 1000.
    assert answer.code in (code, 1000), (
        f"The client closed with {code}, and the server answered with {answer.code}."
    )


def test_close_without_a_code_is_answered_with_a_close_frame(connect, path):
    with connect(path) as client:
        client.close(None)
        answer = client.protocol.close_rcvd
    assert answer is not None, "The server hung up without a close frame."


def test_close_raises_nothing_in_the_server(connect, launched):
    start = launched.position()
    with connect(ECHO) as client:
        client.send("hello")
        client.expect("hello")
    printed = printed_at_rest(launched, start)
    assert "Traceback" not in printed, "The server printed a traceback after the close."


@pytest.mark.patient
def test_close_ends_what_has_served_the_client(start, path):
    server = start()
    with websocket.connect(server, path):
        pass
    before = server.tasks()
    for _client in range(CLIENTS):
        with websocket.connect(server, path):
            pass
    deadline = time.monotonic() + PATIENCE
    while (unfinished := server.tasks() - before) > 0:
        if time.monotonic() > deadline:
            raise WireError(
                "consumers that live on",
                f"{CLIENTS} clients came and went. {PATIENCE} seconds later, "
                f"{unfinished} tasks of the server have not finished.",
            )
        time.sleep(0.05)


def test_close_without_a_goodbye_costs_the_others_nothing(connect, server):
    with connect(ECHO) as client:
        vanish(server, ECHO)
        client.send("still here?")
        client.expect("still here?")
        with connect(ECHO) as newcomer:
            newcomer.send("hello")
            newcomer.expect("hello")
