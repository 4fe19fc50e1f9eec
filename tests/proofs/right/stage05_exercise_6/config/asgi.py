"""The server calls `application` once for every connection it receives."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Must run before anything that may import a model, consumers included.
# runserver served the page's files. Behind a proxy, that is the proxy's work.
pages = ASGIStaticFilesHandler(get_asgi_application())

from chat.goodbye import Goodbye

from chat.faults import guard
from chat.routing import websocket_urlpatterns

application = ProtocolTypeRouter(
    {
        # Daphne believes the header "Daphne-Root-Path", whoever sends it.
        "http": lambda scope, *ends: pages({**scope, "root_path": ""}, *ends),
        # First: is the page that asks one of ours? Then: who is it that asks?
        "websocket": Goodbye(
            guard(
                OriginValidator(
                    AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
                    settings.ORIGINS,
                ),
            ),
        ),
    }
)
