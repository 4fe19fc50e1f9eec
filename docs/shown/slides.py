"""Show a chapter one idea a screen, from what stands elsewhere."""

import ast
import re
from html import escape, unescape
from itertools import chain
from math import ceil
from textwrap import dedent

from docs.shown.changes import Piece, hunks
from docs.shown.glossary import terms
from docs.shown.notes import Slide, details, first_at, planned, with_notes
from docs.shown.pages import heading, linked, page, paragraph, section
from docs.shown.pictures import drawing, figure, size_of
from docs.shown.places import is_whole, places
from docs.shown.repository import CannotShow, files
from docs.shown.rows import MARK, code_rows, joined, listing
from docs.shown.screens import (
    CODE_FRAME,
    CODE_ROW,
    CODE_WIDTH,
    TEXT_ROW,
    TEXT_WIDTH,
    TITLE_ROW,
    TITLE_WIDTH,
    rows,
    screens,
)
from docs.shown.teach import (
    asked,
    asked_when,
    asks_before,
    caused,
    causes,
    copies_of,
    failures,
    how,
    is_copied,
    labels,
    lesson,
    lettered,
    order,
    part_below,
    shown_with,
    stage_of,
    typed_in,
)
from docs.shown.text import plain, slug

# Of a drawing, in its units: what fits as a whole; what is too little for a slide; and
# what stands above a heading, and above that, with the names of both sides.
TALLEST, SHORTEST_PART, ABOVE_PART, NAMES = 325, 70, 28, 22
# Words that stand alone are as large as they fit: sizes, and how wide a letter is.
LARGEST_CELL, SMALLEST_CELL = 40, 26
LARGEST, SMALLEST, SLIDE_WIDTH, LETTER, FIRST_TITLE, LIST = 64, 26, 1200, 0.51, 230, 4
FEW_REASONS = 5  # Of what is copied with the rest: more of them nobody reads.
WORDS_HEIGHT = 600  # Of a slide that has only words.
WORDS_GAP = 44  # Around words above a terminal.
LARGEST_CODE, LARGEST_ALONE, SMALLEST_CODE = 44, 40, 28  # Of a terminal.
TERMINAL = '<span class="filename">Terminal</span>'


def slides(chapter):
    """
    Show a chapter one idea a screen: its ideas, its new lines, its questions.

    All of it stands elsewhere: in the chapter, the glossary, the stage, the reasons,
    and on the page for who teaches it. docs/teach/<chapter>.toml says what comes when.
    What only who teaches should read is in the notes of a slide.
    """
    shown = list(planned(chapter, all_of(chapter)))
    number = len(shown)
    return (
        '<div class="slides" markdown="1">\n\n'
        + "".join(
            f'<section class="slide" id="{place}" markdown="1" '
            f'data-from="{begins}" data-to="{ends}" '
            f'aria-label="Slide {place} of {number}"{large(slide.text)}>\n\n'
            f"{slide.text}{details(slide.notes)}\n</section>\n\n"
            for place, (slide, (begins, ends)) in enumerate(shown, start=1)
        )
        + "</div>\n"
    )


def all_of(chapter):
    """Yield the slides of a chapter, from its title to what is missing."""
    told = lesson(chapter)
    steps, copied, _ = order(chapter)
    title = next(page(chapter))[0]
    first = next(
        line for line, _ in page(chapter) if line.startswith("In this chapter")
    )
    yield Slide(f"{title}\n\n{paragraph(chapter, first)}\n")
    yield Slide(f"## {told['opens']}\n", ("opens",))
    first = [slide for slide in told["slide"] if "before" not in slide]
    yield from first_at(ideas(chapter, first), "ideas")
    yield Slide(red_at_first(chapter), ("start",))
    done = []
    for step, found in steps:
        of_step = [*begun(chapter, step, found, copied, done), *ended(chapter, step)]
        of_step = first_at(of_step, f"step {step['letter']}")
        yield from with_notes(chapter, of_step, step)
        done += found
    yield from first_at(pictures(chapter), "pictures")
    left = [number for number, when in asked_when(chapter).items() if not when]
    yield from asking(chapter, left)
    early = [*chain.from_iterable(step.get("causes", []) for step, _ in steps)]
    yield from causing(chapter, [each for each in (1, 2) if each not in early])
    if "missing" in told:
        missing, lines = section(chapter, told["missing"])
        yield Slide(f"## {missing}\n\n{points(lines)}", ("missing",))
    wanted = [
        *told["slide"],
        *chain.from_iterable(s.get("slide", []) for s, _ in steps),
    ]
    for name in drawings(chapter) - {slide.get("svg") for slide in wanted}:
        raise CannotShow(f"docs/teach/{chapter}.toml has no slide with {name}.")


def begun(chapter, step, found, copied, done):
    """Yield what a step asks at first, and then what is typed in it, and copied."""
    yield from asking(chapter, step.get("asks_first", []))
    yield from ideas(chapter, [s for s in step.get("slide", []) if s.get("first")])
    whole = [piece for piece in found if is_copied(step, piece)]
    if whole:
        yield copying(chapter, step, whole, [piece.reason for piece in whole])
    yield from typing(chapter, step, found, done)
    if step.get("copies") and copied:
        why = [piece.reason for piece in copied]
        few = why if len(why) <= FEW_REASONS else []
        yield copying(chapter, step, copied, few).at("copies")
    for question, answer in asking_of(chapter, step.get("asks", [])):
        yield question
        if "fails" not in step:  # Else the room first guesses what is red.
            yield answer


def typing(chapter, step, found, done):
    """Yield what is typed in a step, and what is asked and shown between its pieces."""
    called = labels(chapter)
    typed = [*done, *(piece for piece in found if is_copied(step, piece))]
    asks = asks_before(step)
    for pieces in shown_with(chapter, step, found):
        names = [piece.name for piece in pieces]
        yield from asking(chapter, [asks[each] for each in names if each in asks])
        here = [s for s in step.get("slide", []) if s.get("before") in names]
        yield from ideas(chapter, here)
        title = f"Step {step['letter']} · {step['title']}"
        named = [called[each] for each in names]
        stage = stage_of(chapter)
        shown = (
            Slide(text).noted(standing(stage, pieces, named, typed, lines))
            for text, lines in screens(stage, pieces, named, title, typed)
        )
        yield from first_at(shown, *names)
        typed += pieces


def standing(stage, pieces, named, typed, lines):
    """Say where the lines of pieces stand that a slide shows: for who types them."""
    shown = {line[1:] for line in lines if line[0] in "+-" and line[1:].strip()}
    told, done = [], [*typed]
    for piece, label in zip(pieces, named, strict=True):
        if piece.verb == "is gone":
            found = ["delete the file"]
        elif is_whole(stage, piece):
            found = ["a new file" if piece.verb == "is new" else "write the file anew"]
        else:
            found = [
                place.where
                for place in places(stage, piece, done)
                if not place.added or shown.intersection(place.added)
            ]
        if found:
            told.append(f"**{label}** in `{piece.path}`: {'; '.join(found)}.")
        done.append(piece)
    return " ".join(told)


def ended(chapter, step):
    """Yield what is seen after a step, what is asked of it, and its ideas."""
    for mistake in step.get("wrong", []):
        yield from typed_wrong(chapter, mistake)
    here = [s for s in step.get("slide", []) if s.get("before") == "check"]
    yield from ideas(chapter, here)
    if "shown_by_failure" not in step:
        yield from checked(chapter, step)
    yield from asking(chapter, step.get("asks_last", []))
    yield from causing(chapter, step.get("causes", []))
    last = [s for s in step.get("slide", []) if not s.keys() & {"first", "before"}]
    yield from ideas(chapter, last)


def asking(chapter, numbers):
    """Yield the questions with these numbers, each with its answer after it."""
    for question, answer in asking_of(chapter, numbers):
        yield from (question, answer)


def asking_of(chapter, numbers):
    """Yield the slides of each of these questions: it alone, and with its answer."""
    for number in numbers:
        question, answer = asked(chapter)[number - 1]
        alone = Slide(f"## {question}\n", (f"question {number}",))
        yield (
            alone.noted(how(chapter)[number - 1]),
            Slide(f"## {question}\n\n{answer}", (f"answer {number}",)),
        )


def causing(chapter, numbers):
    """Yield the slides of the failures with these numbers, and those before each."""
    for number in numbers:
        place = f"failure {number}"
        wanted = lesson(chapter)["slide"]
        before = [slide for slide in wanted if slide.get("before") == place]
        yield from first_at(ideas(chapter, before), f"before {place}")
        first, then = failing(chapter, *[*failures(chapter)][number - 1])
        yield from (first.at(place), then.at(f"after {place}"))


def typed_wrong(chapter, mistake):
    """Yield what is typed wrong on purpose, and then what is red."""
    title = f"Wrong on purpose: `check {int(chapter[:2])}`"
    changed = difference(chapter, mistake)
    place = f"wrong {mistake['name']}"
    yield Slide(
        f"## {title}\n\n{changed}\n\nWhat will you see?\n{{ .ask }}\n",
        (place,),
        (caused(chapter, mistake["name"]),),
    )
    then = mistake["then"][0].upper() + mistake["then"][1:]
    yield Slide(f"## {title}\n\n**FAIL** {mistake['fails']}\n{{ .fails }}\n\n{then}\n")


def difference(chapter, told):
    """Show what a lesson writes in place of ours, in its file."""
    ours = files(stage_of(chapter))[told["file"]]
    wrong = "".join(ours).replace(told["right"], told["wrong"])
    rows = [*joined(hunks(ours, wrong.splitlines(keepends=True)))]
    piece = Piece(told["file"], "", "", "", [])
    return listing(rows, piece, width=CODE_WIDTH, mark=MARK)


def failing(chapter, title, done, seen, after, name):
    """Yield what is changed for a failure, or done, and then what is seen."""
    ask = "What will you see?\n{ .ask }\n"
    if name:
        changed = difference(chapter, causes(chapter)[name])
        first = Slide(f"## {title}\n\n{changed}\n\n{ask}")
        yield first.noted(done, caused(chapter, name))
    else:
        # The room sees it happen. What is done is for who does it.
        yield Slide(f"## {title}\n\n{ask}").noted(done)
    # On the page it is told to who teaches.
    seen = seen.replace("The room sees", "You see", 1)
    yield Slide(f"## {title}\n\n{seen}").noted(after)


def copying(chapter, step, found, reasons):
    """Return the slide of what is copied in a step, with its commands, and why."""
    why = (
        reasons[0] if len(reasons) == 1 else "".join(f"- {each}\n" for each in reasons)
    )
    rows = [f"{each}\n" for each in copies_of(chapter, found)]
    title = "copied, not typed" if why else "copy the rest"
    return Slide(
        f"## Step {step['letter']}: {title}\n\n{why}\n\n{terminal(rows)}",
        tuple(piece.name for piece in found),
    )


def terminal(lines, *, is_alone=False):
    """
    Show what one types in a terminal, or what stands there.

    What stands alone on a slide is broken so that it can be as large as it fits.
    """
    piece = Piece("Terminal", "", "", "is new", [])
    width = CODE_WIDTH
    for size in range(LARGEST_ALONE, SMALLEST_CODE, -2) if is_alone else ():
        wanted = int(CODE_WIDTH * SMALLEST_CODE / size)
        height = sum(code_rows(line, wanted) for line in lines) * size / SMALLEST_CODE
        if TITLE_ROW + CODE_FRAME + CODE_ROW * height <= WORDS_HEIGHT:
            width = wanted
            break
    return listing(lines, piece, width=width, mark=MARK)


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
    what the chapter `says` (a paragraph, a list or a table that begins so), a `text` of
    its own, what one may `run`, and a drawing, maybe at a step or one part of it.
    `note_of` is a part of the page for who teaches, which becomes its note. `code` are
    lines of a file of the stage, from the one that begins so.
    """
    for slide in wanted:
        says = slide.get("says", [])
        says = [says] if isinstance(says, str) else says
        texts = [paragraph(chapter, beginning) for beginning in says]
        texts = [alone(text, is_last=text == texts[-1]) for text in texts]
        if "text" in slide:  # Where the chapter's own words fit only in its order.
            texts.append(slide["text"])
        if "run" in slide:
            rows = [f"{row}\n" for row in slide["run"]]
            texts.append(terminal(rows, is_alone=True))
        if "code" in slide:
            texts.append(lines_from(stage_of(chapter), **slide["code"]))
        notes = [slide.get("note")]
        if "note_of" in slide:
            notes.append(part_below(chapter, slide["note_of"]))
        places_of = [slide["place"]] if "place" in slide else []
        title = title_of(chapter, slide)
        if "term" in slide:
            texts.insert(0, plain(term(slide["term"])["meaning"]))
        if "svg" not in slide:
            text = "\n\n".join([f"## {title}", *texts, ""])
            yield Slide(text).noted(*notes).at(*places_of)
        for drawn_title, shown in drawn(*map(slide.get, ("svg", "step", "piece"))):
            text = "\n\n".join([f"## {title or drawn_title}", *texts, shown])
            yield Slide(text).noted(*notes).at(*places_of)
            notes, places_of = [], []  # They are at the first part of a drawing.


def lines_from(stage, file, begins, count):
    """Show so many lines of a file of a stage, from the one that begins so."""
    lines = files(stage)[file]
    found = [n for n, line in enumerate(lines) if line.strip().startswith(begins)]
    if len(found) != 1:
        raise CannotShow(f"{stage}/{file} has not one line that begins {begins!r}.")
    piece = Piece(file, "", "", "is new", [])
    shown = dedent("".join(lines[found[0] : found[0] + count]))
    return listing(shown.splitlines(keepends=True), piece, width=CODE_WIDTH, mark=MARK)


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
    places = ("check", f"check of step {step['letter']}")
    in_terminals = "\n".join(typed_in(chapter, each) for each in step.get("types", []))
    if "room" in step:  # What is done is for who teaches, and this for the room.
        done = linked(then, f"teach-{chapter}")
        yield Slide(f"## {step['room']}\n", places).noted(done, in_terminals)
        return
    if "fails" not in step:
        after = Slide(f"## After step {step['letter']}\n\n{then}\n", places)
        yield after.noted(in_terminals)
        return
    asked = (
        f"## Step {step['letter']} is done: `check {int(chapter[:2])}`. What is red?\n"
    )
    yield Slide(asked, places)
    for _question, answer in asking_of(chapter, step.get("asks", [])):
        yield answer  # Before the report, which says it, too.
    told = f"{asked}\n**FAIL** {step['fails']}\n{{ .fails }}\n\n{then}\n"
    yield Slide(told, ("report",))
    if rows := printed(chapter, step):
        shown = terminal(rows)
        yield Slide(f"## What the server printed\n\n{shown}", ("printed",))


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
        f"{terminal([*commands, *rows], is_alone=True)}"
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
            yield Slide(f"## {caption}\n\n{shown}")


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


def large(text):
    """Return how large the words of a slide are that has only words: they fill it."""
    room = WORDS_HEIGHT
    if TERMINAL in text:
        return terminal_size(text)
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
            if rows(title, letters_in_row) * size * 1.3 < WORDS_HEIGHT / 2:
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


def terminal_size(text):
    """Return how large the words and the terminal of a slide are: they fill it."""
    words, _, shown = text.partition('<div class="language-text')
    if re.search(r"<figure|<div|<span", words):
        return ""
    title, _, rest = words.partition("\n")
    parts = [each for each in re.split(r"\n\n|\n(?=- |\d\. )", rest.strip()) if each]
    parts = [plain_words(each) for each in parts]
    count = shown.count('<span class="row') + shown.count('class="goes-on"')
    longest = max(map(len, plain_rows(shown)))
    above = TITLE_ROW * rows(title.lstrip("# "), TITLE_WIDTH)
    for size in range(LARGEST_CODE, SMALLEST_CODE, -2):
        if longest > CODE_WIDTH * SMALLEST_CODE / size:
            continue
        frame = CODE_FRAME + count * CODE_ROW * size / SMALLEST_CODE
        if above + frame + words_height(parts, size) <= WORDS_HEIGHT:
            return f' style="--words: {size}; --code: {size}"'
    frame = CODE_FRAME + CODE_ROW * count
    for size in range(LARGEST, SMALLEST, -2):
        if above + frame + words_height(parts, size) <= WORDS_HEIGHT:
            return f' style="--words: {size}"'
    return f' style="--words: {SMALLEST}"'


def plain_rows(shown):
    """Return the rows of code that HTML shows, as one reads them."""
    text = unescape(re.sub(r"<br>", "\n", shown.partition("<pre>")[2]))
    return re.sub(r"<[^>]*>", "", text).splitlines()


def words_height(parts, size):
    """Return how high paragraphs and points of a list are, above a terminal."""
    in_row = int(SLIDE_WIDTH / (size * LETTER))
    return (
        sum(
            rows(each.replace("\n", " "), in_row - LIST * each.startswith("- "))
            * size
            * 1.45
            + size * 0.7
            for each in parts
        )
        + bool(parts) * WORDS_GAP
    )


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
        if used <= WORDS_HEIGHT:
            return f' style="--cells: {size}"'
    return f' style="--cells: {SMALLEST_CELL}"'


def plain_words(text):
    """Return what one reads of Markdown."""
    return re.sub(r"\]\([^)]*\)|\{ \..*\}|[`*\[]", "", text)
