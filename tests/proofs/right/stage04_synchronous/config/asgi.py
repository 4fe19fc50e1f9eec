import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from chat.faults import guard
from chat.routing import websocket_urlpatterns


def same_origin_only(application):
    """Let a page in that comes from the very host and port that it connects to."""

    async def check(scope, receive, send):
        headers = dict(scope["headers"])
        if headers.get(b"origin") == b"http://" + headers.get(b"host", b""):
            await application(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})

    return check


application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": guard(
            same_origin_only(SessionMiddlewareStack(URLRouter(websocket_urlpatterns)))
        ),
    }
)
