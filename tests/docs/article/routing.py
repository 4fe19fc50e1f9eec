from django.urls import re_path
from my_app1 import consumers

websocket_urlpatterns = [
    re_path(r'ws/?p<group>\wt/$', consumers.ChatConsumer.as_asgi()),
]
