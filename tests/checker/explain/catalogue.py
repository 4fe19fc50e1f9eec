"""
The catalogue of mistakes: `catalogue/*.toml`, a file for each family.

An entry holds together what is known of a mistake:

id         what it is called, in reports and for machines; it never changes
title      what one sees of it, or did, in a learner's words
common     "very common", "common", "sometimes" or "rare"
chapter    the page and the anchor where it is taught

by which witnesses it is known; what is left out may be anything:

symptom    a regular expression that matches the whole symptom (client.py)
check      one that is found in the id of the check
printed    one that is found in what the server printed
source     the id of a finding (source/)
answered   whether the server has answered any message in this run
needs      one that must be found in the project's code
unless     one that must be found nowhere in it

of a finding, what it can explain: of another failure it is told last, as "Also: …",

causes     a regular expression that matches the whole symptom
raises     one that is found in the traceback, if one was printed

how much that is worth:

sure       the wire alone is enough: nothing else looks like this
general    what stands in the source says it more exactly
hint       many programs are right, and have this

how a page calls it beside the line where it was made, if `title` says too much there:

here       in which `{name}` stands as it does in what is said

and what is said: `diagnosis`, and `cure`. In both, `{name}` stands for a group of that
name in `printed`, or for a word of the finding; braces of their own are doubled.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "catalogue"

# Among those that the same witnesses speak for, the first that fits is told: the
# particular before the general, and so the later stages before the earlier ones.
FAMILIES = ("tls", "auth", "start", "handshake", "conversation", "source")

ANY = ".*"
COMMON = ("very common", "common", "sometimes", "rare")

# What begins the sentence of a finding: where it stands.
PLACE = "{file}, line {line}: "


@dataclass(frozen=True)
class Entry:
    """A mistake, by which witnesses it is known, and what is said of it."""

    id: str
    title: str
    common: str
    chapter: str
    diagnosis: str
    cure: str = ""
    here: str = ""
    symptom: str = ANY
    check: str = ANY
    printed: str = ANY
    source: str = ""
    answered: bool | None = None
    needs: str = ""
    unless: str = ""
    causes: str = ANY
    raises: str = ""
    sure: bool = False
    general: bool = False
    hint: bool = False
    place: bool = True  # Of a finding: that the sentence begins with its place.

    @property
    def sentence(self) -> str:
        """The diagnosis and the cure, as they are told."""
        return f"{self.begin}{self.diagnosis} {self.cure}".rstrip()

    @property
    def begin(self) -> str:
        """What stands before the diagnosis: the place of a finding."""
        return PLACE if self.source and self.place else ""

    def told(self, words: Mapping[str, object]) -> tuple[str, str]:
        """Return the diagnosis and the cure, their words filled in."""
        diagnosis = f"{self.begin}{self.diagnosis}".format(**words)
        return diagnosis, self.cure.format(**words)


@cache
def entries() -> tuple[Entry, ...]:
    """Return the catalogue, in the order in which entries are tried."""
    return tuple(entry for family in FAMILIES for entry in family_of(family))


def family_of(name: str) -> list[Entry]:
    """Return the entries of one file."""
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    return [Entry(**fields) for fields in tomllib.loads(text)["entry"]]
