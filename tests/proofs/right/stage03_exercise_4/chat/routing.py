"""Stage 3, with a roll call: who does not answer is not here."""

import asyncio

from django.urls import path, re_path

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.consumers import ChatConsumer, group_of
from chat.faults import refuse

ROLL_CALL = 0.3  # Seconds that everyone has to answer.


class Present(ChatConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        if text_data == '{"type": "who"}':
            # Not awaited: the answers come while this consumer goes on.
            self.roll_call = asyncio.create_task(self.call_the_roll())
        else:
            await super().receive(text_data, bytes_data)

    async def call_the_roll(self):
        self.names = []
        event = {"type": "who.is.here", "asks": self.channel_name}
        await self.channel_layer.group_send(group_of(self.room), event)
        await asyncio.sleep(ROLL_CALL)
        await self.send_json({"type": "here", "names": self.names})

    async def who_is_here(self, event):
        answer = {"type": "is.here", "name": self.name}
        await self.channel_layer.send(event["asks"], answer)

    async def is_here(self, event):
        self.names.append(event["name"])


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", Present.as_asgi()),
    re_path(r"", refuse),
]
