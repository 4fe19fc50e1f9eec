"""The room that the exercises of stage 3 meet in."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.rooms import fresh_room, join


@pytest.fixture
def room() -> str:
    """The name of a room that nobody is in."""
    return fresh_room()


@pytest.fixture
def enter_room(url: str, room: str) -> Callable:
    """Join the room of this test, and read the welcome and the join."""
    return partial(join, url, room)
