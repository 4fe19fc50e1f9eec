"""
What can be found: `catalogue/*.toml`, a file for each step.

id         what it is called, for machines; it never changes
title      what one sees of it, in a learner's words
chapter    the page and the anchor where more is said
note       true where nothing is wrong yet, and it is good to know
diagnosis  what it is
cure       the next thing to do

`{name}` in the last two and in the title stands for a word of the finding; braces of
their own are doubled.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "catalogue"
STEPS = ("reach", "tls", "page", "script", "handshake", "talk")


@dataclass(frozen=True)
class Entry:
    """What can be found, and what is said of it."""

    id: str
    title: str
    chapter: str
    diagnosis: str
    cure: str
    note: bool = False


@dataclass(frozen=True)
class Finding:
    """What was found, in the words for this server."""

    id: str
    title: str
    diagnosis: str
    cure: str
    chapter: str
    is_note: bool


@cache
def entries() -> dict[str, Entry]:
    """Return the catalogue by id, in the order of the steps."""
    found = {}
    for step in STEPS:
        text = (FOLDER / f"{step}.toml").read_text(encoding="utf-8")
        found |= {each["id"]: Entry(**each) for each in tomllib.loads(text)["entry"]}
    return found


def finding(which: str, /, **words: object) -> Finding:
    """Return the finding of this id, with its words filled in."""
    entry = entries()[which]
    texts = (entry.title, entry.diagnosis, entry.cure)
    title, diagnosis, cure = (" ".join(each.format(**words).split()) for each in texts)
    return Finding(which, title, diagnosis, cure, entry.chapter, entry.note)
