"""Show what changes of Daphne and Channels would do, from docs/upstream.json."""

import json

from docs.shown.repository import CannotShow, read
from docs.shown.text import cells, number, plain


def upstream():
    """Return what was measured by `python -m tests.docs.upstream --write`."""
    return json.loads("".join(read("docs/upstream.json")))


def upstream_effect(name):
    """Show what was measured without a change and with it."""
    effects = upstream()["effects"]
    if name not in effects:
        raise CannotShow(f"docs/upstream.json has no effect called {name}.")
    rows = effects[name]
    head = ["seen", "as it is", "changed"]
    if are_timed := "ratio" in rows[0]:
        head += ["ratio"]
    lines = [cells(*head), cells(":--", *["--:"] * (len(head) - 1))]
    shown = timed if are_timed else counted
    return "\n".join([*lines, *(shown(row) for row in rows), ""])


def counted(row):
    """Write a row of what was counted: how many of how many."""
    counts = (f"{row[when]} of {row['of']}" for when in ("before", "after"))
    return cells(plain(row["name"]), *counts)


def timed(row):
    """Write a row of what was timed, and how far its ratio varies."""
    before, after, ratio, low, high = (
        number(row[each]) for each in ("before", "after", "ratio", "low", "high")
    )
    return cells(plain(row["name"]), before, after, f"{ratio} ({low} to {high})")


def upstream_measured():
    """Say with which versions, when and how the changes were measured."""
    result = upstream()
    command = result["command"].replace("python ", "python3 ", 1)  # As pages have it.
    versions = ", ".join(f"{name} {each}" for name, each in result["versions"].items())
    return (
        f"Measured on {result['date']} by `{command}`, with {versions}, "
        f"in {result['rounds']} rounds.\n"
    )
