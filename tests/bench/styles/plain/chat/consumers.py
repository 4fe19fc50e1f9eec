from urllib.parse import parse_qs

from channels.generic.websocket import AsyncJsonWebsocketConsumer


class ChatConsumer(AsyncJsonWebsocketConsumer):
    """
    Stage 3 as Channels' own classes suggest it: every member encodes the same JSON.

    It believes all that a client sends.
    """

    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.name = parse_qs(self.scope["query_string"].decode())["name"][0]
        self.group = f"room.{self.room}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.send_json({"type": "welcome", "room": self.room, "name": self.name})
        await self.tell({"type": "join", "name": self.name})

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)
        await self.tell({"type": "leave", "name": self.name})

    async def receive_json(self, content):
        await self.tell(
            {
                "type": "message",
                "room": self.room,
                "name": self.name,
                "text": content["text"],
            }
        )

    async def tell(self, event):
        await self.channel_layer.group_send(self.group, event)

    async def message(self, event):
        await self.send_json(event)

    join = leave = message
