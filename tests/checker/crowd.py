"""Hundreds of clients in one room, and one thread for all of them."""

import selectors
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.checker.accounts import USERS
from tests.checker.client import Client, WireError, compare_json, open_websocket
from tests.checker.endpoint import Endpoint
from tests.checker.rooms import address

SILENCE = 1  # Second.


@contextmanager
def crowd(
    server: Endpoint, room: str, size: int, *, at_once: bool = False
) -> Iterator[list[Client]]:
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
            member = open_websocket(server, address(room, name))
            stack.enter_context(member.socket)
            selector.register(member.socket, selectors.EVENT_READ, member)
            member.expect_json(type="welcome", room=room, name=name)
            member.expect_json(type="join", name=name)
            members.append(member)
            # On a slow machine this takes longer than Daphne waits for a pong.
            for key, _events in selector.select(0):
                key.data.read(0)
        for place, member in enumerate(members):
            for name in names[place + 1 :]:
                member.expect_json(type="join", name=name)
        yield members
        if not at_once:
            *leaving, last = members
            for member in leaving:
                member.socket.close()
            left = 0
            with suppress(WireError, TimeoutError):
                while left < len(leaving):
                    message = compare_json(last.recv_within(SILENCE), {})
                    left += message.get("type") == "leave"
