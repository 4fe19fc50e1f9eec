"""The room that the exercises of stages 3 and 4 meet in."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.checker.endpoint import Endpoint
from tests.checker.rooms import join


@pytest.fixture
def enter_room(server: Endpoint, room: str) -> Callable:
    """Join the room of this test, and read the welcome and the join."""
    return partial(join, server, room)
