from chat.fast import echo
from django.urls import path

websocket_urlpatterns = [
    path("ws/echo/", echo),
]
