"""
What a server printed, cut to what tells something, for a report.

And how much of a text fits into a line of a terminal: of wide signs, half as many.
"""

import re
import textwrap
from itertools import groupby
from unicodedata import east_asian_width

# How the access logs of runserver and Daphne begin a line: a client came, or went.
CLIENTS = re.compile(
    r"WebSocket (HANDSHAKING|CONNECT|DISCONNECT|REJECT|CLOSE)\b|"
    r'\S+ - - \[[^\]]*\] "WS(CONNECT|DISCONNECT|REJECT)'
)
REQUESTS = re.compile(r"HTTP [A-Z]+ /")
# What it says of itself, when it starts.
BANNER = re.compile(
    r"(Performing system checks|System check identified no issues|Watching for file "
    r"changes|Django version |Starting (ASGI|Daphne|development)|Quit the server|"
    r"WARNING: This is a development server|[A-Z][a-z]+ \d{1,2}, \d{4} - [\d:]+$)"
)
# The first frame of every start, if others of the project are below it.
MANAGE = re.compile(r'^  File "manage\.py", .*\n(?:    .*\n)*(?=  File)', re.MULTILINE)
TRACEBACK = "Traceback (most recent call last):"

# What moves the cursor, or colours: a terminal would obey it.
ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

# Python says of a failing import in which file of a library it has looked, and Daphne
# of what it has killed in which line of one that was.
LIBRARIES = re.compile(
    r"((?<=\()[^()\n]*|(?<=(?:running|defined) at )[^<>\n]*?)site-packages[/\\]"
)


def telling(printed: str) -> list[str]:
    """
    Return the lines that tell something: no comings and goings, nothing said twice.

    Where there is a traceback, requests for pages are no news either.
    """
    lines = MANAGE.sub("", clean(printed)).splitlines()
    noise = [CLIENTS, BANNER, *([REQUESTS] if TRACEBACK in printed else [])]
    lines = [line for line in lines if not any(each.match(line) for each in noise)]
    return [line for block in once(blocks(lines)) for line in block]


def clean(printed: str) -> str:
    """Return a text without what a terminal would obey, and where libraries are."""
    text = ESCAPES.sub("", printed.rstrip().lstrip("\n")).replace("\t", "    ")
    return LIBRARIES.sub("", CONTROLS.sub("�", text))


def is_wide(sign: str) -> bool:
    """Tell whether a terminal gives a sign two columns, as it does for Chinese."""
    return east_asian_width(sign) in ("W", "F")


def fitting(text: str, columns: int) -> int:
    """Return how many signs of a text fit into so many columns."""
    if text.isascii():
        return min(len(text), columns)
    for number, sign in enumerate(text):
        columns -= 1 + is_wide(sign)
        if columns < 0:
            return number
    return len(text)


def wrap(text: str, columns: int, **options: object) -> list[str]:
    """Break a text into lines of so many columns, as textwrap.wrap() does."""
    options["break_on_hyphens"] = False  # Paths and names with hyphens stay whole.
    if not any(map(is_wide, text)):
        return textwrap.wrap(text, columns, **options)
    # Its second half is a sign that nobody prints. The last of a line may be cut off.
    filled = "".join(f"{sign}\0" if is_wide(sign) else sign for sign in text)
    lines = textwrap.wrap(filled, columns - 1, **options)
    return [line.replace("\0", "") for line in lines]


def blocks(lines: list[str]) -> list[list[str]]:
    """Cut lines into tracebacks, each with the line that announces it, and the rest."""
    found: list[list[str]] = []
    is_open = False
    for line in lines:
        if line == TRACEBACK:
            announced = found and len(found[-1]) == 1 and not is_open
            if announced and found[-1][0].startswith("Exception inside application"):
                found[-1].append(line)
            else:
                found.append([line])
            is_open = True
        elif is_open:
            found[-1].append(line)
            # What is indented are frames, and the line below them ends the traceback.
            is_open = line.startswith(" ")
        else:
            found.append([line])
    return found


def once(found: list[list[str]]) -> list[list[str]]:
    """Drop tracebacks that were there before, and count lines that come again."""
    kept: list[list[str]] = []
    for block, group in groupby(found):
        times = len(list(group))
        if TRACEBACK in block:
            if block not in kept:
                kept.append(block)
        elif times > 1:
            kept.append([f"{block[0]} ({times} times)"])
        else:
            kept.append(block)
    return kept


def best(lines: list[str], most: int) -> tuple[list[str], int]:
    """
    Return the lines that tell most, no more than so many, and how many are left out.

    Of tracebacks that is the first with a place in the project: it has set off the
    others. Its frames are left out from the top: the last one is where it was raised.
    """
    if len(lines) <= most:
        return lines, 0
    tracebacks = [block for block in blocks(lines) if TRACEBACK in block]
    placed = [block for block in tracebacks if any("  File" in each for each in block)]
    block = [*placed, *tracebacks, lines][0]
    if block is not lines and len(block) > most > 1:
        block = [block[0], *block[len(block) - most + 1 :]]
    chosen = block[-most:] if most else []
    return chosen, len(lines) - len(chosen)
