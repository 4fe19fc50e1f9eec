"""Find one object in a file of Python or JavaScript, by its name."""

import ast
import re
from pathlib import Path

from docs.shown.repository import CannotShow

COMMENTS = {".py": "#", ".js": "//"}


def find(path, lines, name):
    """Return where an object starts and ends, with the comment right above it."""
    suffix = Path(path).suffix
    if suffix == ".py":
        try:
            first, last = find_in_python(lines, name)
        except SyntaxError as error:
            words = f"{path}: Python cannot read line {error.lineno}: {error.msg}."
            raise CannotShow(words) from None
    elif suffix == ".js":
        first, last = find_in_javascript(lines, name)
    else:
        raise CannotShow(f"{path}: objects are found in .py and .js files only.")
    if first is None:
        raise CannotShow(f"{path} has no object named {name}.")
    while first and lines[first - 1].lstrip().startswith(COMMENTS[suffix]):
        first -= 1
    return first, last


def find_in_python(lines, name):
    """Find a function, class, method or variable by its dotted name."""
    node = ast.parse("".join(lines))
    for part in name.split("."):
        node = next(
            (child for child in getattr(node, "body", []) if part in names(child)), None
        )
    if node is None:
        return None, None
    decorators = getattr(node, "decorator_list", [])
    return min(each.lineno for each in [node, *decorators]) - 1, node.end_lineno


def names(node):
    """Return the names that a statement defines."""
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [getattr(node, "name", None)]


def find_in_javascript(lines, name):
    """Find a function that starts and ends at the left margin."""
    start = re.compile(rf"(async )?function {re.escape(name)}\(")
    first = next(
        (number for number, line in enumerate(lines) if start.match(line)), None
    )
    if first is None:
        return None, None
    return first, next(
        n for n in range(first, len(lines)) if lines[n].startswith("}")
    ) + 1
