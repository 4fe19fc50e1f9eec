"""Say where in its file the lines of a piece stand, as one finds them while typing."""

import ast
import re
from typing import NamedTuple

from docs.shown.changes import groups, hunk_of, hunks
from docs.shown.repository import before, files

LONGEST_LINE = 56  # Letters of code in a sentence.


class Place(NamedTuple):
    """Lines of a piece that stand together: where that is, and what comes there."""

    where: str
    added: list[str]


def places(stage, piece):
    """
    Return where the lines of a piece stand, from top to bottom.

    A line is named that stands there before and after: the piece can be found, whatever
    has been typed before it.
    """
    old = files(before(stage)).get(piece.path, [])
    new = files(stage).get(piece.path, [])
    return [
        Place(where(piece.path, old, new, run), new[run[2] : run[3]])
        for group in groups(old, new)
        if hunk_of(old, new, group) in piece.hunks
        for run in runs_of(new, group)
    ]


def is_whole(stage, piece):
    """Tell whether a piece is all of its file, so that one writes that anew."""
    if piece.verb == "is new":
        return True
    old = files(before(stage)).get(piece.path, [])
    new = files(stage).get(piece.path, [])
    shown = [line for hunk in hunks(old, new) for line in hunk]
    stays = [line for line in shown if line[0] == " " and line.strip()]
    was = [line for line in shown if line[0] != "+"]
    is_all = piece.hunks == [*hunks(old, new)] and len(was) == len(old)
    return is_all and len(stays) < len(new) / 4


def runs_of(new, group):
    """Yield the changes of a hunk. Empty lines between two make one of them."""
    found = []
    for tag, *run in group:
        if tag == "equal":
            continue
        if found and not "".join(new[found[-1][3] : run[2]]).strip():
            run = [found[-1][0], run[1], found.pop()[2], run[3]]
        found.append(run)
    yield from found


def where(path, old, new, run):
    """Say where a run of changed lines stands: in what, and after which line."""
    first, last, new_first, new_last = run
    inside = owner(path, new, new_first, new_last)
    return ", ".join(part for part in (inside, beside(old, first, last)) if part)


def beside(old, first, last):
    """Say which line of the old file a run comes after, or which it replaces."""
    goes = [line for line in old[first:last] if line.strip()]
    if goes:
        more = {1: "", 2: " and the line below it"}.get(
            len(goes), f" and the {len(goes) - 1} lines below it"
        )
        return f"in place of {code(goes[0])}{more}"
    above = next((line for line in reversed(old[:first]) if line.strip()), None)
    below = next((line for line in old[last:] if line.strip()), None)
    if above is None:
        return "at the top" + (f", before {code(below)}" if below else "")
    if old.count(above) == 1 or below is None:
        return f"after {code(above)}"
    return f"between {code(above)} and {code(below)}"


def owner(path, new, first, last):
    """Name the innermost class or function of Python that lines are in."""
    if not path.endswith(".py"):
        return ""
    while last > first + 1 and not new[last - 1].strip():
        last -= 1
    while first < last - 1 and not new[first].strip():
        first += 1
    found = None
    for node in ast.walk(ast.parse("".join(new))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            begins = min(each.lineno for each in [node, *node.decorator_list])
            if begins <= first and last <= node.end_lineno:
                found = node  # An outer one is walked before those in it.
    if found is None:
        return ""
    brackets = "" if isinstance(found, ast.ClassDef) else "()"
    return f"in `{found.name}{brackets}`"


def code(line):
    """Write a line as `code`, shortened, whatever backticks it holds."""
    text = line.strip()
    if len(text) > LONGEST_LINE:
        text = f"{text[:LONGEST_LINE].rstrip()} …"
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    gap = " " if "`" in text else ""
    return f"{ticks}{gap}{text}{gap}{ticks}"
