"""Show what a student of a class has on paper."""

import re
from itertools import chain

from docs.shown.pages import page, section
from docs.shown.rows import joined, listing
from docs.shown.teach import once, order, stage_of
from docs.shown.text import cells


def handout(chapter):
    """Show what a student has on paper: the contract, what is typed, the commands."""
    steps, copied, _ = order(chapter)
    heading = next(page(chapter))[0].lstrip("# ")
    _, contract = section(chapter, "The contract")
    # Nothing unfolds on paper.
    contract = [re.sub(r"^\?\?\? ", "!!! ", line) for line in contract]
    shown = [f"## {heading}\n", *contract, "### What you type\n"]
    shown.append('<div class="columns" markdown="1">\n')
    for piece in chain.from_iterable(found for _, found in steps):
        lines = piece.added() if piece.verb == "is new" else joined(piece.hunks)
        shown.append(listing([*lines], piece))
    shown.append("</div>\n")
    if copied:
        names = ", ".join(f"`{piece.path}`" for piece in once(copied))
        shown.append(f"Copied from the finished stage: {names}.\n")
    shown.append(commands_of(int(chapter[:2]), f"work/{stage_of(chapter)}"))
    if not chapter.startswith("01"):
        return "\n".join(shown)
    heading, codes = section(chapter, "Close codes")
    table = "\n".join(line for line in codes if line.startswith("|"))
    return "\n".join([*shown, f"### {heading}\n", table, ""])


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
