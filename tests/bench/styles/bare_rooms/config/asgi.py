"""
Rooms without Channels: one ASGI function, and a set of those who are in a room.

It has no layer, so its rooms end with its process, and it believes all that it is sent.
"""

import json
from urllib.parse import parse_qs

rooms = {}


async def application(scope, receive, send):
    room = scope["path"].split("/")[3]
    name = parse_qs(scope["query_string"].decode())["name"][0]
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    await send(text_of({"type": "welcome", "room": room, "name": name}))
    members = rooms.setdefault(room, set())
    members.add(send)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            text = json.loads(event["text"])["text"]
            who = {"room": room, "name": name}
            message = text_of({"type": "message", **who, "text": text})
            for tell in tuple(members):
                await tell(message)
    finally:
        members.discard(send)
        if not members:
            rooms.pop(room, None)


def text_of(message):
    return {"type": "websocket.send", "text": json.dumps(message)}
