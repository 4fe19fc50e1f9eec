"""Show how the stages run on other ASGI servers, from docs/servers.json."""

import json

from docs.shown.listings import fence
from docs.shown.repository import read
from docs.shown.text import cells, plain


def servers():
    """Return what was seen of other servers, by `python -m tests.docs.servers`."""
    return json.loads("".join(read("docs/servers.json")))


def servers_started():
    """Show how each server is started, without TLS."""
    lines = [f"{plain}\n" for plain, _ in servers()["commands"].values()]
    return fence("".join(lines), "text", "One of these")


def servers_checks():
    """Show how many checks of each stage pass with each server, and which fail."""
    found = servers()["servers"]
    first, *_ = found.values()
    rows = [
        cells(
            stage.replace("_", " · ", 1).replace("stage0", "stage "),
            *(passed(seen["checks"][stage]) for seen in found.values()),
        )
        for stage in first["checks"]
    ]
    return "\n".join([*server_head("checks", found), *rows, ""])


def passed(checks):
    """Say how many checks pass, how many fail and how many were not tried."""
    failed = checks["failed"]
    words = f"{checks['passed']} pass"
    if failed:
        names = ", ".join(f"`{name}`" for name in failed)
        words += f", {len(failed)} {'fails' if len(failed) == 1 else 'fail'}: {names}"
    return f"{words}; {checks['not_tried']} not tried" if checks["not_tried"] else words


def servers_seen(section):
    """Show what each server does, where the contract promises nothing."""
    found = servers()["servers"]
    first, *_ = found.values()
    rows = [
        cells(
            plain(name),
            *(plain(seen["seen"][section][name]) for seen in found.values()),
        )
        for name in first["seen"][section]
    ]
    return "\n".join([*server_head(section, found), *rows, ""])


def servers_measured():
    """Say with which versions, when and how the servers were looked at."""
    result = servers()
    ours = ("daphne", "channels", "django")  # The names of others are in small letters.
    versions = ", ".join(
        f"{name.capitalize() if name in ours else name} {each}"
        for name, each in result["versions"].items()
    )
    return (
        f"Seen on {result['date']} by `{result['command']}`, with {versions}. "
        "Each server ran with its defaults.\n"
    )


def server_head(first, found):
    """Write the head of a table with a column for each server."""
    return [cells(first, *found), cells(*[":--"] * (1 + len(found)))]
