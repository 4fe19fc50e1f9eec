"""
Type the blocks of a page into the files that their titles name, as a reader does.

A block that begins with an import, and one for a file that is not there, is the whole
file. Other code takes the place of what has the same name, or comes last; a function
that takes `self` is a method of the first class. A block of the language diff is
applied exactly: its hunks, divided by lines `@@`, must each fit once.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent

from docs.shown import objects, repository
from tests.docs.pages import Block, CannotRun


def write(block: Block, folder: Path, stage: str) -> None:
    """
    Type a block into a file of a copy of the repository.

    An included piece of a stage goes into the reader's copy of that stage. What is
    included from elsewhere is only to be read.
    """
    if block.language == "include" and not block.title.startswith(f"{stage}/"):
        return
    work = folder / "work"
    path = work / block.title.removeprefix("work/")
    if not (work / stage).is_dir():
        raise CannotRun(f"There is no work/{stage} to type this into.")
    old = path.read_text(encoding="utf-8") if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(typed(old, block), encoding="utf-8")


def typed(old: str | None, block: Block) -> str:
    """Return what a file holds when a block has been typed into it."""
    code = "".join(f"{line}\n" for line in block.lines)
    if block.language == "diff":
        return patched(old or "", block)
    if block.language == "include":
        if not block.lines:
            return "".join(repository.read(block.title))
        [name] = block.lines
        lines = repository.read(block.title)
        first, last = objects.find(block.title, lines, name)
        code = "".join(lines[first:last])
        if old is not None:
            if code in old:  # The whole file was copied before.
                return old
            owner, _, _ = name.rpartition(".")
            if block.title.endswith(".js"):
                return placed(old, block.title, name, "", code)
            return placed_each(old, block.title, owner, code)
    if old is None or code.startswith(("import ", "from ")):
        return code
    return placed_each(old, block.title, "", code)


def placed_each(old: str, path: str, owner: str, code: str) -> str:
    """Put each statement of a piece of Python in its place."""
    for node, text in pieces(dedent(code)):
        [name, *_] = objects.names(node)
        arguments = getattr(node, "args", None)
        is_method = arguments and [each.arg for each in arguments.args][:1] == ["self"]
        its_owner = owner or (first_class(old, path) if is_method else "")
        old = placed(old, path, name, its_owner, text)
    return old


def pieces(code: str) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the statements of some code, each with the comment above it."""
    lines = code.splitlines()
    last = 0
    for node in ast.parse(code).body:
        yield node, "\n".join(lines[last : node.end_lineno]).strip("\n") + "\n"
        last = node.end_lineno


def placed(old: str, path: str, name: str | None, owner: str, code: str) -> str:
    """Return a file in which some code has taken its place."""
    lines = old.splitlines(keepends=True)
    if owner:
        code = indent(code, "    ")
    if name and (place := place_of(path, lines, f"{owner}.{name}".lstrip("."))):
        first, last = place
        return "".join([*lines[:first], code, *lines[last:]])
    if owner:
        _, last = objects.find(path, lines, owner)
        return "".join([*lines[:last], "\n", code, *lines[last:]])
    is_object = code.startswith(("def ", "async def ", "class ", "@"))
    return old.rstrip("\n") + ("\n\n\n" if is_object else "\n\n") + code


def place_of(path: str, lines: list[str], name: str) -> tuple[int, int] | None:
    """Return where an object starts and ends in a file that may have it."""
    try:
        return objects.find(path, lines, name)
    except repository.CannotShow:
        return None


def first_class(code: str, path: str) -> str:
    """Return the name of the first class of a file."""
    for node in ast.parse(code).body:
        if isinstance(node, ast.ClassDef):
            return node.name
    raise CannotRun(f"{path} has no class that this method could belong to.")


def patched(old: str, block: Block) -> str:
    """Apply a diff that has no numbers of lines."""
    lines = old.splitlines()
    for hunk in "\n".join(block.lines).split("\n@@\n"):
        before = [line[1:] for line in hunk.split("\n") if not line.startswith("+")]
        after = [line[1:] for line in hunk.split("\n") if not line.startswith("-")]
        places = [n for n in range(len(lines)) if lines[n : n + len(before)] == before]
        if len(places) != 1:
            raise CannotRun(
                f"This fits {block.title} {len(places)} times, not once:\n\n{hunk}"
            )
        lines[places[0] : places[0] + len(before)] = after
    return "\n".join(lines) + "\n"
