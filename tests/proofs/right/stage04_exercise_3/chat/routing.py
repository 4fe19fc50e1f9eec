"""Stage 4, with a bucket of tokens for each connection: every message takes one."""

import time

from django.urls import path, re_path

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.consumers import ChatConsumer
from chat.faults import refuse

BURST = 120  # Tokens that the bucket holds.
RATE = 20  # Tokens that drop into it in a second.
PATIENCE = 100  # Messages without a token until the connection is closed.
TOO_MANY = 4429


class Limited(ChatConsumer):
    async def connect(self):
        self.tokens = BURST
        self.filled_at = time.monotonic()
        self.refused = 0
        await super().connect()

    def take_token(self):
        now = time.monotonic()
        self.tokens = min(BURST, self.tokens + RATE * (now - self.filled_at))
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    async def receive(self, text_data=None, bytes_data=None):
        if self.take_token():
            await super().receive(text_data, bytes_data)
            return
        self.refused += 1
        if self.refused > PATIENCE:
            await self.close(TOO_MANY)
        else:
            detail = f"You may send {RATE} messages in a second."
            await self.send_error("slow-down", detail)


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", Limited.as_asgi()),
    re_path(r"", refuse),
]
