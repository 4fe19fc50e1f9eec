"""Reckon how long the path of a chapter takes."""

import json
import math
import re

from docs.shown import repository
from docs.shown.calls import CALL
from docs.shown.listings import new_lines
from docs.shown.objects import find
from docs.shown.repository import before, read

WORDS = 180  # That somebody reads in a minute, of a text that is not in their language.
LINES = 5  # That they type in a minute, and looks at.
FENCE = re.compile(r"[ >]*(`{3,}) *(\w*)(?:.*title=\"([^\"]*)\")?")
PROMPTS = ("$ ", "> ", ">>> ", "... ")


def minutes(chapter):
    """
    Return how many minutes the path of a chapter takes: 5, 10, 15 and so on.

    These are the words of its prose, the lines that are typed, and the seconds that its
    transcripts took when they were recorded.
    """
    words, lines = amount("".join(read(f"docs/{chapter}.md")))
    acts = json.loads("".join(read(f"tests/proofs/evidence/acts/{chapter}.json")))
    waits = sum(act["seconds"] for act in acts.values())
    return str(5 * math.ceil((words / WORDS + lines / LINES + waits / 60) / 5))


def rates():
    """Say how fast somebody is, by whom the minutes are reckoned."""
    return f"{WORDS} words of prose or {LINES} typed lines in a minute"


def amount(markdown):
    """Return how many words of prose a page has, and how many lines to type."""
    words = lines = 0
    ticks = ""
    for line in re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL).splitlines():
        fence = FENCE.match(line)
        if not ticks and fence:
            ticks, language, title = fence.groups()
        elif ticks and line.strip(" >") == ticks:
            ticks = ""
        elif ticks:
            lines += is_typed(line.strip(), language, title or "")
        elif call := CALL.match(line):
            lines += typed_of(call[2].strip())
        else:
            words += len(re.findall(r"[^\W\d_][\w'-]*", line))
    return words, lines


def is_typed(line, language, title):
    """Tell whether somebody types a line of a block."""
    if language in {"console", "pycon"}:
        return line.startswith(PROMPTS)
    if language == "diff":
        return line.startswith("+")
    return title.startswith("work/") and line != ""


def typed_of(call):
    """Return how many lines of an included file are new: these are typed."""
    macro, *arguments = (
        call.replace('"', "").rstrip(") ").replace("(", ", ").split(", ")
    )
    if macro != "include" or not arguments[0].startswith("stage"):
        return 0
    path, name = [*arguments, None][:2]
    all_lines = read(path)
    first, last = find(path, all_lines, name) if name else (0, len(all_lines))
    stage, _, rest = path.partition("/")
    is_new = not (repository.ROOT / before(stage) / rest).exists()
    numbers = range(len(all_lines)) if is_new else new_lines(path)
    return sum(first <= each < last and all_lines[each] != "\n" for each in numbers)
