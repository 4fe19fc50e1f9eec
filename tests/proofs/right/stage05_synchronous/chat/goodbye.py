"""On SIGTERM and Ctrl-C: first the goodbye, and only then the end of the server."""

import asyncio
import signal
from contextlib import suppress

from autobahn.exception import Disconnected
from twisted.internet import reactor
from twisted.internet.interfaces import IListeningPort

GOING_AWAY = 4001
PATIENCE = 5  # Seconds.

here = {}


async def stop():
    for reader in reactor.getReaders():
        if IListeningPort.providedBy(reader):
            reader.stopListening()
    asked = set()
    for _tenth in range(PATIENCE * 10):
        for consumer in here.keys() - asked:
            asked.add(consumer)
            with suppress(Disconnected):
                await here[consumer]({"type": "websocket.close", "code": GOING_AWAY})
        if not here:
            break
        await asyncio.sleep(0.1)
    reactor.stop()


def take_over():
    loop = asyncio.get_event_loop()
    running = []

    def begin(_number, _frame):
        if not running:
            loop.call_soon_threadsafe(lambda: running.append(loop.create_task(stop())))

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, begin)


# Twisted sets its own handlers first. In a process without a reactor, nothing happens.
reactor.callWhenRunning(take_over)
