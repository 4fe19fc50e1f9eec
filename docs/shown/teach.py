"""Read in which order a stage is typed live, and what of it is not typed."""

import re
from itertools import chain
from pathlib import PurePosixPath
from string import ascii_uppercase

from docs.shown.changes import pieces
from docs.shown.commands import POWERSHELL, translated
from docs.shown.pages import linked, page, section
from docs.shown.repository import CannotShow, before, files, read_toml
from docs.shown.text import at, slug

# When a question is asked: before a step, before its last words, or after them.
ASKED = {"asks_first": "before", "asks": "in", "asks_last": "after"}
BACK = "Pages come back in up to a quarter of a minute, or press “Connect”."
# A step is named by its title, which `code` cannot be.
NAMED = re.compile(r"`[^`]*`|\{([^{}]+)\}")
CALL = re.compile(r'\s*\[\[ (\w+)\(.*"([\w-]+)"\) \]\]')
HOW = re.compile(rf"{CALL.pattern}|\s*In one line")  # An answer is run.


def lesson(chapter):
    """Return what docs/teach/ says of a chapter: its plan, and the order to type in."""
    return read_toml(f"docs/teach/{chapter}.toml")


def stage_of(chapter):
    """Return the stage of a chapter: 01-echo is of stage01_echo."""
    return f"stage{chapter.replace('-', '_')}"


def order(chapter):
    """
    Return the pieces of a chapter's diff, by what one does with them in a lesson.

    Each is in docs/teach/<chapter>.toml once: typed or copied in one of the steps,
    copied with the rest, or left out. A piece that is in none of them, or in two, fails
    the build. Each step gets its letter.
    """
    source = f"docs/teach/{chapter}.toml"
    left = {piece.name: piece for piece in pieces(stage_of(chapter))}
    known = set(left)

    def take(names):
        for name in names:
            if name not in left:
                problem = "twice" if name in known else "which is no piece of the diff"
                raise CannotShow(f"{source} names {name!r}, {problem}.")
            yield left.pop(name)

    told = lesson(chapter)
    named = letters(chapter)
    steps = []
    for step in told["type"]:
        found = [*take(chain.from_iterable(saves(step)))]
        steps.append(({**step, "letter": named[step["title"]]}, found))
    copied, skipped = [*take(told["rest"]["copy"])], [*take(told["rest"]["leave"])]
    copy_whole(source, [*chain.from_iterable(found for _, found in steps)], steps)
    if left:
        raise CannotShow(f"{source} does not say when {', '.join(left)} is typed.")
    if copied and sum("copies" in step for step, _ in steps) != 1:
        raise CannotShow(f"{source} does not say in one step that the rest is copied.")
    return steps, copied, skipped


def copy_whole(source, typed, steps):
    """See that what a step copies are files that are finished with this step."""
    done = set()
    for step, found in steps:
        here = {piece.name: piece.path for piece in found}
        done |= here.keys()
        for name in step.get("copy", []):
            if name not in here:
                raise CannotShow(
                    f"{source} copies {name!r} in the step {step['title']!r}, and it "
                    "is no piece of it."
                )
            file = {piece.name for piece in typed if piece.path == here[name]}
            if file - done or file & here.keys() - set(step["copy"]):
                raise CannotShow(
                    f"{source} copies {name!r} in the step {step['title']!r}, and to "
                    "copy the file would bring more."
                )


def letters(chapter):
    """Return the letter of each step, by its title."""
    titles = [step["title"] for step in lesson(chapter).get("type", [])]
    for title in titles:
        if titles.count(title) > 1:
            raise CannotShow(f"docs/teach/{chapter}.toml has two steps {title!r}.")
    return dict(zip(titles, ascii_uppercase, strict=False))


def lettered(chapter, text, link=""):
    """
    Write "step A" for the title of a step that stands in braces in a text.

    It leads to the step on the page `link`, if that is given: "" is no link, and "#"
    this page.
    """

    def name(found):
        title = found[1]
        if title is None:
            return found[0]
        if title not in (named := letters(chapter)):
            raise CannotShow(
                f"docs/teach/{chapter}.toml speaks of the step {title!r}, and its "
                f"steps are {', '.join(map(repr, named))}."
            )
        begins = text[: found.start()].rstrip()
        word = "Step" if not begins or begins.endswith(".") else "step"
        words = f"{word} {named[title]}"
        return f"[{words}]({link}{anchor(named[title], title)})" if link else words

    return NAMED.sub(name, text)


def step(chapter, title):
    """Write "step A", with a link to it, for the title of a step."""
    return lettered(chapter, f"of {{{title}}}", "#").removeprefix("of ")


def anchor(letter, title):
    """Return the place of a step on its page, as both builders call its heading."""
    return slug(f"step {letter} {title}")


def saves(step):
    """Return the pieces of a step by what is saved at once, so that servers start."""
    return [[each] if isinstance(each, str) else each for each in step["pieces"]]


def items(step, found):
    """
    Yield what is done in a step, one after the other: its name, and its pieces.

    A piece that is typed stands alone. Those that come with one copy of a file are one.
    """
    groups = {}
    for piece in found:
        name = piece.path if is_copied(step, piece) else piece.name
        groups.setdefault(name, []).append(piece)
    for place, group in enumerate(groups.values(), start=1):
        yield f"{step['letter']}{place}", group


def labels(chapter):
    """Return what each piece of the steps is called, by its name: A1, A2, B1."""
    return {
        piece.name: label
        for step, found in order(chapter)[0]
        for label, group in items(step, found)
        for piece in group
    }


def is_copied(step, piece):
    """Tell whether a piece of a step is copied in a lesson, as the file that it is."""
    return piece.name in step.get("copy", [])


def sizes(chapter):
    """Return how many lines are typed in a lesson, in how many pieces, and copied."""
    steps, copied, _ = order(chapter)
    typed, whole = [], [*copied]
    for step, found in steps:
        for piece in found:
            (whole if is_copied(step, piece) else typed).append(piece)
    lines = [sum(len(words(each.added())) for each in some) for some in (typed, whole)]
    return lines[0], len(typed), lines[1]


def copy_of(stage, path):
    """Return the command that copies a file, or the new folder that it is in."""
    known = {
        folder
        for each in files(before(stage))
        for folder in PurePosixPath(each).parents
    }
    path = PurePosixPath(path)
    new = [each for each in path.parents if each not in known]
    what, how = (new[-1], "cp -r") if new else (path, "cp")
    into = "" if what.parent == PurePosixPath(".") else f"{what.parent}/"
    return f"{how} {stage}/{what} work/{stage}/{into}"


def copies_of(chapter, found):
    """
    Return the commands that copy the files of pieces, each once.

    Several of a kind in one folder are copied by one command, if all others of that
    kind there are as before.
    """
    stage = stage_of(chapter)
    old, new = files(before(stage)), files(stage)
    paths = list(dict.fromkeys(PurePosixPath(piece.path) for piece in found))
    rows = []
    for path in paths:
        kind = path.parent / f"*{path.suffix}"
        same = [
            each
            for each in paths
            if each.parent == path.parent and each.suffix == path.suffix
        ]
        others = [
            each
            for each in map(PurePosixPath, new)
            if each.parent == path.parent and each.suffix == path.suffix
        ]
        is_all = all(
            each in paths or old.get(str(each)) == new[str(each)] for each in others
        )
        rows.append(copy_of(stage, kind if len(same) > 1 and is_all else path))
    return list(dict.fromkeys(rows))


def asked(chapter):
    """
    Return what the page for who teaches a chapter asks, each with its answer.

    What says how it is run is for who teaches, and no part of the answer.
    """
    found = []
    for line, is_code in page(f"teach-{chapter}"):
        if line.startswith('??? question "'):
            question = line.removeprefix('??? question "').removesuffix('"')
            found.append((question, []))
        elif found and line.startswith("#"):
            break
        elif found and not is_code and not HOW.match(line):
            found[-1][1].append(linked(line.removeprefix("    "), f"teach-{chapter}"))
    if len(found) != 3:
        raise CannotShow(f"docs/teach-{chapter}.md asks {len(found)} questions, not 3.")
    return [(question, "\n".join(answer).strip() + "\n") for question, answer in found]


def how(chapter):
    """Return how the answer to each question is run, for the notes of its slide."""
    found, is_asked = [], False
    for line, is_code in page(f"teach-{chapter}"):
        if line.startswith('??? question "'):
            found.append([])
            is_asked = True
        elif line.startswith("#"):
            is_asked = False
        elif is_asked and not is_code and HOW.match(line):
            call = CALL.match(line)
            told = called(chapter, *call.groups()) if call else line.strip()
            found[-1].append(linked(told, f"teach-{chapter}"))
    return ["\n".join(lines) for lines in found]


def timed(chapter):
    """
    Yield the parts of a plan: each, when it begins, and its steps, from when to when.

    A part with several steps says how many minutes each has.
    """
    clock = 0
    for part in lesson(chapter)["plan"]:
        steps, begins = [], clock
        for name, minutes in part.get("steps", {}).items():
            steps.append((name, begins, begins + minutes))
            begins += minutes
        end = clock + part["minutes"]
        if steps and begins != end:
            raise CannotShow(
                f"docs/teach/{chapter}.toml: the steps of the part of the plan at "
                f"{at(clock)} have {begins - clock} minutes, and the part "
                f"{part['minutes']}."
            )
        yield part, clock, steps
        clock = end


def more_of(chapter, part, steps, link=""):
    """Say until when each step of a part of the plan goes, and what helps when late."""
    known = letters(chapter)
    told = []
    for name, _, end in steps:
        named = f"{{{name}}}" if name in known else name
        told.append(f"{named} until **{at(end)}**")
    said = [lettered(chapter, f"Minutes: {', '.join(told)}.", link)] if told else []
    said += [typed_in(chapter, name) for name in part.get("types", [])]
    if "late" in part:
        late = f"*If late:* {lettered(chapter, part['late'], link)}"
        stage = stage_of(chapter)
        rows = [copy_of(stage, path) for path in part.get("late_copies", [])]
        said.append(f"{late}{': ' * bool(rows)}{', '.join(map(code, rows))}.")
    return said


def terminals(chapter):
    """Return what a teacher types in each terminal of a lesson, by its name."""
    return {each["name"]: each for each in lesson(chapter).get("terminal", [])}


def lines_of(chapter, name):
    """Return the commands of a terminal of a lesson, as bash has them."""
    if name not in terminals(chapter):
        raise CannotShow(f"docs/teach/{chapter}.toml has no terminal {name!r}.")
    return terminals(chapter)[name]["lines"]


def typed_in(chapter, name):
    """
    Say in one line what is typed in a terminal.

    PowerShell has its own form where it wants more than `py` in place of `python3`.
    """
    told = []
    for line in lines_of(chapter, name):
        other = translated(line, POWERSHELL)
        is_same = other == re.sub(r"^python3\b", "py", line)
        is_same = is_same or terminals(chapter)[name].get("only_bash", False)
        told.append(code(line) + ("" if is_same else f" (PowerShell: {code(other)})"))
    return f"*{terminals(chapter)[name]['title']}:* {', then '.join(told)}."


def code(line):
    """Write a command as code, in a table, too."""
    return f"`{line}`"


def called(chapter, macro, name):
    """Say in one line what a macro of the page for who teaches shows."""
    return {"cause": caused, "types": typed_in}[macro](chapter, name)


def part_below(chapter, title):
    """Return what stands below a heading of the page for who teaches a chapter."""
    found = None
    for line, _ in page(f"teach-{chapter}"):
        if line.startswith("#"):
            if found is not None:
                break
            found = [] if line.lstrip("# ") == title else None
        elif found is not None:
            found.append(linked(line, f"teach-{chapter}"))
    if found is None:
        raise CannotShow(f"docs/teach-{chapter}.md has no part {title!r}.")
    return "\n".join(found).strip()


def caused(chapter, name):
    """Say how a mistake is written into what was typed, and how it is taken back."""
    command = f"python3 docs/teach/cause.py {int(chapter[:2])} {name}"
    return f"Cause it: `{command}`; with `--back` it is put back. {BACK}"


def asked_when(chapter):
    """Return when each question is asked: its number, a word, and before or in what."""
    source = f"docs/teach/{chapter}.toml"
    found = {}
    for step, letter in zip(
        lesson(chapter)["type"], letters(chapter).values(), strict=True
    ):
        for key, word in ASKED.items():
            for number in step.get(key, []):
                if number in found or number not in (1, 2, 3):
                    raise CannotShow(
                        f"{source} asks question {number} twice, or never."
                    )
                found[number] = (word, f"step {letter}")
        for name, number in asks_before(step).items():
            if number in found or number not in (1, 2, 3):
                raise CannotShow(f"{source} asks question {number} twice, or never.")
            found[number] = ("before", labels(chapter)[name])
    return {number: found.get(number) for number in (1, 2, 3)}


def asks_before(step):
    """Return which question is asked before a piece of a step, by the piece's name."""
    known = {*chain.from_iterable(saves(step))} if "pieces" in step else set()
    asks = step.get("asks_before", {})
    for name in asks.keys() - known:
        raise CannotShow(
            f"The step {step['title']!r} asks a question before {name!r}, and that is "
            "no piece of it."
        )
    return asks


def shown_with(chapter, step, found):
    """
    Yield the pieces of a step that are typed, those together that are one thought.

    The step says which, by their names: they stand on one slide.
    """
    typed = {piece.name: piece for piece in found if not is_copied(step, piece)}
    groups = step.get("together", [])
    for name in chain.from_iterable(groups):
        if name not in typed:
            raise CannotShow(
                f"docs/teach/{chapter}.toml shows {name!r} together with another piece "
                f"in the step {step['title']!r}, and it is not typed there."
            )
    done = set()
    for name in typed:
        if name in done:
            continue
        [group] = [each for each in groups if name in each] or [[name]]
        done |= {*group}
        yield [typed[each] for each in group]


def failures(chapter):
    """
    Yield the failures that a teacher causes: a title, what is done, what is seen.

    What is seen is one line of the page, and begins with "The room sees". Then comes
    what the page says after it, and last what cause.py calls it, or nothing. What is
    typed in a terminal is a line of what is done.
    """
    name = f"teach-{chapter}"
    _, lines = section(name, "Two failures to cause")
    for each in re.split(r"\n\n+(?=\*\*)", "\n".join(lines).strip()):
        title, *rest = each.splitlines()
        calls = {line: found for line in rest if (found := CALL.fullmatch(line))}
        named = [found[2] for found in calls.values() if found[1] == "cause"]
        rest = [
            typed_in(chapter, calls[line][2]) if line in calls else line
            for line in rest
            if line not in calls or calls[line][1] == "types"
        ]
        seen = [line for line in rest if line.startswith("The room sees")]
        if len(seen) != 1:
            raise CannotShow(f"docs/{name}.md: what does the room see of {title}?")
        at = rest.index(seen[0])
        done, after = (
            "\n".join(filter(None, lines)) for lines in (rest[:at], rest[at + 1 :])
        )
        yield title.strip("*"), done, f"{seen[0]}\n", after, "".join(named)


def causes(chapter):
    """Return what is written wrong on purpose, by its name: docs/teach/cause.py."""
    told = lesson(chapter)
    wrong = [each for step in told["type"] for each in step.get("wrong", [])]
    return {each["name"]: each for each in [*wrong, *told.get("cause", [])]}


def once(found):
    """Return one piece for each file."""
    return {piece.path: piece for piece in found}.values()


def words(lines):
    """Return the lines that are not empty."""
    return [line.strip() for line in lines if line.strip()]
