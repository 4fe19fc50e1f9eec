"""Stage 4, with 100 connections for each user of this process."""

from collections import Counter

from django.urls import path, re_path

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.consumers import ChatConsumer
from chat.faults import refuse

MOST = 100
TOO_MANY = 4429

connections = Counter()


class Counted(ChatConsumer):
    async def __call__(self, scope, receive, send):
        user = scope["user"].pk
        self.is_one_too_many = connections[user] >= MOST
        connections[user] += 1
        try:
            await super().__call__(scope, receive, send)
        finally:  # Also when the consumer is cancelled, or raises.
            connections[user] -= 1

    async def connect(self):
        if self.is_one_too_many:
            await self.accept()
            await self.close(TOO_MANY)
        else:
            await super().connect()


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", Counted.as_asgi()),
    re_path(r"", refuse),
]
