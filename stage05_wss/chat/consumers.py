import asyncio
import json
import logging
from contextlib import suppress

import redis
from autobahn.exception import Disconnected
from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.contrib.sessions.backends.db import SessionStore

from chat.goodbye import tasks

LONGEST_TEXT = 2_000  # Characters.

# Close codes of our own, named after RFC 6455's 1001, and HTTP's 401 and 503.
GOING_AWAY = 4001
LOGGED_OUT = 4401
REDIS_AWAY = 4503

GOODBYE = 1  # Second that a client has to answer a close when the server stops.

logger = logging.getLogger(__name__)


def group_of(room):
    return f"room.{room}"


def group_of_user(user_id):
    return f"user.{user_id}"


async def send_to_room(room, message):
    """
    Send a message to every client in a room, from anywhere in the project.

    It becomes JSON once, here, and not once for each of them.
    """
    event = {"type": "room.message", "text": json.dumps(message)}
    await get_channel_layer().group_send(group_of(room), event)


async def check_sessions_of(user_id):
    """Let every connection of a user ask whether it may go on."""
    event = {"type": "session.check"}
    await get_channel_layer().group_send(group_of_user(user_id), event)


class ChatConsumer(AsyncWebsocketConsumer):
    """
    Send every message to all the clients in the same room.

    Nothing that a client sends may raise here: an exception ends the connection.
    """

    has_joined = False

    async def __call__(self, scope, receive, send):
        tasks.add(asyncio.current_task())
        try:
            await super().__call__(scope, receive, send)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            # Whatever this client was about to do, there is no room without Redis.
            logger.warning("Redis is away: %s", error)
            if not self.has_joined:
                # A page can read a close code, but not why a handshake was refused.
                await self.accept()
            await self.close(REDIS_AWAY)
        except asyncio.CancelledError:
            # The server is being stopped, and waits for this: say so, and wait for an
            # answer, but not long. To hang up on a client that is just speaking resets
            # TCP, and what it has not read yet is gone.
            with suppress(Disconnected, TimeoutError):
                await self.close(GOING_AWAY)
                async with asyncio.timeout(GOODBYE):
                    while (await receive())["type"] != "websocket.disconnect":
                        continue
            await self.disconnect(GOING_AWAY)
        finally:
            tasks.discard(asyncio.current_task())

    async def connect(self):
        self.user = self.scope["user"]
        if not self.user.is_authenticated:
            # Before accept(), this refuses the handshake with HTTP 403.
            await self.close()
            return
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.name = self.user.get_username()
        # Join before accepting, so that an open connection misses no message.
        await self.channel_layer.group_add(group_of(self.room), self.channel_name)
        own_group = group_of_user(self.user.pk)
        await self.channel_layer.group_add(own_group, self.channel_name)
        self.has_joined = True
        await self.accept()
        await self.send_json({"type": "welcome", "room": self.room, "name": self.name})
        await send_to_room(self.room, {"type": "join", "name": self.name})
        # A logout since the handshake began was not told to us: we had not joined.
        await self.session_check()

    async def disconnect(self, code):
        # Channels calls this after a refused handshake, too.
        if self.has_joined:
            group = group_of(self.room)
            await self.channel_layer.group_discard(group, self.channel_name)
            own_group = group_of_user(self.user.pk)
            await self.channel_layer.group_discard(own_group, self.channel_name)
            await send_to_room(self.room, {"type": "leave", "name": self.name})

    async def is_logged_in(self):
        # The scope knows what was true at the handshake. This asks the database.
        session = SessionStore(self.scope["session"].session_key)
        return await get_user({"session": session}) == self.user

    async def receive(self, text_data=None, bytes_data=None):
        if not await self.is_logged_in():
            await self.close(LOGGED_OUT)
            return
        if text_data is None:
            await self.send_error("binary", "Send text frames, not binary ones.")
            return
        try:
            message = json.loads(text_data)
        except (ValueError, RecursionError):  # The second: JSON nested without end.
            await self.send_error("bad-json", "This is not JSON.")
            return
        match message:
            case {"type": "message", "text": str(text)} if len(text) > LONGEST_TEXT:
                detail = f"A text has at most {LONGEST_TEXT} characters."
                await self.send_error("too-long", detail)
            case {"type": "message", "text": str(text)} if text:
                await send_to_room(
                    self.room,
                    {
                        "type": "message",
                        "room": self.room,
                        "name": self.name,
                        "text": text,
                    },
                )
            case _:
                detail = 'Expected {"type": "message", "text": "…"}, and some text.'
                await self.send_error("bad-message", detail)

    async def session_check(self, event=None):
        if not await self.is_logged_in():
            await self.close(LOGGED_OUT)

    # The event's type names this method: "room.message", with a dot for the underscore.
    async def room_message(self, event):
        await self.send(text_data=event["text"])

    async def send(self, text_data=None, bytes_data=None, close=False):
        # Who has closed cannot be told anything. The disconnect event is on its way.
        with suppress(Disconnected):
            await super().send(text_data, bytes_data, close)

    async def send_error(self, code, detail):
        await self.send_json({"type": "error", "code": code, "detail": detail})

    async def send_json(self, message):
        await self.send(text_data=json.dumps(message))


class RefusingConsumer(AsyncWebsocketConsumer):
    """
    Refuse every handshake with HTTP 403.

    Without a route, Channels would raise: HTTP 500, and a traceback for each stranger.
    """

    async def connect(self):
        await self.close()
