"""Read in which order a stage is typed live, and what of it is not typed."""

import tomllib
from itertools import chain

from docs.shown.changes import pieces
from docs.shown.pages import linked, page, section
from docs.shown.repository import CannotShow, read


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
    if copied and sum("copies" in step for step, _ in steps) != 1:
        raise CannotShow(f"{source} does not say in one step that the rest is copied.")
    return steps, copied, skipped


def saves(step):
    """Return the pieces of a step by what is saved at once, so that servers start."""
    return [[each] if isinstance(each, str) else each for each in step["pieces"]]


def asked(chapter):
    """Return what the page for who teaches a chapter asks, each with its answer."""
    found = []
    for line, _ in page(f"teach-{chapter}"):
        if line.startswith('??? question "'):
            question = line.removeprefix('??? question "').removesuffix('"')
            found.append((question, []))
        elif found and line.startswith("#"):
            break
        elif found:
            found[-1][1].append(linked(line.removeprefix("    "), f"teach-{chapter}"))
    if len(found) != 3:
        raise CannotShow(f"docs/teach-{chapter}.md asks {len(found)} questions, not 3.")
    return [(question, "\n".join(answer).strip() + "\n") for question, answer in found]


def failures(chapter):
    """
    Yield the failures that a teacher causes: their name, what is done, what is seen.

    What is seen is one line of the page, and begins with "The room sees".
    """
    name = f"teach-{chapter}"
    _, lines = section(name, "Two failures to cause")
    for told in "\n".join(lines).strip().split("\n\n"):
        title, *rest = told.splitlines()
        seen = [line for line in rest if line.startswith("The room sees")]
        if len(seen) != 1:
            raise CannotShow(f"docs/{name}.md: what does the room see of {title}?")
        done = rest[: rest.index(seen[0])]
        yield title.strip("*"), "\n".join(done), f"{seen[0]}\n"


def once(found):
    """Return one piece for each file."""
    return {piece.path: piece for piece in found}.values()


def words(lines):
    """Return the lines that are not empty."""
    return [line.strip() for line in lines if line.strip()]
