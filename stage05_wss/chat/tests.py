"""
The consumer, tested in this process: no server, no network, a few milliseconds.
"""

import json

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import AsyncClient

from chat.consumers import send_to_room
from config.asgi import application

# Async code works in the database outside of the transaction that a test rolls back.
# This empties the tables instead.
pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = (b"origin", settings.ORIGINS[0].encode())


async def log_in(name):
    """Return a browser, in which a new user has logged in."""
    browser = AsyncClient()
    user, _is_new = await get_user_model().objects.aget_or_create(username=name)
    await browser.aforce_login(user)
    return browser


def cookies(browser):
    """Return the header that carries the session into the handshake."""
    return (b"cookie", f"sessionid={browser.cookies['sessionid'].value}".encode())


def open_socket(path, *headers):
    return WebsocketCommunicator(application, path, headers=headers)


async def enter(room="garden", name="ana", browser=None):
    browser = browser or await log_in(name)
    client = open_socket(f"/ws/rooms/{room}/", ORIGIN, cookies(browser))
    accepted, _subprotocol = await client.connect()
    assert accepted, "The handshake was refused. Does connect() accept?"
    welcome = {"type": "welcome", "room": room, "name": name}
    assert await client.receive_json_from() == welcome
    assert await client.receive_json_from() == {"type": "join", "name": name}
    return client


async def expect_refused(path, *headers):
    accepted, _code = await open_socket(path, *headers).connect()
    assert not accepted


async def test_user_gets_in_from_a_page_of_ours():
    client = await enter()
    await client.disconnect()


async def test_stranger_is_refused():
    await expect_refused("/ws/rooms/garden/", ORIGIN)


async def test_user_is_refused_without_a_page_of_ours():
    session = cookies(await log_in("ana"))
    for foreign in (b"http://localhost:8443", b"https://localhost"):
        await expect_refused("/ws/rooms/garden/", (b"origin", foreign), session)
    await expect_refused("/ws/rooms/garden/", session)


@pytest.mark.parametrize(
    "path",
    [
        f"/ws/rooms/{'x' * 51}/",
        "/ws/rooms/caf%C3%A9/",
        "/ws/rooms/garden",
        "/ws/nowhere/",
    ],
)
async def test_bad_rooms_and_paths_are_refused(path):
    await expect_refused(path, ORIGIN, cookies(await log_in("ana")))


async def test_logging_out_closes_the_connections_of_this_session():
    browser, other = await log_in("ana"), await log_in("ana")
    client, stays = await enter(browser=browser), await enter("attic", browser=other)
    await browser.post("/logout/", secure=True)
    assert await client.receive_output() == {"type": "websocket.close", "code": 4401}
    await stays.send_json_to({"type": "message", "text": "still here"})
    assert (await stays.receive_json_from())["text"] == "still here"
    await stays.disconnect()


async def test_user_who_may_no_longer_log_in_is_closed():
    client = await enter()
    ana = await get_user_model().objects.aget(username="ana")
    ana.is_active = False
    await ana.asave()
    assert await client.receive_output() == {"type": "websocket.close", "code": 4401}


async def test_message_reaches_everyone_in_the_room():
    ana = await enter(name="ana")
    ben = await enter(name="ben")
    assert await ana.receive_json_from() == {"type": "join", "name": "ben"}
    await ana.send_json_to({"type": "message", "text": "hi"})
    expected = {"type": "message", "room": "garden", "name": "ana", "text": "hi"}
    assert await ana.receive_json_from() == expected
    assert await ben.receive_json_from() == expected
    await ben.disconnect()
    assert await ana.receive_json_from() == {"type": "leave", "name": "ben"}
    await ana.disconnect()


async def test_message_stays_in_its_room():
    ana = await enter("garden", "ana")
    ben = await enter("kitchen", "ben")
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
