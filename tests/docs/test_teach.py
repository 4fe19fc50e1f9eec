"""
What a teacher gets: an order that can be typed, slides that can be read, a handout.
"""

import filecmp
import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from itertools import chain, pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from markdown.extensions.toc import slugify
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from docs.shown import (
    changes,
    handout,
    live,
    places,
    plans,
    repository,
    rows,
    slides,
    teach,
    weights,
)
from docs.shown.pages import linked, section
from learn import COMMANDS
from tests.checker.command_line import parser
from tests.checker.grading import checks
from tests.checker.servers.runserver import Server, ServerError
from tests.docs.beginners import BEGINNERS, Beginner
from tests.docs.in_class import FAILURES, Failure
from tests.docs.order import type_pieces
from tests.docs.pages import before, blocks, stages
from tests.docs.repository import ROOT
from tests.docs.test_site import (
    CONTRAST,
    macros,  # noqa: F401  # A fixture.
    write,
)
from tests.proofs import runs
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import proof_of

CHAPTERS = ("01-echo", "02-routing", "03-groups", "04-auth", "05-wss")
PAGES = [
    *(ROOT / f"docs/teach-{chapter}.md" for chapter in CHAPTERS),
    *(ROOT / f"docs/{name}.md" for name in ("teach", "handout", "offline")),
]
LONGEST = 720  # Words of a page that one reads in front of a class.
MOST_CODE = 6  # Slides in a row, without a question, a drawing or a look at the page.
SHEETS = 10  # Of the handout: two sides for each stage.
SIZES = [(1280, 720), (1024, 640)]  # Projectors, the second with a browser around it.


# The order in which to type


@pytest.mark.recorded(
    *(ROOT / name for name in ("tests/start", *stages().values())),
    *(ROOT / f"docs/shown/{name}.py" for name in ("changes", "teach")),
    *(ROOT / name for name in ("docs/teach", "tests/checker/servers")),
    ROOT / "tests/docs/order.py",
)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_typed_in_this_order_each_save_leaves_a_server_that_starts(
    chapter: str, tmp_path: Path
) -> None:
    stage = teach.stage_of(chapter)
    work = shutil.copytree(
        ROOT / before(stage),
        tmp_path / stage,
        ignore=shutil.ignore_patterns("__pycache__", ".*", "*.sqlite3", "keys"),
    )
    steps, copied, skipped = teach.order(chapter)
    taken: dict[str, list[changes.Piece]] = {}
    for step, pieces in steps:
        known = {piece.name: piece for piece in pieces}
        for names in teach.saves(step):
            type_pieces(work, stage, [known[name] for name in names], taken)
            log = tmp_path / "server.log"
            try:
                with Server(work, log):
                    pass
            except ServerError:
                last = log.read_text(encoding="utf-8").strip().splitlines()[-1]
                pytest.fail(f"After {' and '.join(names)}: {last}", pytrace=False)
        if step.get("copies"):
            type_pieces(work, stage, copied, taken)
        if "make_keys" in step["then"]:
            command = (sys.executable, "manage.py", "make_keys")
            made = subprocess.run(
                command, cwd=work, check=False, capture_output=True, text=True
            )
            words = f"make_keys after “{step['title']}”: {made.stderr[-200:]}"
            assert not made.returncode, words
    # With what is left out, it is the finished stage.
    type_pieces(work, stage, skipped, taken)
    for path, lines in repository.files(stage).items():
        assert (work / path).read_text(encoding="utf-8") == "".join(lines), path
    assert not (work / "config/wsgi.py").exists()


def proof_of_step(chapter: str, place: int, wrong: int | None) -> Proof:
    """Return the proof of what fails after a step, or of one way to do it wrong."""
    stage = teach.stage_of(chapter)
    step = teach.order(chapter)[0][place][0]
    kept: list[object] = [
        [piece.name for piece in pieces]
        for _, pieces in teach.order(chapter)[0][: place + 1]
    ]
    title = f"{place + 1}, {step['title']}"
    if wrong is not None:
        kept.append(mistake := step["wrong"][wrong])
        title += f", wrong: {mistake['wrong']}"
    return proof_of("in_order", title, stage, ROOT / before(stage), str(kept))


def steps_that_fail() -> Iterator[tuple[str, int, int | None]]:
    """Yield the steps of the lessons after which a check is said to fail."""
    for chapter in CHAPTERS:
        for place, step in enumerate(teach.lesson(chapter)["type"]):
            if "fails" in step:
                yield chapter, place, None
            for wrong in range(len(step.get("wrong", []))):
                yield chapter, place, wrong


@pytest.mark.parametrize(
    ("proof", "chapter", "place", "wrong"),
    [(proof_of_step(*each), *each) for each in steps_that_fail()],
    ids=str,
)
def test_check_stops_where_the_order_says(
    proof: Proof,
    chapter: str,
    place: int,
    wrong: int | None,
    recorded: Recorded,
    tmp_path: Path,
) -> None:
    stage = teach.stage_of(chapter)
    steps, copied, _ = teach.order(chapter)
    step = steps[place][0]
    told = step if wrong is None else step["wrong"][wrong]

    def live() -> Seen:
        work = runs.copy_of(ROOT / before(stage), tmp_path / stage)
        taken: dict[str, list[changes.Piece]] = {}
        for each, pieces in steps[: place + 1]:
            copies = copied if each.get("copies") else []
            type_pieces(work, stage, [*pieces, *copies], taken)
        if wrong is not None:
            runs.replace(work / told["file"], told["right"], told["wrong"])
        seen = runs.check(stage, "--project", work).failed()
        return {"fails": seen["fails"], "symptom": seen["symptom"]}

    seen = recorded(proof, live)
    assert seen["fails"] == told["fails"]
    # The page says it in the words in which it is seen.
    assert SEEN[seen["symptom"]] in told["then"]


# What a lesson says of what was seen, by how the checker calls it.
SEEN = {
    "HTTP 500": "HTTP 500",
    "another name": "guest",
    "another root": "/elsewhere",
    "close 1011": "1011",
    "left open": "closed",
    "no answer": "no answer",
    "no room": "without a room",
    "not refused": "with 101",
}


ORDER = """
[[type]]
title = "One"
link = "01-echo.md"
pieces = [{typed}]
then = "look."
[rest]
copy = []
leave = [{left}]
"""
REASONS = '"new.py" = "Is new."\n["settings.py"]\n"B = 3" = "Is three."\n'


def order_in(folder: Path, typed: str, left: str) -> str:
    """Write, and return, an order of teaching for stage 1 of a small repository."""
    write(folder, "docs/reasons/stage01_echo.toml", REASONS)
    order = ORDER.format(typed=typed, left=left)
    write(folder, "docs/teach/01-echo.toml", order)
    return order


@pytest.mark.parametrize(
    ("typed", "left", "sentence"),
    [
        ('"new.py"', "", "does not say when settings.py: B = 3 is typed"),
        ('"new.py", "new.py"', "", "names 'new.py', twice"),
        ('"new.py"', '"old.py"', "names 'old.py', which is no piece of the diff"),
    ],
)
def test_order_has_each_piece_once(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
    typed: str,
    left: str,
    sentence: str,
) -> None:
    order_in(tmp_path, typed, left)
    with pytest.raises(macros.CannotShow, match=re.escape(sentence)):
        macros.live("01-echo")


def test_order_says_what_is_saved_together(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    order_in(tmp_path, '["new.py", "settings.py: B = 3"]', "")
    shown = macros.live("01-echo")
    first, second = re.findall(r"^\*\*A\d\*\* · .+", shown, re.MULTILINE)
    assert first.endswith("**Save it with the next one.**")
    assert "Save" not in second


def test_order_names_file_place_line_and_reason(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    order_in(tmp_path, '"settings.py: B = 3"', '"new.py"')
    shown = macros.live("01-echo")
    assert "**1 line typed**, in 1 piece.\n" in shown
    assert "### Step A · One\n" in shown
    place = "`settings.py`, in place of `B = 2`: 1 line, `B = 3`. Is three.\n"
    assert f"\n**A1** · {place}" in shown
    assert "\n**Then:** look. ([the chapter](01-echo.md))" in shown
    assert "**Leave out** `new.py`." in shown


def test_order_has_what_is_typed_folded_below_each_piece(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    order_in(tmp_path, '"new.py", "settings.py: B = 3"', "")
    first, second = macros.live("01-echo").split("\n**A2** · ")
    fold = '\n??? example "What you type: 1 line"\n\n    ``` '
    copy = "\n    Or copy ours: `cp stage01_echo/new.py work/stage01_echo/`\n"
    file = f'{fold}python title="new.py"\n    NEW = True\n    ```\n{copy}'
    assert file in first
    lines = "\n".join(f"    {line}" for line in (" A = 1", "-B = 2", "+B = 3"))
    assert f'{fold}diff title="settings.py"\n{lines}\n    ```\n' in second
    assert "copy" not in second


def test_order_says_what_is_copied_and_counts_it_apart(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    order = order_in(tmp_path, '"new.py", "settings.py: B = 3"', "")
    order = order.replace("then", 'copy = ["new.py"]\nthen')
    write(tmp_path, "docs/teach/01-echo.toml", order)
    shown = macros.live("01-echo")
    assert "**1 line typed**, in 1 piece, and 1 copied." in shown
    assert "**A1** · `new.py`, **copy it**, 1 line. Is new.\n" in shown
    assert "\ncp stage01_echo/new.py work/stage01_echo/\n" in shown
    assert '??? example "What it is: 1 line"' in shown
    for name, sentence in [
        ("old.py", "and it is no piece of it"),
        # What is left to type would come with the file.
        ("settings.py: B = 3", "would bring more"),
    ]:
        wrong = order.replace('["new.py"]', f'["{name}"]')
        write(tmp_path, "stage01_echo/settings.py", "A = 1\nB = 3\n\nC = 4\n")
        reasons = f'{REASONS}"C = 4" = "Is four."\n'
        write(tmp_path, "docs/reasons/stage01_echo.toml", reasons)
        later = '[[type]]\ntitle = "Two"\nlink = ""\nthen = ""\n'
        later += 'pieces = ["settings.py: C = 4"]\n[rest]'
        write(tmp_path, "docs/teach/01-echo.toml", wrong.replace("[rest]", later))
        with pytest.raises(macros.CannotShow, match=sentence):
            macros.live("01-echo")
    # In one step, all pieces of a file come with one command.
    both = order.replace(
        '"settings.py: B = 3"', '"settings.py: B = 3", "settings.py: C = 4"'
    )
    both = both.replace('["new.py"]', '["settings.py: B = 3", "settings.py: C = 4"]')
    write(tmp_path, "docs/teach/01-echo.toml", both)
    shown = macros.live("01-echo")
    both = "**A2** · `settings.py`, **copy it**, 2 lines.\n\n- Is three.\n- Is four.\n"
    assert both in shown
    assert '??? example "What it is: 2 lines"' in shown


def test_steps_are_named_by_letters(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    steps = '[[type]]\ntitle = "Begin"\n[[type]]\ntitle = "See: `a`, and b?"\n'
    write(tmp_path, "docs/teach/01-echo.toml", steps)
    told = "{Begin}, `{Begin}`, then {See: `a`, and b?}."
    named = macros.lettered("01-echo", told)
    assert named == "Step A, `{Begin}`, then step B."
    assert macros.step("01-echo", "Begin") == "[step A](#step-a-begin)"
    assert macros.step("01-echo", "See: `a`, and b?").endswith("(#step-b-see-a-and-b)")
    sentence = r"speaks of the step 'End', and its steps are 'Begin', 'See"
    with pytest.raises(macros.CannotShow, match=sentence):
        macros.lettered("01-echo", "{End}")
    write(
        tmp_path, "docs/teach/01-echo.toml", steps.replace("See: `a`, and b?", "Begin")
    )
    with pytest.raises(macros.CannotShow, match="has two steps 'Begin'"):
        macros.lettered("01-echo", "{Begin}")


def test_questions_are_asked_once(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    step = '[[type]]\ntitle = "{}"\n{} = [{}]\n'
    steps = step.format("One", "asks_last", 3) + step.format("Two", "asks", 1)
    write(tmp_path, "docs/teach/01-echo.toml", steps)
    assert macros.when_asked("01-echo") == (
        "The first in step B, before they see it, the second in the end, and the third "
        "after step A.\n"
    )
    write(tmp_path, "docs/teach/01-echo.toml", steps.replace("[1]", "[3]"))
    with pytest.raises(macros.CannotShow, match="asks question 3 twice"):
        macros.when_asked("01-echo")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_question_can_be_run_in_one_line(chapter: str) -> None:
    page = (ROOT / f"docs/teach-{chapter}.md").read_text(encoding="utf-8")
    asked = page[page.index("## Three questions") : page.index("## Two failures")]
    for question in asked.split("??? question")[1:]:
        found = re.findall(r"In one line[^`\n]*(`|:|press)", question)
        assert found, f"How is this run? {question}"
    # And nothing of that is on a slide.
    assert all("In one line" not in answer for _, answer in teach.asked(chapter))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_caused_can_be_put_back(chapter: str, tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "docs/teach/cause.py"))
    folder, found = script["causes"](int(chapter[:2]))
    assert folder == ROOT / "work" / teach.stage_of(chapter)
    assert found == teach.causes(chapter)
    ours = ROOT / teach.stage_of(chapter)
    for name, told in found.items():
        path = tmp_path / name / told["file"]
        path.parent.mkdir(parents=True)
        shutil.copy(ours / told["file"], path)
        before = path.read_bytes()

        def change(is_back: bool, told=told, name=name) -> str | None:
            return script["change"](tmp_path / name, told, is_back)

        assert "It is so already" in change(is_back=True), name
        assert change(is_back=False) is None, name
        assert told["wrong"] in path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            compile(path.read_text(encoding="utf-8"), path, "exec")
        assert "It is so already" in change(is_back=False), name
        assert change(is_back=True) is None, name
        assert path.read_bytes() == before, name
        path.write_bytes(before.replace(b"\n", b"\r\n"))  # As Git writes it on Windows.
        assert change(is_back=False) is None, name
        assert change(is_back=True) is None, name
        assert path.read_bytes() == before.replace(b"\n", b"\r\n"), name
        path.write_bytes(b"")
        assert "has not once what would be replaced" in change(is_back=False)
        path.unlink()
        assert "Has `learn.py start` been typed?" in change(is_back=False)


def test_failures_that_a_room_sees_are_those_of_the_lines() -> None:
    for failure in FAILURES:
        chapter = failure.stage.removeprefix("stage").replace("_", "-")
        texts = {
            (each["right"], each["wrong"]) for each in teach.causes(chapter).values()
        }
        assert (failure.right, failure.wrong) in texts, failure.wrong


def test_order_says_what_is_typed_wrong_on_purpose(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    write(tmp_path, "docs/reasons/stage01_echo.toml", REASONS)
    mistake = (
        '[[type.wrong]]\nname = "four"\nfile = "settings.py"\n'
        'right = "3"\nwrong = "4"\n'
        'fails = "three"\nthen = "it is four."\n[rest]'
    )
    order = ORDER.format(typed='"settings.py: B = 3"', left='"new.py"')
    write(tmp_path, "docs/teach/01-echo.toml", order.replace("[rest]", mistake))
    assert (
        "**Wrong on purpose:** in `settings.py` write `4` in place of `3`, or let this "
        'do it:\n\n``` text title="Cause it"\n'
        "python3 docs/teach/cause.py 1 four\n```\n\n"
        '``` text title="Put it back"\n'
        "python3 docs/teach/cause.py 1 four --back\n```\n\n"
        "Pages come back in up to a quarter of a minute, or press “Connect”.\n\n"
        "After this step `check 1` stops at “three”. It is four.\n\n**Then:** look."
    ) in macros.live("01-echo")
    with pytest.raises(macros.CannotShow, match="causes no 'five'"):
        macros.cause("01-echo", "five")


BEFORE = """\
import os

LONG = "a line that is much too long to be shown in a sentence as it is"


class Room:
    def enter(self):
        if self.is_full:
            return
        self.open()

    def leave(self):
        if self.is_empty:
            return
        self.close()
"""


@pytest.mark.parametrize(
    ("was", "comes", "where"),
    [
        ("import os", "import json\nimport os", "at the top, before `import os`"),
        ("import os", "import os\nimport re", "after `import os`"),
        (
            "\n\n\nclass",
            "\nSHORT = 1\n\n\nclass",
            'after `LONG = "a line that is much too long to be shown in a …`',
        ),
        (
            "        self.open",
            "        # Come in.\n        self.open",
            "in `enter()`, before `self.open()`",
        ),
        ("self.close()", "self.lock()", "in `leave()`, in place of `self.close()`"),
        (
            "        if self.is_full:\n            return\n",
            "        self.count()\n",
            "in `enter()`, in place of `if self.is_full:` and the line below it",
        ),
        (
            "    def leave",
            "    async def wait(self):\n        ...\n\n    def leave",
            "in `Room`, after `self.open()`",
        ),
    ],
)
def test_place_of_a_piece_is_named_by_what_stands_there(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
    was: str,
    comes: str,
    where: str,
) -> None:
    assert BEFORE.count(was) == 1
    write(tmp_path, "stage01_echo/settings.py", BEFORE)
    write(tmp_path, "stage02_routing/settings.py", BEFORE.replace(was, comes))
    write(tmp_path, "docs/reasons/stage02_routing.toml", '"settings.py" = "So."\n')
    (tmp_path / "stage01_echo/new.py").unlink()
    [place] = macros.places("stage02_routing", *macros.pieces("stage02_routing"))
    assert place.where == where


CALLS = """\
MEMBERS = [
    "ana",
]

urlpatterns = [
    path(
        "garden/",
        garden,
    ),
]
"""


def where_comes(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
    was: str,
    comes: str,
) -> list[str]:
    """Return where a change of these calls is said to stand."""
    write(tmp_path, "stage01_echo/settings.py", CALLS)
    write(tmp_path, "stage02_routing/settings.py", CALLS.replace(was, comes))
    write(tmp_path, "docs/reasons/stage02_routing.toml", '"settings.py" = "So."\n')
    (tmp_path / "stage01_echo/new.py").unlink(missing_ok=True)
    [piece] = macros.pieces("stage02_routing")
    assert macros.is_closed(piece.added())
    return [each.where for each in macros.places("stage02_routing", piece)]


def test_place_is_named_by_a_line_that_one_knows_again(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    other = '    path(\n        "hall/",\n        hall,\n    ),\n'
    for was, comes, where in [
        ("\nurl", "\nAGE = 1\n\nurl", "after `MEMBERS = [ … ]`"),
        # Whole calls come, wherever difflib sees them begin.
        ("= [\n    path", f"= [\n{other}    path", "after `urlpatterns = [`"),
        ("    ),\n]", f"    ),\n{other}]", 'after `path("garden/", … ),`'),
    ]:
        assert where_comes(macros, tmp_path, was, comes) == [where]


def test_hunk_with_several_reasons_is_cut_between_its_paragraphs(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    new = "A = 1\nB = 3\n\nX = 0\n\nNAME = 4\nAGE = 5\n\n\nLAST = {\n    6: 7,\n}\n"
    write(tmp_path, "stage01_echo/settings.py", new)
    reasons = f'{REASONS}"AGE" = "Is five."\n"6:" = "Is six."\n'
    write(tmp_path, "docs/reasons/stage01_echo.toml", reasons)
    _, three, five, six = macros.pieces("stage01_echo")
    assert three.added() == ["B = 3\n", "\n", "X = 0\n"]
    assert five.hunks == [["+\n", "+NAME = 4\n", "+AGE = 5\n"]]
    assert six.added()[2:] == ["LAST = {\n", "    6: 7,\n", "}\n"]
    shown = macros.changes("stage01_echo")
    assert shown.index("Is three.") < shown.index("Is five.") < shown.index("Is six.")
    # What continues a piece is found by its lines, if they have been typed.
    for typed, where in [
        ((three, five), "after `AGE = 5`"),
        ((three,), "after `X = 0`"),
        ((), "after `B = 2`"),
    ]:
        [place] = macros.places("stage01_echo", six, typed)
        assert place.where == where
    # Each can be typed without the others.
    old, lines = ["A = 1\n", "B = 2\n"], new.splitlines(keepends=True)
    typed = macros.typed_so_far(old, lines, macros.codes_of([six]))
    assert typed == [*old, *six.added()]
    typed = macros.typed_so_far(old, lines, macros.codes_of([six, three, five]))
    assert "".join(typed) == new
    reasons = reasons.replace('"AGE"', '"AGE" = "x"\n"NAME"')
    write(tmp_path, "docs/reasons/stage01_echo.toml", reasons)
    with pytest.raises(macros.CannotShow, match="4 reasons, and no empty line between"):
        macros.pieces("stage01_echo")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_order_has_each_line_that_is_typed(chapter: str) -> None:
    shown = live.live(chapter)
    for piece in chain.from_iterable(found for _, found in teach.order(chapter)[0]):
        for line in piece.added():
            assert line.strip() in shown, f"{piece.name} lacks {line}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_copied_is_copied_by_the_commands(chapter: str, tmp_path: Path) -> None:
    stage = teach.stage_of(chapter)
    _, copied, _ = teach.order(chapter)
    work = tmp_path / "work" / stage
    shutil.copytree(ROOT / before(stage), work, ignore=runs.RESIDUE)
    (tmp_path / stage).symlink_to(ROOT / stage)
    for piece in copied:
        subprocess.run(
            shlex.split(teach.copy_of(stage, piece.path)), cwd=tmp_path, check=True
        )
        assert filecmp.cmp(work / piece.path, ROOT / stage / piece.path, shallow=False)


PART = '[[plan]]\nminutes = {}\nyou = "talk"\nroom = "listens"\non = "paper"\n'


def test_plan_adds_its_minutes_up(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    parts = 'opens = "Why?"\n' + PART.format(50) + "hour = 35\n" + PART.format(25)
    write(tmp_path, "docs/teach/01-echo.toml", parts)
    first = "talk<br>**Ask:** Why? | listens<br>*paper* |"
    assert macros.plan("01-echo").splitlines()[2:] == [
        f"| **0:00**<br>50&nbsp;min<br>1&nbsp;h: 35 | {first}",
        "| **0:50**<br>25&nbsp;min | talk | listens<br>*paper* |",
        "| **1:15** | the end |  |",
    ]
    write(tmp_path, "docs/teach/01-echo.toml", parts + "hour = 26\n")
    with pytest.raises(macros.CannotShow, match="an hour has 61 minutes"):
        macros.plan("01-echo")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_lesson_counts_the_checks_as_its_chapter_does(chapter: str) -> None:
    told = (ROOT / f"docs/teach/{chapter}.toml").read_text(encoding="utf-8")
    page = (ROOT / f"docs/{chapter}.md").read_text(encoding="utf-8")
    counts = re.findall(r"all (\d+) checks pass", told)
    assert counts
    assert all(f"All {count} checks pass." in page for count in counts)


def test_what_a_slide_quotes_must_be_there(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        "docs/01-echo.md",
        "# Title\n\n## The limit: none\n\nOne [way](#x)\nout.\n\n"
        "```\n## The idea\n```\n",
    )
    assert macros.section("01-echo", "The limit")[0] == "The limit: none"
    # Its links lead to the page that it is from.
    assert macros.paragraph("01-echo", "One") == "One [way](01-echo.md#x)\nout."
    with pytest.raises(macros.CannotShow, match="has no part 'The idea'"):
        macros.section("01-echo", "The idea")
    with pytest.raises(macros.CannotShow, match="no paragraph that begins with 'Two'"):
        macros.paragraph("01-echo", "Two")
    with pytest.raises(macros.CannotShow, match="no heading 'The idea'"):
        macros.heading("01-echo", "The idea")
    write(
        tmp_path,
        "docs/teach-01-echo.md",
        '??? question "Why?"\n\n    So.\n\n'
        "## Two failures to cause\n\n**Pull it.**\nPull.\nThey see nothing.\n",
    )
    with pytest.raises(macros.CannotShow, match="asks 1 questions, not 3"):
        macros.asked("01-echo")
    with pytest.raises(macros.CannotShow, match=r"does the room see of \*\*Pull it"):
        next(macros.failures("01-echo"))
    write(tmp_path, "docs/glossary.toml", "term = []\n")
    write(tmp_path, "docs/teach/01-echo.toml", "plan = []\n")
    with pytest.raises(macros.CannotShow, match="no term 'frame'"):
        next(macros.ideas("01-echo", [{"term": "frame"}]))


DRAWN = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 9" role="img"
  aria-labelledby="box-title box-desc">
  <title id="box-title">A box</title>
  <desc id="box-desc">
    First.
    Then.
  </desc>
  <g data-step="1"><text>one</text></g>
  <g data-step="1-1"><text>only one</text></g>
  <g data-step="2"><text>two</text></g>
</svg>
"""


def test_drawing_grows_by_steps(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    write(tmp_path, "docs/assets/box.svg", DRAWN)
    first, last = macros.drawing("box.svg", 1), macros.drawing("box.svg")
    assert re.findall("<text>(.+)</text>", first) == ["one", "only one"]
    assert re.findall("<text>(.+)</text>", last) == ["one", "two"]
    # What is not there yet is not told, and one page may have both.
    assert '<desc id="box-1-desc">First.</desc>' in first
    assert '<desc id="box-2-desc">First. Then.</desc>' in last
    [(title, shown)] = macros.drawn("box.svg", 1)
    assert title == "A box"
    assert 'aria-label="A box. First."' in shown
    assert "id=" not in shown
    with pytest.raises(macros.CannotShow, match="has 2 steps, and no step 3"):
        macros.drawing("box.svg", 3)
    write(tmp_path, "docs/assets/box.svg", DRAWN.replace("    Then.\n", ""))
    with pytest.raises(macros.CannotShow, match="2 steps, 1 lines tell"):
        macros.drawing("box.svg")


def test_bytes_in_the_drawing_of_a_frame_are_a_frame() -> None:
    drawing = (ROOT / "docs/assets/frame.svg").read_text(encoding="utf-8")
    found = re.findall(r'"code byte"[^>]*>(..)<', drawing)
    server, browser = (
        bytes.fromhex("".join(found[:4])),
        bytes.fromhex("".join(found[4:])),
    )
    assert server == b"\x81\x02hi"
    assert browser[:2] == b"\x81\x82"
    mask, payload = browser[2:6], browser[6:]
    assert bytes(a ^ b for a, b in zip(payload, mask, strict=False)) == b"hi"


def text_of(markup: str) -> str:
    """Return what a reader sees of HTML, without the marks where a line goes on."""
    markup = markup.replace('<span class="goes-on">↩</span>', "")
    return unescape(re.sub("<[^>]*>", "", markup))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_slides_show_each_line_that_comes_or_goes(chapter: str) -> None:
    shown = slides.slides(chapter)
    shown = [text_of(row) for row in shown.replace("&#10;", "\n").splitlines()]
    for step, pieces in teach.order(chapter)[0]:
        for piece in pieces:
            if teach.is_copied(step, piece):
                continue
            for line in chain.from_iterable(piece.hunks):
                if line[0] in "+-" and line[1:].strip():
                    sign = "" if piece.verb == "is new" else line[0]
                    # A comment that is too long becomes several.
                    for part in rows.comments(sign + line[1:], slides.CODE_WIDTH):
                        row = part.rstrip("\n")
                        assert any(each.endswith(row) for each in shown), row


@pytest.mark.parametrize("line", ["+    # ", "# ", "         # "])
def test_comment_that_is_too_long_becomes_several(line: str) -> None:
    words = "Join before accepting, so that an open connection misses no message."
    parts = rows.comments(f"{line}{words}\n", 40)
    assert len(parts) > 1
    for part in parts:
        # Whoever types it so types comments, and no syntax error.
        assert part.startswith(line)
        assert len(part.rstrip("\n")) <= 40
    assert " ".join(part.removeprefix(line).strip() for part in parts) == words
    code = f"{'x = 1'.rjust(60)}\n"
    assert rows.comments(code, 40) == [code]


def test_slide_says_what_its_own_lines_are_in() -> None:
    shown = slides.slides("03-groups").split("<section ")[1:]
    [function] = [each for each in shown if "async def send_to_room" in text_of(each)]
    assert "A2 · chat/consumers.py · in the file, outside of all classes" in function
    [method] = [each for each in shown if "has_joined = False" in text_of(each)]
    assert "A2 · chat/consumers.py · in ChatConsumer<" in method


def test_slides_show_what_is_typed_wrong_and_then_what_is_red() -> None:
    shown = slides.slides("01-echo").split("<section ")[1:]
    asked, told = (n for n, each in enumerate(shown) if "## Wrong on purpose" in each)
    assert told == asked + 1
    lines = text_of(shown[asked]).replace("&#10;", "\n").splitlines()
    assert {"-        await self.accept()", "+        pass"} <= {*lines}
    assert "What will you see?" in shown[asked]
    assert "FAIL" not in shown[asked]
    assert "**FAIL** handshake switches from HTTP to WebSocket" in shown[told]


MINUTES = 'opens = "?"\n' + "".join(
    f'[[plan]]\nminutes = {minutes}\nslide = "{slide}"\n'
    f'you = "Do {slide}."\nroom = "x"\n'
    for minutes, slide in ((5, "opens"), (20, "{Join}"), (10, "question 1"))
)


def planned(macros: SimpleNamespace, *wanted: str) -> list[tuple]:  # noqa: F811
    """Return what `planned` makes of slides at these places of a lesson."""
    return list(
        macros.planned("01-echo", [macros.Slide(each, (each,)) for each in wanted])
    )


def test_part_of_the_plan_stands_on_the_slide_with_which_it_begins(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    steps = '[[type]]\ntitle = "Join"\n'
    write(tmp_path, "docs/teach/01-echo.toml", MINUTES + steps)
    shown = planned(macros, "", "opens", "step A", "check", "question 1", "missing")
    noted = [" ".join(slide.notes) for slide, _ in shown]
    assert noted[1].startswith("**0:00** Do opens. *The room:* x.")
    assert noted[2].startswith("**0:05** Do step A.")
    assert noted[4].startswith("**0:25** ")
    assert not noted[0] + noted[3] + noted[5]
    times = [time for _, time in shown]
    # The title is shown when the lesson begins.
    assert times == [(0, 5), (0, 5), (5, 25), (5, 25), (25, 35), (25, 35)]
    for wanted, sentence in [
        (
            ("opens", "step A"),
            "the part of the plan at 0:25 is at 'question 1', and no",
        ),
        (
            ("opens", "question 1", "step A"),
            "0:25 begins on slide 2, before the part of",
        ),
    ]:
        with pytest.raises(macros.CannotShow, match=sentence):
            planned(macros, *wanted)
    bare = MINUTES.replace('slide = "opens"\n', "")
    write(tmp_path, "docs/teach/01-echo.toml", bare + steps)
    with pytest.raises(macros.CannotShow, match="with which `slide` does the part of"):
        planned(macros, "opens")


def test_step_of_a_part_has_minutes_of_its_own(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    plan = (
        'opens = "?"\n[[plan]]\nminutes = 20\nslide = "start"\nyou = "Type."\n'
        'room = "types"\non = "paper"\nlate = "leave {Join} out"\n'
        'steps = { start = 5, "Join" = 15 }\n[[type]]\ntitle = "Join"\n'
    )
    write(tmp_path, "docs/teach/01-echo.toml", plan)
    told = "Minutes: start until **0:05**, {} until **0:20**.{}*If late:* leave {} out."
    link = "[step A](#step-a-join)"
    assert told.format(link, "<br>", link) in macros.plan("01-echo")
    shown = planned(macros, "title", "start", "step A", "check")
    assert told.format("step A", " ", "step A") in shown[1][0].notes[0]
    assert shown[2][0].notes[0].startswith("**0:05** Step A, until **0:20**. *If late")
    assert [times for _, times in shown] == [(0, 5), (0, 5), (5, 20), (5, 20)]
    write(tmp_path, "docs/teach/01-echo.toml", plan.replace("= 15", "= 14"))
    with pytest.raises(macros.CannotShow, match="at 0:00 have 19 minutes, and the pa"):
        planned(macros, "start", "step A")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_row_of_the_plan_with_several_steps_says_when_each_begins(chapter: str) -> None:
    for part in teach.lesson(chapter)["plan"]:
        named = [title for title in teach.NAMED.findall(part["you"]) if title]
        if len(named) > 1:
            assert {*named} <= {*part["steps"]}, part["you"]
            assert part["late"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_questions_are_numbered_in_the_order_in_which_they_are_asked(
    chapter: str,
) -> None:
    places_of = [place for slide in slides.all_of(chapter) for place in slide.places]
    numbers = [place for place in places_of if place.startswith("question ")]
    assert numbers == ["question 1", "question 2", "question 3"]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_notes_of_a_slide_of_code_say_where_it_goes(chapter: str) -> None:
    labels = set(teach.labels(chapter).values())
    for slide in slides.all_of(chapter):
        bar = re.search(r'class="filename">([A-Z]\d[^<]*) · ', slide.text)
        named = (
            [each for each in bar[1].split(" and ") if each in labels] if bar else []
        )
        notes = " ".join(slide.notes)
        # The second slide of two pieces may have lines of one of them.
        assert not named or any(f"**{each}** in `" in notes for each in named), bar[1]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_note_stands_on_the_slide_that_it_speaks_of(chapter: str) -> None:
    shown = list(slides.all_of(chapter))
    for step, _ in teach.order(chapter)[0]:
        for note in step.get("note", []):
            [slide] = [each for each in shown if note["says"] in each.notes]
            assert note["at"] in slide.places
    # How an answer is run stands with its question, and what causes a failure with it.
    for number, told in enumerate(teach.how(chapter), start=1):
        [slide] = [each for each in shown if f"question {number}" in each.places]
        assert told in slide.notes
    for number, failure in enumerate(teach.failures(chapter), start=1):
        [slide] = [each for each in shown if f"failure {number}" in each.places]
        assert bool(failure[-1]) == ("cause.py" in " ".join(slide.notes))


def test_note_of_a_slide_that_is_not_there_fails_the_build(
    macros: SimpleNamespace,  # noqa: F811
) -> None:
    step = {"letter": "B", "note": [{"at": "chekc", "says": "x"}]}
    shown = [macros.Slide("a", ("step B",)), macros.Slide("b", ("check", "report"))]
    sentence = (
        "A note of step B is at 'chekc', and no slide is. There is: step B, check"
    )
    with pytest.raises(macros.CannotShow, match=sentence):
        macros.with_notes("01-echo", shown, step)


def is_code(slide: slides.Slide) -> bool:
    """Tell whether a slide has code to type or to copy, and neither asks nor tells."""
    has_code = 'class="language-' in slide.text
    tells = ("{ .ask }", "What is red?", "the server printed", "The work begins")
    return has_code and not any(each in slide.text for each in tells)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_code_is_never_shown_for_long_without_anything_else(chapter: str) -> None:
    titles: list[str] = []
    for slide in slides.all_of(chapter):
        titles = [*titles, slide.text.partition("\n")[0]] if is_code(slide) else []
        assert len(titles) <= MOST_CODE, f"{len(titles)} slides of code: {titles}"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_few_lines_are_shown_with_those_around_them(chapter: str) -> None:
    for slide in slides.all_of(chapter):
        if not is_code(slide) or "language-diff" not in slide.text:
            continue
        count = slide.text.count('<span class="row')
        assert count >= 6, f"Only {count} rows: {text_of(slide.text)}"
        # What stands around them is not coloured as what comes.
        assert "row around" in slide.text or count >= 7


def test_slide_shows_a_file_as_it_is_when_its_piece_is_typed() -> None:
    shown = [each.text for each in slides.all_of("04-auth")]
    [imports] = [each for each in shown if "get_user</span>" in each and "B1 ·" in each]
    [later] = [each for each in shown if "session_check" in each and "C3 ·" in each]
    assert "row gd" in imports
    # What step B has brought is there in step C, and stands around what comes.
    around = [
        text_of(row)
        for row in re.findall(r'<span class="row around".*?&#10;</span>', later)
    ]
    assert any("send_to_room" in row for row in around)


def test_pieces_that_are_one_thought_stand_on_one_slide(
    macros: SimpleNamespace,  # noqa: F811
    tmp_path: Path,
) -> None:
    write(tmp_path, "docs/reasons/stage01_echo.toml", REASONS)
    order = order_in(tmp_path, '"settings.py: B = 3", "new.py"', "")
    for names, sentence in [
        ('"settings.py: B = 3", "old.py"', "shows 'old.py' together with another"),
        ('"settings.py: B = 3", "new.py"', "and are of several files"),
    ]:
        both = order.replace("then", f"together = [[{names}]]\nthen")
        write(tmp_path, "docs/teach/01-echo.toml", both)
        [(step, found)], _, _ = macros.order("01-echo")
        with pytest.raises(macros.CannotShow, match=sentence):
            [*macros.typing("01-echo", step, found, [])]


def test_slide_of_several_pieces_has_the_reason_of_each() -> None:
    shown = [each.text for each in slides.all_of("05-wss")]
    slide, *_ = [each for each in shown if ">B1 and B2 ·" in each]
    assert slide.startswith("## Step B · Django does not know yet\n")
    for piece in changes.pieces("stage05_wss"):
        if piece.key in ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE"):
            assert f"** {piece.reason}\n" in slide
            assert piece.key in text_of(slide)


def test_question_before_a_piece_is_said_on_the_page_and_asked_on_the_slides() -> None:
    shown = list(slides.all_of("02-routing"))
    [asked] = [n for n, each in enumerate(shown) if "question 2" in each.places]
    piece = "chat/consumers.py: self.room = "
    [typed] = [n for n, each in enumerate(shown) if piece in each.places]
    assert typed == asked + 2  # Between them stands the answer.
    label = teach.labels("02-routing")[piece]
    assert f"the second before {label}" in live.when_asked("02-routing")
    page = live.live("02-routing")
    asks = f"**Ask** the [second question](#three-questions), before you type {label}."
    assert page.index(asks) < page.index(f"**{label}** ·")
    step = {"title": "x", "pieces": ["a"], "asks_before": {"b": 1}}
    with pytest.raises(repository.CannotShow, match="before 'b', and that is no piece"):
        teach.asks_before(step)


def test_answer_comes_before_the_report_that_gives_it_away() -> None:
    shown = slides.slides("03-groups").split("<section ")[1:]
    question, answer = teach.asked("03-groups")[0]
    asked, told = (n for n, each in enumerate(shown) if question in each)
    assert not any("**FAIL**" in each for each in shown[asked:told])
    assert "What is red?" in shown[told - 1]
    assert answer in shown[told]
    assert "**FAIL**" in shown[told + 1]


def addresses_of(chapter: str) -> tuple[set[tuple[str, str]], list[str]]:
    """Return the hosts and ports that a lesson opens, and the lines that serve them."""
    page = (ROOT / f"docs/teach-{chapter}.md").read_text(encoding="utf-8")
    told = " ".join(part["you"] for part in teach.lesson(chapter)["plan"])
    opened = re.findall(r"https?://([\w.]+):(\d+)|site=([\w.]+):(\d+)", page + told)
    lines = [
        line
        for name in teach.terminals(chapter)
        for line in teach.lines_of(chapter, name)
    ]
    return {(host or other, port or last) for host, port, other, last in opened}, lines


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_a_lesson_opens_is_served_under_this_name(chapter: str) -> None:
    opened, lines = addresses_of(chapter)
    for host, port in opened:
        if port == "8000":
            names = re.findall(r"ALLOWED_HOSTS=(\S+)", " ".join(lines))
            known = host in {"127.0.0.1", "localhost", *names}
            words = f"Django refuses {host} with 400: it is in no ALLOWED_HOSTS of"
            assert known, f"{words} [[terminal]] in docs/teach/{chapter}.toml."
        elif port in ("8001", "8002"):
            assert any(port in line for line in lines), f"Nothing serves {host}:{port}."


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_a_lesson_types_in_terminals_is_what_pages_type(chapter: str) -> None:
    stage = teach.stage_of(chapter)
    names = (chapter, f"teach-{chapter}", "teach", "setup")
    pages = "\n".join(
        (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in names
    )
    used = [
        *chain.from_iterable(
            each.get("types", [])
            for part in ("plan", "type")
            for each in teach.lesson(chapter)[part]
        )
    ]
    assert {*teach.terminals(chapter)} == {*used}, "A terminal is named nowhere."
    for name in teach.terminals(chapter):
        for line in teach.lines_of(chapter, name):
            line = line.replace("--project", f"--project work/{stage}")
            line = line.replace(" --host 0.0.0.0", "")
            line = line.replace(f"cp work/{stage}/keys", f"cp {stage}/keys")
            line = line.replace(" 8080 --dir", " 8080 --bind 127.0.0.1 --dir")
            is_python = line.startswith("python3 -c")
            assert is_python or line in pages, f"No page has {line}"


def test_commands_of_a_lesson_have_the_form_of_powershell_too() -> None:
    told = teach.typed_in("04-auth", "second-name")
    assert (
        "`export ALLOWED_HOSTS=chat.evil.localhost` "
        '(PowerShell: `$env:ALLOWED_HOSTS = "chat.evil.localhost"`), then `python3'
    ) in told
    assert told in plans.plan("04-auth")
    assert '$env:ALLOWED_HOSTS = "chat.evil' in live.types("04-auth", "second-name")
    for slide in slides.all_of("04-auth"):
        if "failure 2" in slide.places:
            notes = " ".join(slide.notes)
            for words in (
                told,
                "http.server 8002",
                "Log in at `http://chat.evil.localhost:8000/`",
                "`http://evil.localhost:8002/?site=chat.evil.localhost:8000`",
            ):
                assert words in notes
    with pytest.raises(repository.CannotShow, match="has no terminal 'x'"):
        teach.typed_in("04-auth", "x")


def test_what_a_teacher_does_is_in_the_notes_and_the_room_sees_a_question() -> None:
    for chapter in CHAPTERS:
        shown = list(slides.all_of(chapter))
        for step, _ in teach.order(chapter)[0]:
            if "room" in step:
                place = f"check of step {step['letter']}"
                [slide] = [each for each in shown if place in each.places]
                assert slide.text.strip() == f"## {step['room']}"
                said = teach.lettered(chapter, step["then"])
                said = linked(said, f"teach-{chapter}")
                assert any(said[1:] in each for each in slide.notes)
        for title, done, *_ in teach.failures(chapter):
            [slide] = [
                each
                for each in shown
                if each.text.startswith(f"## {title}\n") and ".ask" in each.text
            ]
            assert done not in slide.text


def test_copy_that_helps_when_late_has_its_command() -> None:
    for chapter in CHAPTERS:
        for part in teach.lesson(chapter)["plan"]:
            if "copy" in part.get("late", "").split():
                said = " ".join(teach.more_of(chapter, part, []))
                is_of_students = "students'" in part["late"]
                assert is_of_students or "`cp stage" in said, said


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_slide_has_a_bracket_alone(chapter: str) -> None:
    for slide in slides.slides(chapter).split("<section ")[1:]:
        rows = re.findall(r'<span class="row.*?&#10;</span>', slide)
        words = [row for row in map(text_of, rows) if re.search(r"\w", row)]
        is_command = "Terminal</span>" in slide
        assert not rows or len(words) > 1 or is_command, text_of(slide)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_slides_ask_before_they_tell(chapter: str) -> None:
    shown = slides.slides(chapter).split("<section ")[1:]
    for step in teach.lesson(chapter)["type"]:
        if fails := step.get("fails"):
            [told] = [
                n
                for n, each in enumerate(shown)
                if f"**FAIL** {fails}" in each and step["then"][1:] in each
            ]
            # Between them stands the answer to a question that the report answers.
            asks = shown[told - 1 - len(step.get("asks", []))]
            assert "What is red?" in asks
            assert fails not in asks
    for question, answer in teach.asked(chapter):
        asked, told = (n for n, each in enumerate(shown) if question in each)
        # Between them stands what a check says, where it answers the question.
        assert not [
            each
            for each in shown[asked + 1 : told]
            if "**FAIL**" not in each
            and "What is red?" not in each
            and "the server printed" not in each
        ]
        assert answer not in shown[asked]
        assert answer in shown[told]
    for title, done, seen, *_ in teach.failures(chapter):
        seen = seen.removeprefix("The room sees")
        place, after = (n for n, each in enumerate(shown) if f"## {title}\n" in each)
        assert after == place + 1
        for line in done.splitlines():
            # What is in brackets is for who does it.
            assert line in shown[place]
            if line.startswith("("):
                assert line not in shown[place].partition("<details")[0]
        assert seen not in shown[place]
        assert seen in shown[after]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_slides_open_with_a_question_and_begin_with_what_is_red(chapter: str) -> None:
    shown = slides.slides(chapter).split("<section ")[1:]
    assert f"## {teach.lesson(chapter)['opens']}" in shown[1]
    [begin] = [each for each in shown if "## The work begins: `start" in each]
    rows = text_of(begin.replace("&#10;", "\n")).splitlines()
    number = int(chapter[:2])
    place = rows.index(f"Terminal$ python3 learn.py start {number}")
    assert rows[place + 1] == f"$ python3 learn.py check {number}"
    assert re.match(r"(FAIL|stop)  handshake", rows[place + 2])
    assert rows[place + 4].strip()


def test_slide_has_what_the_server_printed() -> None:
    told = {
        "03-groups": ["'NoneType' object has no attribute", "No handler for message"],
        "01-echo": ["can only handle ASGI/HTTP"],
        "04-auth": [],  # Nothing is printed: a stranger is let in.
    }
    for chapter, words in told.items():
        shown = slides.slides(chapter).split("<section ")[1:]
        found = [each for each in shown if "## What the server printed" in each]
        assert len(found) == len(words)
        for each, word in zip(found, words, strict=True):
            assert word in text_of(each)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_slides_show_what_is_copied_by_its_commands_alone(chapter: str) -> None:
    shown = slides.slides(chapter)
    steps, copied, _ = teach.order(chapter)
    for step, pieces in steps:
        whole = [piece for piece in pieces if teach.is_copied(step, piece)]
        whole += copied if step.get("copies") else []
        for row in teach.copies_of(chapter, whole):
            assert row in text_of(shown)
    labels = teach.labels(chapter)
    for step, pieces in steps:
        for piece in pieces:
            # Pieces that are one thought are on one slide.
            bar = rf">[^<]*\b{labels[piece.name]}\b[^<]* · {re.escape(piece.path)}"
            is_shown = bool(re.search(bar, shown))
            assert is_shown != teach.is_copied(step, piece), piece.name


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_for_who_teaches_is_on_no_slide(chapter: str) -> None:
    notes = re.compile(r'<details class="notes".*?</details>', re.DOTALL)
    shown = slides.slides(chapter)
    noted, seen = "\n".join(notes.findall(shown)), notes.sub("", shown)
    for step in teach.lesson(chapter)["type"]:
        for note in step.get("note", []):
            assert note["says"] in noted
            assert note["says"] not in seen
    # Also how the minutes are spent, and how a failure is caused.
    assert "**0:00** " in noted
    assert not re.search(r"\d:\d\d\*\*|minutes and a half|cause\.py", seen)
    # Each text stands by itself.
    for slide in seen.split("<section ")[1:]:
        title, *words = [each for each in slide.splitlines()[1:] if each.strip()]
        assert title.startswith("#")
        assert not re.match("(So|But|And) ", words[0]), slide
        assert not words[-2:][0].endswith(":"), slide


def test_words_that_stand_alone_are_large(
    macros: SimpleNamespace,  # noqa: F811
) -> None:
    def size(text: str) -> int:
        return int(re.search(r": (\d+)\"$", macros.large(text))[1])

    sentence = "There are some words in this sentence, and not very many. "
    assert size(f"## Title\n\n{sentence}") == macros.LARGEST
    sizes = [size(f"## Title\n\n{sentence * count}") for count in (4, 6, 9)]
    assert macros.LARGEST > sizes[0] > sizes[1] > sizes[2] > macros.SMALLEST
    commands = macros.terminal(["cp a b\n"] * 9)
    assert size(f"## Title\n\n{sentence * 4}\n{commands}") < sizes[0]
    few, many = ("| a | b |\n" * count for count in (4, 9))
    assert size(f"## Title\n\n{few}") > size(f"## Title\n\n{many}")
    assert macros.large("## Title\n\nWords.\n\n<figure>") == ""


def test_long_call_is_broken_at_its_arguments(
    macros: SimpleNamespace,  # noqa: F811
) -> None:
    call = '+    await self.send(one(two, three), {"four": 5}, "six, seven")'
    begin, first, second, last = (
        call.index(each) for each in ("one(", "two", '{"four', '"six')
    )
    for width, ends in [
        (len(call), []),
        (len(call) - 1, [last]),
        (last - 1, [second]),
        (second - 1, [begin, second]),
        (begin + 9, [begin, second, last]),
    ]:
        assert macros.breaks(call, width) == ends, width
        assert macros.code_rows(call, width) == len(ends) + 1
    assert first not in macros.breaks(call, begin + 9)
    assert macros.breaks("    # This (a comment) is long, and no call", 20) == []
    assert macros.breaks("    read() if there.exists() else write()", 30) == []
    piece = macros.Piece("a.py", "b", "Is b.", "", [[call]])
    shown = macros.listing([f"{call}\n"], piece, "A1 · a.py", width=last - 1)
    assert '<span class="filename">A1 · a.py</span>' in shown
    row = re.search(
        r'<span class="row gi.*?</span>\n?</code>|<span class="row gi.*', shown
    )
    before, after = row[0].split("<br>")
    assert text_of(before).rstrip() == call[:second].rstrip()
    assert text_of(after).startswith(call[second:])


def test_what_is_left_of_a_long_line_stands_further_in(
    macros: SimpleNamespace,  # noqa: F811
) -> None:
    hunk = ["     a = [\n", "-        1,\n", '+        "b",\n', "@@\n", "     ]\n"]
    piece = macros.Piece("a.py", "b", "Is b.", "", [hunk])
    shown = macros.listing(hunk, piece)
    assert re.findall(r"--in: (\d+)ch", shown) == ["9", "13", "13", "5", "9"]
    rows = text_of(shown.replace("&#10;", "\n")).splitlines()
    assert rows[0].endswith("     a = [")
    assert rows[1:4] == ["-        1,", '+        "b",', "…"]
    # Its first word is on its first row, however long.
    assert '<span class="first">+        </span>' in shown


def test_long_code_is_cut_in_front_of_a_definition(
    macros: SimpleNamespace,  # noqa: F811
) -> None:
    lines = [f"{name}\n" for name in ("a", "b", "", "def c():", *"defghij")]
    first, second = macros.cut(lines, most=5, then=9)
    assert first == lines[:3]
    assert second == lines[3:]
    assert macros.owner(second) == "c()"
    # There are as few slides as can be, wherever a definition begins.
    lines = ["def a():\n", *"bcd", "def e():\n", *"fgh", "def i():\n", *"jkl"]
    assert [len(part) for part in macros.cut(lines, most=8, then=8)] == [4, 8]
    assert [len(part) for part in macros.cut(lines, most=6, then=6)] == [6, 6]


# What the pages say


class Users:
    """Takes the place of Django's users."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}

    def create_user(self, name: str, password: str) -> None:
        """Remember a user."""
        self.made[name] = password


def test_accounts_for_20_are_printed_as_they_are_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    users = Users()
    model = SimpleNamespace(objects=users)
    monkeypatch.setattr("django.contrib.auth.get_user_model", lambda: model)
    runpy.run_path(str(ROOT / "docs/teach/accounts.py"))
    printed = dict(line.split("  ") for line in capsys.readouterr().out.splitlines())
    assert printed == users.made
    assert len(set(printed.values())) == 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_such_as_learn_py_knows(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.stem == "handout":
        text = "".join(handout.commands_of(number, "work") for number in range(1, 6))
    found = re.findall(r"learn\.py ([^`\n]*)", text)
    for words in found:
        # N, and an ADDRESS, stand for what the reader knows.
        typed = words.replace(" N", " 1").replace(" > ", "")
        if shlex.split(typed)[1:]:
            options, rest = parser(COMMANDS).parse_known_args(shlex.split(typed))
            assert "command" in options, words
            assert not rest, f"{page.name}: learn.py {words}"
    assert found or page.stem == "handout"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_commands_of_a_plan_are_such_as_learn_py_knows(chapter: str) -> None:
    told = (ROOT / f"docs/teach/{chapter}.toml").read_text(encoding="utf-8")
    found = re.findall(r"`((?:start|run|check) \d[^`]*)`", told)
    assert found
    for words in found:
        _, rest = parser(COMMANDS).parse_known_args(words.split())
        assert not rest, words


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_page_of_a_stage_is_short(chapter: str) -> None:
    text = (ROOT / f"docs/teach-{chapter}.md").read_text(encoding="utf-8")
    text = re.sub(r"\]\([^)]*\)|```.*?```", "", text, flags=re.DOTALL)
    count = len(text.split())
    assert count <= LONGEST, f"{count} words are more than {LONGEST}."


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_page_shows_each_line_of_the_weights_that_has_points(chapter: str) -> None:
    shown = weights.weighed(chapter)
    points = sum(int(each) for each in re.findall(r" = (\d+)$", shown, re.MULTILINE))
    assert str(points) == weights.marks(chapter)
    assert len(shown.splitlines()) - 2 <= 24, "Longer listings are folded: fold.js."


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_weights_name_each_promise_and_none_twice_over(chapter: str) -> None:
    stage = teach.stage_of(chapter)
    counted = weights.weights(chapter)
    promised = {each.removeprefix("test_") for each in checks.promises(stage)}
    assert set(counted) == promised
    # What the stage before has promised counts nothing.
    if chapter != CHAPTERS[0]:
        older = weights.weights(CHAPTERS[CHAPTERS.index(chapter) - 1])
        code = (ROOT / f"tests/test_{stage}.py").read_text(encoding="utf-8")
        kept = {each for each in older if f"def test_{each}(" not in code}
        assert not {each for each in kept if counted.get(each)}


@pytest.mark.parametrize(
    ("proof", "beginner"),
    [
        pytest.param(
            proof_of(
                "graded",
                "a beginner",
                teach.stage_of(each.chapter),
                ROOT / before(teach.stage_of(each.chapter)),
                repr(each),
                str(weights.weights(each.chapter)),
                str(teach.lesson(each.chapter)["type"][: each.steps]),
            ),
            each,
            id=each.chapter,
        )
        for each in BEGINNERS
    ],
)
def test_beginner_who_did_the_idea_gets_most_points(
    proof: Proof, beginner: Beginner, recorded: Recorded, tmp_path: Path
) -> None:
    counted = weights.weights(beginner.chapter)

    def live() -> Seen:
        results = tmp_path / "results"
        work = beginner.hand_in(tmp_path)
        stage = teach.stage_of(beginner.chapter)
        # What counts nothing need not be checked: that is most of it, in time.
        names = " or ".join(f"test_{each}" for each in counted if counted[each])
        command = (*checks.command(stage, work, results), "-k", names)
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        kept: dict[str, bool] = {}
        lines = map(json.loads, results.read_text(encoding="utf-8").splitlines())
        for line in lines:
            if "check" not in line or checks.lacks_a_program(line):
                continue
            promise = checks.promise_of(line["check"]).removeprefix("test_")
            kept[promise] = kept.get(promise, True) and line["verdict"] == "kept"
        return {"kept": sorted(each for each in kept if kept[each])}

    total = sum(counted.values())
    points = sum(counted[each] for each in recorded(proof, live)["kept"])
    assert points >= total * 0.6
    page = (ROOT / f"docs/teach-{beginner.chapter}.md").read_text(encoding="utf-8")
    mark = page[page.index("## A fair mark") :]
    assert re.search(rf"(gets|get all) {points}\b", mark), f"{points} of {total}"


def played(name: str) -> Iterator[str]:
    """Yield the anchors of a page below which something is run."""
    heading = ""
    for block in blocks((ROOT / f"docs/{name}").read_text(encoding="utf-8")):
        if block.language == "heading":
            own = re.search(r"\{ #([\w-]+) \}", block.lines[0])
            heading = own[1] if own else slugify(block.lines[0], "-")
        elif block.is_transcript:
            yield heading


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_answers_and_failures_lead_to_what_is_run(chapter: str) -> None:
    page = (ROOT / f"docs/teach-{chapter}.md").read_text(encoding="utf-8")
    _, asked, rest = page.partition("## Three questions")
    asked, _, rest = rest.partition("## Two failures to cause")
    failures, *_ = rest.partition("\n## ")
    answers = re.findall(r"\[Run it\]\(([\w-]+\.md)#([\w-]+)\)", asked)
    assert len(answers) == asked.count("??? question") == 3
    shown = [
        re.search(r"\]\((0[\w-]+\.md)#([\w-]+)\)", each)
        for each in re.split(r"\n(?=\*\*)", failures)[1:]
    ]
    assert len(shown) == 2
    for name, anchor in [*answers, *(found.groups() for found in shown)]:
        assert anchor in set(played(name)), f"Nothing is run in {name}#{anchor}."


@pytest.mark.parametrize(
    ("proof", "failure"),
    [pytest.param(each.proof(), each, id=each.proof().name) for each in FAILURES],
)
def test_room_sees_what_the_page_says(
    proof: Proof,
    failure: Failure,
    tmp_path: Path,
    recorded: Recorded,
    request: pytest.FixtureRequest,
) -> None:
    def live() -> Seen:
        return failure.cause(request.getfixturevalue("quick_chromium"), tmp_path)

    seen = recorded(proof, live)
    chapter = failure.stage.removeprefix("stage").replace("_", "-")
    page = (ROOT / f"docs/teach-{chapter}.md").read_text(encoding="utf-8")
    said = {
        "EchoConsumer()": "and gives up after ten seconds",
        '    re_path(r"", refuse),': '"The server refused, or is away"',
        "<room:room_name>/": "in the terminal there is a traceback now",
        'return "room"': "the kitchen's words in the garden",
    }[failure.wrong.splitlines()[-1]]
    assert said in page
    match seen:
        case {"second": words, **rest}:
            assert "hello" in words
        case {"status": words, **rest}:
            assert words.startswith("The server refused, or is away")
        case {"garden": words, **rest}:
            assert "Who is cooking?" in words
    assert rest["has_traceback"] == ("traceback" in said)


# The slides


def open_slides(tab: Tab, site: Path, chapter: str, place: str = "") -> int:
    """Open the slides of a chapter, and return how many there are."""
    tab.goto((site / f"slides-{chapter}.html").as_uri() + place)
    return tab.locator(".slide").count()


# Notes stand below their slide, and all of them is in sight.
COVERED = """() => [...document.querySelectorAll(".notes")].flatMap((notes) => {
  const slide = notes.parentElement;
  document.querySelector(".slide.is-current").classList.remove("is-current");
  slide.classList.add("is-current");
  const isCut = notes.scrollHeight > notes.clientHeight + 1;
  const { bottom } = slide.getBoundingClientRect();
  const covers = notes.getBoundingClientRect().top < bottom - 1;
  const isSlideCut = slide.scrollHeight > slide.clientHeight + 1;
  return [[isCut, "has more notes than are seen"], [covers, "is covered by its notes"],
    [isSlideCut, "is cut beside its notes"]]
    .flatMap(([is, words]) => is ? [`#${slide.id} ${words}: ${notes.innerText}`] : []);
})"""


def test_second_window_follows_and_leads(site: Path, tab: Tab) -> None:
    tab.emulate_media(reduced_motion="reduce")
    tab.set_viewport_size({"width": 1280, "height": 720})
    open_slides(tab, site, "03-groups", "#27")
    with tab.expect_popup() as opened:
        tab.keyboard.press("p")
    second = opened.value
    second.set_viewport_size({"width": 1200, "height": 760})
    counters = [each.locator(".slides-bar output") for each in (tab, second)]
    slide = second.locator(".slide.is-current")
    expect(slide).to_have_id("27")
    for window, key, number in [
        (tab, "ArrowRight", 28),
        (second, "ArrowRight", 29),
        (second, "ArrowLeft", 28),
        (tab, "PageUp", 27),
    ]:
        window.keyboard.press(key)
        for counter in counters:
            expect(counter).to_have_text(re.compile(f"^{number} / "))
        expect(slide).to_have_id(str(number))
        expect(second.locator(".slide.is-next")).to_have_id(str(number + 1))
    panel = second.get_by_role("complementary", name="For you")
    place = next(
        n
        for n, each in enumerate(slides.all_of("03-groups"), start=1)
        if "check of step C" in each.places
    )
    tab.evaluate("(number) => location.replace(`#${number}`)", place)
    expect(panel.locator(".presenter-notes")).to_contain_text("Do not run check 3 here")
    expect(panel.locator(".presenter-plan")).to_contain_text("0:40")
    expect(panel).to_contain_text("0:40 to 0:47 planned")
    expect(panel.locator(".presenter-clock")).to_have_text(re.compile(r"\d+:\d\d"))
    # A slide without notes has no heading for them.
    heading = panel.get_by_role("heading", name="Notes to this slide")
    expect(heading).to_be_visible()
    second.keyboard.press("ArrowLeft")
    expect(heading).to_be_hidden()
    second.keyboard.press("ArrowRight")
    # When the lesson began is known also when this window is loaded anew.
    second.evaluate("sessionStorage.setItem(`begun ${location.pathname}`, 6e4)")
    second.reload()
    expect(panel.locator(".presenter-spent")).not_to_contain_text("0:00 since")
    expect(counters[0]).to_have_text(re.compile(f"^{place} / "))
    # What goes on when the window of the slides is loaded anew.
    tab.reload()
    second.keyboard.press("ArrowRight")
    expect(counters[0]).to_have_text(re.compile(f"^{place + 1} / "))
    for scheme in ("light", "dark"):
        second.emulate_media(color_scheme=scheme)
        weak = second.evaluate(CONTRAST)
        assert not weak, scheme + ": " + "\n".join(weak)
    second.evaluate(AXE_SCRIPT)
    results = AxeResults(
        second.evaluate(
            """async () => await axe.run([".slides", ".slides-bar", ".presenter"], {
              preload: false, resultTypes: ["violations"],
              rules: { "color-contrast": { enabled: false } },
            })"""
        )
    )
    assert not results.violations_count, results.generate_report()
    with second.expect_event("close"):
        # Later, or the window has gone before it could say that the key was pressed.
        second.evaluate(
            """() => setTimeout(() => dispatchEvent(
              new KeyboardEvent("keydown", { key: "Escape" })))"""
        )
    # Without it, the notes stand below the slide as ever.
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("n")
    expect(tab.locator(".slide:visible .notes")).to_contain_text("Do not run check 3")


# Two keys before the window of the slides has answered the first. Then a question that
# comes after all that was said, there and back.
QUICK = """() => new Promise((done) => {
  const seen = [];
  document.addEventListener("slides:shown", ({ detail }) => seen.push(detail));
  for (const key of ["ArrowLeft", "ArrowRight"]) {
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  }
  addEventListener("message", ({ data }) => data === "all said" && done(seen));
  opener.postMessage("all said?", "*");
})"""
ANSWER = """() => addEventListener("message", ({ data, source }) => {
  if (data === "all said?") source.postMessage("all said", "*");
})"""


def test_second_window_is_not_led_back_by_those_that_follow_it(
    sites: dict[str, Path], tab: Tab
) -> None:
    tab.set_viewport_size({"width": 1280, "height": 720})
    open_slides(tab, sites["mkdocs"], "03-groups", "#27")
    tab.evaluate(ANSWER)
    with tab.expect_popup() as opened:
        tab.keyboard.press("p")
    second = opened.value
    expect(second.locator(".slide.is-current")).to_have_id("27")
    seen = second.evaluate(QUICK)
    assert seen[:2] == [26, 27]
    assert set(seen[2:]) <= {27}, seen  # Or both would change places for ever.
    expect(tab.locator(".slides-bar output")).to_have_text(re.compile("^27 / "))


def test_slides_are_led_by_keys_and_by_the_address(
    site: Path,
    tab: Tab,
) -> None:
    tab.set_viewport_size({"width": 1280, "height": 720})
    count = open_slides(tab, site, "02-routing", "#3")
    counter = tab.locator(".slides-bar output")

    def expect_slide(number: int) -> None:
        expect(counter).to_have_text(f"{number} / {count}")
        expect(tab.locator(".slide:visible")).to_have_count(1)
        expect(tab.locator(".slide:visible")).to_have_attribute("id", str(number))

    expect_slide(3)
    for key, number in [
        ("ArrowRight", 4),
        ("ArrowLeft", 3),
        ("PageDown", 4),  # As the remotes of presenters say.
        ("PageUp", 3),
        ("Space", 4),
        ("Shift+Space", 3),
        ("End", count),
        ("ArrowRight", count),
        ("Home", 1),
        ("ArrowLeft", 1),
    ]:
        tab.keyboard.press(key)
        expect_slide(number)
    tab.get_by_role("button", name="Next").click()
    expect_slide(2)
    # Space presses what has the focus, and does nothing else then.
    tab.get_by_role("button", name="Previous").focus()
    tab.keyboard.press("Space")
    expect_slide(1)
    tab.keyboard.press("PageDown")
    expect_slide(2)
    assert tab.url.endswith("#2")
    notes = tab.locator(".slide:visible .notes")
    expect(notes).to_be_hidden()
    tab.keyboard.press("n")
    expect(notes).to_contain_text("0:00")
    tab.keyboard.press("n")
    expect(notes).to_be_hidden()
    expect(tab.locator("header")).to_be_hidden()
    tab.keyboard.press("Escape")
    expect(tab).to_have_url(re.compile(r"teach-02-routing\.html$"))


TOO_LARGE = """() => [...document.querySelectorAll(".slide")].flatMap((slide) => {
  document.querySelector(".slide.is-current").classList.remove("is-current");
  slide.classList.add("is-current");
  const sizes = [...slide.querySelectorAll("pre code")].map(
    (code) => parseFloat(getComputedStyle(code).fontSize) * 1280 / innerWidth);
  // Our pages write their wire log 19 pixels high. A screenshot is 900 of them wide.
  const shots = slide.querySelectorAll(".log img");
  sizes.push(...[...shots].filter((image) => image.checkVisibility()).map(
    (image) => image.clientWidth / 900 * 19 * 1280 / innerWidth));
  const parts = [slide, ...slide.querySelectorAll("pre, figure")];
  const isCut = parts.some((part) => part.scrollWidth > part.clientWidth
    || part.scrollHeight > part.clientHeight + 1);
  const isSmall = sizes.some((size) => size < 27.9);
  const svg = slide.querySelector("svg");
  const isOutside = svg && !svg.querySelector("svg")
    && [...svg.querySelectorAll("text, rect")].some((part) => {
      const { left, right, top, bottom } = part.getBoundingClientRect();
      const { a, e, f } = svg.getScreenCTM();
      const { width, height } = svg.viewBox.baseVal;
      return left < e - 1 || top < f - 1 || right > e + a * width + 1
        || bottom > f + a * height + 1;
    });
  const letters = svg ? [...svg.querySelectorAll("text")].map((text) =>
    text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize)
    * 1280 / innerWidth) : [];
  const isFaint = letters.some((size) => size < 24);
  return [[isCut, "is cut"], [isSmall, "has small code"], [isFaint, "is faint"],
    [isOutside, "has words outside of its drawing"]]
    .flatMap(([is, words]) => is ? [`#${slide.id} ${words}: ${slide.innerText}`] : []);
})"""


# The builders make the same slides: one look at the second one's theme is enough.
@pytest.mark.parametrize(
    ("builder", "chapter"),
    [*(("mkdocs", chapter) for chapter in CHAPTERS), ("zensical", "05-wss")],
)
def test_every_slide_fits_and_can_be_read_from_the_back(
    sites: dict[str, Path],
    tab: Tab,
    builder: str,
    chapter: str,
) -> None:
    for width, height in SIZES:
        tab.set_viewport_size({"width": width, "height": height})
        assert open_slides(tab, sites[builder], chapter) > 15
        # Pictures are loaded when they are shown, and known to fit then only.
        tab.evaluate(
            """async () => {
              for (const image of document.querySelectorAll(".slide img")) {
                image.loading = "eager";
                await image.decode();
              }
            }"""
        )
        bad = tab.evaluate(TOO_LARGE)
        tab.keyboard.press("n")
        bad += tab.evaluate(COVERED)
        tab.keyboard.press("n")
        assert not bad, f"At {width} by {height}, slide " + "\n".join(bad)


# All kinds of slides are in these two.
@pytest.mark.parametrize("chapter", ["01-echo", "04-auth"])
def test_slides_are_for_all(
    sites: dict[str, Path],
    tab: Tab,
    chapter: str,
) -> None:
    tab.set_viewport_size({"width": 1280, "height": 720})
    open_slides(tab, sites["mkdocs"], chapter)
    # All at once, as they stand without JavaScript.
    tab.evaluate("document.documentElement.classList.remove('is-slideshow')")
    tab.evaluate(AXE_SCRIPT)
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        weak = tab.evaluate(CONTRAST)
        assert not weak, scheme + ": " + "\n".join(weak)
    results = AxeResults(
        tab.evaluate(
            """async () => await axe.run([".slides", ".slides-bar"], {
              preload: false, resultTypes: ["violations"],
              rules: { "color-contrast": { enabled: false } },
            })"""
        )
    )
    assert not results.violations_count, results.generate_report()
    tab.set_viewport_size({"width": 400, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400


# On paper


def sheets(pdf: bytes) -> int:
    """Return how many pages a PDF of Chromium has."""
    return len(re.findall(rb"/Type /Page\b", pdf))


# What another font may need more of each stage: 4 % of a page.
ROOM = """() => {
  for (const heading of document.querySelectorAll("h2:not(:first-of-type)"))
    heading.insertAdjacentHTML("beforebegin", "<div class=room></div>");
  document.querySelector("h2").parentElement
    .insertAdjacentHTML("beforeend", "<div class=room></div>");
  for (const each of document.querySelectorAll(".room")) each.style.height = "11mm";
}"""


def test_handout_has_the_sheets_that_it_promises(
    site: Path,
    tab: Tab,
) -> None:
    tab.goto((site / "handout.html").as_uri())
    # As "Print" does it, for who has a printer of any kind.
    for is_ours in (True, False):
        count = sheets(tab.pdf(format="A4", prefer_css_page_size=is_ours))
        assert count == SHEETS, f"The handout promises {SHEETS} pages, and has {count}."
    tab.evaluate(ROOM)
    count = sheets(tab.pdf(format="A4"))
    assert count == SHEETS, (
        f"With 11 mm more in each stage, the handout has {count} pages, not {SHEETS}: "
        "another font may need that much. See [paper] in docs/teach/*.toml."
    )


SIDES = """() => [...document.querySelectorAll("h2")].map((heading) => {
  const next = [...document.querySelectorAll("h2")].find((each) =>
    heading.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING);
  const last = next?.previousElementSibling ?? heading.parentElement.lastElementChild;
  return (last.getBoundingClientRect().bottom - heading.getBoundingClientRect().top)
    / (277 / 25.4 * 96);
})"""


# Rows that paper breaks by itself, beside where we break them.
TORN = """() => [...document.querySelectorAll(".highlight .row")].filter((row) => {
  const height = parseFloat(getComputedStyle(row).lineHeight);
  const rows = row.querySelectorAll("br").length + 1;
  return row.getBoundingClientRect().height > height * (rows + 0.5);
}).map((row) => row.innerText)"""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_handout_has_every_word_of_the_contract(chapter: str) -> None:
    _, lines = section(chapter, "The contract")
    asked = "\n".join(line for line in lines if not line.startswith("??? "))
    shown = "\n".join(handout.unfolded(lines))
    assert re.findall(r"\w+", shown) == re.findall(r"\w+", asked)
    assert "???" not in shown


def test_handout_fills_its_sides(site: Path, tab: Tab) -> None:
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": round(186 / 25.4 * 96), "height": 1000})
    tab.goto((site / "handout.html").as_uri())
    for chapter, sides in zip(CHAPTERS, tab.evaluate(SIDES), strict=True):
        assert 5 / 3 <= sides <= 2.1, f"{chapter} fills {sides:.2f} of its two sides."
    torn = tab.evaluate(TORN)
    assert not torn, "Paper breaks these lines, and no mark says so: " + "\n".join(torn)


# Where a line goes on in the row below.
BROKEN = '<span class="goes-on">↩</span><br>'


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_handout_says_where_each_piece_stands(chapter: str) -> None:
    shown = handout.handout(chapter)
    steps, _, _ = teach.order(chapter)
    labels, done, stage = teach.labels(chapter), [], teach.stage_of(chapter)
    for step, pieces in steps:
        for piece in pieces:
            if piece.verb != "is gone" and not teach.is_copied(step, piece):
                bar = f">{labels[piece.name]} · {piece.path}"
                [told] = re.findall(
                    f'{re.escape(bar)}</span><span class="where">(.+?)</span>', shown
                )
                told = text_of(told)
                if not places.is_whole(stage, piece):
                    found = places.places(stage, piece, done)
                    assert told.split("; ") == [
                        each.where.replace("`", "") for each in found
                    ]
            done.append(piece)


def test_line_that_is_too_long_is_broken_where_it_says_so(
    macros: SimpleNamespace,  # noqa: F811
) -> None:
    call = '+    await self.send(one(two, three), {"four": 5})'
    words = '+    """Send a message to every client, in one room."""'
    bare = "+    " + "a" * 60
    for line in (call, words, bare):
        ends = [0, *macros.broken_at(line, 40, "↩"), len(line)]
        parts = [line[a:b] for a, b in pairwise(ends)]
        assert "".join(parts) == line
        assert len(parts) > 1
        # There is room for the mark, too, and what goes on stands further in.
        assert all(len(part) + 9 * bool(n) <= 38 for n, part in enumerate(parts)), parts
    [end] = macros.broken_at(words, 40, "↩")
    assert words[end - 1] == " "
    piece = macros.Piece("a.py", "b", "Is b.", "", [[call]])
    shown = macros.listing([f"{call}\n"], piece, width=40, mark="↩")
    assert shown.count(BROKEN) == 1
    assert text_of(shown.replace(BROKEN, "")).rstrip().endswith(call)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_handout_has_the_names_of_the_list_and_room_to_predict(chapter: str) -> None:
    shown = text_of(handout.handout(chapter).replace(BROKEN, ""))
    steps, copied, _ = teach.order(chapter)
    labels = teach.labels(chapter)
    for step, pieces in steps:
        assert f"**Step {step['letter']} · {step['title']}**" in shown
        whole = [piece for piece in pieces if teach.is_copied(step, piece)]
        for piece in pieces:
            is_shown = f"{labels[piece.name]} · {piece.path}" in shown
            assert is_shown != (piece in whole), piece.name
        for row in teach.copies_of(chapter, whole):
            assert row in shown
    for row in teach.copies_of(chapter, copied):
        assert row in shown
    parts = handout.handout(chapter).split("{ .predict }")
    for (question, _), part, after in zip(
        teach.asked(chapter), parts, parts[1:], strict=False
    ):
        assert question in part
        assert after.lstrip().startswith('<p class="ruled"')


def test_handout_does_not_tear_a_method_apart() -> None:
    kept = handout.handout("03-groups").split('<span class="kept">')
    [method] = [text_of(each) for each in kept if "disconnect" in each]
    assert method.lstrip("+ ").startswith("async def disconnect(self, code):")
    assert '"type": "leave"' in method
    style = (ROOT / "docs/assets/extra.css").read_text(encoding="utf-8")
    assert re.search(r"\.kept,[^}]*break-inside: avoid", style)


def test_slides_are_printed_one_a_page(
    sites: dict[str, Path],
    tab: Tab,
) -> None:
    count = open_slides(tab, sites["mkdocs"], "01-echo")
    printed = sheets(tab.pdf(prefer_css_page_size=True))
    assert printed == count, f"{count} slides are printed on {printed} pages."
