"""What the doctor prints: a line for each step, and what is wrong at the end."""

import json
import sys
import textwrap
from threading import Lock

from tests.checker.doctor.findings import Finding, finding

WIDTH = 80
LINES = 25  # So many fit a terminal.
LONGEST = 230  # Characters of a step. What a server says can be longer.

FINE = "Nothing is wrong, as far as one can see from outside."
BELOW = "Nothing is wrong that one can see from outside. Good to know:"


def plain(text: str) -> str:
    """Return what came from outside without control characters, on one line."""
    words = "".join(each if each.isprintable() else " " for each in text).split()
    return " ".join(words)


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 2]} …"


class Report:
    """
    What was looked at, and what was found.

    Steps are printed as they come, unless it is for a machine. Marks are words that can
    be read aloud, and need no colour: "ok", "?" (look at it) and "!!" (wrong).
    """

    def __init__(self, is_json: bool = False) -> None:
        self.is_json = is_json
        self.steps: list[tuple[str, str]] = []
        self.findings: list[Finding] = []
        self.printed = 0
        self.own_room, self.room = "", ""  # Ours, and theirs in whose place it is.
        self.is_over = False  # Who is too late says no more.
        self.lock = Lock()

    def say(self, line: str = "") -> None:
        """Print a line."""
        self.printed += 1
        encoding = sys.stdout.encoding or "utf-8"
        print(line.encode(encoding, "replace").decode(encoding), flush=True)

    def step(self, mark: str, text: str) -> None:
        """Note a step: "ok", "?", "!!", or "" for what is only said."""
        with self.lock:
            if self.is_over:
                return
            text = cut(plain(text), LONGEST)
            self.steps.append((mark, text))
            if not self.is_json:
                lines = textwrap.wrap(text, WIDTH - 6, break_on_hyphens=False)
                self.say(f"  {mark:<2}  {lines[0]}")
                for line in lines[1:]:
                    self.say(f"      {line}")

    def find(self, which: str, /, **words: object) -> None:
        """Note what is wrong, or good to know, once."""
        clean = {key: cut(plain(str(word)), 200) for key, word in words.items()}
        if self.room:
            # What is to be mended is their address, not the one that we tried.
            for key, word in clean.items():
                clean[key] = word.replace(self.own_room, self.room)
        found = finding(which, **clean)
        with self.lock:
            if not self.is_over and which not in [each.id for each in self.findings]:
                self.findings.append(found)

    @property
    def wrong(self) -> list[Finding]:
        """What is wrong, in the order in which it was found."""
        return [each for each in self.findings if not each.is_note]

    def close(self) -> int:
        """Say what is wrong, and return the exit code: 1 if something is, else 0."""
        with self.lock:
            self.is_over = True
        if self.is_json:
            print(json.dumps(self.as_json(), indent=1))
        else:
            self.tell()
        return 1 if self.wrong else 0

    def tell(self) -> None:
        """Print the findings: the first in full, the others as far as there is room."""
        wrong = self.wrong
        notes = [each for each in self.findings if each.is_note]
        if not wrong:
            self.say()
            self.say(BELOW if notes else FINE)
        for number, each in enumerate([*wrong, *notes]):
            head = "What is wrong" if number == 0 else "And this"
            if each.is_note:
                head = "Note"
            told = paragraphs(each, head)
            if number and self.printed + len(told) + 1 > LINES:
                told = [cut(f"{head}: {each.title}", WIDTH)]
                if self.printed + 1 > LINES:
                    break
            else:
                self.say()
            for line in told:
                self.say(line)

    def as_json(self) -> dict[str, object]:
        """Return all of it, for machines."""
        return {
            "steps": [{"mark": mark, "text": text} for mark, text in self.steps],
            "findings": [vars(each) for each in self.findings],
        }


def paragraphs(found: Finding, head: str) -> list[str]:
    """Return the lines in which a finding is told."""
    # What is typed stands on a line as long as it is.
    told = textwrap.wrap(f"{head}: {found.title}.", WIDTH, break_on_hyphens=False)
    for text in (found.diagnosis, f"Do this: {found.cure}"):
        told += textwrap.wrap(
            text,
            WIDTH,
            initial_indent="  ",
            subsequent_indent="  ",
            break_on_hyphens=False,
            break_long_words=False,
        )
    page, _, anchor = found.chapter.partition("#")
    part = f', "{anchor.replace("-", " ")}"' if anchor else ""
    return [*told, f"  Read more: {page}{part}"]
