"""
Draw a profile as a flame graph: who calls is above, who is called below.

The drawing has no script and asks for nothing, so that it works in an <img>.
"""

import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

WIDTH = 760  # Units, as all that follows. The site shows one as about a pixel.
MARGIN = 10
ROW = 20
LETTER = 6.7  # The width of one, in the monospace font of 11 units.
NARROWEST = 1  # What is narrower is left out.
DEPTH = 9  # Rows: below are the insides of libraries.

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
STYLE = (
    "<style>text { font: 11px ui-monospace, Menlo, Consolas, monospace; }"
    " rect { stroke: #fff; } .title { font: bold 14px system-ui, sans-serif; }</style>"
)

# Everything runs in the event loop, or in the thread for what is synchronous. How that
# was started is of no interest.
LOOP, THREAD = "event loop", "thread for synchronous code"
STARTS = {"Handle._run ": LOOP, "_WorkItem.run ": THREAD}

# They only call the next one.
WRAPPERS = re.compile(
    r"\.__call__ \((channels/routing|django/contrib/staticfiles/handlers)\.py"
    r"|as_asgi\.<locals>"
    r"|\(twisted/(python/(log|context)|internet/asyncioreactor)\.py"
)

# The first that is found in a function's file names its colour.
COLOURS = {
    "chat/": ("this project", "#ffd166"),
    "channels": ("Channels and its layer", "#a8d5f7"),
    "asgiref": ("asgiref", "#c5b5f0"),
    "daphne": ("Daphne, Twisted, autobahn", "#b5e0b0"),
    "twisted": ("Daphne, Twisted, autobahn", "#b5e0b0"),
    "autobahn": ("Daphne, Twisted, autobahn", "#b5e0b0"),
    "": ("Python's library, Django", "#dddddd"),
}


class Box(NamedTuple):
    """A function under a certain caller, and how many samples it was seen in."""

    function: str
    count: int
    called: list["Box"]


def stacks(folded: str) -> Iterator[tuple[list[str], int]]:
    """Yield the stacks of `py-spy record --format raw`: the work, without waiting."""
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        functions = stack.split(";")
        for start, name in STARTS.items():
            places = [i for i, each in enumerate(functions) if each.startswith(start)]
            if places:
                inner = functions[places[-1] + 1 :]
                called = [each for each in inner if not WRAPPERS.search(each)]
                yield [name, *called], int(count)
                break


def grow(function: str, found: list[tuple[list[str], int]]) -> Box:
    """Return the box of a function, from the stacks below it."""
    below: dict[str, list[tuple[list[str], int]]] = {}
    for stack, count in found:
        if stack:
            below.setdefault(stack[0], []).append((stack[1:], count))
    called = [grow(name, stacks) for name, stacks in below.items()]
    called.sort(key=lambda box: -box.count)
    return Box(function, sum(count for _, count in found), called)


def draw(title: str, folded: str) -> str:
    """Return the SVG of what py-spy saw. Raises ValueError if that is nothing."""
    found = list(stacks(folded))
    if not found:
        raise ValueError("py-spy has seen no work.")
    roots = grow("", found)
    scale = (WIDTH - 2 * MARGIN) / roots.count
    top = MARGIN + 2 * ROW
    boxes = list(place(roots.called, MARGIN, 0, scale, roots.count))
    deepest = max(row for row, _ in boxes)
    legend = top + (deepest + 2) * ROW
    height = legend + ROW + MARGIN
    parts = [
        f'<svg {NAMESPACE} role="img" viewBox="0 0 {WIDTH} {height}">',
        f"<title>{escape(title)}</title>",
        STYLE,
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="title" x="{MARGIN}" y="{MARGIN + 14}">{escape(title)}</text>',
        *(svg for _, svg in boxes),
        *key(legend),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def place(
    boxes: list[Box], x: float, row: int, scale: float, total: int
) -> Iterator[tuple[int, str]]:
    """Yield each box that is wide enough, and those below it: its row, and its SVG."""
    for box in boxes:
        width = box.count * scale
        if width >= NARROWEST and row < DEPTH:
            share = f"{box.count / total:.0%}"
            y = MARGIN + (row + 2) * ROW
            yield (
                row,
                f"<g><title>{escape(box.function)}: {share}</title>"
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW}"'
                f' fill="{colour(box.function)}"/>'
                + label(box.function.partition(" (")[0], share, x, y, width)
                + "</g>",
            )
            yield from place(box.called, x, row + 1, scale, total)
        x += width


def label(name: str, share: str, x: float, y: int, width: float) -> str:
    """Return what fits into a box: the name, or the method's alone, or a part of it."""
    room = int((width - 8) / LETTER)
    method = name.rpartition(".")[2]
    for text in (
        f"{name} {share}",
        f"{method} {share}",
        method,
        f"{method[: room - 1]}…",
    ):
        if 4 < len(text) <= room:
            return f'<text x="{x + 4:.1f}" y="{y + 14}">{escape(text)}</text>'
    return ""


def colour(function: str) -> str:
    """Return the colour of a function, by the package that it is in."""
    file = function.rpartition("(")[2]
    return next(fill for start, (_, fill) in COLOURS.items() if file.startswith(start))


def key(y: int) -> Iterator[str]:
    """Yield what says which colour is whose."""
    x = MARGIN
    for name, fill in dict(COLOURS.values()).items():
        yield f'<rect x="{x}" y="{y}" width="14" height="14" fill="{fill}"/>'
        yield f'<text x="{x + 18}" y="{y + 11}">{escape(name)}</text>'
        x += 18 + round((len(name) + 2) * LETTER)
