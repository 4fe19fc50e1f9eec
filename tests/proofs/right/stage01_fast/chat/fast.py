"""Stage 1 in the fast lane: an ASGI function, with nothing below it but the server."""


async def echo(scope, receive, send):
    """Send every message back to the client that sent it."""
    await receive()  # websocket.connect: the client waits for its handshake.
    await send({"type": "websocket.accept"})
    # No task, no thread and no second queue: an event is answered where it has come.
    while (event := await receive())["type"] == "websocket.receive":
        # What comes in and what goes out have the same keys. Nobody else has this dict.
        event["type"] = "websocket.send"
        await send(event)
