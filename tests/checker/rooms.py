"""The addresses of rooms, and clients that have entered one: stages 2 to 5."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from tests.checker.client import Client, connect
from tests.checker.endpoint import Endpoint


def fresh_room() -> str:
    """Return the name of a room that nobody is in."""
    return uuid.uuid4().hex


def address(room: str, name: str | None = None) -> str:
    """Return the path of a room, with a name in the query string if one is given."""
    query = "" if name is None else f"?{urlencode({'name': name})}"
    return f"/ws/rooms/{room}/{query}"


@contextmanager
def enter(
    server: Endpoint, room: str, name: str = "ana", **options: Any
) -> Iterator[Client]:
    """Open a WebSocket to a room. Raises WireError unless the welcome is right."""
    __tracebackhide__ = True
    with connect(server, address(room, name), **options) as client:
        client.expect_json(type="welcome", room=room, name=name)
        yield client


@contextmanager
def join(
    server: Endpoint, room: str, name: str = "ana", **options: Any
) -> Iterator[Client]:
    """Enter a room, and read that we did: from now on we hear everyone in it."""
    __tracebackhide__ = True
    with enter(server, room, name, **options) as client:
        client.expect_json(type="join", name=name)
        yield client


def texts_until(client: Client, last: str) -> list[str]:
    """Return the texts that a client hears, up to and including the last one."""
    texts = []
    while last not in texts:
        message = client.expect_json()
        if message["type"] == "message":
            texts.append(message["text"])
    return texts
