"""Stage 2 with a JSON consumer of Channels, and Django's own reader of queries."""

from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.http import QueryDict


class Conversation(AsyncJsonWebsocketConsumer):
    async def connect(self):
        self.place = self.scope["url_route"]["kwargs"]["place"]
        self.speaker = QueryDict(self.scope["query_string"]).get("name", "guest")
        if len(self.speaker) not in range(1, 31):
            raise DenyConnection
        await self.accept()
        await self.say(type="welcome")

    async def receive(self, text_data=None, bytes_data=None):
        if bytes_data is not None:
            await self.refuse("binary")
            return
        try:
            await super().receive(text_data=text_data)
        except (ValueError, RecursionError):
            await self.refuse("bad-json")

    async def receive_json(self, content):
        is_message = isinstance(content, dict) and content.get("type") == "message"
        text = content.get("text") if is_message else None
        if not isinstance(text, str) or text == "":
            await self.refuse("bad-message")
        elif len(text) > 2000:
            await self.refuse("too-long")
        else:
            await self.say(type="message", text=text)

    async def say(self, **message):
        await self.send_json({"room": self.place, "name": self.speaker} | message)

    async def refuse(self, code):
        await self.send_json({"type": "error", "code": code, "detail": "No, sorry."})
