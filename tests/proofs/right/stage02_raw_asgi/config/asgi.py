"""Stage 2 without Channels: one ASGI function, which reads the path by itself."""

import json
import os
import re
from contextlib import suppress
from urllib.parse import parse_qsl

from autobahn.exception import Disconnected
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_application = get_asgi_application()


async def application(scope, receive, send):
    if scope["type"] == "websocket":
        await talk(scope, receive, send)
    else:
        await django_application(scope, receive, send)


async def talk(scope, receive, send):
    path = re.fullmatch(r"/ws/rooms/([A-Za-z0-9_-]{1,50})/", scope["path"])
    query = scope["query_string"].decode("utf-8", "replace")
    name = dict(parse_qsl(query, keep_blank_values=True)).get("name", "guest")
    await receive()  # The event websocket.connect.
    if path is None or name == "" or len(name) > 30:
        await send({"type": "websocket.close"})
        return
    who = {"room": path[1], "name": name}
    await send({"type": "websocket.accept"})
    with suppress(Disconnected):
        await send(frame(who | {"type": "welcome"}))
        while (event := await receive())["type"] == "websocket.receive":
            await send(frame(answer(event, who)))


def frame(message):
    return {"type": "websocket.send", "text": json.dumps(message)}


def answer(event, who):
    if event.get("text") is None:
        return error("binary")
    try:
        message = json.loads(event["text"])
    except (ValueError, RecursionError):
        return error("bad-json")
    try:
        kind, text = message["type"], message["text"]
    except (KeyError, TypeError):
        return error("bad-message")
    if kind != "message" or type(text) is not str or not text:
        return error("bad-message")
    if len(text) > 2000:
        return error("too-long")
    return who | {"type": "message", "text": text}


def error(code):
    return {"type": "error", "code": code, "detail": f"This is {code}."}
