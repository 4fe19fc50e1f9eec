"""Stage 2 with path() and a converter, and a function that refuses the rest."""

from django.urls import path, re_path, register_converter

from chat.consumers import Conversation


class Place:
    regex = "[A-Za-z0-9_-]{1,50}"

    def to_python(self, value):
        return value

    def to_url(self, value):
        return value


async def refuse(scope, receive, send):
    await send({"type": "websocket.close"})


register_converter(Place, "place")

websocket_urlpatterns = [
    path("ws/rooms/<place:place>/", Conversation.as_asgi()),
    re_path("", refuse),
]
