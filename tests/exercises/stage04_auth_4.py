"""
Stage 4, exercise 4: no user has more than 100 connections to a server.
"""

import time
from contextlib import ExitStack, contextmanager

import pytest

from tests.checker.client import WireError, connect, vanish
from tests.checker.rooms import address, join

MOST = 100
TOO_MANY = 4429
LEAVES = 15  # Seconds. On Python 3.11 Daphne may have to end a call, after ten.


@pytest.fixture
def environment(layer):
    return layer


@pytest.fixture
def all_of_ana(server, room):
    """All the connections that ana may have, each in a room of its own."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(enter_when_there_is_room(server, f"{room}-{number}"))
            for number in range(MOST)
        ]


def test_handshake_that_was_refused_counts_for_nothing(all_of_ana, server, room):
    for _ in range(3):
        with connect(server, address(room, "ana")) as one_more:
            one_more.expect_close(TOO_MANY)
    all_of_ana[0].close()
    with enter_when_there_is_room(server, room) as client:
        client.expect_open()


def test_handshake_of_one_more_is_closed_with_4429(all_of_ana, server, room):
    with connect(server, address(room, "ana")) as one_more:
        one_more.expect_close(TOO_MANY)
    for client in all_of_ana:
        client.expect_open()


@pytest.mark.usefixtures("all_of_ana")
def test_handshake_of_another_user_is_accepted(server, room):
    with join(server, room, "ben"):
        pass


def test_handshake_after_one_has_left_is_accepted(all_of_ana, server, room):
    all_of_ana[0].close()
    with enter_when_there_is_room(server, room) as client:
        client.expect_open()


def test_handshake_after_one_has_vanished_is_accepted(all_of_ana, server, room):
    all_of_ana[0].close()
    for _ in range(3):
        with enter_when_there_is_room(server, room):
            pass
        vanish(server, address(room, "ana"))
    with enter_when_there_is_room(server, room) as client:
        client.expect_open()


@contextmanager
def enter_when_there_is_room(server, room):
    """Connect as ana. A server may take a moment to see that somebody has left."""
    deadline = time.monotonic() + LEAVES
    while time.monotonic() < deadline:
        with connect(server, address(room, "ana")) as client:
            try:
                client.expect_json(type="welcome")
            except WireError:
                client.expect_close(TOO_MANY)
                continue
            yield client
            return
    raise WireError("left out", "One has left, and nobody else gets in.")
