"""Stage 2 with a pattern for the room, and a consumer that refuses the rest."""

from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import re_path

from chat.consumers import Conversation


class Refusal(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close()


websocket_urlpatterns = [
    re_path(r"^ws/rooms/(?P<place>[A-Za-z0-9_-]{1,50})/$", Conversation.as_asgi()),
    re_path(r"", Refusal.as_asgi()),
]
