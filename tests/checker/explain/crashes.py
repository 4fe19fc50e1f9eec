"""What the server's output tells of exceptions: which, and where in the project."""

import re
from typing import NamedTuple

# Of a traceback only the project's own frames are left: servers/runserver.py.
TRACEBACK = re.compile(
    r"^Traceback \(most recent call last\):\n(?P<frames>(?:[ \t]+.*\n)*)"
    r"(?P<kind>[A-Za-z_][\w.]*)(?:: (?P<words>.*))?$",
    re.MULTILINE,
)
FRAME = re.compile(
    r'^  File "(?P<file>[^"\n]*)", line (?P<line>\d+)(?:, in (?P<function>.*))?\n'
    r"(?P<code>(?:    .*\n)*)",
    re.MULTILINE,
)
WHILE_HANDLED = "During handling of the above exception, another exception occurred:"
CAUSE = "The above exception was the direct cause of the following exception:"
HOOKS = ("connect", "receive", "receive_json", "disconnect")  # Channels calls them.


class Frame(NamedTuple):
    """A place in the project that an exception has passed."""

    file: str
    line: int
    function: str
    code: str


class Crash(NamedTuple):
    """An exception as it was printed, and its way through the project."""

    kind: str  # Its class, with dots where Python prints them.
    words: str
    frames: tuple[Frame, ...]  # The place that raised comes last.

    @property
    def name(self) -> str:
        """The class as a reader knows it: DoesNotExist, not chat.models.Room.…"""
        return self.kind.rpartition(".")[2]

    @property
    def sentence(self) -> str:
        """The line that ends the traceback."""
        return f"{self.kind}: {self.words}" if self.words else self.kind


def crashes(printed: str) -> list[Crash]:
    """
    Return the exceptions that a server has printed, in their order.

    One that another has led to stands before that, unless the project had caught it: in
    `except`, something else went wrong then. A syntax error has a frame, too: the line
    that Python cannot read.
    """
    found: list[Crash] = []
    start = end = 0  # Of a chain, and of a traceback.
    for traceback in TRACEBACK.finditer(printed):
        frames = tuple(
            Frame(
                frame["file"],
                int(frame["line"]),
                frame["function"] or "",
                first_line(frame["code"]),
            )
            for frame in FRAME.finditer(traceback["frames"])
        )
        words = (traceback["words"] or "").strip()
        between = printed[end : traceback.start()]
        if not any(link in between for link in (WHILE_HANDLED, CAUSE)):
            start = len(found)
        elif WHILE_HANDLED in between and found:
            places = [(each.file, each.function) for each in frames]
            last = found[-1].frames[-1:]
            if any((each.file, each.function) in places for each in last):
                del found[start:]  # What had led to it was caught with it.
        found.append(Crash(traceback["kind"], words, frames))
        end = traceback.end()
    return found


def first_line(code: str) -> str:
    """Return the first line of a frame's code, without its marks."""
    return next((line.strip() for line in code.splitlines() if line.strip()), "")


def telling(printed: str) -> Crash | None:
    """
    Return the exception that says most: one with a place in the project.

    Of a chain, the first has set off the others.
    """
    every = crashes(printed)
    placed = [crash for crash in every if crash.frames]
    return placed[0] if placed else (every[0] if every else None)


def crash_sentence(symptom: str, printed: str, check: str) -> str:
    """Say what was raised, and where in the project, or nothing if that is unknown."""
    crash = telling(printed)
    if crash is None:
        return ""
    if not crash.frames:
        # Only where the client has seen that something was raised.
        if not re.search(r"\b(500|1011)\b|no start", symptom):
            return ""
        return (
            f"The server raised {crash.sentence}. None of the lines that led there is "
            f"yours: look at what your code hands to Channels and Django."
        )
    *others, last = crash.frames
    if symptom == "no start":
        return f"The start ends in {last.file}, line {last.line}: {crash.sentence}"
    sentence = (
        f"{last.function}() raised an exception, in {last.file}, line {last.line}: "
        f"{crash.sentence}"
    )
    # A helper may be innocent: its caller has given it what made it raise.
    callers = [each for each in others if each.function != last.function]
    if callers and last.function not in HOOKS:
        caller = callers[-1]
        sentence += (
            f". It was called by {caller.function}(), in {caller.file}, line "
            f"{caller.line}"
        )
    if "message_that_is_bad" in check and symptom == "close 1011":
        sentence += (
            ". A client may send anything: no object, no such key, no string. Look "
            "before you use it, and answer with an error."
        )
    return sentence
