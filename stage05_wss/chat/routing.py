from django.urls import re_path

from chat.consumers import ChatConsumer, RefusingConsumer

websocket_urlpatterns = [
    # Not \w: it also matches letters such as é.
    re_path(r"^ws/rooms/(?P<room>[A-Za-z0-9_-]{1,50})/$", ChatConsumer.as_asgi()),
    # Last, because it matches every path.
    re_path(r"", RefusingConsumer.as_asgi()),
]
