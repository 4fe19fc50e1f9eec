"""
Help with the promise that is broken now: `learn.py hint` hands over to it.

    python -m tests.checker.hint stage02_routing work/stage02_routing

Four hints for each promise: a question, the place, the shape of the code, its lines in
the wrong order. Each call gives the next, until another promise is broken. The first
two are written, in hints/*.toml. The others are made from the finished stage.
"""

import sys

try:
    import argparse
    import re
    import textwrap
    import tomllib
    from dataclasses import dataclass
    from functools import cache
    from pathlib import Path

    from tests.checker import last, pieces, system, work
    from tests.checker.explain.crashes import telling
    from tests.checker.hints import steps
    from tests.checker.last import Broken, Last
    from tests.checker.system import (
        OF_THE_SITE,
        Refusal,
        exit_with,
        learn,
        says_why,
        typed,
    )
except KeyboardInterrupt:
    sys.exit(130)

WIDTH = 78  # Characters of a line: with two in front of it, it fits a terminal.
FOLDER = Path(__file__).parent / "hints"
START = "start"  # What a hint is for, when the server does not start.
LOGIN = "login"  # And when the checks cannot log in, whatever they wanted to look at.
# Those who only pass an exception on, or do as they are told, are innocent of it.
INNOCENT = {"guarded", "tell", "answer", "send_json", "send_error", "<module>"}
LARGE = 40  # Lines of a file. A piece of it is a better hint.
HINTS = 4
TITLES = ("a question", "the place", "the shape", "its lines")
MIXED = "These are the course's lines, in the wrong order. Which one comes first?"
GAP = "These are the course's lines, with one gap. What belongs there?"
SHAPE = "This is its shape in the course. What does each … stand for?"


@dataclass(frozen=True)
class Hint:
    """
    What helps with a promise: `question` and `place` are what the learner reads.

    `piece` is shown as it is where the section of `chapter` ends, or the section whose
    anchor is `until`: what the chapter brings later is not for this promise.
    Where `when` is found in what is known of the failure, it is for that one only.
    `piece` names what the other two hints are made from. Where the server does not
    start, it may be missing: then it is the place where the start ended.
    """

    promise: str
    question: str
    place: str
    chapter: str  # Page and anchor, as in the catalogue.
    piece: str = ""
    until: str = ""
    when: str = ""
    traced: bool | None = None

    @property
    def is_traced(self) -> bool:
        """Whether the place of an exception says more than `piece`."""
        # A hint that is for one failure only knows its place, unless it says otherwise.
        return not self.when if self.traced is None else self.traced


@cache
def hints_of(name: str) -> tuple[Hint, ...]:
    """Return the hints that are written for a stage, in their order."""
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        return ()
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    found = []
    for fields in content["hint"]:
        promises = fields.pop("promise")
        several = promises if isinstance(promises, list) else [promises]
        found += [Hint(promise, **fields) for promise in several]
    return tuple(found)


def stages_up_to(name: str) -> list[str]:
    """Return this stage and those before it, this one first."""
    return sorted(
        (each.name for each in work.folders().values() if each.name <= name),
        reverse=True,
    )


def candidates(name: str, promise: str) -> list[Hint]:
    """
    Return the hints for a promise in a stage, the first that fits is meant.

    Its own come first, then those of who promised it before: until one fits always.
    """
    found: list[Hint] = []
    for stage in stages_up_to(name):
        found += [hint for hint in hints_of(stage) if hint.promise == promise]
        if any(not hint.when for hint in found):
            break
    return found


def about(broken: Broken) -> str:
    """Return what a failure is about: a promise, the start, or the login."""
    if broken.symptom == "no start":
        return START
    if re.match(r"/?login|redirects", broken.symptom):
        return LOGIN
    return broken.promise


def hint_for(name: str, broken: Broken) -> Hint:
    """Return the hint for what is broken. Raises Refusal if there is none."""
    known = "\n".join(
        [broken.check, broken.diagnosis, broken.symptom, broken.seen, broken.printed]
    )
    for promise in dict.fromkeys((about(broken), broken.promise)):
        # A server that does not start may be what an earlier chapter tells of.
        for hint in candidates(name, promise):
            if re.search(hint.when, known):
                return hint
    raise Refusal(f"there is no hint for {broken.promise}")


def piece_of(hint: Hint, name: str, broken: Broken, project: Path) -> str:
    """Return which piece of the course a hint is about: file and name."""
    crash = telling(broken.printed) if hint.is_traced else None
    frames = crash.frames if crash else ()
    if hint.promise != START:
        for frame in reversed(frames):
            named = in_the_course(name, frame.file, frame.function)
            if named and frame.function not in INNOCENT:
                return named
        return hint.piece
    if hint.piece:
        return hint.piece
    for frame in reversed(frames):
        # Frames name files as a reader would: from the project's folder.
        file = Path(frame.file).as_posix()
        ours = text_of(name, file)
        if file == "manage.py" or not ours:
            continue
        if len(ours.splitlines()) <= LARGE:
            return file
        mine = texts_of(project).get(file, "")
        named = [
            in_the_course(name, file, each)
            for each in pieces.names_at(mine, frame.line)
        ]
        return next(filter(None, named), file)
    return of_the_settings(name, broken.printed)


def text_of(name: str, file: str) -> str:
    """Return a file of a finished stage: nothing, if there is no such."""
    path = system.ROOT / name / file
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def in_the_course(name: str, file: str, function: str) -> str:
    """Return the piece of a stage that has this function, or nothing."""
    file = Path(file).as_posix()
    if not function or not file.endswith(".py"):
        return ""
    source = text_of(name, file)
    classes = re.findall(r"^class (\w+)", source, re.MULTILINE)
    for each in [*(f"{each}.{function}" for each in classes), function]:
        if pieces.find(file, source, each):
            return f"{file}: {each}"
    return ""


def of_the_settings(name: str, printed: str) -> str:
    """Return the setting that the server complains of, or what it imports first."""
    source = text_of(name, "config/settings.py")
    for setting in re.findall(r"\b[A-Z][A-Z_]{3,}\b", printed):
        is_ours = pieces.find("settings.py", source, setting)
        if is_ours and setting != "ASGI_APPLICATION":
            return f"config/settings.py: {setting}"
    return "config/asgi.py: application"


# The four


def page_of(chapter: str) -> Path:
    """Return the page of the site's source that an entry names."""
    file = chapter.partition("#")[0].replace(".html", ".md")
    return system.ROOT / "docs" / file


def section_of(chapter: str) -> tuple[str, str, str]:
    """Say which section of which chapter tells of it, and where the site shows it."""
    page, anchor = page_of(chapter), chapter.partition("#")[2]
    heading = steps.headings(page).get(anchor, "")
    return f"{chapter_of(page)} tells of it in “{heading}”.", *on_the_site(chapter)


def on_the_site(place: str) -> tuple[str, str]:
    """Say where the site shows a page: nobody should read its source."""
    return (
        f"While `{learn('docs')}` runs, it is here:",
        f"http://127.0.0.1:{OF_THE_SITE}/{place}",
    )


def chapter_of(page: Path) -> str:
    """Return the title of a chapter, as the site shows it: `Chapter 1 · Echo`."""
    return f"Chapter {next(iter(steps.headings(page).values()))}"


def lines_of(text: str) -> list[str]:
    """Break prose into lines. Paths and names with hyphens stay whole."""
    return textwrap.wrap(
        " ".join(text.split()), WIDTH, break_on_hyphens=False, break_long_words=False
    )


def texts_of(project: Path) -> dict[str, str]:
    """Return the files of a project that are text, by path."""
    found = {}
    for path, content in work.contents(project).items():
        try:
            found[path] = content.decode().replace("\r\n", "\n")
        except UnicodeDecodeError:
            continue
    return found


def where(project: Path, reference: str) -> str:
    """Say where a reader's piece stands, or where it belongs."""
    file, name = pieces.split(reference)
    mine = pieces.own(texts_of(project), reference)
    if mine and not name:
        return f"It is in {typed(project / mine.file)}."
    if mine:
        place = f"{typed(project / mine.file)}, line {mine.line}"
        return f"Yours is {mine.label}, in {place}."
    if name and (project / file).is_file():
        words = re.sub("^the ", "", pieces.called(name))
        return f"{typed(project / file)} has no {words} yet."
    return f"It belongs into {typed(project / file)}, which is not there yet."


def course_piece(name: str, reference: str) -> pieces.Piece:
    """Return a piece of the finished stage. Raises Refusal if it has been edited."""
    file, piece = pieces.split(reference)
    path = system.ROOT / name / file
    found = pieces.find(file, text_of(name, file), piece)
    if not found or not pieces.can_be_read(found):
        words = re.sub("^the ", "", pieces.called(piece))
        raise Refusal(f"{typed(path)} has no {words}: was the finished stage edited?")
    return found


def piece_by_then(hint: Hint, name: str, reference: str) -> pieces.Piece:
    """Return a piece of the stage as its chapter has it when it keeps the promise."""
    ours = course_piece(name, reference)
    page = page_of(hint.chapter)
    is_own = page.name.startswith(f"{name[5:7]}-") and "deeper" not in page.name
    if not is_own:
        return ours
    anchor = hint.until or hint.chapter.partition("#")[2]
    return steps.piece_at(page, anchor, ours)


def traced(broken: Broken, hint: Hint, project: Path) -> str:
    """Say where an exception was raised, if one was printed."""
    crash = telling(broken.printed) if hint.is_traced else None
    frames = crash.frames if crash else ()
    for frame in reversed(frames):
        if frame.function not in INNOCENT - {"<module>"} and frame.file != "manage.py":
            inside = f", in {frame.function}()" if frame.function.isidentifier() else ""
            file = typed(project / frame.file)
            return f"What was printed names {file}, line {frame.line}{inside}."
    return ""


def given(
    number: int, hint: Hint, name: str, project: Path, reference: str, broken: Broken
) -> str:
    """Return the text of one of the four hints."""
    if number == 1:
        return "\n".join(lines_of(hint.question))
    if number == 2:
        place = hint.place
        # What the place is good for is said of the hint's own piece only.
        if hint.piece and reference != hint.piece:
            place = ""
        printed = traced(broken, hint, project)
        is_file = ": " not in reference  # Then what was printed has named it already.
        mine = "" if printed and is_file else where(project, reference)
        words = (printed, mine, place, *section_of(hint.chapter))
        return "\n".join(line for each in words for line in lines_of(each))
    piece = piece_by_then(hint, name, reference)
    if number == 3:
        words, lines = SHAPE, pieces.shape(piece)
    else:
        is_mixed, lines = pieces.puzzle(piece)
        words = MIXED if is_mixed else GAP
    shown = [f"  {line}".rstrip() for line in pieces.folded(lines, WIDTH)]
    return "\n".join([*lines_of(words), "", *shown])


# What was given


class Given:
    """The hints that a reader has had for a stage: which is next, and all to read."""

    def __init__(self, name: str, project: Path) -> None:
        number = int(name[5:7])
        self.project = str(project.resolve())
        self.state = system.ROOT / "work" / ".hints" / f"{name}.json"
        self.file = system.ROOT / "work" / f"hints_{number:02}.txt"

    def next(self, promise: str, question: str) -> int:
        """Return which hint comes next, 1 to 4, and note that it was given."""
        about = {"project": self.project, "promise": promise, "question": question}
        before = last.load(self.state)
        number = before.pop("given", 0)
        if before != about or not isinstance(number, int):
            number = 0
        number = min(max(number, 0) + 1, HINTS)
        last.save(self.state, {**about, "given": number})
        return number

    def keep(self, text: str) -> None:
        """Add a hint to the file that the reader can open, once."""
        if text not in self.all():
            self.file.parent.mkdir(exist_ok=True)
            with self.file.open("a", encoding="utf-8") as file:
                file.write(f"{text}\n\n")

    def all(self) -> str:
        """Return all that was given."""
        try:
            return self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""


def named_folder(name: str, project: Path) -> str:
    """Return the option that a command needs for a folder which is not in work/."""
    mine = work.of(int(name[5:7])).folder
    return "" if project == mine else f" --project {typed(project)}"


def promise_in_words(check: str) -> str:
    """Return a check as the report names it."""
    from tests.checker.verdict import check_sentence  # pytest takes a moment.

    return check_sentence(check)


def all_is_kept(name: str, seen: Last) -> str:
    """Say so, and what comes next."""
    number = int(name[5:7])
    words = [f"All promises of stage {number} are kept: there is nothing to hint at."]
    if seen.skipped:
        reasons = [line for reason in seen.skipped for line in lines_of(reason)]
        words = ["All that could be tried is kept. Not tried, and why:", *reasons]
    pages = (system.ROOT / "docs").glob(f"{number + 1:02}-*.md")
    chapters = [page for page in pages if not page.stem.endswith("-deeper")]
    if chapters:
        page = chapters[0]
        words.append(f"{chapter_of(page)} is next.")
        words += on_the_site(f"{page.stem}.html")
        words.append(f"`{learn(f'start {number + 1}')}` begins it.")
    else:
        words.append("It was the last stage. Well done.")
    return "\n".join(words)


def hint(name: str, project: Path, seen: Last) -> str:
    """Return what the learner is told next."""
    if not seen.broken:
        return all_is_kept(name, seen)
    broken = seen.broken
    chosen = hint_for(name, broken)
    reference = piece_of(chosen, name, broken, project)
    kept = Given(name, project)
    number = kept.next(chosen.promise, chosen.question)
    broken_now = {START: "the server starts", LOGIN: "the checks can log in"}.get(
        about(broken), ""
    ) or promise_in_words(broken.check)
    text = "\n".join(
        [
            *lines_of(f"Broken now: {broken_now}"),
            f"Hint {number} of {HINTS}, {TITLES[number - 1]}:",
            "",
            given(number, chosen, name, project, reference, broken),
        ]
    )
    kept.keep(text)
    more = named_folder(name, project)
    stage = int(name[5:7])
    if number < HINTS:
        then = f"The next one: `{learn(f'hint {stage}{more}')}`"
    else:
        solution = learn(f"solution {stage}{more}")
        then = f"That was the last one. Ours beside yours: `{solution}`"
    return f"{text}\n\n{then}\nAll that you were given is in {typed(kept.file)}."


@says_why
def main() -> int:
    """Read the command line, and help."""
    sys.stdout.reconfigure(errors="replace")  # A file may lack a letter.
    parser = argparse.ArgumentParser(prog="python -m tests.checker.hint")
    parser.add_argument("stage")
    parser.add_argument("project", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    project = options.project.resolve()
    if options.list:
        listed = Given(options.stage, project).all().rstrip()
        print(listed or "No hint was given for this stage yet.")
        return 0
    seen = last.of(options.stage, project, options.again)
    print(hint(options.stage, project, seen))
    return 0


if __name__ == "__main__":
    exit_with(main)
