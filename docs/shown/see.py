"""Show what py-spy said of a server that stands still, from docs/see.json."""

import json

from docs.shown.listings import fence
from docs.shown.repository import CannotShow, read


def seen_by_py_spy(*words):
    """Show the threads that stand still while each of these words is at work."""
    result = json.loads("".join(read("docs/see.json")))
    lines = []
    for word in words:
        if word not in result["seen"]:
            raise CannotShow(f"docs/see.json has not seen {word!r}.")
        thread, *calls = result["seen"][word]
        lines += [f"{word}: {thread}\n", *(f"    {call}\n" for call in calls), "\n"]
    return fence("".join(lines), "text", f"py-spy {result['py-spy']}")
