"""Show what a student of a class has on paper."""

import re

from docs.shown.pages import page, section
from docs.shown.rows import joined, listing
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

PAPER = {"code": 6.6, "lines": 2, "notes": 0}  # Points, and lines to write on.


def handout(chapter):
    """Show what a student has on paper: the contract, what is typed, the commands."""
    heading = next(page(chapter))[0].lstrip("# ")
    _, contract = section(chapter, "The contract")
    # Nothing unfolds on paper.
    contract = [re.sub(r"^\?\?\? ", "!!! ", line) for line in contract]
    shown = [f"## {heading}\n", *contract, "### What you type\n"]
    # So that each chapter fills its two sides.
    paper = PAPER | lesson(chapter).get("paper", {})
    shown += typed(chapter, paper["code"])
    shown += predictions(chapter, paper["lines"])
    shown.append(commands_of(int(chapter[:2]), f"work/{stage_of(chapter)}"))
    if chapter.startswith("01"):
        heading, codes = section(chapter, "Close codes")
        table = "\n".join(line for line in codes if line.startswith("|"))
        shown += [f"### {heading}\n", table, ""]
    if paper["notes"]:
        shown += ["### What was red here, and what it was\n", ruled(paper["notes"])]
    return "\n".join(shown)


def typed(chapter, points):
    """Yield what is typed, in its steps, and the commands for what is copied."""
    steps, copied, _ = order(chapter)
    called = labels(chapter)
    yield f'<div class="columns" markdown="1" style="--code: {points}pt">\n'
    for step, found in steps:
        yield f"**Step {step['letter']} · {step['title']}**\n{{ .step }}\n"
        whole = [piece for piece in found if is_copied(step, piece)]
        if rows := copies_of(chapter, whole):
            yield copying(rows)
        for piece in found:
            if piece in whole:
                continue
            bar = f"{called[piece.name]} · {piece.path}"
            if piece.verb == "is gone":
                yield f"{bar}: delete it.\n"
                continue
            lines = piece.added() if piece.verb == "is new" else joined(piece.hunks)
            yield listing([*lines], piece, bar)
        if step.get("copies") and (rows := copies_of(chapter, copied)):
            yield copying(rows)
    yield "</div>\n"


def copying(rows):
    """Show commands that copy files. A path is broken at its slashes only."""
    shown = "".join(
        f"<li><code>{each.replace('/', '/<wbr>')}</code></li>" for each in rows
    )
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
