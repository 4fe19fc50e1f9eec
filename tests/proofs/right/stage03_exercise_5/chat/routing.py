"""Stage 3, with a word for one client in the room."""

import json
from contextlib import suppress

from channels.exceptions import ChannelFull
from django.urls import path, re_path

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.consumers import LONGEST_TEXT, ChatConsumer
from chat.faults import refuse


class Whispering(ChatConsumer):
    async def send_json(self, message):
        if message["type"] == "welcome":
            message = message | {"channel": self.channel_name}
        await super().send_json(message)

    async def receive(self, text_data=None, bytes_data=None):
        message = None
        with suppress(ValueError, TypeError, RecursionError):
            message = json.loads(text_data)
        match message:
            case {"type": "whisper", "text": str(text)} if len(text) > LONGEST_TEXT:
                await self.send_error("too-long", "This is too long for a whisper.")
            case {"type": "whisper", "to": str(channel), "text": str(text)} if text:
                await self.whisper(channel, text)
            case _:
                await super().receive(text_data, bytes_data)

    async def whisper(self, channel, text):
        message = {"type": "whisper", "name": self.name, "text": text}
        event = {"type": "room.message", "text": json.dumps(message)}
        try:
            await self.channel_layer.send(channel, event)
        except TypeError:
            await self.send_error("bad-message", "This is no name of a channel.")
        except ChannelFull:
            pass  # Who does not keep up misses it.


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", Whispering.as_asgi()),
    re_path(r"", refuse),
]
