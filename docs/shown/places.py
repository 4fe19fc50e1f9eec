"""Say where in its file the lines of a piece stand, as one finds them while typing."""

import ast
import re
from typing import NamedTuple

from docs.shown.changes import codes_of, hunks, typed_so_far
from docs.shown.repository import before, files

LONGEST_LINE = 56  # Letters of code in a sentence.
FEWEST_LETTERS = 6  # Of a line that one knows again: `path(` is none.


class Place(NamedTuple):
    """Lines of a piece that stand together: where, what comes, and what it is in."""

    where: str
    added: list[str]
    inside: str = ""


def places(stage, piece, typed=()):
    """
    Return where the lines of a piece stand, from top to bottom.

    A line is named that one knows again, in the file as it is when the pieces `typed`
    have been typed.
    """
    old = files(before(stage)).get(piece.path, [])
    new = files(stage).get(piece.path, [])
    taken = codes_of(each for each in typed if each.path == piece.path)
    return [
        Place(
            where(piece.path, old, new, run, taken),
            new[run[2] : run[3]],
            owner(piece.path, new, *run[2:]),
        )
        for group in piece.groups
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


def where(path, old, new, run, taken):
    """Say where a run of changed lines stands: in what, and beside which line."""
    inside = owner(path, new, *run[2:])
    inside = f"in `{inside}`" if inside else ""
    beside = beside_what(old, new, run, taken)
    return ", ".join(part for part in (inside, beside) if part)


def beside_what(old, new, run, taken):
    """Say which line a run comes after or before, or which it replaces."""
    first, last, *_ = run
    goes = [line for line in old[first:last] if line.strip()]
    if goes:
        more = {1: "", 2: " and the line below it"}.get(
            len(goes), f" and the {len(goes) - 1} lines below it"
        )
        return f"in place of {code(goes[0])}{more}"
    earlier = [each for each in taken if each[1:] < tuple(run)]
    later = [each for each in taken if each not in earlier]
    above = [line for line in typed_so_far(old[:first], new, earlier) if line.strip()]
    rest = typed_so_far(old, new, later)[last:]
    below = [line for line in rest if line.strip()]
    lines = above + below
    if not above:
        return "at the top" + (f", before {code(below[0])}" if below else "")
    if is_known(above[-1], lines) or not below:
        return f"after {code(above[-1])}"
    if known := known_opening(above, lines):
        return f"after {code(f'{known} … {above[-1].strip()}')}"
    if is_known(below[0], lines):
        return f"before {code(below[0])}"
    if below[0].rstrip()[-1] in "([{" and is_known("".join(below[1:2]), lines):
        return f"before {code(f'{below[0].strip()}{below[1].strip()} …')}"
    return f"between {code(above[-1])} and {code(below[0])}"


def is_known(line, lines):
    """Tell whether one finds a line in a file: it says something, and stands once."""
    says = sum(letter.isalnum() for letter in line)
    return says >= FEWEST_LETTERS and lines.count(line) == 1


def known_opening(above, lines):
    """Return how the bracket begins that the last line closes, if one knows that."""
    *rest, last = above
    if any(letter.isalnum() for letter in last):
        return ""
    depth = len(last) - len(last.lstrip())
    for place in range(len(rest) - 1, -1, -1):
        line = rest[place]
        if len(line) - len(line.lstrip()) > depth:
            continue
        if line.rstrip()[-1] not in "([{":
            return ""
        if is_known(line, lines):
            return line.strip()
        # A bracket that says nothing is known by what is in it.
        inside = "".join(rest[place + 1 : place + 2])
        return f"{line.strip()}{inside.strip()}" if is_known(inside, lines) else ""
    return ""


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
    return f"{found.name}{brackets}"


def code(line):
    """Write a line as `code`, shortened, whatever backticks it holds."""
    text = line.strip()
    if len(text) > LONGEST_LINE:
        text = f"{cut_at_a_word(text, LONGEST_LINE)} …"
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    gap = " " if "`" in text else ""
    return f"{ticks}{gap}{text}{gap}{ticks}"


def cut_at_a_word(text, most):
    """Return the beginning of a text, of so many letters, without half a word."""
    whole = [each.end() for each in re.finditer(r"\w+|[^\w\s]", text)]
    return text[: max((end for end in whole if end <= most), default=most)]
