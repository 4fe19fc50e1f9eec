"""Stage 1 without Channels: one ASGI function, as the specification describes it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_application = get_asgi_application()


async def application(scope, receive, send):
    if scope["type"] == "websocket":
        await echo(scope, receive, send)
    else:
        await django_application(scope, receive, send)


async def echo(scope, receive, send):
    while True:
        event = await receive()
        if event["type"] == "websocket.connect":
            known = scope["path"] == "/ws/echo/"
            await send({"type": "websocket.accept" if known else "websocket.close"})
        elif event["type"] == "websocket.receive":
            await send(event | {"type": "websocket.send"})
        else:
            return
