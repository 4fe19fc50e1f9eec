import redis
from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import re_path

from chat.consumers import REDIS_AWAY, ChatConsumer, RefusingConsumer


class Member(ChatConsumer):
    """Leaves the goodbye to the middleware."""

    async def __call__(self, scope, receive, send):
        try:
            await AsyncWebsocketConsumer.__call__(self, scope, receive, send)
        except (redis.ConnectionError, redis.TimeoutError):
            if not self.has_joined:
                await self.accept()
            await self.close(REDIS_AWAY)


websocket_urlpatterns = [
    re_path(r"^ws/rooms/(?P<room>[A-Za-z0-9_-]{1,50})/$", Member.as_asgi()),
    re_path(r"", RefusingConsumer.as_asgi()),
]
