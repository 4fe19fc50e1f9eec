"""
An echo, and rooms without any rule, on the library `websockets`: the limit in Python.

    python tests/bench/styles/websockets_server.py 8000
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, broadcast, serve

rooms: dict[str, set[ServerConnection]] = {}


async def handle(connection: ServerConnection) -> None:
    """Answer each message, or tell it to everyone in the room."""
    url = urlsplit(connection.request.path)
    if url.path == "/ws/echo/":
        async for message in connection:
            await connection.send(message)
        return
    room = url.path.split("/")[3]
    [name] = parse_qs(url.query)["name"]
    who = {"room": room, "name": name}
    await connection.send(json.dumps({"type": "welcome", **who}))
    members = rooms.setdefault(room, set())
    members.add(connection)
    try:
        async for message in connection:
            text = json.loads(message)["text"]
            broadcast(members, json.dumps({"type": "message", **who, "text": text}))
    finally:
        members.discard(connection)


async def main(port: int) -> None:
    """Listen until somebody ends this process. Daphne does not compress either."""
    async with serve(handle, "127.0.0.1", port, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
