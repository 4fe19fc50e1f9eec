"""Help with the exercises of a chapter: hints and solutions, folded."""

import re
from pathlib import Path

from docs.shown import objects, repository
from docs.shown.listings import LANGUAGES, fence
from docs.shown.repository import CannotShow, read, read_toml
from docs.shown.text import indented

SOLUTIONS = "tests/proofs/right"
OWN_TESTS = "chat/tests.py"


def exercises(chapter):
    """Show a hint for each exercise of a chapter, and a solution where there is one."""
    told = read_toml("docs/exercises.toml")[chapter]
    titles = [each["title"] for each in told]
    page = "".join(read(f"docs/{chapter}-deeper.md"))
    section = page.partition("\n## Exercises\n")[2].partition("\n## ")[0]
    asked = re.findall(r"^\d+\. \*\*(.+?)[.]?\*\*", section, re.MULTILINE)
    if titles != [title.rstrip(".") for title in asked]:
        raise CannotShow(f"docs/exercises.toml helps with {titles}, not with {asked}.")
    return "\n".join(helped(number, each) for number, each in enumerate(told, 1))


def helped(number, exercise):
    """Write what helps with an exercise, each thing folded."""
    title = exercise["title"].replace('"', "'")
    shown = f'??? tip "A hint for {number}: {title}"\n\n{indented(exercise["hint"])}\n'
    if "solution" in exercise:
        files = "\n".join(solved(exercise["solution"], exercise.get("mended")))
        shown += (
            f'\n??? success "A solution of {number}: {title}"\n\n{indented(files)}\n'
        )
    return shown


def solved(name, mended=None):
    """Yield the files of a solution, which the tests run. Of its own tests, one."""
    folder = repository.ROOT / SOLUTIONS / name
    paths = sorted(path for path in folder.rglob("*") if path.suffix in LANGUAGES)
    if not paths:
        raise CannotShow(f"{SOLUTIONS} has no solution named {name}.")
    yield "The tests run it, so it passes the checks. They look at no names.\n"
    for path in paths:
        file = path.relative_to(folder).as_posix()
        lines = read(path.relative_to(repository.ROOT).as_posix())
        if file == OWN_TESTS:
            first, last = objects.find(file, lines, mended or "")
            lines = lines[first:last]
            yield "No check runs the tests in your folder. This one is mended:\n"
        yield fence("".join(lines), LANGUAGES[Path(file).suffix], file)
