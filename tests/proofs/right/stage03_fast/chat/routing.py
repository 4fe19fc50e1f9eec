from chat.fast import FastConsumer
from django.urls import path, re_path

from chat import converters  # noqa: F401  # It registers <room:…>.
from chat.faults import refuse

websocket_urlpatterns = [
    path("ws/rooms/<room:room>/", FastConsumer.as_asgi()),
    # Last, because it matches every path.
    re_path(r"", refuse),
]
