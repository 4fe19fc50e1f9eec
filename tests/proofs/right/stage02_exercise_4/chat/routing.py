"""Stage 2, with a subprotocol for those who offer it."""

from django.urls import re_path

from chat.consumers import ChatConsumer, RefusingConsumer

SUBPROTOCOL = "chat.v1"


class Version1(ChatConsumer):
    async def accept(self):
        is_offered = SUBPROTOCOL in self.scope["subprotocols"]
        await super().accept(SUBPROTOCOL if is_offered else None)


websocket_urlpatterns = [
    re_path(r"^ws/rooms/(?P<room>[A-Za-z0-9_-]{1,50})/$", Version1.as_asgi()),
    re_path(r"", RefusingConsumer.as_asgi()),
]
