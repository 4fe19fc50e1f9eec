"""Show a recorded session, step by step, from docs/assets/sessions.json."""

import json
from html import escape

from docs.shown.repository import CannotShow, read, read_toml
from docs.shown.text import with_code

OPCODES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
RECORDS = {20: "change cipher spec", 22: "handshake", 23: "application data"}
HOW = {"end": "hangs up (FIN)", "reset": "is gone (RST)"}
TRIES = 2


def session(name):
    """
    Show what was recorded of a session, as a table that player.js makes steps of.

    `python -m tests.docs.sessions --write` records. The words are in sessions.toml.
    """
    source = "docs/sessions.toml"
    told = read_toml(source).get(name)
    recording = json.loads("".join(read("docs/assets/sessions.json"))).get(name)
    if not told or not recording:
        raise CannotShow(f"{source} and docs/assets/sessions.json need {name}.")
    events = [each for each in recording["events"] if each["kind"] != "page"]
    # What is inside of TLS may be named, too.
    labels = [" ".join(map(label, [each, *each.get("inside", ())])) for each in events]
    notes = {place(labels, key, name): words for key, words in told["notes"].items()}
    lanes = recording["clients"]
    lanes = [lanes[0], "server", *lanes[1:]]
    shown = list(pages_of(recording["events"], events)) if "pages" in told else []
    rows = [
        row(number, event, notes.get(number), lanes, shown)
        for number, event in enumerate(events, start=1)
    ]
    heads = "".join(
        f'<th role="columnheader" scope="col">{each}</th>'
        for each in ("Time", "From → to", "What", "Bytes")
    )
    begin = "end" if "pages" in told else "start"
    title = escape(told["title"])
    asked = question(told.get("question"), labels, events, name)
    return f"""\
<figure class="session" id="session-{name}" data-begin="{begin}"\
 data-lanes="{len(lanes)}" markdown="0">
<link rel="stylesheet" href="assets/player.css">
<script src="assets/player.js" defer></script>
<figcaption><strong>{title}</strong> {with_code(told["about"])}</figcaption>
{"".join(windows(shown, recording["clients"]))}\
<div class="session-middle">
<div class="session-scroll" role="region" tabindex="0" aria-label="{title}">
<p class="session-lanes" aria-hidden="true">
{"".join(f"<span>{each}</span>" for each in lanes)}
</p>
<table class="session-table" role="table">
<thead role="rowgroup"><tr role="row">{heads}</tr></thead>
<tbody role="rowgroup">
{"".join(rows)}\
</tbody></table></div></div>
{"".join(asked)}</figure>
"""


def place(labels, key, name):
    """Return the number, from 1, of the row that a key of sessions.toml means."""
    found = [number for number, each in enumerate(labels, start=1) if key in each]
    if not found:
        raise CannotShow(f"docs/sessions.toml: {name} has no row with {key!r}.")
    return found[0]


def label(event):
    """Say in a few words what was said."""
    return " ".join(filter(None, kind_and_words(event)))


def kind_and_words(event):
    """Return what kind of thing was said, and its words."""
    match event["kind"]:
        case "http":
            first = event["head"][0]
            return "HTTP", first.removeprefix("HTTP/1.1 ").removesuffix(" HTTP/1.1")
        case "frame":
            kind = OPCODES[event["opcode"]]
            return kind, str(event.get("text", event.get("code", "")))
        case "tcp":
            return "TCP", f"{event['from']} {HOW[event['how']]}"
    if "server_name" in event:
        return "ClientHello", f"in the clear, for {event['server_name']}"
    many = len(event["records"])
    if event["records"][0]["type"] == 22:
        return "ServerHello", f"in the clear, and {many - 1} more records"
    return "sealed", "1 record" if many == 1 else f"{many} records"


def pages_of(events, steps):
    """Yield what each page came to show: the number of the step, whose page, what."""
    for event in events:
        if event["kind"] == "page":
            before = [
                number
                for number, step in enumerate(steps, start=1)
                if step["to"] == event["from"] and step["at"] <= event["at"]
            ]
            yield before[-1], event["from"], event["shows"], event["class"]


def windows(shown, clients):
    """Write what the pages of the clients showed in the end."""
    for client in clients if shown else ():
        yield f'<div class="session-page"><p>{client}\'s page</p><ul>\n'
        for step, who, words, kind in shown:
            if who == client:
                is_own = kind == "message" and words.startswith(f"{client}: ")
                kinds = f"{kind} is-own" if is_own else kind
                yield f'<li class="{kinds}" data-step="{step}">{escape(words)}</li>\n'
        yield "</ul></div>\n"


def row(number, event, note, lanes, shown):
    """Write a step as a row of the table, with what it is made of folded."""
    ends = [lanes.index(event["from"]), lanes.index(event["to"])]
    classes = [
        "out" if event["to"] == "server" else "in",
        "whole" if len(lanes) == 2 else ("left", "right")[min(ends)],
        *(["turns"] if ends[0] > ends[1] else []),
    ]
    what = in_bold(event)
    if parts := "".join(parts_of(event)):
        what = f"<details><summary>{what}</summary>{parts}</details>"
    below = [("inside", f"inside: {in_bold(each)}") for each in event.get("inside", ())]
    for step, who, words, _kind in shown:
        if step == number:
            below.append(("shows", f"{who}'s page now shows “{escape(words)}”"))
    if note:
        below.append(("note", with_code(note)))
    what += "".join(f'<p class="session-{kind}">{words}</p>' for kind, words in below)
    cells = (
        f"{event['at']:.3f} s",
        f"{event['from']} → {event['to']}",
        what,
        f"{event['size']:,}" if "size" in event else "",
    )
    cells = "".join(f'<td role="cell">{each}</td>' for each in cells)
    classes = " ".join(classes)
    return f'<tr role="row" class="{classes}" data-at="{event["at"]}">{cells}</tr>\n'


def in_bold(event):
    """Write what was said, its kind in bold."""
    kind, words = kind_and_words(event)
    return f"<b>{kind}</b> <code>{escape(words, quote=False)}</code>"


def parts_of(event):
    """Yield what a step is made of: lines of a head, or bytes and what they mean."""
    if event["kind"] == "http":
        yield f"<pre>{escape(chr(10).join(event['head']), quote=False)}</pre>"
    elif event["kind"] == "frame":
        yield meanings(fields(event))
    elif event["kind"] == "tls":
        for record in event["records"]:
            yield meanings(fields_of_record(record, event.get("server_name")))


def meanings(pairs):
    """Write bytes and their meanings as a list."""
    items = (
        f"<div><dt>{a}</dt><dd>{escape(b, quote=False)}</dd></div>" for a, b in pairs
    )
    return f"<dl>{''.join(items)}</dl>"


def fields(frame):
    """Yield the bytes of a frame, in order, each with what it says (RFC 6455, 5.2)."""
    octets = frame["hex"].split()
    opcode = frame["opcode"]
    kind = f"opcode 0x{opcode:X}: {OPCODES[opcode]}"
    yield octets[0], f"fin {frame['fin']}, rsv {frame['rsv']:03b}, {kind}"
    short = int(octets[1], 16) & 127
    start = {126: 4, 127: 10}.get(short, 2)
    where = f"{short}: the length follows" if start > 2 else f"length {short}"
    yield octets[1], f"mask {frame['masked']}, {where}"
    if start > 2:
        yield " ".join(octets[2:start]), f"length {frame['length']}"
    if frame["masked"]:
        yield frame["key"], "masking key"
        start += 4
    if frame["length"]:
        masked = ", masked" if frame["masked"] else ""
        said = f"“{frame['text']}”" if "text" in frame else f"code {frame.get('code')}"
        yield " ".join(octets[start:]), f"payload{masked}: {said}"


def fields_of_record(record, server_name):
    """Yield the bytes of a record of TLS that can be read, and some of the others."""
    octets = record["hex"].split()
    kind = RECORDS[record["type"]]
    yield " ".join(octets[:5]), f"{kind}, {record['size'] - 5} bytes follow"
    rest = octets[5:]
    if server_name:
        name = server_name.encode().hex(" ").split()
        at = next(n for n in range(len(rest)) if rest[n : n + len(name)] == name)
        yield " ".join(name), f"“{server_name}”, {at} bytes later, for all to read"
    elif record["type"] == 23:
        yield f"{' '.join(rest[:12])} …", "sealed: noise to whoever has no key"


def question(asked, labels, events, name):
    """
    Write what the reader is asked before the row that tells, and each answer.

    The right one is what was recorded.
    """
    if not asked:
        return
    number = place(labels, asked["before"], name)
    choices = [(each["says"], each["why"], "", "") for each in asked["wrong"]]
    came = "<em>This is what came.</em> "
    right = f"`{label(events[number - 1])}`"
    choices.insert(asked["right"] - 1, (right, asked["why"], " data-right", came))
    attributes = f'class="session-question" data-before="{number}" data-tries="{TRIES}"'
    yield f"<div {attributes}>\n"
    yield f"<p>What comes as row {number}? {with_code(asked['text'])}</p><ul>\n"
    for says, why, mark, words in choices:
        said = f"<b>{with_code(says)}</b> {words}<span>{with_code(why)}</span>"
        yield f"<li{mark}>{said}</li>\n"
    yield "</ul></div>\n"
