"""
Hundreds of clients in one room, without a thread for each.

A client of `websockets` has a thread that reads all the time. These read only when they
are asked to; until then the system keeps what came.
"""

import json
import selectors
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from tests.checker import client
from tests.checker.accounts import USERS
from tests.checker.client import PATIENCE, WireError, compare_json
from tests.checker.rooms import address

SILENCE = 1  # Second.
CHUNK = 65_536  # Bytes: the most that is read at once.


class Member:
    """A client in a room. Its waits end after 3 seconds, like those of `Client`."""

    def __init__(self, server: str, path: str) -> None:
        self.protocol = ClientProtocol(parse_uri(server + path), max_size=None)
        request = self.protocol.connect()
        request.headers.update(client.identify(server, path))
        self.socket = client.open_tcp(server, PATIENCE)
        self.protocol.send_request(request)
        self.messages: deque[str] = deque()
        self.flush()

    def flush(self) -> None:
        """Send what the protocol wants to be sent: messages, and pongs."""
        for chunk in self.protocol.data_to_send():
            self.socket.sendall(chunk)

    def recv(self) -> str:
        """Return the next text message. Raises WireError if none comes."""
        while not self.messages:
            self.read()
        return self.messages.popleft()

    def read(self) -> None:
        """
        Keep what has come, or wait for it, and answer pings.

        Raises WireError if nothing comes, or the connection ends.
        """
        try:
            came = self.socket.recv(CHUNK)
        except TimeoutError:
            raise WireError(
                "silence", f"A client heard nothing for {PATIENCE} seconds."
            ) from None
        except ConnectionResetError:
            came = b""
        if not came:
            raise WireError("close 1006", "The server dropped a connection.")
        self.protocol.receive_data(came)
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.messages.append(event.data.decode())
        self.flush()
        if self.protocol.handshake_exc:
            raise WireError("no handshake", str(self.protocol.handshake_exc))

    def has_news(self) -> bool:
        """Tell whether something has come that was not read yet."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            return bool(selector.select(0))

    def send_json(self, **message: Any) -> None:
        """Send a JSON object in a text frame."""
        self.protocol.send_text(json.dumps(message).encode())
        self.flush()

    def expect_json(self, **expected: Any) -> dict[str, Any]:
        """Fail unless the next message is a JSON object with these keys and values."""
        __tracebackhide__ = True
        return compare_json(self.recv(), expected)


@contextmanager
def crowd(
    server: str, room: str, size: int, *, at_once: bool = False
) -> Iterator[list[Member]]:
    """
    Let many clients join a room, one after the other, and read what that tells.

    At the end all leave without a goodbye, at once. But the last one stays until it has
    heard that the others left, unless `at_once` is true: a server that is still busy
    with them would let the next check wait. A second of silence ends that too, because
    Redis may lose what is told of a crowd that leaves.
    """
    __tracebackhide__ = True
    names = [USERS[number % len(USERS)] for number in range(size)]
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        members = []
        for name in names:
            member = Member(server, address(room, name))
            stack.enter_context(member.socket)
            selector.register(member.socket, selectors.EVENT_READ, member)
            member.expect_json(type="welcome", room=room, name=name)
            member.expect_json(type="join", name=name)
            members.append(member)
            # On a slow machine this takes longer than Daphne waits for a pong.
            for key, _events in selector.select(0):
                key.data.read()
        for place, member in enumerate(members):
            for name in names[place + 1 :]:
                member.expect_json(type="join", name=name)
        yield members
        if not at_once:
            *leaving, last = members
            for member in leaving:
                member.socket.close()
            last.socket.settimeout(SILENCE)
            left = 0
            with suppress(WireError):
                while left < len(leaving):
                    left += last.expect_json().get("type") == "leave"
