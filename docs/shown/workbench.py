"""Tell the experiments of the workbench, as they were recorded."""

import base64
import hashlib
import json
import re
from html import escape

from docs.shown.repository import CannotShow, read
from docs.shown.text import cells

EXPERIMENTS = "docs/assets/experiments.json"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3.
BYTES = 24  # Of a frame of an experiment that are shown.


def recordings():
    """Return what `python -m tests.docs.experiments` wrote."""
    return json.loads("".join(read(EXPERIMENTS)))


def recorded_with():
    """Say what the experiments were recorded with."""
    made = recordings()["environment"].items()
    return f"Recorded with {', '.join(f'{name} {version}' for name, version in made)}."


def experiment(name):
    """Tell an experiment line by line: who said what, and what came of it."""
    for each in recordings()["experiments"]:
        if each["name"] == name:
            break
    else:
        raise CannotShow(f"{EXPERIMENTS} has no experiment named {name}.")
    data = {key: each[key] for key in ("name", "kind", "sent")}
    attributes = " ".join(f'data-{key}="{value}"' for key, value in data.items())
    another = each["websockets"].removeprefix("The server ")
    html = [
        f'<div class="experiment" {attributes} markdown="0">',
        *("<ol>", *map(line_of, each["lines"]), "</ol>"),
        f'<p class="outcome">{escape(each["outcome"])}</p>',
        f"<p>A server made with <code>websockets</code> {escape(another)}</p>",
        '<p><button type="button" hidden>Open in the workbench</button></p>',
        "</div>\n",
    ]
    return "\n".join(html)


def experiments():
    """Show what came of all experiments, in a row each, by the headings of the page."""
    page = "".join(read("docs/workbench.md"))
    found = re.findall(r"^### \d+ · (.+) \{ #experiment-(.+) \}$", page, re.M)
    titles = {name: title for title, name in found}
    rows = []
    for each in recordings()["experiments"]:
        name = each["name"]
        if name not in titles:
            raise CannotShow(f"The experiment {name} has no heading.")
        ends = (in_short(each[server]) for server in ("outcome", "websockets"))
        rows.append(cells(f"[{titles[name]}](#experiment-{name})", *ends))
    head = [cells("the client sends", "Daphne", "`websockets`"), "| :-- | :-- | :-- |"]
    return "\n".join([*head, *rows, ""])


def in_short(outcome):
    """Shorten what came of an experiment."""
    if close := re.search(r"a close frame \(code (\d+), (“.*”)\)", outcome):
        return f"close {close[1]}, {close[2]}"
    return "answers, stays open" if "stays open" in outcome else "cuts TCP off"


def line_of(line):
    """Tell a line of an experiment: who, what, when, and the bytes."""
    who = {"client": "client →", "server": "← server", "nobody": "silence"}[line["who"]]
    sent = line.get("hex", "").split()
    shown = " ".join(sent[:BYTES])
    if len(sent) > BYTES:
        shown += f" … and {len(sent) - BYTES} more"
    time = f"{line['ms']} ms" if line["ms"] else "< 1 ms"
    return (
        f'<li class="{line["who"]}"><b>{who}</b> <span>{escape(line["words"])}</span> '
        f"<small>{escape(time)}</small>{shown and f' <code>{shown}</code>'}</li>"
    )


def accept(key, step):
    """Compute Sec-WebSocket-Accept for a key (RFC 6455, section 4.2.2), or a step."""
    digest = hashlib.sha1((key + GUID).encode(), usedforsecurity=False).digest()
    value = base64.b64encode(digest).decode()
    return {"constant": GUID, "hash": digest.hex(" "), "value": value}[step]
