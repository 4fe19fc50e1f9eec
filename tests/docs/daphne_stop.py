"""Stop a Daphne some seconds after a WebSocket came in: does it hear a goodbye?"""

import asyncio
import logging
import socket
import sys
import time
from threading import Thread

from daphne.server import Server
from twisted.internet import reactor
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

if len(sys.argv) < 2:
    sys.exit("usage: python3 tests/docs/daphne_stop.py SECONDS [half]")

SECONDS = float(sys.argv[1])
HALF_A_REQUEST = b"GET / HTTP/1.1\r\n" if "half" in sys.argv else b""


async def application(scope, receive, send):
    await send({"type": "websocket.accept"})
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await send({"type": "websocket.close", "code": 4001})


def be_a_client():
    host, port = server.listening_addresses[0]
    with (
        connect(f"ws://{host}:{port}/", proxy=None) as client,
        socket.create_connection((host, port)) as other,
    ):
        other.sendall(HALF_A_REQUEST)
        time.sleep(SECONDS)
        reactor.callFromThread(reactor.stop)
        try:
            client.recv()
        except ConnectionClosed as closed:
            # Twisted has taken the other, and nobody else flushes this one.
            print(closed, file=sys.__stdout__, flush=True)


logging.basicConfig()
server = Server(
    application,
    endpoints=["tcp:0:interface=127.0.0.1"],
    ready_callable=Thread(target=be_a_client).start,
    verbosity=2,  # With 1, as it is by default, nobody sees the exception.
)
server.run()
