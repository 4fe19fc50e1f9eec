"""Show a chapter one idea a screen, from what stands elsewhere."""

import ast
import re
from collections import defaultdict
from html import escape
from itertools import chain
from math import ceil
from textwrap import wrap

from docs.shown.changes import Piece, hunks
from docs.shown.glossary import terms
from docs.shown.pages import heading, linked, page, paragraph, section
from docs.shown.pictures import drawing, figure, size_of
from docs.shown.places import is_whole, places
from docs.shown.repository import CannotShow, files
from docs.shown.rows import code_rows, indent, is_blank, joined, listing
from docs.shown.teach import (
    NAMED,
    asked,
    asked_when,
    causes,
    copies_of,
    failures,
    is_copied,
    labels,
    lesson,
    lettered,
    letters,
    order,
    slug,
    stage_of,
)
from docs.shown.text import at, plain

# A slide is 1280 by 720, with 28 pixels of code: what fits, in letters and in rows.
CODE_WIDTH, TITLE_WIDTH, TEXT_WIDTH = 66, 62, 82
SLIDE_HEIGHT, TITLE_ROW, TEXT_ROW, CODE_ROW, CODE_FRAME = 600, 42, 36, 36, 76
# Of a drawing, in its units: what fits as a whole; what is too little for a slide; and
# what stands above a heading, and above that, with the names of both sides.
TALLEST, SHORTEST_PART, ABOVE_PART, NAMES = 325, 70, 28, 22
# Words that stand alone are as large as they fit: sizes, and how wide a letter is.
LARGEST_CELL, SMALLEST_CELL = 40, 26
LARGEST, SMALLEST, SLIDE_WIDTH, LETTER, FIRST_TITLE, LIST = 64, 26, 1200, 0.51, 230, 4
TERMINAL = '<span class="filename">Terminal</span>'
OPENING, IDEAS = "the opening", "the ideas"  # Of the plan, before its first step.
FEWEST_ROWS = 5  # Of code on the last of several slides: a bracket alone says nothing.


def slides(chapter):
    """
    Show a chapter one idea a screen: its ideas, its new lines, its questions.

    All of it stands elsewhere: in the chapter, the glossary, the stage, the reasons,
    and on the page for who teaches it. docs/teach/<chapter>.toml says what comes when.
    What only who teaches should read is in the notes of a slide.
    """
    told = lesson(chapter)
    steps, copied, _ = order(chapter)
    before, after = notes(chapter)
    title = next(page(chapter))[0]
    first = next(
        line for line, _ in page(chapter) if line.startswith("In this chapter")
    )
    shown = [f"{title}\n\n{paragraph(chapter, first)}\n"]
    shown.append(noted(f"## {told['opens']}\n", before[OPENING]))
    shown += first_noted(ideas(chapter, told["slide"]), before[IDEAS])
    shown.append(red_at_first(chapter))
    for step, found in steps:
        letter = step["letter"]
        shown += first_noted(begun(chapter, step, found, copied), before[letter])
        shown += seen_after(chapter, step, after[letter])
    shown += pictures(chapter)
    left = [number for number, when in asked_when(chapter).items() if not when]
    shown += asking(chapter, left)
    for failure in failures(chapter):
        shown += failing(chapter, *failure)
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
            f'aria-label="Slide {place} of {number}"{large(text)}>\n\n{text}\n'
            "</section>\n\n"
            for place, text in enumerate(shown, start=1)
        )
        + "</div>\n"
    )


def notes(chapter):
    """
    Return what the plan says of each step, before its slides and after them.

    What it says before the first step belongs to the opening and to the ideas.
    """
    before, after = defaultdict(list), defaultdict(list)
    named, clock, last = letters(chapter), 0, None
    for part in lesson(chapter)["plan"]:
        found = [title for title in NAMED.findall(part["you"]) if title]
        you, room = (lettered(chapter, part[key]) for key in ("you", "room"))
        told = f"**{at(clock)}** {linked(you, f'teach-{chapter}')} *The room:* {room}."
        clock += part["minutes"]
        if found and all(title in named for title in found):
            before[named[found[0]]].append(told)
            last = named[found[-1]]
        elif last:
            after[last].append(told)
        else:
            before[IDEAS if OPENING in before else OPENING].append(told)
    return before, after


def noted(text, said):
    """Write a slide with notes for who teaches, if there are any. A key shows them."""
    if not said:
        return text
    told = "\n\n".join(said)
    return (
        f'{text}\n<details class="notes" markdown="1">\n'
        f"<summary>Notes</summary>\n\n{told}\n\n</details>\n"
    )


def first_noted(shown, said):
    """Yield slides, the first of them with notes."""
    for place, text in enumerate(shown):
        yield text if place else noted(text, said)


def begun(chapter, step, found, copied):
    """Yield what a step asks at first, and then what is typed in it, and copied."""
    yield from asking(chapter, step.get("asks_first", []))
    yield from ideas(chapter, [s for s in step.get("slide", []) if s.get("first")])
    called = labels(chapter)
    whole = [piece for piece in found if is_copied(step, piece)]
    if whole:
        yield copying(chapter, step, whole, [piece.reason for piece in whole])
    for piece in found:
        if piece not in whole:
            yield from screens(stage_of(chapter), piece, called[piece.name])
    if step.get("copies") and copied:
        yield copying(chapter, step, copied, [])
    for question, answer in asking_of(chapter, step.get("asks", [])):
        yield question
        if "fails" not in step:  # Else the report comes first.
            yield answer


def seen_after(chapter, step, plan):
    """Yield what is seen after a step, what is asked of it, and its ideas."""
    said = [*plan]
    if "note" in step:
        said.insert(0, lettered(chapter, step["note"]))
    for mistake in step.get("wrong", []):
        yield from typed_wrong(chapter, mistake)
    yield from first_noted(checked(chapter, step), said)
    if "fails" in step:
        for _question, answer in asking_of(chapter, step.get("asks", [])):
            yield answer
    yield from asking(chapter, step.get("asks_last", []))
    yield from ideas(chapter, [s for s in step.get("slide", []) if not s.get("first")])


def asking(chapter, numbers):
    """Yield the questions with these numbers, each with its answer after it."""
    for question, answer in asking_of(chapter, numbers):
        yield from (question, answer)


def asking_of(chapter, numbers):
    """Yield the slides of each of these questions: it alone, and with its answer."""
    for number in numbers:
        question, answer = asked(chapter)[number - 1]
        yield f"## {question}\n", f"## {question}\n\n{answer}"


def typed_wrong(chapter, mistake):
    """Yield what is typed wrong on purpose, and then what is red."""
    title = f"Wrong on purpose: `check {int(chapter[:2])}`"
    changed = difference(chapter, mistake)
    yield f"## {title}\n\n{changed}\n\nWhat will you see?\n{{ .ask }}\n"
    then = mistake["then"][0].upper() + mistake["then"][1:]
    yield f"## {title}\n\n**FAIL** {mistake['fails']}\n{{ .fails }}\n\n{then}\n"


def difference(chapter, told):
    """Show what a lesson writes in place of ours, in its file."""
    ours = files(stage_of(chapter))[told["file"]]
    wrong = "".join(ours).replace(told["right"], told["wrong"])
    rows = [*joined(hunks(ours, wrong.splitlines(keepends=True)))]
    return listing(rows, Piece(told["file"], "", "", "", []), width=CODE_WIDTH)


def failing(chapter, title, done, seen, name):
    """Yield what is changed for a failure, or done, and then what is seen."""
    ask = "What will you see?\n{ .ask }\n"
    if name:
        changed = difference(chapter, causes(chapter)[name])
        yield noted(f"## {title}\n\n{changed}\n\n{ask}", [done])
    else:
        yield f"## {title}\n\n{done}\n\n{ask}"
    # On the page it is told to who teaches.
    yield f"## {title}\n\n{seen.replace('The room sees', 'You see', 1)}"


def copying(chapter, step, found, reasons):
    """Return the slide of what is copied in a step, with its commands, and why."""
    why = (
        reasons[0] if len(reasons) == 1 else "".join(f"- {each}\n" for each in reasons)
    )
    rows = [f"{each}\n" for each in copies_of(chapter, found)]
    title = "copied, not typed" if why else "copy the rest"
    return f"## Step {step['letter']}: {title}\n\n{why}\n\n{terminal(rows)}"


def terminal(lines):
    """Show what one types in a terminal, or what stands there."""
    return listing(lines, Piece("Terminal", "", "", "is new", []))


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

    Each has a title: its own, a term of the glossary, the heading of a part of the
    chapter, or that of its drawing. Below it stand what the term means,
    what the chapter `says` (a paragraph, a list or a table that begins so), and a
    drawing, maybe at one of its steps or one part of it.
    """
    for slide in wanted:
        says = slide.get("says", [])
        says = [says] if isinstance(says, str) else says
        texts = [paragraph(chapter, beginning) for beginning in says]
        texts = [alone(text, is_last=text == texts[-1]) for text in texts]
        title = title_of(chapter, slide)
        if "term" in slide:
            texts.insert(0, plain(term(slide["term"])["meaning"]))
        if "svg" not in slide:
            yield "\n\n".join([f"## {title}", *texts, ""])
        for drawn_title, shown in drawn(*map(slide.get, ("svg", "step", "piece"))):
            yield "\n\n".join([f"## {title or drawn_title}", *texts, shown])


def alone(text, is_last):
    """Write a paragraph so that it stands by itself, without what is around it."""
    if is_last and text.endswith(":"):
        text = f"{text[:-1]}."
    if text.startswith("So "):
        text = text[3].upper() + text[4:]
    return text


def title_of(chapter, slide):
    """Return the title of a slide, if it is not that of its drawing."""
    if "term" in slide:
        return term(slide["term"])["term"]
    if "part" in slide:
        return heading(chapter, slide["part"])
    return slide.get("title", "")


def term(name):
    """Return a term of the glossary."""
    for each in terms():
        if each["term"] == name:
            return each
    raise CannotShow(f"docs/glossary.toml has no term {name!r}.")


def checked(chapter, step):
    """Yield what one does after a step, and then what is seen."""
    then = lettered(chapter, step["then"])
    then = then[0].upper() + then[1:]
    if "fails" not in step:
        yield f"## After step {step['letter']}\n\n{then}\n"
        return
    asked = (
        f"## Step {step['letter']} is done: `check {int(chapter[:2])}`. What is red?\n"
    )
    yield asked
    yield f"{asked}\n**FAIL** {step['fails']}\n{{ .fails }}\n\n{then}\n"
    if rows := printed(chapter, step):
        yield f"## What the server printed\n\n{terminal(rows)}"


def reports(chapter):
    """Yield the red reports of a chapter: the heading above, and the lines."""
    place, block = "", []
    for line, is_code in page(chapter):
        if is_code:
            block.append(f"{line}\n")
            continue
        if any(re.match("  (FAIL|stop)  ", each) for each in block):
            yield place, block[1:-1]
        block = []
        if line.startswith("#"):
            place = slug(line.lstrip("# "))


def red_at_first(chapter):
    """Return the slide of the first report: what is red before any step."""
    number = int(chapter[:2])
    _, block = next(reports(chapter))
    red = next(at for at, row in enumerate(block) if re.match("  (FAIL|stop)  ", row))
    rows = [block[red].lstrip()]
    for row in block[red + 1 :]:
        if len(rows) > 2 and not row.strip():
            break
        rows.append(row.replace(" " * 8, "  ", 1))
    commands = [f"$ python3 learn.py {each} {number}\n" for each in ("start", "check")]
    return (
        f"## The work begins: `start {number}`, and the first red check\n\n"
        f"{terminal([*commands, *rows])}"
    )


def printed(chapter, step):
    """Return the traceback that a server printed when the check after a step failed."""
    found = [
        (place, block)
        for place, block in reports(chapter)
        if f"  FAIL  {step['fails']}\n" in block
    ]
    anchor = step["link"].partition("#")[2]
    found.sort(key=lambda each: each[0] != anchor)  # Best below the step's own heading.
    for _, block in found[:1]:
        rows = [row.replace(" " * 8, "", 1) for row in block]
        if "What the server printed:\n" in rows:
            begins = rows.index("What the server printed:\n") + 1
            said = rows[begins : rows.index("\n", begins)]
            if any(row.startswith(("Exception", "Traceback")) for row in said):
                return said
    return []


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


def screens(stage, piece, label):
    """
    Yield a piece of the diff on as many slides as it needs, the first with its reason.

    Above its lines stands what the list calls it, its file, and what they are in. The
    others are named by what they are in, too.
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
        inside = within(stage, piece, each)
        bar = " · ".join(word for word in (label, piece.path, inside) if word)
        shown = listing(each, piece, bar, CODE_WIDTH)
        yield f"## {title}{count}\n\n{more}\n\n{shown}"
        place += len(each)


def within(stage, piece, lines):
    """Say what some lines of a piece are in: a function, a class, or the file."""
    if piece.verb or is_whole(stage, piece):
        return ""
    stand = places(stage, piece)
    if not any(each.inside for each in stand):
        return ""
    came = {line[1:] for line in lines if line[0] == "+" and not is_blank(line)}
    found = dict.fromkeys(
        each.inside or "the file, outside of all classes"
        for each in stand
        if came.intersection(each.added)
    )
    return f"in {' and '.join(found)}" if found else ""


def large(text):
    """Return how large the words of a slide are that has only words: they fill it."""
    text = text.partition('<details class="notes"')[0]
    room = SLIDE_HEIGHT
    if TERMINAL in text:
        # The words above it have what it leaves.
        text, _, shown = text.partition('<div class="language-text')
        room -= CODE_FRAME + CODE_ROW * shown.count('<span class="row')
    if re.search(r"<figure|<div|<span", text):
        return ""
    title, _, rest = text.partition("\n")
    if "\n| " in rest:
        return table_size(title, rest)
    parts = [each for each in re.split(r"\n\n|\n(?=- |\d\. )", rest.strip()) if each]
    shown = [plain_words(each) for each in parts]
    listed = [each for each in shown if re.match(r"- |\d\. ", each)]
    above = FIRST_TITLE if title.startswith("# ") else 0
    title = title.lstrip("# ")
    above += TITLE_ROW * rows(title, TITLE_WIDTH)
    for size in range(LARGEST, SMALLEST, -2):
        letters_in_row = int(SLIDE_WIDTH / (size * LETTER))
        in_list = int(SLIDE_WIDTH / (size * LETTER) - LIST)
        if not parts:
            if rows(title, letters_in_row) * size * 1.3 < SLIDE_HEIGHT / 2:
                return f' style="--words: {size}"'
            continue
        used = sum(
            rows(each.replace("\n", " "), in_list if each in listed else letters_in_row)
            * size
            * 1.45
            + size * 0.7
            for each in shown
        )
        if used <= room - above:
            return f' style="--words: {size}"'
    return f' style="--words: {SMALLEST}"'


def table_size(title, text):
    """Return how large the cells of a slide with a table are."""
    lines = [plain_words(each) for each in text.strip().splitlines() if each]
    for size in range(LARGEST_CELL, SMALLEST_CELL, -1):
        in_row = int(SLIDE_WIDTH / (size * LETTER))
        used = TITLE_ROW * rows(title, TITLE_WIDTH)
        for line in lines:
            if line.startswith("| "):
                # Words of a cell wrap within its column, so a row is never quite full.
                used += ceil(len(line) / in_row * 1.4) * size * 1.35 + size * 0.85
            elif not line.startswith("|"):
                used += rows(line, TEXT_WIDTH) * TEXT_ROW * 1.4
        if used <= SLIDE_HEIGHT:
            return f' style="--cells: {size}"'
    return f' style="--cells: {SMALLEST_CELL}"'


def plain_words(text):
    """Return what one reads of Markdown."""
    return re.sub(r"\]\([^)]*\)|\{ \..*\}|[`*\[]", "", text)


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
