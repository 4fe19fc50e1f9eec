"""Show the order in which to type a stage live, with what is typed, and where."""

from pathlib import Path

from docs.shown.commands import commands
from docs.shown.listings import LANGUAGES, fence
from docs.shown.places import code, is_whole, places
from docs.shown.repository import CannotShow, files
from docs.shown.rows import is_blank, joined
from docs.shown.teach import (
    BACK,
    asked_when,
    asks_before,
    causes,
    copies_of,
    copy_of,
    is_copied,
    items,
    lettered,
    lines_of,
    once,
    order,
    saves,
    sizes,
    stage_of,
    terminals,
    words,
)
from docs.shown.text import indented

LATER = " **Save it with the next one.**"
NUMBERS = {1: "first", 2: "second", 3: "third"}
# Those that are asked at one place.
TOGETHER = {
    ("first", "second"): "first two",
    ("second", "third"): "others",
    ("first", "third"): "first and the third",
    ("first", "second", "third"): "three",
}


def live(chapter):
    """
    Show the order in which to type a stage live, step by step and piece by piece.

    Each piece says where its lines stand, has them folded below it, and says what is
    typed wrong on purpose. After each step stands what is seen.
    """
    steps, copied, skipped = order(chapter)
    typed, count, copies = sizes(chapter)
    size = f"**{counted(typed, 'line')} typed**, in {counted(count, 'piece')}"
    shown = [f"{size}{f', and {copies} copied' if copies else ''}.\n"]
    done = []
    for step, found in steps:
        shown += [*as_step(chapter, step, found, copied, done)]
        done += found
    if skipped:
        names = ", ".join(f"`{piece.path}`" for piece in once(skipped))
        shown.append(f"**Leave out** {names}.\n")
    return "\n".join(shown)


def as_step(chapter, step, found, copied, done):
    """Yield a step: its heading, what is asked, its pieces, and what is seen."""
    letter = step["letter"]
    yield f"### Step {letter} · {step['title']}\n"
    yield from asking_line(step, "asks_first", "before you type")
    with_next = {name for each in saves(step) for name in each[:-1]}
    shown, paths, typed = [], [], [*done]
    asks = asks_before(step)
    for label, group in items(step, found):
        for name in (piece.name for piece in group):
            if name in asks:
                when = f"before you type {label}"
                shown += asking_line({"asks": [asks[name]]}, "asks", when)
                paths.append("")
        if is_copied(step, group[0]):
            shown.append(as_copy(chapter, label, group))
        else:
            later = LATER if group[0].name in with_next else ""
            shown.append(as_item(chapter, label, group[0], later, typed))
        shown[-1] += notes_at(chapter, step, *(piece.name for piece in group))
        paths.append(group[0].path)
        typed += group
    if step.get("copies") and (rows := copies_of(chapter, copied)):
        code_of = fence("\n".join(rows), "text", "Commands")
        label = f"{letter}{len([*items(step, found)]) + 1}"
        shown.append(
            f"**{label}** · Copy the rest, in the folder of the course:\n\n{code_of}"
            f"{notes_at(chapter, step, 'copies')}"
        )
    for mistake in step.get("wrong", []):
        # Below its file, where it is typed; or last, if that is typed already.
        place = paths.index(mistake["file"]) if mistake["file"] in paths else -1
        shown[place] += f"\n{wrong(chapter, mistake)}\n"
    yield from shown
    yield from asking_line(step, "asks", "before they see it")
    yield f"{then(chapter, step)}\n"
    own = [slide["place"] for slide in step.get("slide", []) if "place" in slide]
    answers = [f"answer {number}" for number in step.get("asks", [])]
    yield from (types(chapter, name) for name in step.get("types", []))
    last = notes_at(chapter, step, *own, "check", "report", "printed", *answers)
    if last:
        yield last.lstrip("\n")
    yield from asking_line(step, "asks_last", "before you go on")


def notes_at(chapter, step, *places):
    """Write the notes of a step that speak of one of these places."""
    return "".join(
        f"\n**For you:** {lettered(chapter, note['says'], '#')}\n"
        for note in step.get("note", [])
        if note["at"] in places
    )


def asking_line(step, key, when):
    """Yield which questions are asked at a place of a step."""
    if numbers := step.get(key):
        names = " and the ".join(NUMBERS[each] for each in numbers)
        yield (f"**Ask** the [{names} question](#three-questions), {when}.\n")


def as_copy(chapter, label, group):
    """Write a file that is copied: its command, why it differs, and what comes."""
    stage, path = stage_of(chapter), group[0].path
    lines = [line for piece in group for line in piece.added()]
    total = counted(len(words(lines)), "line")
    why = "".join(f"- {piece.reason}\n" for piece in group)
    why = f" {group[0].reason}" if len(group) == 1 else f"\n\n{why.rstrip()}"
    command = fence(copy_of(stage, path), "text", "Commands")
    return (
        f"**{label}** · `{path}`, **copy it**, {total}.{why}\n\n{command}\n"
        f"{folded(stage, group, f'What it is: {total}')}"
    )


def as_item(chapter, label, piece, later, typed):
    """Write a piece: its file, where its lines stand, its reason, and the lines."""
    stage = stage_of(chapter)
    begins = f"**{label}** · `{piece.path}`"
    if piece.verb == "is gone":
        return f"{begins}: delete it. {piece.reason}{later}\n"
    total = counted(len(words(piece.added())), "line")
    if is_whole(stage, piece):
        what = "a new file" if piece.verb == "is new" else "write the file anew"
        where = f", {what}, {total}. {piece.reason}{later}\n"
    elif len(found := places(stage, piece, typed)) == 1:
        where = f", {found[0].where}: {size(found[0])}. {piece.reason}{later}\n"
    else:
        rows = "".join(f"- {each.where}: {size(each)}\n" for each in found)
        where = f", {total} in {len(found)} places. {piece.reason}{later}\n\n{rows}"
    or_copy = piece.verb or is_whole(stage, piece)
    more = f"\nOr copy ours: `{copy_of(stage, piece.path)}`\n" if or_copy else ""
    return f"{begins}{where}\n{folded(stage, [piece], f'What you type: {total}', more)}"


def folded(stage, group, title, more=""):
    """Write the lines of pieces of one file, folded: a file as it is, or a diff."""
    path = group[0].path
    if is_whole(stage, group[0]):
        lines = files(stage)[path]
        language = LANGUAGES.get(Path(path).suffix, "text")
    else:
        hunks = [hunk for piece in group for hunk in piece.hunks]
        language, lines = "diff", [*joined(hunks)]
    while is_blank(lines[0]):
        del lines[0]
    # Highlighted lines would be folded once more: all of it is new.
    shown = fence("".join(lines), language, path) + more
    return f'??? example "{title}"\n\n{indented(shown)}\n'


def wrong(chapter, mistake):
    """Say what is typed wrong on purpose, and what is seen of it after the step."""
    return (
        f"**Wrong on purpose:** in `{mistake['file']}` write {code(mistake['wrong'])} "
        f"in place of {code(mistake['right'])}, or let this do it:\n\n"
        f"{cause(chapter, mistake['name'])}\n"
        f"After this step {stops(chapter, mistake)}"
    )


def cause(chapter, name):
    """Show the commands that write a mistake into what was typed, and take it back."""
    if name not in causes(chapter):
        raise CannotShow(f"docs/teach/{chapter}.toml causes no {name!r}.")
    command = f"python3 docs/teach/cause.py {int(chapter[:2])} {name}"
    it, back = (command, "Cause it"), (f"{command} --back", "Put it back")
    shown = "\n".join(fence(row, "text", title) for row, title in (it, back))
    return f"{shown}\n{BACK}\n"


def types(chapter, name):
    """Show what is typed in a terminal of a lesson, for each system's shell."""
    if terminals(chapter)[name].get("only_bash"):
        shown = fence("\n".join(lines_of(chapter, name)), "text", "Commands")
    else:
        shown = commands(*lines_of(chapter, name))
    return f"*{terminals(chapter)[name]['title']}:*\n\n{shown}"


def then(chapter, step):
    """Say what is seen after a step, and where the chapter has it."""
    told = stops(chapter, step) if "fails" in step else step["then"]
    told = lettered(chapter, told, "#")
    return f"**Then:** {told} ([the chapter]({step['link']}))"


def stops(chapter, told):
    """Say at which check the checks of a chapter stop, and what is seen of it."""
    seen = told["then"][0].upper() + told["then"][1:]
    return f"`check {int(chapter[:2])}` stops at “{told['fails']}”. {seen}"


def when_asked(chapter):
    """Say when each of the three questions is asked."""
    words = {
        "before": "before {}",
        "in": "in {}, before they see it",
        "after": "after {}",
    }
    told, last = {}, ""  # What is asked at one place, one after the other.
    for number, place in asked_when(chapter).items():
        when = "in the end"
        if place:
            word, what = place
            is_here = word == "after" and what == last
            when = words[word].format("it" if is_here else what)
            last = what
        told.setdefault(when, []).append(NUMBERS[number])
    *others, last = [
        f"the {TOGETHER.get(tuple(numbers), numbers[0])} {when}"
        for when, numbers in told.items()
    ]
    listed = ", ".join(others) + ", and " * bool(others) + last
    return f"T{listed[1:]}.\n"


def size(place):
    """Say how much stands at a place, and how it begins."""
    new = words(place.added)
    if not new:
        return "it goes"
    # The quotation marks of a docstring are no code that one knows a piece by.
    first = next((line for line in new if not line.startswith('"""')), new[0])
    if len(new) == 1:
        return f"1 line, {code(new[0])}"
    return f"{len(new)} lines, the first {code(first)}"


def counted(number, word):
    """Write a number with its word."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
