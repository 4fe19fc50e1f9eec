"""Stage 3, with a consumer in which two words make others wait."""

import time

from channels.db import database_sync_to_async
from django.urls import path, re_path

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.consumers import ChatConsumer
from chat.faults import refuse


def ask_another_server():
    time.sleep(1)


def search_the_database():
    time.sleep(1)


class SlowConsumer(ChatConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "weather":
            ask_another_server()
        if text_data == "search":
            await database_sync_to_async(search_the_database)()
        await super().receive(text_data, bytes_data)


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", SlowConsumer.as_asgi()),
    re_path(r"", refuse),
]
