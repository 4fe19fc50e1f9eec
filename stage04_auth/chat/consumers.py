import json

from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.db import DatabaseError

from chat.faults import UNAVAILABLE

LOGGED_OUT = 4401  # A close code of our own, named after HTTP's 401.
LONGEST_TEXT = 2_000  # Characters.


def group_of(room):
    return f"room.{room}"


async def send_to_room(room, message):
    """Send a message to every client in a room. It becomes JSON once for all."""
    event = {"type": "room.message", "text": json.dumps(message)}
    await get_channel_layer().group_send(group_of(room), event)


class ChatConsumer(AsyncWebsocketConsumer):
    """Send every message to all the clients in the same room."""

    # Nothing that a client sends may raise here: an exception ends the connection.

    joined = ()  # The groups that this connection is in.

    async def connect(self):
        self.user = self.scope["user"]
        if not self.user.is_authenticated:
            # Before accept(), this refuses the handshake with HTTP 403.
            await self.close()
            return
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.name = self.user.get_username()
        # Join before accepting, so that an open connection misses no message.
        self.joined = (group_of(self.room), f"user.{self.user.pk}")
        for group in self.joined:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()
        await self.send_json({"type": "welcome", "room": self.room, "name": self.name})
        await send_to_room(self.room, {"type": "join", "name": self.name})
        # We had not joined yet, so nobody told us of a logout since the handshake.
        await self.session_check()

    async def receive(self, text_data=None, bytes_data=None):
        if not await self.session_check():
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
                who = {"room": self.room, "name": self.name}
                await send_to_room(self.room, {"type": "message", **who, "text": text})
            case _:
                detail = 'Expected {"type": "message", "text": "…"}, and some text.'
                await self.send_error("bad-message", detail)

    # The event's type names this method: "room.message", with a dot for the underscore.
    async def room_message(self, event):
        await self.send(text_data=event["text"])

    async def session_check(self, event=None):
        then = self.scope["session"]
        try:
            # This session is as it was at the handshake. A new one is read again.
            user = await get_user({"session": then.__class__(then.session_key)})
        except DatabaseError:
            # An exception would end this connection, too, but never leave its room.
            await self.close(UNAVAILABLE)
            return False
        if user != self.user:
            await self.close(LOGGED_OUT)
        return user == self.user

    async def disconnect(self, code):
        # Channels calls this after a refused handshake, too.
        for group in self.joined:
            await self.channel_layer.group_discard(group, self.channel_name)
        if self.joined:
            await send_to_room(self.room, {"type": "leave", "name": self.name})

    async def send_error(self, code, detail):
        await self.send_json({"type": "error", "code": code, "detail": detail})

    # Not AsyncJsonWebsocketConsumer's: there, JSON that cannot be decoded raises.
    async def send_json(self, message):
        await self.send(text_data=json.dumps(message))
