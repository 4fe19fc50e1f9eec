"""The server calls `application` once for every connection it receives."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import CookieMiddleware
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Must run before anything that may import a model, consumers included.
django_application = get_asgi_application()

from chat.faults import guard
from chat.routing import websocket_urlpatterns

application = ProtocolTypeRouter(
    {
        "http": django_application,
        # First: is the page that asks one of ours? Who asks, FastConsumer finds out.
        "websocket": guard(
            AllowedHostsOriginValidator(
                CookieMiddleware(URLRouter(websocket_urlpatterns)),
            ),
        ),
    }
)
