"""Stage 3, with the last messages of each room for those who come back."""

import json
from collections import defaultdict, deque
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer

LONGEST_NAME = 30  # Characters.
LONGEST_TEXT = 2_000  # Characters.
KEPT = 100  # Messages of a room.

kept = defaultdict(lambda: deque(maxlen=KEPT))  # Of this process.


def group_of(room):
    return f"room.{room}"


async def send_to_room(room, message):
    """Send a message to every client in a room. It becomes JSON once for all."""
    number = None
    if message["type"] == "message":
        past = kept[room]
        number = past[-1]["number"] + 1 if past else 1
        message = message | {"number": number}
        past.append(message)
    event = {"type": "room.message", "text": json.dumps(message), "number": number}
    await get_channel_layer().group_send(group_of(room), event)


class ChatConsumer(AsyncWebsocketConsumer):
    """Send every message to all the clients in the same room."""

    # Nothing that a client sends may raise here: an exception ends the connection.

    has_joined = False
    last = 0  # The number of the last message that this client has.

    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        # Bytes, and percent-encoded: parse_qs() decodes "ana%20mar%C3%ADa".
        query = self.scope["query_string"].decode()
        query = parse_qs(query, keep_blank_values=True)
        self.name = query.get("name", ["guest"])[0]
        since = query.get("since", ["0"])[0]
        if not (1 <= len(self.name) <= LONGEST_NAME and since.isdecimal()):
            # Before accept(), this refuses the handshake with HTTP 403.
            await self.close()
            return
        # Join before accepting, so that an open connection misses no message.
        await self.channel_layer.group_add(group_of(self.room), self.channel_name)
        self.has_joined = True
        await self.accept()
        await self.send_json({"type": "welcome", "room": self.room, "name": self.name})
        if "since" in query:
            # Some of these may wait in the mailbox too: room_message() knows by `last`.
            missed = [each for each in kept[self.room] if each["number"] > int(since)]
            for message in missed:
                self.last = message["number"]
                await self.send_json(message)
        await send_to_room(self.room, {"type": "join", "name": self.name})

    async def receive(self, text_data=None, bytes_data=None):
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
        number = event["number"]
        if number is None or number > self.last:
            await self.send(text_data=event["text"])

    async def disconnect(self, code):
        # Channels calls this after a refused handshake, too.
        if self.has_joined:
            group = group_of(self.room)
            await self.channel_layer.group_discard(group, self.channel_name)
            await send_to_room(self.room, {"type": "leave", "name": self.name})

    async def send_error(self, code, detail):
        await self.send_json({"type": "error", "code": code, "detail": detail})

    # Not AsyncJsonWebsocketConsumer's: there, JSON that cannot be decoded raises.
    async def send_json(self, message):
        await self.send(text_data=json.dumps(message))
