"""Show the order in which to type a stage live."""

import re
import tomllib
from itertools import chain

from docs.shown.changes import pieces
from docs.shown.repository import CannotShow, read

LONGEST_LINE = 60  # Letters of code in a sentence.


def lesson(chapter):
    """Return what docs/teach/ says of a chapter: its plan, and the order to type in."""
    return tomllib.loads("".join(read(f"docs/teach/{chapter}.toml")))


def stage_of(chapter):
    """Return the stage of a chapter: 01-echo is of stage01_echo."""
    return f"stage{chapter.replace('-', '_')}"


def order(chapter):
    """
    Return the pieces of a chapter's diff, by what one does with them in a lesson.

    Each is in docs/teach/<chapter>.toml once: typed in one of the steps, copied, or
    left out. A piece that is in none of them, or in two, fails the build.
    """
    source = f"docs/teach/{chapter}.toml"
    left = {piece.name: piece for piece in pieces(stage_of(chapter))}
    known = set(left)

    def take(names):
        for name in names:
            if name not in left:
                problem = "twice" if name in known else "which is no piece of the diff"
                raise CannotShow(f"{source} names {name!r}, {problem}.")
            yield left.pop(name)

    told = lesson(chapter)
    steps = [(step, [*take(chain.from_iterable(saves(step)))]) for step in told["type"]]
    copied, skipped = [*take(told["rest"]["copy"])], [*take(told["rest"]["leave"])]
    if left:
        raise CannotShow(f"{source} does not say when {', '.join(left)} is typed.")
    return steps, copied, skipped


def saves(step):
    """Return the pieces of a step by what is saved at once, so that servers start."""
    return [[each] if isinstance(each, str) else each for each in step["pieces"]]


def live(chapter):
    """Show the order in which to type a stage live, piece by piece."""
    steps, copied, skipped = order(chapter)
    typed = [piece for _, found in steps for piece in found]
    total = sum(len(words(piece.added())) for piece in typed)
    shown = [f"**Type** {total} lines, in {len(typed)} pieces:\n"]
    for number, piece in enumerate(typed, start=1):
        waits = any(
            piece.name in each[:-1] for step, _ in steps for each in saves(step)
        )
        later = " **Save it with the next one.**" if waits else ""
        shown.append(f"{number}. {in_order(piece)}{later}\n")
        for step, found in steps:
            if piece is found[-1]:
                shown.append(f"    **Now:** {now(chapter, step)}\n")
    for verb, found in (("Copy", copied), ("Leave out", skipped)):
        if found:
            names = ", ".join(f"`{piece.path}`" for piece in once(found))
            shown.append(f"**{verb}** {names}.\n")
    return "\n".join(shown)


def now(chapter, step):
    """Say what one does after a step, what is seen, and where the chapter has it."""
    said = []
    if step.get("copies"):
        said.append("copy the files that are named below.")
    if fails := step.get("fails"):
        said.append(f"`check {int(chapter[:2])}` stops at “{fails}”:")
    return " ".join([*said, step["then"], f"([{step['title']}]({step['link']}))"])


def once(found):
    """Return one piece for each file."""
    return {piece.path: piece for piece in found}.values()


def words(lines):
    """Return the lines that are not empty."""
    return [line.strip() for line in lines if line.strip()]


def in_order(piece):
    """Write a piece in one line: its file, its first new line, and its reason."""
    if not (new := words(piece.added())):
        return f"`{piece.path}`: delete it. {piece.reason}"
    size = "1 line:" if len(new) == 1 else f"{len(new)} lines from"
    # The quotation marks of a docstring are no code that one knows a piece by.
    first = next((line for line in new if not line.startswith('"""')), new[0])
    if len(first) > LONGEST_LINE:
        first = f"{first[:LONGEST_LINE].rstrip()} …"
    return f"`{piece.path}`, {size} {as_code(first)}. {piece.reason}"


def as_code(text):
    """Write a text as `code`, whatever backticks it holds."""
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    gap = " " if "`" in text else ""
    return f"{ticks}{gap}{text}{gap}{ticks}"
