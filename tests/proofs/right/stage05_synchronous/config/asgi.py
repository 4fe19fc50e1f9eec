import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.deployed")
django_application = get_asgi_application()

from chat.faults import guard
from chat.routing import websocket_urlpatterns

OUR_HOSTS = {f"{name}:{settings.PORT}".encode() for name in settings.ALLOWED_HOSTS}


def at_the_root(application):
    """Look away from what a client says of the place where this site is."""

    async def answer(scope, receive, send):
        await application(scope | {"root_path": ""}, receive, send)

    return answer


def same_origin_only(application):
    """Let a page in that comes over https from the host and port it connects to."""

    async def check(scope, receive, send):
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"")
        if host in OUR_HOSTS and headers.get(b"origin") == b"https://" + host:
            await application(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})

    return check


application = ProtocolTypeRouter(
    {
        "http": at_the_root(ASGIStaticFilesHandler(django_application)),
        "websocket": guard(
            same_origin_only(SessionMiddlewareStack(URLRouter(websocket_urlpatterns)))
        ),
    }
)
