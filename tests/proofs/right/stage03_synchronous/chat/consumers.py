"""Stage 3 with a synchronous consumer: plain methods, and async_to_sync()."""

import json
from urllib.parse import parse_qs

from asgiref.sync import async_to_sync
from channels.generic.websocket import WebsocketConsumer
from channels.layers import get_channel_layer

LONGEST_TEXT = 2_000


async def send_to_room(room, message):
    event = {"type": "tell", "json": json.dumps(message)}
    await get_channel_layer().group_send(f"chat_{room}", event)


class Member(WebsocketConsumer):
    group = None

    def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        query = parse_qs(self.scope["query_string"].decode(), keep_blank_values=True)
        self.name = query.get("name", ["guest"])[0]
        if not self.name or len(self.name) > 30:
            self.close()
            return
        group = f"chat_{self.room}"
        async_to_sync(self.channel_layer.group_add)(group, self.channel_name)
        self.group = group
        self.accept()
        self.answer(type="welcome", room=self.room, name=self.name)
        self.tell_room(type="join", name=self.name)

    def disconnect(self, code):
        if self.group is not None:
            discard = async_to_sync(self.channel_layer.group_discard)
            discard(self.group, self.channel_name)
            self.tell_room(type="leave", name=self.name)

    def receive(self, text_data=None, bytes_data=None):
        if bytes_data is not None:
            self.refuse("binary")
            return
        try:
            message = json.loads(text_data)
        except (ValueError, RecursionError):
            self.refuse("bad-json")
            return
        is_message = isinstance(message, dict) and message.get("type") == "message"
        text = message.get("text") if is_message else None
        if not isinstance(text, str) or not text:
            self.refuse("bad-message")
        elif len(text) > LONGEST_TEXT:
            self.refuse("too-long")
        else:
            self.tell_room(type="message", room=self.room, name=self.name, text=text)

    def tell_room(self, **message):
        async_to_sync(send_to_room)(self.room, message)

    def tell(self, event):
        self.send(text_data=event["json"])

    def refuse(self, code):
        self.answer(type="error", code=code, detail="Not like this.")

    def answer(self, **message):
        self.send(text_data=json.dumps(message))


ChatConsumer = Member
