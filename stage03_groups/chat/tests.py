"""
The consumer, tested in this process: no server, no network, a few milliseconds.
"""

import json

import pytest
from autobahn.exception import Disconnected
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.core.management import CommandError, call_command

from chat.consumers import send_to_room
from config.asgi import application


async def connect(path):
    client = WebsocketCommunicator(application, path)
    accepted, _subprotocol = await client.connect()
    assert accepted, "The handshake was refused. Does connect() accept?"
    return client


async def enter(path="/ws/rooms/garden/?name=ana"):
    client = await connect(path)
    assert (await client.receive_json_from())["type"] == "welcome"
    assert (await client.receive_json_from())["type"] == "join"
    return client


async def test_room_and_name_come_from_the_url():
    client = await connect("/ws/rooms/garden/?name=ana%20mar%C3%ADa")
    assert await client.receive_json_from() == {
        "type": "welcome",
        "room": "garden",
        "name": "ana maría",
    }
    await client.disconnect()


async def test_name_is_guest_without_one():
    client = await connect("/ws/rooms/garden/")
    assert (await client.receive_json_from())["name"] == "guest"
    await client.disconnect()


@pytest.mark.parametrize(
    "path",
    [
        "/ws/rooms/garden/?name=",
        f"/ws/rooms/garden/?name={'x' * 31}",
        f"/ws/rooms/{'x' * 51}/",
        "/ws/rooms/caf%C3%A9/",
        "/ws/rooms/garden",
        "/ws/nowhere/",
    ],
)
async def test_bad_rooms_names_and_paths_are_refused(path):
    client = WebsocketCommunicator(application, path)
    accepted, _code = await client.connect()
    assert not accepted


async def test_message_reaches_everyone_in_the_room():
    ana = await enter("/ws/rooms/garden/?name=ana")
    ben = await enter("/ws/rooms/garden/?name=ben")
    assert await ana.receive_json_from() == {"type": "join", "name": "ben"}
    await ana.send_json_to({"type": "message", "text": "hi"})
    expected = {"type": "message", "room": "garden", "name": "ana", "text": "hi"}
    assert await ana.receive_json_from() == expected
    assert await ben.receive_json_from() == expected
    await ben.disconnect()
    assert await ana.receive_json_from() == {"type": "leave", "name": "ben"}
    await ana.disconnect()


async def test_message_stays_in_its_room():
    ana = await enter("/ws/rooms/garden/?name=ana")
    ben = await enter("/ws/rooms/kitchen/?name=ben")
    await ana.send_json_to({"type": "message", "text": "for the garden"})
    assert (await ana.receive_json_from())["text"] == "for the garden"
    # If the first message had leaked, it would reach ben before this one.
    await ben.send_json_to({"type": "message", "text": "for the kitchen"})
    assert (await ben.receive_json_from())["text"] == "for the kitchen"
    await ana.disconnect()
    await ben.disconnect()


async def test_any_code_can_speak_to_a_room():
    ana = await enter()
    await send_to_room("garden", {"type": "announcement", "text": "dinner"})
    assert await ana.receive_json_from() == {"type": "announcement", "text": "dinner"}
    await ana.disconnect()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("not JSON", "bad-json"),
        ("[" * 100_000, "bad-json"),
        ("[]", "bad-message"),
        ('{"type": "message", "text": ""}', "bad-message"),
        (json.dumps({"type": "message", "text": "x" * 2_001}), "too-long"),
    ],
)
async def test_bad_messages_are_answered_and_the_next_works(text, code):
    client = await enter()
    await client.send_to(text_data=text)
    error = await client.receive_json_from()
    assert (error["type"], error["code"]) == ("error", code)
    await client.send_json_to({"type": "message", "text": "next"})
    assert (await client.receive_json_from())["text"] == "next"
    await client.disconnect()


async def test_bytes_are_answered_with_an_error():
    client = await enter()
    await client.send_to(bytes_data=b"\x00\xff")
    assert (await client.receive_json_from())["code"] == "binary"
    await client.disconnect()


def test_announcement_without_redis_says_why_it_cannot(settings):
    settings.REDIS_URL = None
    with pytest.raises(CommandError, match="set REDIS_URL"):
        call_command("announce", "garden", "dinner")


# What a server raises for a client that has gone: most of them, and Daphne.
@pytest.mark.parametrize("error", [OSError, Disconnected])
async def test_client_that_has_gone_before_its_welcome_is_no_error(error):
    events = iter(["websocket.connect", "websocket.disconnect"])

    async def receive():
        return {"type": next(events), "code": 1006}

    async def send(message):
        raise error

    scope = WebsocketCommunicator(application, "/ws/rooms/garden/").scope
    await application(scope, receive, send)
    assert not get_channel_layer().groups
