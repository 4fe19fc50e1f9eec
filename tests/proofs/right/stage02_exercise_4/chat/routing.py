"""Stage 2, with a subprotocol for those who offer it."""

from django.urls import path, re_path

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.consumers import ChatConsumer
from chat.faults import refuse

SUBPROTOCOL = "chat.v1"


class Version1(ChatConsumer):
    async def accept(self):
        is_offered = SUBPROTOCOL in self.scope["subprotocols"]
        await super().accept(SUBPROTOCOL if is_offered else None)


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", Version1.as_asgi()),
    re_path(r"", refuse),
]
