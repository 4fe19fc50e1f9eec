"""The room that the exercises of stages 3 and 4 meet in."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.checker import client
from tests.checker.accounts import Visitors
from tests.checker.rooms import join


@pytest.fixture(autouse=True)
def identity(monkeypatch: pytest.MonkeyPatch, stage: str, visitors: Visitors) -> None:
    """From stage 4 on, let every client come as the user that `?name=` names."""
    if stage > "stage04":
        monkeypatch.setattr(client, "identify", visitors.identify)


@pytest.fixture
def enter_room(url: str, room: str) -> Callable:
    """Join the room of this test, and read the welcome and the join."""
    return partial(join, url, room)
