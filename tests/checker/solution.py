"""
Ours beside yours: `learn.py solution` hands over to it.

    python -m tests.checker.solution stage02_routing work/stage02_routing

Shows the piece that the broken promise is about: the reader's first, then the course's.
It asks before it does, but not once all is kept: then it shows all pieces that differ.
It changes no file.
"""

import sys

try:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from tests.checker import last, pieces, system, work
    from tests.checker.hint import (
        candidates,
        course_piece,
        hint_for,
        hints_of,
        lines_of,
        named_folder,
        piece_of,
        promise_in_words,
        stages_up_to,
        texts_of,
    )
    from tests.checker.last import Last
    from tests.checker.system import Refusal, exit_with, learn, says_why, typed
except KeyboardInterrupt:
    sys.exit(130)

QUESTION = "Show the course's solution of it? [y/N] "
UNASKED = (
    "a promise is still broken, and nobody can be asked here: "
    "--yes shows the solution all the same"
)
INSET = "  "


def ask(question: str) -> bool:
    """Ask the reader. Raises Refusal where nobody sits in front of it."""
    if not sys.stdin or not sys.stdin.isatty():
        raise Refusal(UNASKED)
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        print()
        return False


def shown(piece: pieces.Piece) -> list[str]:
    """Return the lines of a piece as they fit into a terminal."""
    lines = pieces.dedented(piece.lines)
    folded = pieces.folded(lines, pieces.WIDTH - len(INSET))
    return [f"{INSET}{line}".rstrip() for line in folded]


def beside(name: str, project: Path, reference: str) -> list[str]:
    """Return a piece of the reader's, and below it the course's."""
    ours = course_piece(name, reference)
    mine = pieces.own(texts_of(project), reference)
    file, piece = pieces.split(reference)
    if mine:
        found = f"Yours, {typed(project / mine.file)}, line {mine.line}:"
        lines = [found, "", *shown(mine)]
    else:
        there = f"{typed(project / file)} has no {pieces.called(piece)}."
        if not (project / file).is_file():
            there = f"There is no {typed(project / file)} yet."
        lines = [there]
    where = f"The course's, {typed(system.ROOT / name / ours.file)}, line {ours.line}:"
    return [*lines, "", where, "", *shown(ours)]


def is_same(name: str, files: dict[str, str], reference: str) -> bool:
    """Tell whether a piece of the reader's is the course's, letter by letter."""
    mine = pieces.own(files, reference)
    return mine is not None and mine.text == course_piece(name, reference).text


def pieces_of(name: str) -> list[str]:
    """Return the pieces that the promises of a stage are about, each once."""
    named = [
        hint.piece
        for stage in stages_up_to(name)
        for hint in hints_of(stage)
        if hint.piece and (stage == name or hint in candidates(name, hint.promise))
    ]
    return [each for each in dict.fromkeys(named) if has(name, each)]


def has(name: str, reference: str) -> bool:
    """Tell whether a stage has a piece: what a later one replaces is gone."""
    try:
        course_piece(name, reference)
    except Refusal:
        return False
    return True


def solution(
    name: str, project: Path, seen: Last, yes: bool, ask: Callable[[str], bool] = ask
) -> str:
    """Return what is shown: nothing, if the reader would rather not see it."""
    number = int(name[5:7])
    if seen.broken:
        promise = promise_in_words(seen.broken.check)
        if seen.broken.symptom == "no start":
            promise = "the server starts"
        hint = hint_for(name, seen.broken)
        reference = piece_of(hint, name, seen.broken, project)
        words = "\n".join(lines_of(f"A promise is still broken: {promise}."))
        if not (yes or ask(f"{words}\n{QUESTION}")):
            return ""
        files = texts_of(project)
        lines = [*lines_of(f"Broken now: {promise}."), ""]
        lines += beside(name, project, reference)
        if is_same(name, files, reference):
            lines += ["", "The two are the same: the mistake is in another place."]
        more = named_folder(name, project)
        return "\n".join(
            [*lines, "", f"The whole stage: `{learn(f'diff {number}{more}')}`"]
        )
    files = texts_of(project)
    different = [each for each in pieces_of(name) if not is_same(name, files, each)]
    if not different:
        # Not all that `diff` shows: no promise is about a test, or a page's colors.
        more = learn(f"diff {number}{named_folder(name, project)}")
        return (
            f"{typed(project)} says the same as the course in every piece that hints "
            f"are about.\nWhatever else differs: `{more}`"
        )
    parts = ["\n".join(beside(name, project, each)) for each in different]
    return "\n\n\n".join(["All that was tried is kept. Both ways are right.", *parts])


@says_why
def main() -> int:
    """Read the command line, and show."""
    sys.stdout.reconfigure(errors="replace")  # A file may lack a letter.
    parser = argparse.ArgumentParser(prog="python -m tests.checker.solution")
    parser.add_argument("stage")
    parser.add_argument("project", type=Path)
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    name, project = options.stage, options.project.resolve()
    if not options.again and work.has_passed(name, project):
        seen = Last()
    else:
        seen = last.of(name, project, options.again)
    text = solution(name, project, seen, options.yes)
    if text:
        print(text)
    return 0 if text else 1


if __name__ == "__main__":
    exit_with(main)
