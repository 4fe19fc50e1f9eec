"""What went over the wire: in this check, and whether anything was ever answered."""

import re
import time
from collections import deque
from typing import NamedTuple

MOST = 400  # Events of a check. A crowd makes thousands, and the last ones tell.
WIDTH = 60  # Characters of a message.


# The name of a room: the first of its letters tell it from others.
RANDOM = re.compile(r"[0-9a-f]{32}")


class Event(NamedTuple):
    """Something that a client of the checks sent or saw."""

    seconds: float  # Since the check began.
    client: str  # Its name, or what else tells it from others.
    words: str


class Wire:
    """
    The history of a run.

    `answered` counts the messages that came to a client after it had sent one, in all
    checks of the run: when it is above zero, the server does read and does answer.
    """

    def __init__(self) -> None:
        self.answered = 0
        self.begin()

    def begin(self) -> None:
        """Forget what was before: another check begins."""
        self.start = time.monotonic()
        self.events: deque[Event] = deque(maxlen=MOST)
        self.is_over = False

    def stop(self) -> None:
        """Note no more: something has failed, and clients only leave."""
        self.is_over = True

    def go_on(self) -> None:
        """Note again: another client comes, so what has failed was expected."""
        self.is_over = False

    def note(self, client: str, words: str) -> None:
        """Take down what a client sent or saw."""
        if self.is_over:
            return
        words = RANDOM.sub(lambda room: f"{room[0][:4]}…", words)
        self.events.append(Event(time.monotonic() - self.start, client, words))

    def lines(self, most: int) -> list[str]:
        """Return the last events as lines of text, the client's name in a column."""
        shown = list(self.events)[-most:]
        width = max((len(event.client) for event in shown), default=0)
        lines = [
            f"{event.seconds:7.3f} s  {event.client:<{width}}  {event.words}"
            for event in shown
        ]
        left_out = len(self.events) - len(shown)
        return [f"… {left_out} before", *lines] if left_out else lines


# One for all: a check has many clients, and a report is about one check.
WIRE = Wire()


def visible(letter: str) -> str:
    """Return a letter, or what stands for one that nobody can see."""
    return letter if letter.isprintable() else repr(letter)[1:-1]


def short(message: str | bytes) -> str:
    """Return a message as one line of at most 60 characters."""
    kind = "text" if isinstance(message, str) else "binary"
    if kind == "binary":
        shown = repr(message)[2:-1]
    elif message.isprintable():  # As nearly all are, and a crowd brings thousands.
        shown = message
    else:
        shown = "".join(map(visible, message))
    shown = RANDOM.sub(lambda room: f"{room[0][:4]}…", shown)
    if len(shown) > WIDTH:
        shown = f"{shown[:WIDTH]}… ({len(message):,} long)"
    return f"{kind} {shown}"
