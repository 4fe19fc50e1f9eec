"""
Stage 2, routing: the URL names the room and the client, and every message is answered.

The contract of `/ws/rooms/<room>/?name=…`, in the order handshake, messages, close.
"""

import json
from contextlib import suppress
from functools import partial

import pytest
from websockets.frames import Frame, Opcode

from tests import test_stage01_echo
from tests.checker.client import (
    CHUNK,
    connect,
    expect_refused,
    raw_handshake,
    vanish,
)
from tests.checker.promises import kept
from tests.checker.rooms import address, enter, texts_until
from tests.checker.servers.runserver import printed_at_rest

# Of the promises of stage 1, these are made anew, or otherwise.
REPLACED = {
    "test_handshake_switches_from_http_to_websocket": "it does so at a room",
    "test_handshake_of_any_other_path_is_refused": "now it must be with 403",
    "test_messages_come_only_after_the_client_speaks": "the server speaks first",
    "test_message_of_text_comes_back_as_the_same_text": "the answer is a JSON object",
    "test_message_of_bytes_comes_back_as_the_same_bytes": "the answer is an error",
    "test_message_of_1_mib_comes_back": "a text has 2,000 characters at most",
    "test_message_in_three_frames_comes_back_whole": "it is answered as any other",
    "test_messages_come_back_in_order": "they are answered in order",
    "test_message_comes_back_to_no_one_else": "it is answered to the sender only",
    "test_close_is_left_to_the_client": "it is so whatever a room was told",
    "test_close_is_answered_with_a_close_frame": "it is so in a room",
    "test_close_raises_nothing_in_the_server": "it is so in a room",
    "test_close_without_a_goodbye_costs_the_others_nothing": "it is so in a room",
}
globals().update(kept(test_stage01_echo, REPLACED))

NESTED = "[" * 100_000 + "]" * 100_000

# A frame of 8 kB; its answer has 24, as json.dumps writes it. A system keeps some 4 MB
# for a client that does not read.
LONGEST = json.dumps({"type": "message", "text": "🎉" * 2_000}, ensure_ascii=False)
SPEECH = Frame(Opcode.TEXT, LONGEST.encode()).serialize(mask=True)
CLOSE = Frame(Opcode.CLOSE, b"").serialize(mask=True)
UNREAD = 250


@pytest.fixture
def enter_room(server, room):
    """Open a WebSocket to the room of this test, and read the welcome."""
    return partial(enter, server, room)


def test_handshake_switches_from_http_to_websocket(connect, room):
    with connect(address(room)) as client:
        assert client.response.status_code == 101


@pytest.mark.parametrize(
    "room", ["a", "A-b_9", "x" * 50], ids=["room of 1", "all signs", "room of 50"]
)
def test_handshake_takes_the_room_from_the_path(connect, room):
    with connect(address(room)) as client:
        client.expect_json(type="welcome", room=room)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("name=ana", "ana"),
        ("color=red&name=ana", "ana"),
        ("name=%C2%A1ana%21", "¡ana!"),
        ("name=ana+mar%C3%ADa", "ana maría"),
        ("name=a%26b%3Dc", "a&b=c"),
        ("name=" + "x" * 30, "x" * 30),
        ("name=" + "%F0%9F%8E%89" * 30, "🎉" * 30),
    ],
    ids=["alone", "second", "encoded", "plus", "signs", "name of 30", "30 emojis"],
)
def test_handshake_takes_the_name_from_the_query_string(connect, room, query, name):
    with connect(f"{address(room)}?{query}") as client:
        client.expect_json(type="welcome", name=name)


@pytest.mark.parametrize(
    "query", ["", "?", "?color=red"], ids=["no query", "empty query", "key"]
)
def test_handshake_without_a_name_makes_a_guest(connect, room, query):
    with connect(address(room) + query) as client:
        client.expect_json(type="welcome", name="guest")


@pytest.mark.parametrize(
    "path",
    ["/", "/ws/", "/ws/nowhere/", "/ws/rooms/", "/ws/rooms/garden", "/ws/rooms/a/b/"],
    ids=["root", "ws", "nowhere", "rooms", "unslashed", "deeper"],
)
def test_handshake_of_any_other_path_is_refused_with_403(server, path):
    expect_refused(server, path)


@pytest.mark.parametrize(
    "room",
    ["x" * 51, "a.b", "a%20b", "a%0A", "caf%C3%A9", "%D9%A3", ""],
    ids=["room of 51", "dot", "space", "newline", "accent", "digit", "empty room"],
)
def test_handshake_of_a_bad_room_is_refused_with_403(server, room):
    expect_refused(server, f"/ws/rooms/{room}/")


def test_handshake_of_a_client_that_makes_a_prefix_up_is_like_any_other(server, room):
    # Daphne takes it for the path where a proxy has put the site.
    made_up = {"Daphne-Root-Path": "/x"}
    path = address(room)
    headers = server.identify(path) | made_up
    with connect(server, path, additional_headers=headers) as client:
        client.expect_json(type="welcome", room=room)
    expect_refused(server, f"/x{path}", additional_headers=headers)


@pytest.mark.parametrize("name", ["", "x" * 31], ids=["empty name", "name of 31"])
def test_handshake_with_a_bad_name_is_refused_with_403(server, room, name):
    expect_refused(server, address(room, name))


@pytest.mark.parametrize(
    "name", [b"%FF", b"%", b"\xff"], ids=["percent", "sign", "raw"]
)
def test_handshake_with_a_name_that_is_no_utf_8_is_answered(server, room, name):
    # The contract leaves open what such a name becomes, but not that it is no crash.
    path = f"/ws/rooms/{room}/?name=".encode() + name
    with raw_handshake(server, path.decode("latin-1")) as (response, _tcp):
        assert response.status < 500, (
            f"The handshake was answered with HTTP {response.status}: a crash."
        )


def test_handshake_that_is_refused_raises_nothing_in_the_server(server, room, launched):
    start = launched.position()
    for path in ["/ws/nowhere/", "/ws/rooms/a.b/", address(room, "")]:
        expect_refused(server, path)
    printed = printed_at_rest(launched, start)
    assert "Traceback" not in printed, "The server printed a traceback."


def test_message_of_the_server_comes_first(connect, room):
    with connect(address(room, "ana")) as client:
        client.expect_json(type="welcome", room=room, name="ana")


@pytest.mark.parametrize(
    "text",
    ["hi", " ¡olé!  🎉\n", "<b>&amp;</b>", "x" * 2_000, "🎉" * 2_000],
    ids=["ascii", "unicode", "html", "2000 characters", "2000 emojis"],
)
def test_message_is_answered_with_room_name_and_text(enter_room, room, text):
    with enter_room("ana") as ana:
        ana.send_json(type="message", text=text)
        ana.expect_json(type="message", room=room, name="ana", text=text)
        # Where somebody speaks, and who, is not for the message to say.
        ana.send_json(type="message", text=text, room="elsewhere", name="ben")
        ana.expect_json(type="message", room=room, name="ana", text=text)


def test_messages_are_answered_in_order(enter_room):
    with enter_room() as ana:
        for number in range(100):
            ana.send_json(type="message", text=str(number))
        for number in range(100):
            ana.expect_json(type="message", text=str(number))


def test_message_in_three_frames_is_answered(enter_room):
    with enter_room() as ana:
        ana.send(['{"type": "mess', 'age", "text"', ': "whole"}'])
        ana.expect_json(type="message", text="whole")


def test_message_is_answered_to_the_sender_only(enter_room):
    with enter_room("ana") as ana, enter_room("ben") as ben:
        ana.send_json(type="message", text="for ana")
        ana.expect_json(type="message", name="ana", text="for ana")
        # If the first answer had leaked, it would reach ben before this one.
        ben.send_json(type="message", text="for ben")
        ben.expect_json(type="message", name="ben", text="for ben")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("hello", "bad-json"),
        ('{"type": "message"', "bad-json"),
        ("", "bad-json"),
        ("[]", "bad-message"),
        ('"hello"', "bad-message"),
        ("null", "bad-message"),
        ('{"text": "hi"}', "bad-message"),
        ('{"type": "shout", "text": "hi"}', "bad-message"),
        ('{"type": ["message"], "text": "hi"}', "bad-message"),
        ('{"type": "message"}', "bad-message"),
        ('{"type": "message", "text": 1}', "bad-message"),
        ('{"type": "message", "text": null}', "bad-message"),
        ('{"type": "message", "text": ["hi"]}', "bad-message"),
        ('{"type": "message", "text": ""}', "bad-message"),
        ('{"type": "message", "text": "' + "x" * 2_001 + '"}', "too-long"),
        (b"\x00\xff", "binary"),
        (b'{"type": "message", "text": "hi"}', "binary"),
    ],
    ids=[
        "words",
        "half",
        "nothing",
        "list",
        "string",
        "null",
        "untyped",
        "unknown",
        "list for type",
        "no text",
        "number",
        "null for text",
        "list for text",
        "empty text",
        "2001 characters",
        "bytes",
        "JSON in bytes",
    ],
)
def test_message_that_is_bad_is_answered_with_an_error(enter_room, message, code):
    with enter_room() as ana:
        ana.send(message)
        error = ana.expect_json(type="error", code=code)
        assert isinstance(error.get("detail"), str), "The error has no detail in words."
        # The connection stays open, and the next message works.
        ana.send_json(type="message", text="next")
        ana.expect_json(type="message", text="next")


@pytest.mark.parametrize(
    "message",
    [
        NESTED,
        '{"type": "message", "text": ' + NESTED + "}",
        '{"type": "message", "text": ' + "1" * 5_000 + "}",
        '{"type": "message", "text": "\\ud800"}',
    ],
    ids=["nested", "nested text", "huge number", "half a character"],
)
def test_message_that_no_parser_likes_is_answered(enter_room, message):
    with enter_room() as ana:
        ana.send(message)
        # Parsers differ in these. The contract says only that an answer comes.
        ana.expect_json()
        ana.send_json(type="message", text="next")
        ana.expect_json(type="message", text="next")


def test_close_is_left_to_the_client(enter_room):
    with enter_room() as ana:
        for message in ("one", b"two", '{"type": "message", "text": "three"}'):
            ana.send(message)
            ana.expect_json()
        ana.expect_open()


def test_close_is_answered_with_a_close_frame(enter_room):
    with enter_room() as ana:
        ana.close(4999)
        answer = ana.protocol.close_rcvd
    assert answer is not None, "The server hung up without a close frame."


def test_close_raises_nothing_in_the_server(enter_room, launched):
    start = launched.position()
    with enter_room():
        pass
    printed = printed_at_rest(launched, start)
    assert "Traceback" not in printed, "The server printed a traceback after the close."


@pytest.mark.crowd
def test_close_right_after_a_message_raises_nothing_in_the_server(
    server, room, launched
):
    start = launched.position()
    with enter(server, room) as ana, enter(server, f"{room}-2", "ben") as ben:
        # She reads no answer: in the end they wait in the server, and it cannot hang up
        # while they do. What it answers then, it answers to a client that has left.
        for frames in (SPEECH * UNREAD, SPEECH + CLOSE):
            ana.socket.sendall(frames)
            for number in range(UNREAD):  # As often as he is answered, so is she.
                ben.send_json(type="message", text=str(number))
                texts_until(ben, str(number))
        with suppress(OSError):
            while ana.socket.recv(CHUNK):
                pass
    printed = printed_at_rest(launched, start)
    assert "Traceback" not in printed, (
        "The server printed a traceback for a client that spoke and left at once."
    )


def test_close_without_a_goodbye_costs_the_others_nothing(enter_room, server, room):
    with enter_room("ana") as ana:
        vanish(server, address(room, "ben"))
        ana.send_json(type="message", text="still here?")
        ana.expect_json(type="message", text="still here?")
