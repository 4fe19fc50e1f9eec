"""Stage 5 with middlewares of ASGI: for origins, https and cookies."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.production")
django_application = get_asgi_application()

from config.careful import https_only, our_pages_only

from chat.faults import guard
from chat.routing import websocket_urlpatterns

application = ProtocolTypeRouter(
    {
        "http": https_only(django_application),
        "websocket": guard(
            our_pages_only(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
        ),
    }
)
