"""What a mistake is: a line of a stage that goes wrong."""

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
