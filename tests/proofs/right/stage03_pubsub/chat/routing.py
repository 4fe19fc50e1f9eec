"""Stage 3 on the other layer of channels-redis, which needs Redis for each channel."""

import asyncio
from contextlib import suppress

import redis
from django.urls import path, re_path

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.consumers import ChatConsumer
from chat.faults import refuse

MOMENT = 0.01  # Seconds.


class PubSubConsumer(ChatConsumer):
    channel_name = None  # While Redis is away.

    async def __call__(self, scope, receive, send):
        # Without Redis, Channels raises before it has kept this.
        self.base_send = send
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.unsubscribe()

    async def unsubscribe(self):
        # The layer ends a subscription when a wait for its next event is cancelled.
        # Channels may end between two waits.
        while self.channel_name in self.channel_layer.channels:
            with suppress(TimeoutError, redis.RedisError):
                await asyncio.wait_for(self.channel_receive(), MOMENT)


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", PubSubConsumer.as_asgi()),
    re_path(r"", refuse),
]
