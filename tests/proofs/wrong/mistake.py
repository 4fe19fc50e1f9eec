"""What a mistake is: a line of a stage that goes wrong, or a few."""

import tomllib
from pathlib import Path
from typing import NamedTuple

CONSUMERS = "chat/consumers.py"
CONVERTERS = "chat/converters.py"
FAULTS = "chat/faults.py"
ROUTING = "chat/routing.py"
ASGI = "config/asgi.py"
SETTINGS = "config/settings.py"


class Mistake(NamedTuple):
    """A line that goes wrong, the check that sees it, and the words that it earns."""

    name: str
    file: str
    right: str
    wrong: str
    fails: str
    words: str
    only: str = ""  # Where only some checks of the stage are run: as for pytest -k.


class Edit(NamedTuple):
    """A text of a file that another one replaces: all of it if `right` is empty."""

    file: str
    right: str = ""
    wrong: str = ""
    deleted: bool = False


class Newcomers(NamedTuple):
    """
    A mistake as a newcomer made it, in any number of files.

    `entry` is the id of what the catalogue says of it. These were made by people who
    had read the chapter, before the catalogue knew them.
    """

    name: str
    entry: str
    fails: str
    edits: tuple[Edit, ...]
    only: str = ""


def newcomers(stage: str) -> list[Newcomers]:
    """Return the mistakes of newcomers in a stage: newcomers/STAGE.toml."""
    file = Path(__file__).parent / "newcomers" / f"{stage}.toml"
    mistakes = tomllib.loads(file.read_text(encoding="utf-8"))["mistake"]
    return [
        Newcomers(**{**each, "edits": tuple(Edit(**edit) for edit in each["edits"])})
        for each in mistakes
    ]
