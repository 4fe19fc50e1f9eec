import asyncio
import logging
from contextlib import suppress

import redis
from autobahn.exception import Disconnected
from django.db import DatabaseError

ANSWER = 4  # Seconds. After 5 without an answer, Daphne gives a handshake up.
UNAVAILABLE = 4503  # A close code of our own, named after HTTP's 503.

logger = logging.getLogger(__name__)
clients = set()  # For each open connection, the function that sends to it.


async def refuse(scope, receive, send):
    # Without a route, Channels would raise: HTTP 500, and a traceback each time.
    await send({"type": "websocket.close"})


def guard(application):
    """Deal with what fails around an application, and with clients that have left."""

    async def guarded(scope, receive, send):
        async def tell(message):
            # The client may have left. ASGI says OSError, and Daphne raises its own.
            with suppress(OSError, Disconnected):
                await send(message)

        async def answer(message):
            deadline.reschedule(None)
            if message["type"] == "websocket.accept":
                clients.add(tell)
            await tell(message)

        try:
            async with asyncio.timeout(ANSWER) as deadline:
                # Daphne believes the header "Daphne-Root-Path", whoever sends it.
                await application({**scope, "root_path": ""}, receive, answer)
        except (redis.RedisError, DatabaseError, TimeoutError) as error:
            logger.warning("Closed with 4503: %s %s", type(error).__name__, error)
            if tell not in clients:
                # A page can read a close code, but not why a handshake was refused.
                await tell({"type": "websocket.accept"})
            # The layer asks Redis for one client at a time, so tell the others here.
            others = clients if isinstance(error, redis.RedisError) else ()
            for tell_each in {tell, *others}:
                await tell_each({"type": "websocket.close", "code": UNAVAILABLE})
        finally:
            clients.discard(tell)

    return guarded
