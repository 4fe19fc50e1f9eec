"""A network between page and server, which can go silent without closing anything."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread


class Relay:
    """
    Carries bytes between a port of its own and another one of this machine.

    While it is silent, it takes connections and bytes, and passes nothing on. What it
    has taken meanwhile it keeps, for when it is no longer silent.
    """

    def __init__(self, listener: socket.socket, port: int) -> None:
        self.listener = listener
        self.url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        self.port = port
        self.sockets: list[socket.socket] = []
        self.forgotten: list[Event] = []
        self.ways = {"there": Event(), "back": Event()}
        self.speak()

    def silence(self, *ways: str) -> None:
        """Pass nothing on from now on, in both directions or in one: there, back."""
        for way in ways or self.ways:
            self.ways[way].clear()

    def forget(self) -> None:
        """Never pass on what comes over the connections of today: they are dead."""
        self.forgotten += self.ways.values()
        self.ways = {"there": Event(), "back": Event()}

    def speak(self) -> None:
        """Pass on what was kept, and what comes."""
        for way in self.ways.values():
            way.set()

    def take_connections(self) -> None:
        """Carry connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _address = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                self.sockets += [client, server]
                for ends in ((client, server, "there"), (server, client, "back")):
                    way = self.ways[ends[2]]
                    Thread(target=carry, args=(*ends[:2], way), daemon=True).start()

    def close(self) -> None:
        """End all connections, and the threads that carry them."""
        for each in (self.listener, *self.sockets):
            with suppress(OSError):  # It may have ended by itself.
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for way in (*self.forgotten, *self.ways.values()):
            way.set()


def carry(source: socket.socket, target: socket.socket, way: Event) -> None:
    """Pass on what comes from one side, when the way is open, until it hangs up."""
    with suppress(OSError):  # A reset ends it, too.
        while data := source.recv(65536):
            way.wait()
            target.sendall(data)
    way.wait()
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def relaying(port: int) -> Iterator[Relay]:
    """Carry connections to a port of this machine while the `with` block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(listener, port)
        Thread(target=relay.take_connections, daemon=True).start()
        try:
            yield relay
        finally:
            relay.close()
