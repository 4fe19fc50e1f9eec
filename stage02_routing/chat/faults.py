from contextlib import suppress

from autobahn.exception import Disconnected


async def refuse(scope, receive, send):
    # Without a route, Channels would raise: HTTP 500, and a traceback each time.
    await send({"type": "websocket.close"})


def guard(application):
    """Hide from an application that its client has left."""

    async def guarded(scope, receive, send):
        async def tell(message):
            # The client may have left. ASGI says OSError, and Daphne raises its own.
            with suppress(OSError, Disconnected):
                await send(message)

        # Daphne believes the header "Daphne-Root-Path", whoever sends it.
        await application({**scope, "root_path": ""}, receive, tell)

    return guarded
