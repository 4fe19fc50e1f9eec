"""Stage 1 with an exercise of chapter 1: a last route that refuses the rest."""

from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path, re_path

from chat.consumers import EchoConsumer


class Refuse(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close()


websocket_urlpatterns = [
    path("ws/echo/", EchoConsumer.as_asgi()),
    re_path("", Refuse.as_asgi()),
]
