"""Around everything: keep who is connected, and tell them when the server stops."""

import asyncio
from contextlib import suppress

from autobahn.exception import Disconnected
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort

GOING_AWAY = 4001
PATIENCE = 5  # Seconds. Daphne drops who does not answer a close after one.


class Goodbye:
    def __init__(self, application):
        self.application = application
        self.running = {}
        self.is_stopping = False
        # Twisted shuts down when what this returns is done.
        reactor.addSystemEventTrigger("before", "shutdown", self.stop)

    async def __call__(self, scope, receive, send):
        task = asyncio.ensure_future(self.application(scope, receive, send))
        self.running[task] = send
        task.add_done_callback(self.running.pop)
        if self.is_stopping:  # Its handshake had begun before the doors were closed.
            await close(send)
        try:
            # Daphne cancels us, or not. What is behind the shield ends as ever: by the
            # close, with disconnect() and all that it does.
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not self.is_stopping:
                task.cancel()
            raise

    def stop(self):
        self.is_stopping = True
        # Who comes from now on is refused, and a proxy asks the next server.
        for reader in reactor.getReaders():
            if IListeningPort.providedBy(reader):
                reader.stopListening()
        return Deferred.fromFuture(asyncio.ensure_future(self.say_goodbye()))

    async def say_goodbye(self):
        for send in list(self.running.values()):
            await close(send)
        if self.running:
            await asyncio.wait(self.running, timeout=PATIENCE)


async def close(send):
    with suppress(OSError, Disconnected):
        await send({"type": "websocket.close", "code": GOING_AWAY})
