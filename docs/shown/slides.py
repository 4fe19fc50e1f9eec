"""Show a chapter one idea a screen, from what stands elsewhere."""

import ast
import re
from html import escape
from itertools import chain
from math import ceil
from textwrap import wrap

from docs.shown.glossary import terms
from docs.shown.pages import heading, page, paragraph, section
from docs.shown.pictures import drawing, figure, size_of
from docs.shown.repository import CannotShow
from docs.shown.rows import code_rows, indent, is_blank, joined, listing
from docs.shown.teach import asked, failures, lesson, once, order
from docs.shown.text import plain

# A slide is 1280 by 720, with 28 pixels of code: what fits, in letters and in rows.
CODE_WIDTH, TITLE_WIDTH, TEXT_WIDTH = 66, 62, 82
SLIDE_HEIGHT, TITLE_ROW, TEXT_ROW, CODE_ROW, CODE_FRAME = 600, 42, 36, 36, 76
# Of a drawing, in its units: what fits as a whole; what is too little for a slide; and
# what stands above a heading, and above that, with the names of both sides.
TALLEST, SHORTEST_PART, ABOVE_PART, NAMES = 325, 70, 28, 22
FEWEST_ROWS = 5  # Of code on the last of several slides: a bracket alone says nothing.


def slides(chapter):
    """
    Show a chapter one idea a screen: its ideas, its new lines, its questions.

    All of it stands elsewhere: in the chapter, the glossary, the stage, the reasons,
    and on the page for who teaches it. docs/teach/<chapter>.toml says what comes when.
    """
    told = lesson(chapter)
    steps, copied, _ = order(chapter)
    title = next(page(chapter))[0]
    first = next(
        line for line, _ in page(chapter) if line.startswith("In this chapter")
    )
    shown = [f"{title}\n\n{paragraph(chapter, first)}\n"]
    shown += ideas(chapter, told["slide"])
    copies = [*copies_of(copied)]
    for step, found in steps:
        shown += chain.from_iterable(map(screens, found))
        if step.get("copies"):
            shown += copies
            copies = []
        # Before what tells the answer.
        shown += asking(chapter, step.get("asks", []))
        shown += checked(chapter, step)
        shown += ideas(chapter, step.get("slide", []))
    shown += copies
    shown += pictures(chapter)
    early = [*chain.from_iterable(step.get("asks", []) for step, _ in steps)]
    shown += asking(chapter, [each for each in (1, 2, 3) if each not in early])
    for failure, done, seen in failures(chapter):
        shown.append(f"## {failure}\n\n{done}\n\nWhat will you see?\n{{ .ask }}\n")
        shown.append(f"## {failure}\n\n{seen}")
    if "missing" in told:
        missing, lines = section(chapter, told["missing"])
        shown.append(f"## {missing}\n\n{points(lines)}")
    wanted = [
        *told["slide"],
        *chain.from_iterable(s.get("slide", []) for s, _ in steps),
    ]
    for name in drawings(chapter) - {slide.get("svg") for slide in wanted}:
        raise CannotShow(f"docs/teach/{chapter}.toml has no slide with {name}.")
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


def asking(chapter, numbers):
    """Yield the questions with these numbers, each with its answer after it."""
    for number in numbers:
        question, answer = asked(chapter)[number - 1]
        yield from (f"## {question}\n", f"## {question}\n\n{answer}")


def drawings(chapter):
    """Return the names of the drawings in a chapter."""
    call = re.compile(r'\[\[ svg\("(.+?)"')
    lines = [line for line, is_code in page(chapter) if not is_code]
    return {found[1] for line in lines if (found := call.match(line))}


def points(lines):
    """Return the points of a list."""
    return "".join(f"{line}\n" for line in lines if line.startswith("- "))


def ideas(chapter, wanted):
    """
    Yield the slides that a chapter's order of teaching asks for.

    Each has a title: a term of the glossary, the heading of a part of the chapter, a
    sentence of the plan, or that of its drawing. Below it stand what the term means,
    what the chapter `says` (a paragraph, a list or a table that begins so), and a
    drawing, maybe at one of its steps or one part of it.
    """
    for slide in wanted:
        says = slide.get("says", [])
        says = [says] if isinstance(says, str) else says
        texts = [paragraph(chapter, beginning) for beginning in says]
        title = title_of(chapter, slide)
        if "term" in slide:
            texts.insert(0, plain(term(slide["term"])["meaning"]))
        if "svg" not in slide:
            yield "\n\n".join([f"## {title}", *texts, ""])
        for drawn_title, shown in drawn(*map(slide.get, ("svg", "step", "piece"))):
            yield "\n\n".join([f"## {title or drawn_title}", *texts, shown])


def title_of(chapter, slide):
    """Return the title of a slide, if it is not that of its drawing."""
    if "term" in slide:
        return term(slide["term"])["term"]
    if "part" in slide:
        return heading(chapter, slide["part"])
    if "plan" in slide:
        for each in lesson(chapter)["plan"]:
            if slide["plan"] in each["you"]:
                return each["you"][each["you"].index(slide["plan"]) :]
        raise CannotShow(f"docs/teach/{chapter}.toml plans no {slide['plan']!r}.")
    return ""


def term(name):
    """Return a term of the glossary."""
    for each in terms():
        if each["term"] == name:
            return each
    raise CannotShow(f"docs/glossary.toml has no term {name!r}.")


def checked(chapter, step):
    """Yield what one does after a step, and then what is seen."""
    then = step["then"][0].upper() + step["then"][1:]
    if "fails" not in step:
        yield f"## Now\n\n{then}\n"
        return
    asked = f"## Now: `check {int(chapter[:2])}`. What is red?\n"
    yield asked
    yield f"{asked}\n**FAIL** {step['fails']}\n{{ .fails }}\n\n{then}\n"


def copies_of(copied):
    """Yield what is copied, and not typed."""
    if copied:
        rows = "".join(f"- `{piece.path}`\n" for piece in once(copied))
        yield f"## Copied, not typed\n\n{rows}"


def pictures(chapter):
    """Yield the screenshots of a chapter: of a page of ours, only its wire log."""
    wanted = re.compile(r"\[\[ (screenshot\(.+\)) \]\]")
    for line, is_code in page(chapter):
        if not is_code and (call := wanted.fullmatch(line)):
            arguments = ast.parse(call[1], mode="eval").body.args
            name, alternative, caption = map(ast.literal_eval, arguments)
            shown = logged(name, alternative, lesson(chapter)["wire"].get(name))
            yield f"## {caption}\n\n{shown}"


def logged(name, alternative, rows_shown):
    """
    Show the wire log of a screenshot: its rows between these heights, side by side.

    Without heights, all of the picture is shown.
    """
    shown = []
    for scheme in ("light", "dark"):
        path = f"assets/{name}-{scheme}.png"
        width, height = size_of(path)
        size = f'width="{width}" height="{height}" loading="lazy"'
        for place, (top, end) in enumerate(rows_shown or [(0, height)]):
            text = "The same, further down." if place else escape(alternative)
            style = f"--top: {top}; --rows: {end - top}"
            shown.append(
                f'<span class="only-{scheme}" style="{style}">'
                f'<img src="{path}" {size} alt="{text}"></span>'
            )
    kind = "shot log" if rows_shown else "shot"
    pictures = "\n".join(shown)
    return f'<figure class="{kind}" markdown="0">\n{pictures}\n</figure>\n'


def drawn(name, step=None, piece=None):
    """
    Yield a drawing with its title, and in pieces where it is too tall for a slide.

    It is cut above each of its headings. A piece may also be asked for by its heading.
    """
    if not name:
        return
    shown = drawing(name, step)
    width, height = re.search(r'viewBox="0 0 (\d+) (\d+)"', shown).groups()
    [title] = re.findall(r"<title[^>]*>(.+)</title>", shown)
    told = " ".join(re.search(r"<desc[^>]*>(.+)</desc>", shown, re.DOTALL)[1].split())
    # There may be several on a page, so nothing in it has an id.
    bare = re.sub(r"\s*<(title|desc)\b.*?</\1>", "", shown, flags=re.DOTALL)
    if int(height) <= TALLEST and not piece:
        label = f'aria-label="{title}. {told}"'
        yield title, figure(re.sub(r'aria-labelledby="[^"]+"', label, bare))
        return
    part = r'<text class="part" x="\d+" y="(\d+)">(.+?)</text>'
    parts = [(int(y), text) for y, text in re.findall(part, shown)]
    ends = [*(y for y, _ in parts[1:]), int(height) + ABOVE_PART]
    sides = re.findall(r'<text class="end".*?</text>', bare)
    for side in sides:
        bare = bare.replace(side, "")
    top = None
    for (y, text), end in zip(parts, ends, strict=True):
        if piece not in (None, text):
            continue
        top = y if top is None else top
        if end - top < SHORTEST_PART:
            continue
        begins, size = top - ABOVE_PART, end - top
        place = f'viewBox="0 {begins - NAMES} {width} {size + NAMES}"'
        cut_out = re.sub(r'viewBox="[^"]+"', place, bare)
        label = f'aria-label="{title}, the part “{text}”"'
        cut_out = re.sub(r'aria-labelledby="[^"]+"', label, cut_out)
        # A drawing within a drawing shows nothing of what is beside the part.
        frame = f'<svg y="{begins}" width="{width}" height="{size}" '
        frame += f'viewBox="0 {begins} {width} {size}">'
        cut_out = re.sub(r"(<g\b[^>]*>)", rf"\1{frame}", cut_out, count=1)
        named = "".join(sides).replace('y="20"', f'y="{begins - 6}"')
        cut_out = re.sub(r"</g>\s*</svg>", f"</svg>{named}</g></svg>", cut_out)
        yield title, figure(cut_out)
        top = None


def screens(piece):
    """
    Yield a piece of the diff on as many slides as it needs, the first with its reason.

    The others are named by what they are in.
    """
    title, _, more = piece.reason.partition(". ")
    title = title if not more else f"{title}."
    room = SLIDE_HEIGHT - CODE_FRAME
    room -= TITLE_ROW * rows(title, TITLE_WIDTH - len(" (2 of 3)"))
    room -= TEXT_ROW * rows(more, TEXT_WIDTH) if more else 0
    others = SLIDE_HEIGHT - CODE_FRAME - TITLE_ROW
    lines = piece.added() if piece.verb == "is new" else [*joined(piece.hunks)]
    found = list(cut(lines, room // CODE_ROW, others // CODE_ROW))
    place = 0
    for number, each in enumerate(found):
        if number:
            begins = place + next(
                n for n, line in enumerate(each) if not is_blank(line)
            )
            more, title = "", f"`{owner(lines, begins) or piece.path}`"
        count = f" ({number + 1}&nbsp;of&nbsp;{len(found)})" if len(found) > 1 else ""
        yield f"## {title}{count}\n\n{more}\n\n{listing(each, piece)}"
        place += len(each)


def owner(lines, place):
    """Return the function that a line is in, as far as one sees it from these lines."""
    definition = re.compile(r"[-+ ]?\s*(?:async )?(class|def|function) (\w+)")
    for line in reversed(lines[: place + 3]):
        if found := definition.match(line):
            return found[2] if found[1] == "class" else f"{found[2]}()"
    return ""


def rows(text, width):
    """Return how many rows a text takes."""
    return len(wrap(text.rstrip("\n"), width, drop_whitespace=False)) or 1


def cut(lines, most, then):
    """
    Yield lines in pieces of so many rows, the first and the others.

    They are cut in front of a definition, at an empty line, in front of what goes, or
    where they stand least far in, if that is near.
    """
    while height(lines) > most:
        fitting, used = 0, code_rows(lines[0], CODE_WIDTH)
        while used <= most:
            fitting += 1
            used += code_rows(lines[fitting], CODE_WIDTH)
        fitting = min(fitting, max(len(lines) - FEWEST_ROWS, 1))
        near = range(fitting, fitting // 2, -1)
        fitting = next(places_to_cut(lines, near, then))
        yield lines[:fitting]
        lines, most = lines[fitting:], then
    if not all(map(is_blank, lines)):
        yield lines


def places_to_cut(lines, near, then):
    """Yield where lines may be cut well, the best place first."""
    begins = re.compile(r"[-+ ]?\s*(@|class |(async )?(def|function) )")
    yield from (place for place in near if begins.match(lines[place]))
    yield from (place for place in near if is_blank(lines[place]))
    # What goes is shown with what comes for it.
    for place in near:
        if lines[place][0] == "-" and lines[place - 1][0] != "-":
            yield place
    # What is in a bracket is shown with its first line, if that needs no slide more.
    needed = [ceil(height(lines[place:]) / then) for place in near]
    least = [
        place for place, each in zip(near, needed, strict=True) if each == needed[0]
    ]
    yield min(least, key=lambda place: indent(lines[place]))


def height(lines):
    """Return how many rows lines of code take on a slide."""
    return sum(code_rows(line, CODE_WIDTH) for line in lines)
