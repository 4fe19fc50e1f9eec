"""A chapter is a path to all green, and a page beside it that goes deeper."""

import re
from pathlib import Path

import pytest

from docs.shown.minutes import amount
from tests.docs.repository import ROOT

MOST_WORDS = 3_000
PATHS = [path for path in sorted(ROOT.glob("docs/0*.md")) if "deeper" not in path.stem]

# What a path has, in this order, whatever stands between.
PARTS = ("The limit", "The idea", "The contract", "Build it", "See it on the wire")
PARTS += ("Check your work", "What you can do now")
DEEPER = ("Break it on purpose", "Test the consumer without a server", "Exercises")
DEEPER += ("What changed",)


def headings(page: Path) -> list[str]:
    """Return the headings of a page's parts."""
    return re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def parts_of(page: Path, parts: tuple[str, ...]) -> list[str]:
    """Return which of the parts a page has, in its own order."""
    return [part for each in headings(page) for part in parts if each.startswith(part)]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_path_is_short_and_has_its_parts_in_order(path: Path) -> None:
    words, _ = amount(path.read_text(encoding="utf-8"))
    assert words <= MOST_WORDS, f"{path.name} has {words} words: what goes deeper?"
    assert parts_of(path, PARTS) == list(PARTS)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_path_leads_deeper_and_on(path: Path) -> None:
    deeper = path.with_stem(f"{path.stem}-deeper")
    assert parts_of(deeper, DEEPER) == list(DEEPER)
    end = path.read_text(encoding="utf-8").partition("## What you can do now")[2]
    assert f"[Deeper]({deeper.name})" in end
    number = int(path.stem[:2])
    next_command = f"`python3 learn.py start {number + 1}`"
    assert next_command in end or number == len(PATHS)
