"""A goodbye from around the consumers, which are never cancelled for it."""

import asyncio
from contextlib import suppress

from autobahn.exception import Disconnected
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort

GOING_AWAY = 4001
PATIENCE = 5  # Seconds. Daphne drops who does not answer a close after one.

tasks = set()  # Of stage 5's own consumers, whose __call__ nobody calls here.


class Goodbye:
    def __init__(self, application):
        self.application = application
        self.running = {}
        self.is_stopping = False
        reactor.addSystemEventTrigger("before", "shutdown", self.stop)

    async def __call__(self, scope, receive, send):
        task = asyncio.ensure_future(self.application(scope, receive, send))
        self.running[task] = send
        task.add_done_callback(self.running.pop)
        if self.is_stopping:
            await self.close(send)
        try:
            # Daphne stops by cancelling us. The task behind the shield goes on.
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not self.is_stopping:
                task.cancel()
            raise

    def stop(self):
        self.is_stopping = True
        for reader in reactor.getReaders():
            if IListeningPort.providedBy(reader):
                reader.stopListening()
        return Deferred.fromFuture(asyncio.ensure_future(self.say_goodbye()))

    async def say_goodbye(self):
        for send in list(self.running.values()):
            await self.close(send)
        if self.running:
            await asyncio.wait(self.running, timeout=PATIENCE)

    async def close(self, send):
        with suppress(Disconnected):
            await send({"type": "websocket.close", "code": GOING_AWAY})
