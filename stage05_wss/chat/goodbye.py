"""
Let the consumers of this process end properly when it is stopped.

Daphne cancels them, too, but not always: in 4.2.3 a page that was fetched within the
last second makes it stop in the middle, with a KeyError that it prints nowhere.
"""

import asyncio

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort

tasks = set()


def stop():
    # Who comes from now on is refused, and a proxy asks the next server.
    for reader in reactor.getReaders():
        if IListeningPort.providedBy(reader):
            reader.stopListening()
    # Twisted waits for what a trigger returns, and closes the connections then.
    return Deferred.fromFuture(asyncio.ensure_future(cancel_all()))


async def cancel_all():
    while tasks:  # Some may have come in meanwhile, whose handshake had begun.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


reactor.addSystemEventTrigger("before", "shutdown", stop)
