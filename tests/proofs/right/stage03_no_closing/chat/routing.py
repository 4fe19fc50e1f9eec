"""Stage 3 with a consumer that says to Channels: there is no database here."""

from channels.consumer import get_handler_name
from django.urls import path, re_path

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.consumers import ChatConsumer
from chat.faults import refuse


class WithoutDatabase(ChatConsumer):
    async def dispatch(self, message):
        # Channels' own does the same, after a trip through a thread: before each event,
        # it closes old connections to the database. Whoever uses a database needs that:
        # a connection that breaks would be used again, and fail, for ever.
        await getattr(self, get_handler_name(message))(message)


websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", WithoutDatabase.as_asgi()),
    # Last, because it matches every path.
    re_path(r"", refuse),
]
