"""Call a macro for a page: indent what it shows, and say what it cannot show."""

import ast
import json
import logging
import os
import re

from docs.shown import repository
from docs.shown.listings import typed_above
from docs.shown.repository import CannotShow

LOG = logging.getLogger("mkdocs.macros")
EDITED = (
    "Pages show the finished stages. Was one edited? Your own folder is in `work/`."
)
CALL = re.compile(r"^([ \t>]*)\[\[(.+)\]\][ \t]*$", re.MULTILINE)


def called(macro, args, page, is_block):
    """
    Return what a macro shows on a page, whose path is below docs/.

    Raises CannotShow, which fails the build, or says so on the page with SHOW_FAULTS.
    """
    try:
        if not is_block:
            return macro(*args)
        source = repository.ROOT / "docs" / page
        markdown = source.read_text(encoding="utf-8") if source.is_file() else ""
        if macro.__name__ == "include":
            above = markdown[: stands_at(markdown, macro.__name__, args)]
            text = macro(*args, typed=typed_above(above, args[0]))
        else:
            text = macro(*args)
        before = prefix(markdown, macro.__name__, args)
    except Exception as problem:  # Whatever the reader of a stage has done to it.
        if "SHOW_FAULTS" in os.environ:
            return fault(f"docs/{page}: {problem}", is_block)
        if isinstance(problem, CannotShow):
            raise CannotShow(f"docs/{page}: {problem}") from None
        raise
    return f"\n{before}".join(text.splitlines())


def fault(problem, is_block):
    """Say on the page what it cannot show: `learn.py docs` serves on meanwhile."""
    first = problem.partition("\n")[0]
    LOG.warning(first)
    return f"**This cannot be shown.** {first} {EDITED}" + "\n" * is_block


def found_calls(markdown):
    """Yield the calls of macros that stand alone on a line: each with its match."""
    for match in CALL.finditer(markdown):
        call = ast.parse(match[2].strip(), mode="eval").body
        if isinstance(call, ast.Call):  # Else a mistake, which the builder tells.
            yield match, call.func.id, tuple(map(ast.literal_eval, call.args))


def stands_at(markdown, name, args):
    """Return where the first call of a macro with these arguments stands."""
    found = (
        each.start() for each, *call in found_calls(markdown) if call == [name, args]
    )
    return next(found, len(markdown))


def prefix(markdown, name, args):
    """Return what stands before this call of a macro: spaces, or a quotation's `>`."""
    found = {each[1] for each, *call in found_calls(markdown) if call == [name, args]}
    if len(found) == 1:
        return found.pop()
    call = f"[[ {name}({', '.join(map(json.dumps, args))}) ]]"
    if found:
        raise CannotShow(f"{call} stands on this page twice, indented differently.")
    raise CannotShow(f"{call} must stand alone on a line.")
