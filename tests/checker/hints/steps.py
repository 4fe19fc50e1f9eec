"""
The pieces of a stage as a section of its chapter leaves them.

A chapter builds some pieces in several steps. Who hints at a promise must not show what
comes later. So the code blocks of the chapter are followed, as far as that section: a
block that has a piece replaces it, and one that shows a difference changes it.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.checker import pieces, system

__all__ = ["Block", "blocks", "headings", "piece_at"]

HEADING = re.compile(r"(#+) (.+?)(?: \{ #([\w-]+) \})?")
FENCE = re.compile(r'(`{3,}) *(\w+) title="work/(stage\d\d_\w+)/(.+?)".*')
INCLUDE = re.compile(r'\[\[ include\("(stage\d\d_\w+)/(.+?)"(?:, "(.+?)")?\) \]\]')


class Block(NamedTuple):
    """Code that a section shows for a file: all of it, a part, or a difference."""

    anchor: str
    file: str
    is_diff: bool
    lines: tuple[str, ...]


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """Return the blocks of a chapter that its reader types, in order."""
    return tuple(found_in(page))


def found_in(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page."""
    anchor = ""
    rows = iter(page.read_text(encoding="utf-8").splitlines())
    for row in rows:
        if fence := FENCE.fullmatch(row.strip()):
            lines = []
            for line in rows:
                if line.strip() == fence[1]:
                    break
                lines.append(line)
            yield Block(anchor, fence[4], fence[2] == "diff", tuple(lines))
        elif row.startswith("```"):
            end = re.match("`+", row)[0]
            for line in rows:
                if line.rstrip() == end:
                    break
        elif heading := HEADING.fullmatch(row):
            anchor = anchor_at(heading)
        elif include := INCLUDE.fullmatch(row.strip()):
            path = system.ROOT / include[1] / include[2]
            text = path.read_text(encoding="utf-8")
            lines = text.splitlines()
            if include[3]:
                shown = of_name(include[2], text, include[3])
                lines = [*shown.lines] if shown else []
            yield Block(anchor, include[2], False, tuple(lines))


def anchor_of(heading: str) -> str:
    """Return what the site makes of a heading, as Markdown's toc does."""
    plain = re.sub(r"[^\w\s-]", "", heading).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)


def of_name(file: str, text: str, name: str) -> pieces.Piece | None:
    """Return what has a name in a file, be it a method of whatever class."""
    if found := pieces.find(file, text, name):
        return found
    for outer in re.findall(r"^class (\w+)", text, re.MULTILINE):
        if found := pieces.find(file, text, f"{outer}.{name}"):
            return found
    return None


def headings(page: Path) -> dict[str, str]:
    """Return the headings of a page in order, by anchor."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))
    found = filter(None, map(HEADING.fullmatch, text.splitlines()))
    return {anchor_at(each): each[2].replace("`", "") for each in found}


def anchor_at(heading: re.Match[str]) -> str:
    """Return the anchor of a heading. One that was changed keeps its old one."""
    return heading[3] or anchor_of(heading[2])


def piece_at(page: Path, anchor: str, ours: pieces.Piece) -> pieces.Piece:
    """
    Return a piece of the finished stage as it is where a section ends.

    Where the chapter has not shown it by then, there is only the finished one.
    """
    order = [*headings(page)]
    if anchor not in order or not ours.name or not ours.file.endswith(".py"):
        return ours
    reached = {*order[: order.index(anchor) + 1]}
    now: list[str] = []  # Its lines.
    for block in blocks(page):
        if block.file != ours.file or block.anchor not in reached:
            continue
        if block.is_diff:
            now = changed(now, block.lines)
        elif shown := in_block(ours, block):
            now = [*shown.lines]
    lines = tuple(now)
    found = ours._replace(lines=lines)
    is_whole = bool(now) and pieces.can_be_read(found)
    return found if is_whole else ours


def in_block(ours: pieces.Piece, block: Block) -> pieces.Piece | None:
    """Return the piece as a block shows it: its class may stand around it, or not."""
    text = "\n".join(block.lines)
    if found := pieces.find(block.file, text, ours.name):
        return found
    name = pieces.method_of(ours.name)
    if not name or re.search(r"^class ", text, re.MULTILINE):
        return None
    plain = "\n".join(pieces.dedented(block.lines))
    return pieces.find(block.file, plain, name)


def changed(now: list[str], lines: tuple[str, ...]) -> list[str]:
    """Return a piece with a difference made in it, as far as it is about this piece."""
    hunks: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("@@"):
            hunks.append([])
        else:
            hunks[-1].append(line)
    now = [*now]
    plain = [line.strip() for line in now]
    for hunk in hunks:
        old = [line[1:].strip() for line in hunk if line[:1] != "+"]
        new = [line[1:] for line in hunk if line[:1] != "-"]
        while old and not old[0] and new and not new[0].strip():
            old, new = old[1:], new[1:]
        for start in range(len(plain) - len(old) + 1) if old else ():
            if plain[start : start + len(old)] == old:
                now[start : start + len(old)] = indented(new, now[start])
                plain = [line.strip() for line in now]
                break
    return now


def indented(new: list[str], first: str) -> list[str]:
    """Return lines with the indentation that the piece has."""
    margin = len(first) - len(first.lstrip())
    given = len(new[0]) - len(new[0].lstrip()) if new else 0
    shift = margin - given
    return [
        " " * (len(line) - len(line.lstrip()) + shift) + line.lstrip() for line in new
    ]
