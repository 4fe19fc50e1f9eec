"""
An echo, and rooms without any rule, on autobahn: what is below Daphne, without ASGI.

It is the limit of any application on Daphne. With `framed-once` after the port, a
message to a room becomes one frame for all, which Daphne has no way to ask for.

    python tests/bench/styles/autobahn_server.py 8000 framed-once
"""

import asyncio
import json
import sys

from twisted.internet import asyncioreactor

# As Daphne does it, and before anything imports the reactor.
asyncioreactor.install(asyncio.new_event_loop())

from autobahn.twisted.websocket import (  # noqa: E402  # After the reactor.
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from twisted.internet import reactor  # noqa: E402  # The same.
from twisted.internet.endpoints import serverFromString  # noqa: E402  # The same.

ONCE = "framed-once" in sys.argv

rooms: dict[str, set["Connection"]] = {}


class Connection(WebSocketServerProtocol):
    """One client. The names of its methods are autobahn's."""

    room = ""

    def onConnect(self, request) -> None:  # noqa: N802
        """Note the room that the path names, if it names one."""
        parts = request.path.split("/")
        if parts[2] == "rooms":
            self.room = parts[3]
            [self.name] = request.params["name"]

    def onOpen(self) -> None:  # noqa: N802
        """Welcome the client, and let it hear the room."""
        if self.room:
            self.tell(type="welcome", room=self.room, name=self.name)
            rooms.setdefault(self.room, set()).add(self)

    def tell(self, **message: str) -> None:
        """Send one JSON object."""
        self.sendMessage(json.dumps(message).encode())

    def onMessage(self, payload: bytes, is_binary: bool) -> None:  # noqa: N802
        """Answer a message, or tell it to everyone in the room."""
        if not self.room:
            self.sendMessage(payload, is_binary)
            return
        who = {"room": self.room, "name": self.name}
        text = json.loads(payload)["text"]
        message = json.dumps({"type": "message", **who, "text": text}).encode()
        if ONCE:
            prepared = self.factory.prepareMessage(message)
            for member in rooms[self.room]:
                member.sendPreparedMessage(prepared)
        else:
            for member in rooms[self.room]:
                member.sendMessage(message)

    def onClose(self, *_how: object) -> None:  # noqa: N802
        """Forget the client."""
        if self.room:
            rooms.get(self.room, set()).discard(self)


def main(port: int) -> None:
    """Listen until somebody ends this process."""
    factory = WebSocketServerFactory()
    factory.protocol = Connection
    factory.setProtocolOptions(allowNullOrigin=True)
    serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1").listen(factory)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
