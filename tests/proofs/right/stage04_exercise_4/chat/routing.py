"""Stage 4, with 100 connections for each user of this process."""

from collections import Counter
from contextlib import ExitStack

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
        # Also when the consumer is cancelled, or raises.
        with ExitStack() as self.place:
            self.place.callback(connections.subtract, [user])
            await super().__call__(scope, receive, send)

    async def connect(self):
        if self.is_one_too_many:
            await self.accept()
            await self.close(TOO_MANY)
        else:
            await super().connect()

    async def disconnect(self, code):
        # On Redis, Python 3.11 sometimes needs ten seconds more to end a consumer.
        self.place.close()
        await super().disconnect(code)


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", Counted.as_asgi()),
    re_path(r"", refuse),
]
