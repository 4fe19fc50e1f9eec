"""
Rooms in the style of Channels' tutorial: threads, and `async_to_sync` for the layer.

It believes all that a client sends. Each member encodes the same JSON.
"""

import json
from urllib.parse import parse_qs

from asgiref.sync import async_to_sync
from channels.generic.websocket import WebsocketConsumer


class ChatConsumer(WebsocketConsumer):
    def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.name = parse_qs(self.scope["query_string"].decode())["name"][0]
        self.group = f"room.{self.room}"
        async_to_sync(self.channel_layer.group_add)(self.group, self.channel_name)
        self.accept()
        welcome = {"type": "welcome", "room": self.room, "name": self.name}
        self.send(text_data=json.dumps(welcome))

    def disconnect(self, code):
        async_to_sync(self.channel_layer.group_discard)(self.group, self.channel_name)

    def receive(self, text_data):
        text = json.loads(text_data)["text"]
        message = {"room": self.room, "name": self.name, "text": text}
        async_to_sync(self.channel_layer.group_send)(
            self.group, {"type": "chat.message", **message}
        )

    def chat_message(self, event):
        self.send(text_data=json.dumps(event | {"type": "message"}))
