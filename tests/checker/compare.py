"""
Show a reader's folder against the finished stage: `learn.py diff` hands over to it.

    python -m tests.checker.compare stage02_routing work/stage02_routing

First in words, a line for each piece that differs, then as a unified diff. Nothing is
imported from either side: a project that does not start can be compared, too.
"""

import sys

try:
    import argparse
    import ast
    import difflib
    import subprocess
    from pathlib import Path, PurePosixPath

    from tests.checker import work
    from tests.checker.system import (
        ROOT,
        Refusal,
        exit_with,
        learn,
        says_why,
        typed,
    )
except KeyboardInterrupt:
    sys.exit(130)

# What lets a stage stand alone. Hardly a chapter asks for it.
ASIDE = {"README.md", "pytest.ini", "requirements.txt"}
# Tests of one's own, which no chapter's path asks for.
TESTS = "chat/tests.py"
QUESTION = "The checks do not pass yet. Show the solution all the same?"
IMPORTS, OTHERS = PLURAL = ("the imports", "other statements")


# In words


def definitions(source: str) -> dict[str, str]:
    """
    Return each piece of a Python file, by the words for it.

    Comments, layout and docstrings do not count. Raises SyntaxError or ValueError.
    """
    found: dict[str, list[str]] = {}

    def add(name: str, node: ast.AST) -> None:
        found.setdefault(name, []).append(ast.dump(node))

    def drop_docstring(node: ast.AST) -> None:
        if ast.get_docstring(node, clean=False) is not None:
            del node.body[0]

    tree = ast.parse(source)
    drop_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            drop_docstring(node)
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                add(node.name, node)
            case ast.ClassDef():
                own = [each for each in node.body if hasattr(each, "name")]
                for each in own:
                    add(f"{node.name}.{each.name}", each)
                node.body = [each for each in node.body if each not in own]
                add(node.name, node)
            case ast.Import() | ast.ImportFrom():
                add(IMPORTS, node)
            case ast.Assign(targets=[ast.Name(id=name)]):
                add(name, node)
            case ast.AnnAssign(target=ast.Name(id=name)):
                add(name, node)
            case _:
                add(OTHERS, node)
    found.get(IMPORTS, []).sort()  # Their order does not count either.
    return {name: "\n".join(nodes) for name, nodes in found.items()}


def differences(path: str, mine: str, theirs: str) -> list[str]:
    """Return what differs in a Python file, in words."""
    try:
        course = definitions(theirs)
        own = definitions(mine)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"line {line} " if line else ""
        return [f"{where}cannot be read by Python: {getattr(error, 'msg', error)}"]
    found = []
    for name in [*course, *(name for name in own if name not in course)]:
        parent = name.partition(".")[0]
        if own.get(name) == course.get(name):
            continue
        if parent != name and (parent not in own or parent not in course):
            continue  # Told of the whole class.
        is_class = any(each.startswith(f"{name}.") for each in [*own, *course])
        be = "are" if name in PLURAL else "is"
        setting = PurePosixPath(path).name == "settings.py" and name.isupper()
        if name not in own:
            words = (
                f"a setting is missing: {name}" if setting else f"{name} {be} missing"
            )
        elif name not in course:
            words = f"{'the setting ' * setting}{name} {be} yours only"
        else:
            verb = "differ" if name in PLURAL else "differs"
            outside = " outside of its methods" if is_class else ""
            words = f"{'the setting ' * setting}{name} {verb}{outside}"
        found.append(words)
    return found or ["differs in comments, docstrings, order or layout only"]


def text(content: bytes) -> str | None:
    """Return what a file says, or None if it is no text."""
    try:
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None


def in_words(path: str, mine: bytes | None, theirs: bytes | None) -> list[str]:
    """Return what differs in a file, each a line."""
    if mine is None or theirs is None:
        return [f"{path} is {'missing' if mine is None else 'yours only'}"]
    own, course = text(mine), text(theirs)
    if own is None or course is None or not path.endswith(".py"):
        return [f"{path} differs"]
    return [f"{path}: {words}" for words in differences(path, own, course)]


# As a diff


def unified(path: str, mine: Path, own: bytes | None, name: str, course: bytes | None):
    """Yield the lines of a unified diff, from the reader's file to the course's."""
    before, after = (text(content or b"") for content in (own, course))
    if before is None or after is None:
        return
    yield from difflib.unified_diff(
        before.splitlines(),
        after.splitlines(),
        typed(mine / path) if own is not None else "nothing",
        f"{name}/{path}" if course is not None else "nothing",
        lineterm="",
    )


def may_show(name: str, project: Path) -> bool:
    """Tell whether the solution may be shown: who has not got there is asked first."""
    if work.has_passed(name, project):
        return True
    print(f"Checking {typed(project)} first.", flush=True)
    checks = [sys.executable, "-m", "tests.checker", f"tests/test_{name}.py"]
    if subprocess.run([*checks, "--project", project], cwd=ROOT).returncode == 0:
        print()
        return True
    if not sys.stdin or not sys.stdin.isatty():
        raise Refusal(
            "the checks do not pass yet: --yes shows the solution all the same"
        )
    try:
        return input(f"\n{QUESTION} [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        print()
        return False


def is_beside_the_chapter(name: str, mine: dict[str, bytes], path: str) -> bool:
    """
    Tell whether a file that differs is none that the chapter is about.

    What lets a stage stand alone counts as soon as the reader has changed it.
    """
    if path == TESTS:
        return True
    begun = work.of(int(name[5:7])).begun / path
    untouched = begun.is_file() and mine.get(path) == begun.read_bytes()
    return path in ASIDE and (path not in mine or untouched)


def told_aside(name: str, project: Path, paths: list[str]) -> str:
    """Say what is not shown, and how to see it. The reader had not to write it."""
    words = [f"{p} (the deeper page has it)" if p == TESTS else p for p in paths]
    which = "it" if len(paths) == 1 else "the first"
    where = "" if project == ROOT / "work" / name else f" --project {typed(project)}"
    command = learn(f"diff {int(name[5:7])} {paths[0]}{where}")
    return (
        f"The chapter does not need, so this does not show: {', '.join(words)}.\n"
        f"`{command}` shows {which}."
    )


def compare(name: str, project: Path, file: str | None, yes: bool) -> int:
    """Show how a project differs from a stage, and return the exit code."""
    mine, theirs = work.contents(project), work.contents(ROOT / name)
    paths = sorted(mine.keys() | theirs.keys())
    if file:
        paths = [work.place(file, project, paths)]
    paths = [path for path in paths if mine.get(path) != theirs.get(path)]
    aside = []
    if not file:
        aside = [path for path in paths if is_beside_the_chapter(name, mine, path)]
        paths = [path for path in paths if path not in aside]
        # What lets a stage stand alone and is not there was never missed.
        aside = [path for path in aside if path in mine or path == TESTS]
    if not paths:
        print(f"{typed(project / (file or ''))} is the same as in {name}.")
        if aside:
            print(told_aside(name, project, aside))
        return 0
    if not (yes or may_show(name, project)):
        return 1
    for path in paths:
        print(*in_words(path, mine.get(path), theirs.get(path)), sep="\n")
    if aside:
        print(told_aside(name, project, aside))
    print("\nBelow, lines with - are yours, and lines with + the course's.")
    for path in paths:
        lines = unified(path, project, mine.get(path), name, theirs.get(path))
        print("", *lines, sep="\n")
    return 0


@says_why
def main() -> int:
    """Read the command line, and compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.checker.compare")
    parser.add_argument("stage")
    parser.add_argument("project", type=Path)
    parser.add_argument("--file")
    parser.add_argument("--yes", action="store_true")
    options = parser.parse_args()
    project = options.project.resolve()
    return compare(options.stage, project, options.file, options.yes)


if __name__ == "__main__":
    exit_with(main)
