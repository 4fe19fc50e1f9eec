"""Show a chapter one idea a screen, from what stands elsewhere."""

import ast
import re
from itertools import chain
from pathlib import Path
from textwrap import wrap

from docs.shown.listings import LANGUAGES, fence
from docs.shown.pages import page, paragraph, section
from docs.shown.pictures import screenshot
from docs.shown.repository import CannotShow, read
from docs.shown.teach import lesson, once, order

# A slide is 1280 by 720, with 28 pixels of code: what fits, in letters and in rows.
CODE_WIDTH, TITLE_WIDTH, TEXT_WIDTH = 66, 62, 82
SLIDE_HEIGHT, TITLE_ROW, TEXT_ROW, CODE_ROW, CODE_FRAME = 600, 42, 36, 36, 76
# Of a drawing, in its units: less is no slide, and what stands above a heading.
SHORTEST_PART, ABOVE_PART = 70, 28
FEWEST_ROWS = 5  # Of code on the last of several slides: a bracket alone says nothing.


def slides(chapter):
    """
    Show a chapter one idea a screen: its figures, its new lines, its questions.

    All of it stands elsewhere: in the chapter, in the stage, in the reasons, and on the
    page for who teaches it.
    """
    told = lesson(chapter)["slides"]
    steps, copied, _ = order(chapter)
    title = next(page(chapter))[0]
    first = next(
        line for line, _ in page(chapter) if line.startswith("In this chapter")
    )
    shown = [f"{title}\n\n{paragraph(chapter, first)}\n"]
    for part, beginning in told.items():
        heading, _ = section(chapter, part)
        shown.append(f"## {heading}\n\n{paragraph(chapter, beginning)}\n")
    shown += figures(chapter)
    for _, found in steps:
        shown += chain.from_iterable(map(screens, found))
    if copied:
        rows = "".join(f"- `{piece.path}`\n" for piece in once(copied))
        shown.append(f"## Copied, not typed\n\n{rows}")
    shown += pictures(chapter)
    shown += [f"## {question}\n" for question in asked_in_class(chapter)]
    if "missing" in lesson(chapter):
        heading, lines = section(chapter, lesson(chapter)["missing"])
        shown.append(f"## {heading}\n\n{points(lines)}")
    number = len(shown)
    return (
        '<div class="slides" markdown="1">\n\n'
        + "".join(
            f'<section class="slide" id="{place}" markdown="1" '
            f'aria-label="Slide {place} of {number}">\n\n{text}\n</section>\n\n'
            for place, text in enumerate(shown, start=1)
        )
        + "</div>\n"
    )


def points(lines):
    """Return the points of a list."""
    return "".join(f"{line}\n" for line in lines if line.startswith("- "))


def asked_in_class(chapter):
    """Return what the page for who teaches a chapter asks."""
    found = [
        line.removeprefix('??? question "').removesuffix('"')
        for line, _ in page(f"teach-{chapter}")
        if line.startswith('??? question "')
    ]
    if len(found) != 3:
        raise CannotShow(f"docs/teach-{chapter}.md asks {len(found)} questions, not 3.")
    return found


def pictures(chapter):
    """Yield the screenshots of a chapter."""
    wanted = re.compile(r"\[\[ (screenshot\(.+\)) \]\]")
    for line, is_code in page(chapter):
        if not is_code and (call := wanted.fullmatch(line)):
            arguments = ast.parse(call[1], mode="eval").body.args
            yield f"## On the wire\n\n{screenshot(*map(ast.literal_eval, arguments))}"


def figures(chapter):
    """Yield the drawings of a chapter, each part of them large enough to be read."""
    for line, is_code in page(chapter):
        if not is_code and (call := re.match(r'\[\[ svg\("(.+)"\) \]\]', line)):
            yield from drawn(call[1])


def drawn(name):
    """Yield a drawing in pieces: it is cut above each of its headings."""
    drawing = "".join(line for line in read(f"docs/assets/{name}") if line.strip())
    width, height = re.search(r'viewBox="0 0 (\d+) (\d+)"', drawing).groups()
    [title] = re.findall(r"<title[^>]*>(.+)</title>", drawing)
    heading = r'<text class="part" x="\d+" y="(\d+)">(.+?)</text>'
    parts = [(int(y), text) for y, text in re.findall(heading, drawing)]
    ends = [*(y for y, _ in parts[1:]), int(height) + ABOVE_PART]
    # Here each part is a drawing of its own, named by its heading.
    bare = re.sub(r"\s*<(title|desc)\b.*?</\1>", "", drawing, flags=re.DOTALL)
    sides = re.findall(r'<text class="end".*?</text>', bare)
    for side in sides:
        bare = bare.replace(side, "")
    top = None
    for (y, text), end in zip(parts, ends, strict=True):
        top = y if top is None else top
        if end - top < SHORTEST_PART:
            continue
        place = f'viewBox="0 {top - ABOVE_PART} {width} {end - top}"'
        label = f'aria-label="{title}, the part “{text}”"'
        named = "".join(sides).replace('y="20"', f'y="{top - 16}"')
        named = named.replace('x="8"', 'x="28"').replace('x="392"', 'x="372"')
        shown = re.sub(r'viewBox="[^"]+"', place, bare)
        shown = re.sub(r'aria-labelledby="[^"]+"', label, shown)
        shown = re.sub(r"</g>\s*</svg>", f"{named}</g></svg>", shown)
        shown = f'<figure class="drawing" markdown="0">\n{shown.rstrip()}\n</figure>\n'
        yield f"## {title}\n\n{shown}"
        top = None


def screens(piece):
    """
    Yield a piece of the diff on as many slides as it needs, the first with its reason.

    Where they are several, what goes is left out, and the others are named by what
    they are in.
    """
    title, _, more = piece.reason.partition(". ")
    title = title if not more else f"{title}."
    room = SLIDE_HEIGHT - CODE_FRAME
    room -= TITLE_ROW * rows(title, TITLE_WIDTH - len(" (2 of 3)"))
    room -= TEXT_ROW * rows(more, TEXT_WIDTH) if more else 0
    others = SLIDE_HEIGHT - CODE_FRAME - TITLE_ROW
    if piece.verb == "is new":
        language, lines = LANGUAGES.get(Path(piece.path).suffix, "text"), piece.added()
    else:
        language, lines = "diff", [*joined(piece.hunks)]
    found = list(cut(lines, room // CODE_ROW, others // CODE_ROW))
    if language == "diff" and len(found) > 1:
        lines = [line for line in lines if line[0] != "-"]
        found = list(cut(lines, room // CODE_ROW, others // CODE_ROW))
    place = 0
    for number, each in enumerate(found):
        if number:
            more, title = "", f"`{owner(lines, place) or piece.path}`"
        count = f" ({number + 1}&nbsp;of&nbsp;{len(found)})" if len(found) > 1 else ""
        while each and not each[0].strip("+- \n"):
            each, place = each[1:], place + 1
        code = fence("".join(each).strip("\n"), language, piece.path)
        yield f"## {title}{count}\n\n{more}\n\n{code}"
        place += len(each)


def owner(lines, place):
    """Return the function that a line is in, as far as one sees it from these lines."""
    definition = re.compile(r"[+ ]?\s*(?:async )?(class|def|function) (\w+)")
    for line in reversed(lines[: place + 3]):
        if found := definition.match(line):
            return found[2] if found[1] == "class" else f"{found[2]}()"
    return ""


def joined(found):
    """Yield the lines of hunks, with a line between them that stands for the others."""
    for number, hunk in enumerate(found):
        if number:
            yield "@@\n"
        yield from hunk


def rows(text, width):
    """Return how many rows a text takes."""
    return len(wrap(text.rstrip("\n"), width, drop_whitespace=False)) or 1


def cut(lines, most, then):
    """
    Yield lines in pieces of so many rows, the first and the others.

    They are cut in front of a definition or at an empty line, where one is near.
    """
    while sum(rows(line, CODE_WIDTH) for line in lines) > most:
        fitting, used = 0, rows(lines[0], CODE_WIDTH)
        while used <= most:
            fitting += 1
            used += rows(lines[fitting], CODE_WIDTH)
        fitting = min(fitting, max(len(lines) - FEWEST_ROWS, 1))
        near = range(fitting, fitting // 2, -1)
        begins = re.compile(r"[+ ]?\s*(@|class |(async )?(def|function) )")
        for good in (begins.match, lambda line: not line.strip("+- \n")):
            if places := [place for place in near if good(lines[place])]:
                fitting = places[0]
                break
        yield lines[:fitting]
        lines, most = lines[fitting:], then
    if any(line.strip("+- \n") for line in lines):
        yield lines
