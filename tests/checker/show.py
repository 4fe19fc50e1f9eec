"""
Messages in words: what was sent, expected and got, with the first difference in sight.

Every line is at most 72 characters long, so that a report may indent it.
"""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 72  # Characters of a line.
SHORT = 60  # Characters of a message that is shown as it is, in a sentence.
BEFORE, AFTER = 16, 24  # Characters that are shown around a difference.
BYTE = 4  # Characters that a byte may take.
VALUE = 16  # Characters of a string in an object: the name of a room is cut.
MISSING = object()


def show(message: str | bytes) -> str:
    """Show a message so that text and binary can be told apart, and long ones cut."""
    kind = "the text" if isinstance(message, str) else "the bytes"
    shown = repr(message)
    if len(shown) > SHORT:
        shown = f"{shown[:SHORT]}… ({len(message):,} long)"
    return f"{kind} {shown}"


def facts(**named: str) -> list[str]:
    """Return a line for each fact that there is, the words in a column."""
    names = {name: name.replace("_", " ") for name, words in named.items() if words}
    width = max(map(len, names.values()), default=0) + 1
    lines = []
    for key, name in names.items():
        lines += textwrap.wrap(
            named[key],
            WIDTH,
            initial_indent=f"{name + ':':<{width}} ",
            subsequent_indent=" " * (width + 1),
            break_on_hyphens=False,
            max_lines=2,
            placeholder="…",
        )
    return lines


# Texts and bytes


def first_difference(one: Sequence, other: Sequence) -> int:
    """Return the position, from 0, at which two messages of one kind differ first."""
    # Halving, since one by one a mebibyte takes a second.
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def around(message: str | bytes, place: int) -> str:
    """Show what stands around a position of a message."""
    size = 1 if isinstance(message, str) else BYTE
    begin, end = max(0, place - BEFORE // size), place + AFTER // size
    left = "…" if begin else ""
    right = "…" if end < len(message) else ""
    return f"{left}{message[begin:end]!r}{right} ({len(message):,} long)"


def another_message(
    expected: str | bytes, came: str | bytes
) -> tuple[str, dict[str, str]]:
    """Say that another message came than the one expected: a sentence, and facts."""
    is_short = max(len(repr(expected)), len(repr(came))) <= SHORT
    if is_short or type(expected) is not type(came):
        return f"Expected {show(expected)}, but {show(came)} came.", {}
    place = first_difference(expected, came)
    kind = "text" if isinstance(expected, str) else "binary message"
    unit = "character" if isinstance(expected, str) else "byte"
    if place == min(len(expected), len(came)):
        longer = "less" if len(came) < len(expected) else "more"
        sentence = (
            f"Another {kind} came than was expected: it is right up to {unit} "
            f"{place:,}, and there is {longer} of it."
        )
    else:
        sentence = (
            f"Another {kind} came than was expected: they differ from {unit} "
            f"{place + 1:,} on."
        )
    around_it = {"expected": around(expected, place), "came": around(came, place)}
    return sentence, around_it


# Objects


def value(of: Any, most: int = VALUE) -> str:
    """Show a value of an object as JSON, cut."""
    if isinstance(of, str) and len(of) > most:
        of = f"{of[: most - 1]}…"
    shown = json.dumps(of, ensure_ascii=False)
    # What a terminal would not show, or would obey.
    shown = re.sub(
        r"[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]",
        escaped,
        shown,
    )
    return shown if len(shown) <= 2 * most else f"{shown[: 2 * most - 1]}…"


def escaped(sign: re.Match[str]) -> str:
    """Return a sign as JSON may write it, too."""
    return f"\\u{ord(sign[0]):04x}"


def in_short(message: Mapping[str, Any], whole: Sequence[str] = ()) -> str:
    """Show an object on one line, its long values cut, unless they are named."""
    pairs = (
        f"{value(key)}: {value(each, 2 * VALUE if key in whole else VALUE)}"
        for key, each in message.items()
    )
    return f"{{{', '.join(pairs)}}}"


def another_object(
    expected: Mapping[str, Any], came: Mapping[str, Any]
) -> tuple[str, dict[str, str]]:
    """Say which keys differ in an object that came: a sentence, and facts."""
    keys = [key for key in expected if came.get(key, MISSING) != expected[key]]
    # What a message is comes first: an error differs in all the rest, too.
    keys.sort(key=lambda key: key != "type")
    if keys[0] == "type":
        keys = keys[:1]
    differences = [difference_at(key, expected[key], came) for key in keys[:2]]
    more = f", and {len(keys) - 2} more" if len(keys) > 2 else ""
    sentence = (
        f"Another message came than was expected: {' and '.join(differences)}{more}."
    )
    return sentence, {
        "expected": in_short(expected, keys),
        "came": in_short(came, keys),
    }


def difference_at(key: str, expected: Any, came: Mapping[str, Any]) -> str:
    """Say how one key differs."""
    if key not in came:
        return f"{value(key)} is missing"
    got, name = came[key], value(key)
    are_texts = isinstance(expected, str) and isinstance(got, str)
    if not are_texts or max(len(expected), len(got)) <= VALUE:
        return f"{name} is {value(got)}, not {value(expected)}"
    place = first_difference(expected, got)
    got, expected = (excerpt(each, place) for each in (got, expected))
    return f"{name} differs from character {place + 1:,} on: {got}, not {expected}"


def excerpt(text: str, place: int) -> str:
    """Show what stands around a position of a value, as JSON."""
    begin, end = max(0, place - VALUE // 2), place + VALUE // 2
    left, right = "…" if begin else "", "…" if end < len(text) else ""
    return value(f"{left}{text[begin:end]}{right}", 2 * VALUE)


def sent_in_short(message: str | bytes) -> str:
    """Show what a client has sent, an object as an object."""
    if isinstance(message, str):
        try:
            read = json.loads(message)
        except (ValueError, RecursionError):
            read = None
        if isinstance(read, dict) and read:
            return in_short(read)
    return show(message)
