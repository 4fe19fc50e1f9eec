"""Show pieces of a diff on slides: their lines, and what stands around them."""

import re
from functools import cache
from itertools import accumulate, pairwise
from textwrap import wrap

from docs.shown.changes import codes_of
from docs.shown.places import is_whole, places
from docs.shown.repository import CannotShow, before, files
from docs.shown.rows import MARK, code_rows, indent, is_blank, listing

# A slide is 1280 by 720, with 28 pixels of code: what fits, in letters and in rows.
CODE_WIDTH, TITLE_WIDTH, TEXT_WIDTH = 68, 62, 82
SLIDE_HEIGHT, TITLE_ROW, TEXT_ROW, CODE_ROW, CODE_FRAME = 612, 42, 36, 34, 70
FEWEST_ROWS = 5  # Of code on the last of several slides: a bracket alone says nothing.
ITEM_GAP = 11  # Below an item of a list.
SHORT_GAP = 2  # Lines between two that come, which are shown.
EMPTY = 0.02  # How bad a row without code is, beside a cut at a bad place.
MOST_AROUND = 6  # Lines on each side of what comes, so that one sees where it goes.


def screens(stage, found, labels, title, typed):
    """
    Yield pieces of one file on as many slides as they need, the first with the reasons.

    Above the lines stands what the list calls the pieces, their file, and what they are
    in; around them, what stands there when the pieces `typed` have been typed. Slides
    after the first are named by what they are in, too. The reason of a piece alone is
    its title; those of several stand below the `title` of their step. With each slide
    come the lines that it shows.
    """
    path = found[0].path
    title, more, taken = words(found, labels, title)
    others = SLIDE_HEIGHT - CODE_FRAME - TITLE_ROW
    rooms = (others + TITLE_ROW - taken) // CODE_ROW, others // CODE_ROW
    if found[0].verb == "is new":
        parts = list(cut(found[0].added(), *rooms))
    else:
        parts = list(in_place(stage, found, typed, *rooms))
    bar = f"{' and '.join(labels)} · {path}"
    for number, each in enumerate(parts):
        inside = within(stage, found, each)
        if number:
            more = ""
            names = " and ".join(f"`{name}`" for name in inside if name)
            title = f"It goes on in {names or f'`{path}`'}"
        count = f" ({number + 1}&nbsp;of&nbsp;{len(parts)})" if len(parts) > 1 else ""
        where = " and ".join(
            name or "the file, outside of all classes" for name in inside
        )
        is_new = found[0].verb == "is new"
        full = f"{bar} · in {where}" if where and not is_new else bar
        shown = listing(each, found[0], full, CODE_WIDTH, mark=MARK)
        yield f"## {title}{count}\n\n{more}\n\n{shown}", each


def words(found, labels, title):
    """Return the title of pieces, what else is said of them, and how high that is."""
    if len(found) == 1:
        title, _, more = found[0].reason.partition(". ")
        title = title if not more else f"{title}."
        taken = TEXT_ROW * rows(more, TEXT_WIDTH) if more else 0
    else:
        if len({piece.path for piece in found}) > 1:
            raise CannotShow(
                f"{', '.join(piece.name for piece in found)} are shown together, and "
                "are of several files."
            )
        told = [
            f"- **{label}** {piece.reason}"
            for label, piece in zip(labels, found, strict=True)
        ]
        more = "\n".join(told)
        taken = sum(TEXT_ROW * rows(each, TEXT_WIDTH) + ITEM_GAP for each in told)
    return title, more, taken + TITLE_ROW * rows(title, TITLE_WIDTH - len(" (2 of 3)"))


def in_place(stage, found, typed, most, then):
    """
    Yield the lines of pieces in parts of so many rows, with those around them.

    A part shows the file as it is when all above the part has been typed.
    """
    entries = file_of(stage, found, typed)
    changed = [place for place, line in enumerate(entries) if line[0] != " "]
    while is_blank(entries[changed[0]]):  # A slide does not begin with nothing.
        del changed[0]
    numbered = [*around(entries, changed, 0)]
    lines = ["@@\n" if place is None else entries[place] for place in numbered]
    room = most
    for begins, end in ranges(lines, most, then):
        here = {place for place in numbered[begins:end] if place in changed}
        if not all(is_blank(entries[place]) for place in here):
            yield seen(entries, here, room)
            room = then


def file_of(stage, found, typed):
    """Return the lines of a file, each with what the pieces of it do to the line."""
    path = found[0].path
    old = files(before(stage)).get(path, [])
    new = files(stage).get(path, [])
    ours = codes_of(found)
    codes = [*ours, *codes_of(piece for piece in typed if piece.path == path)]
    lines, at = [], 0
    for code in sorted(codes, key=lambda each: each[1:]):
        _, first, last, new_first, new_last = code
        lines += [f" {line}" for line in old[at:first]]
        if code in ours:
            lines += [f"-{line}" for line in old[first:last]]
        sign = "+" if code in ours else " "
        lines += [f"{sign}{line}" for line in new[new_first:new_last]]
        at = last
    return lines + [f" {line}" for line in old[at:]]


def around(entries, places_of, size, below=None):
    """Yield places and those of so many lines above and below each. None is a gap."""
    below = size if below is None else below
    wanted = {
        each
        for place in places_of
        for each in range(place - size, place + below + 1)
        if 0 <= each < len(entries)
    }
    last = None
    for place in sorted(wanted):
        if last is not None and place > last + 1:
            # A gap is no shorter than a line or two.
            is_short = place <= last + 1 + SHORT_GAP
            yield from range(last + 1, place) if is_short else (None,)
        yield place
        last = place


def seen(entries, here, room):
    """Return some lines that come or go, and as many around them as there is room."""
    first = min(here)
    lines, own = [], []
    for place, line in enumerate(entries):
        # What comes above is there already, and what goes below is still there.
        is_there = line[0] == ("+" if place < first else "-")
        if place in here:
            own.append(len(lines))
            lines.append(line)
        elif line[0] == " " or is_there:
            lines.append(f" {line[1:]}")
    shown = []
    # Where there is room for one more, it is the line above.
    for number in range(2 * MOST_AROUND + 1):
        wider = [
            "@@\n" if place is None else lines[place]
            for place in around(lines, own, (number + 1) // 2, number // 2)
        ]
        if shown and height(wider) > room:
            break
        shown = wider
    return shown


def within(stage, found, lines):
    """
    Return what the lines of pieces are in: functions, classes.

    What is in none of them is in "", if the file has such, or there is nothing to say.
    """
    came = {line[1:] for line in lines if line[0] == "+" and not is_blank(line)}
    inside = []
    for piece in found:
        if piece.verb == "is new":
            return [owner(lines)] if owner(lines) else []
        if piece.verb or is_whole(stage, piece):
            return []
        stand = places(stage, piece)
        if any(each.inside for each in stand):
            inside += [each.inside for each in stand if came.intersection(each.added)]
    return [*dict.fromkeys(inside)]


def owner(lines):
    """Return the function or class that is defined first in lines of a new file."""
    definition = re.compile(r"\s*(?:async )?(class|def|function) (\w+)")
    for line in lines:
        if found := definition.match(line):
            return found[2] if found[1] == "class" else f"{found[2]}()"
    return ""


def rows(text, width):
    """Return how many rows a text takes."""
    return len(wrap(text.rstrip("\n"), width, drop_whitespace=False)) or 1


def cut(lines, most, then):
    """
    Yield lines in parts of so many rows, the first and the others.

    There are as few parts as can be. They are cut in front of a definition, at an empty
    line, in front of what goes, or where lines stand least far in.
    """
    for begins, end in ranges(lines, most, then):
        if not all(map(is_blank, lines[begins:end])):
            yield lines[begins:end]


def ranges(lines, most, then):
    """Return where each part of lines begins and ends."""
    used = [0, *accumulate(code_rows(line, CODE_WIDTH) for line in lines)]

    @cache
    def best(begins):
        """Return how many parts are needed from here, how bad, and where to cut."""
        room = then if begins else most
        if used[-1] - used[begins] <= room:
            said = sum(not is_blank(each) for each in lines[begins:])
            return 1, 5 * (begins > 0 and said < FEWEST_ROWS), ()
        options = [(len(lines), 0, ())]
        for end in range(begins + 1, len(lines)):
            if used[end] - used[begins] > room:
                break
            number, bad, ends = best(end)
            bad += badness(lines, end) + (room - used[end] + used[begins]) * EMPTY
            options.append((number + 1, bad, (end, *ends)))
        return min(options)

    return pairwise([0, *best(0)[2], len(lines)])


def badness(lines, place):
    """Return how bad it is to cut lines in front of one of them."""
    if re.match(r"[-+ ]?\s*(@|class |(async )?(def|function) )", lines[place]):
        return 0
    if is_blank(lines[place]):
        return 0.5
    # What goes is shown with what comes for it.
    is_torn = lines[place - 1][0] == "-"
    if lines[place][0] == "-" and not is_torn:
        return 1
    return 2 + indent(lines[place]) / 8 + 2 * is_torn


def height(lines):
    """Return how many rows lines of code take on a slide."""
    return sum(code_rows(line, CODE_WIDTH) for line in lines)
