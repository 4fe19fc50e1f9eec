"""What each stage has, as far as checks and tests of several stages depend on it."""

import re
from pathlib import Path
from typing import NamedTuple


class Stage(NamedTuple):
    """A stage of the course."""

    name: str
    path: str  # Of a WebSocket.
    has_login: bool = False  # Its clients are users of a database.
    has_tls: bool = False  # It needs keys, and is served by Daphne and by nginx.


GARDEN = "/ws/rooms/garden/"

STAGES = {
    stage.name: stage
    for stage in (
        Stage("stage01_echo", "/ws/echo/"),
        Stage("stage02_routing", GARDEN),
        Stage("stage03_groups", GARDEN),
        Stage("stage04_auth", GARDEN, has_login=True),
        Stage("stage05_wss", GARDEN, has_login=True, has_tls=True),
    )
}


def stage_of(file: Path) -> Stage | None:
    """Return the stage that the name of a file of tests says, or None."""
    found = re.search(r"stage\d\d_[a-z]+", file.stem)
    return found and STAGES[found[0]]
