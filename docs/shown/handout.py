"""Show what a student of a class has on paper."""

import re
from html import escape

from docs.shown.pages import page, section
from docs.shown.places import is_whole, places
from docs.shown.rows import MARK, broken_at, joined, listing
from docs.shown.teach import (
    asked,
    copies_of,
    is_copied,
    labels,
    lesson,
    order,
    stage_of,
)
from docs.shown.text import cells

# Points of code, columns of it, and lines to write on.
PAPER = {"code": 6.6, "columns": 2, "lines": 2, "notes": 0}
# Points: how wide the code of one or two columns is, and a letter of one point.
WIDTHS, LETTER = {1: 516, 2: 246}, 0.603
COPY = 7.5  # Points of a command that copies.
LEGEND = (
    f"A `+` marks a line that you add, and a `-` a line that you delete. A line with "
    f"neither is already there. Where a line ends with {MARK}, it goes on in the row "
    f"below: type both rows as one line, without the {MARK}."
)


def handout(chapter):
    """Show what a student has on paper: the contract, what is typed, the commands."""
    heading = next(page(chapter))[0].lstrip("# ")
    _, contract = section(chapter, "The contract")
    shown = [f"## {heading}\n", *unfolded(contract), "### What you type\n"]
    # So that each chapter fills its two sides.
    paper = PAPER | lesson(chapter).get("paper", {})
    shown += typed(chapter, paper["code"], paper["columns"])
    shown += predictions(chapter, paper["lines"])
    shown.append(commands_of(int(chapter[:2]), f"work/{stage_of(chapter)}"))
    if chapter.startswith("01"):
        heading, codes = section(chapter, "Close codes")
        table = "\n".join(line for line in codes if line.startswith("|"))
        shown += [f"### {heading}\n", table, ""]
    if paper["notes"]:
        shown += ["### What was red here, and what it was\n", ruled(paper["notes"])]
    return "\n".join(shown)


def unfolded(contract):
    """
    Yield the lines of a contract for paper, where nothing unfolds.

    What was folded follows what was not. A part of it that is a list becomes one item
    of the list, which needs half the room.
    """
    folds = [n for n, line in enumerate(contract) if line.startswith("??? ")]
    end = folds[0] if folds else len(contract)
    # An empty line within a list would set its items apart.
    yield "\n".join(contract[:end]).rstrip()
    rest = "\n".join(line.removeprefix("    ") for line in contract[end + 1 :])
    # Each part begins with its name, which is a line in bold by itself.
    before, *parts = re.split(r"^\*\*(.+)\*\*$", rest, flags=re.MULTILINE)
    before = before.strip()
    if before:
        yield before if before.startswith("- ") else f"\n{before}\n"
    for name, part in zip(parts[::2], parts[1::2], strict=True):
        lines = part.strip().splitlines()
        if all(line.startswith("- ") for line in lines):
            words = " ".join(line.removeprefix("- ") for line in lines)
            yield f"- **{name}:** {words}"
        else:
            yield from ("", f"**{name}**", "", *lines, "")
    yield ""


def typed(chapter, points, columns):
    """Yield what is typed, in its steps, and the commands for what is copied."""
    steps, copied, _ = order(chapter)
    called = labels(chapter)
    stage, done = stage_of(chapter), []
    width = letters(points, columns)
    yield f"{LEGEND}\n{{ .legend }}\n"
    kind = "columns" if columns > 1 else "rows"
    yield f'<div class="{kind}" markdown="1" style="--code: {points}pt">\n'
    for step, found in steps:
        yield f"**Step {step['letter']} · {step['title']}**\n{{ .step }}\n"
        whole = [piece for piece in found if is_copied(step, piece)]
        if rows := copies_of(chapter, whole):
            yield copying(rows, columns)
        done += whole
        for piece in found:
            if piece in whole:
                continue
            bar = f"{called[piece.name]} · {piece.path}"
            if piece.verb == "is gone":
                yield f"{bar}: delete it.\n"
                continue
            lines = piece.added() if piece.verb == "is new" else joined(piece.hunks)
            where = stands(stage, piece, done)
            yield listing([*lines], piece, bar, width, where, MARK)
            done.append(piece)
        if step.get("copies") and (rows := copies_of(chapter, copied)):
            yield copying(rows, columns)
    yield "</div>\n"


def letters(points, columns):
    """Return how many letters of code a row of a column has."""
    return int(WIDTHS[columns] / (points * LETTER))


def stands(stage, piece, typed):
    """Say where the lines of a piece stand, as HTML, as the page of the lesson does."""
    if is_whole(stage, piece):
        told = "a new file" if piece.verb == "is new" else "the whole file"
    else:
        told = "; ".join(each.where for each in places(stage, piece, typed))
    told = re.sub(r"(`+)( ?)(.+?)\2\1", r"<code>\3</code>", escape(told, quote=False))
    return f'<span class="where">{told}</span>'


def copying(rows, columns):
    """Show commands that copy files, each broken where a path begins."""
    width = letters(COPY, columns)
    shown = ""
    for row in rows:
        begins, parts = 0, []
        for end in [*broken_at(row, width, MARK), len(row)]:
            parts.append(escape(row[begins:end]))
            begins = end
        goes_on = f'<span class="goes-on">{MARK}</span><br>'
        shown += f"<li><code>{goes_on.join(parts)}</code></li>"
    return f'<ul class="copies" markdown="0">{shown}</ul>\n'


def predictions(chapter, lines):
    """Yield the three questions, with room to write before they are run."""
    yield "### What I think, before we run it\n"
    for number, (question, _) in enumerate(asked(chapter), start=1):
        yield f"{number}\\. {question}\n{{ .predict }}\n"
        yield ruled(lines)


def ruled(lines):
    """Show lines to write on."""
    return '<p class="ruled" markdown="0"></p>\n' * lines


def commands_of(number, folder):
    """Show the commands of a stage."""
    found = {
        f"start {number}": f"makes `{folder}`, where you begin",
        f"run {number} --project": "serves it",
        f"check {number}": "says what is right and wrong; with `--watch`, on each save",
        f"hint {number}": "helps with what is broken now, a little more each time",
        f"solution {number}": "shows ours beside yours, for that one thing",
    }
    table = [cells(f"`python3 learn.py {each}`", why) for each, why in found.items()]
    return "\n".join([cells("type", "what it does"), cells(":--", ":--"), *table, ""])
