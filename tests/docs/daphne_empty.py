"""Let an application send four messages, two of them empty: which does Daphne send?"""

from threading import Thread

from daphne.server import Server
from twisted.internet import reactor
from websockets.sync.client import connect

SENT = ["text", "", b"", b"bytes"]


async def application(scope, receive, send):
    await send({"type": "websocket.accept"})
    for content in SENT:
        key = "text" if isinstance(content, str) else "bytes"
        await send({"type": "websocket.send", key: content})
    await send({"type": "websocket.close"})


def be_a_client():
    host, port = server.listening_addresses[0]
    with connect(f"ws://{host}:{port}/", proxy=None) as client:
        received = list(client)  # Until it is closed.
    print("sent:", SENT)
    print("received:", received)
    reactor.callFromThread(reactor.stop)


server = Server(
    application,
    endpoints=["tcp:0:interface=127.0.0.1"],
    ready_callable=Thread(target=be_a_client).start,
)
server.run()
