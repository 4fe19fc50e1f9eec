"""`learn.py diff`: my folder against the finished stage, once the checks pass."""

import io
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checker import compare, system, work
from tests.checker.system import Refusal
from tests.front_door.checkout import ROOT, Checkout
from tests.proofs.runs import copy_of

STAGE = "stage01_echo"
COURSE = """
'''A docstring.'''
import os
from pathlib import Path

DEBUG = True
LAYERS = {"default": 1}

class Consumer(Base):
    groups = []

    async def connect(self):
        '''Comes in.'''
        await self.accept()

    async def receive(self, text):
        await self.send(text)

def helper():
    return 1

if DEBUG:
    LAYERS["default"] = 2
"""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("self.send(text)", "self.send('')", "Consumer.receive differs"),
        ("def receive", "def received", "Consumer.receive is missing"),
        ("def receive", "def received", "Consumer.received is yours only"),
        ("groups = []", "groups = ['a']", "Consumer differs outside of its methods"),
        ("Consumer(Base)", "Consumer", "Consumer differs outside of its methods"),
        ("class Consumer", "class Mine", "Consumer is missing"),
        ("class Consumer", "class Mine", "Mine is yours only"),
        ("return 1", "return 2", "helper differs"),
        ("import os\n", "", "the imports differ"),
        ("import os\nfrom pathlib import Path\n", "", "the imports are missing"),
        ('["default"] = 2', '["default"] = 3', "other statements differ"),
        ("Comes in.", "Comes.", "in comments, docstrings, order or layout only"),
        ("import os", "# Why\nimport os", "in comments, docstrings, order or layout"),
        ("return 1", "return (", "cannot be read by Python: '(' was never closed"),
    ],
)
def test_pieces_that_differ_are_named(right: str, wrong: str, said: str) -> None:
    assert COURSE.count(right) == 1
    found = compare.differences("a.py", COURSE.replace(right, wrong), COURSE)
    assert any(said in line for line in found), found
    assert len(found) <= 2


def test_settings_are_called_settings() -> None:
    path = "config/settings.py"
    without = COURSE.replace('LAYERS = {"default": 1}', "MINE = 1")
    found = compare.differences(path, without.replace("True", "False"), COURSE)
    assert found == [
        "the setting DEBUG differs",
        "a setting is missing: LAYERS",
        "the setting MINE is yours only",
    ]


def test_order_of_imports_does_not_count() -> None:
    other = COURSE.replace("import os\nfrom pathlib import Path", "import os, sys")
    assert compare.differences("a.py", other, COURSE) == ["the imports differ"]
    other = COURSE.replace("import os\nfrom pathlib", "from pathlib")
    other = other.replace("import Path\n", "import Path\nimport os\n")
    [only] = compare.differences("a.py", other, COURSE)
    assert "layout only" in only


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one stage, and a copy of it in work/ that passes all checks."""
    copy_of(ROOT / STAGE, tmp_path / STAGE)
    copy_of(ROOT / STAGE, tmp_path / "work" / STAGE)
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    for module in system, compare:
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(course: Path) -> Path:
    """Make the reader's own folder differ in three files."""
    mine = course / "work" / STAGE
    consumers = mine / "chat" / "consumers.py"
    code = consumers.read_text().replace("def receive", "def received")
    consumers.write_text(code)
    settings = mine / "config" / "settings.py"
    settings.write_text(settings.read_text().replace("STATIC_URL", "URL"))
    (mine / "notes.md").write_bytes(b"\xff")
    (mine / "db.sqlite3").touch()
    (mine / "pytest.ini").unlink()  # No chapter asks for it.
    return mine


def test_words_come_first_and_then_a_diff_from_mine_to_the_courses(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare.compare(STAGE, edit(course), None, yes=True) == 0
    words, _, diff = capsys.readouterr().out.partition("\n\n")
    assert words.splitlines() == [
        "chat/consumers.py: EchoConsumer.receive is missing",
        "chat/consumers.py: EchoConsumer.received is yours only",
        "config/settings.py: a setting is missing: STATIC_URL",
        "config/settings.py: the setting URL is yours only",
        "notes.md is yours only",
    ]
    assert diff.startswith("Below, lines with - are yours, and lines with + the")
    for line in (
        f"--- {Path('work', STAGE, 'chat', 'consumers.py')}",
        f"+++ {STAGE}/chat/consumers.py",
        '-URL = "static/"',
        '+STATIC_URL = "static/"',
    ):
        assert line in diff.splitlines()


def test_one_file_is_shown_alone(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = edit(course)
    assert compare.compare(STAGE, mine, "chat\\consumers.py", yes=True) == 0
    assert "settings" not in capsys.readouterr().out
    assert compare.compare(STAGE, mine, "manage.py", yes=True) == 0
    same = Path("work", STAGE, "manage.py")
    assert capsys.readouterr().out == f"{same} is the same as in {STAGE}.\n"
    with pytest.raises(Refusal, match="did you mean chat/consumers"):
        compare.compare(STAGE, mine, "consumers.py", yes=True)


def test_same_folder_needs_no_checks(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = course / "work" / STAGE
    assert compare.compare(STAGE, mine, None, yes=False) == 0
    assert (
        capsys.readouterr().out == f"{Path('work', STAGE)} is the same as in {STAGE}.\n"
    )


def test_what_the_chapter_does_not_ask_for_is_one_line(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = edit(course)
    begun = course / "tests" / "start"
    begun.mkdir(parents=True)
    for folder in mine, begun:
        (folder / "requirements.txt").write_text("django\n")
    (mine / "chat" / "tests.py").unlink()
    assert compare.compare(STAGE, mine, None, yes=True) == 0
    words, _, diff = capsys.readouterr().out.partition("\n\n")
    *_, last, how = words.splitlines()
    assert last == (
        "The chapter does not need, so this does not show: "
        "chat/tests.py (the deeper page has it), requirements.txt."
    )
    assert how.endswith("learn.py diff 1 chat/tests.py` shows the first.")
    assert "requirements" not in diff
    # Whoever has changed one wants to see it. pytest.ini was never there.
    (mine / "requirements.txt").write_text("django>=5\n")
    (mine / "chat" / "tests.py").write_text("# Nothing yet.\n")
    assert compare.compare(STAGE, mine, None, yes=True) == 0
    words, _, diff = capsys.readouterr().out.partition("\n\n")
    assert "\nrequirements.txt differs\n" in words
    assert "show: chat/tests.py (the deeper page has it).\n" in words
    assert "pytest.ini" not in words
    assert "-django>=5" in diff.splitlines()
    assert "Nothing yet" not in diff


def test_who_has_typed_the_chapter_has_the_same(
    course: Path, checks: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    mine = course / "work" / STAGE
    (mine / "chat" / "tests.py").unlink()
    assert compare.compare(STAGE, mine, None, yes=False) == 0
    same, aside, _how = capsys.readouterr().out.splitlines()
    assert same == f"{Path('work', STAGE)} is the same as in {STAGE}."
    assert "chat/tests.py (the deeper page has it)." in aside
    checks.append(0)
    assert compare.compare(STAGE, mine, "chat/tests.py", yes=False) == 0
    assert "chat/tests.py is missing" in capsys.readouterr().out


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The exit codes of the next runs of the checks. One that is not given fails."""
    codes: list[int] = []

    def run(command: list, cwd: Path) -> subprocess.CompletedProcess:
        assert command[1:4] == ["-m", "tests.checker", f"tests/test_{STAGE}.py"]
        return subprocess.CompletedProcess(command, codes.pop())

    monkeypatch.setattr(compare.subprocess, "run", run)
    return codes


class Terminal(io.StringIO):
    """Somebody who types at a terminal."""

    def isatty(self) -> bool:
        """Tell that this is one."""
        return True


@pytest.mark.parametrize(
    ("typed", "code"), [("y\n", 0), ("Yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)]
)
def test_who_does_not_pass_yet_is_asked(
    course: Path,
    checks: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    code: int,
) -> None:
    checks.append(1)
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert compare.compare(STAGE, edit(course), None, yes=False) == code
    printed = capsys.readouterr().out
    question = "The checks do not pass yet. Show the solution all the same? [y/N]"
    assert question in printed
    assert ("+++" in printed) == (code == 0)


def test_without_a_terminal_yes_is_needed(
    course: Path, checks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks.append(1)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(Refusal, match="--yes shows the solution all the same"):
        compare.compare(STAGE, edit(course), None, yes=False)


def test_who_passes_is_not_asked(course: Path, checks: list[int]) -> None:
    checks.append(0)
    assert compare.compare(STAGE, edit(course), None, yes=False) == 0
    assert checks == []


def test_checks_that_have_passed_are_not_run_again_until_a_file_changes(
    course: Path, checks: list[int]
) -> None:
    mine = edit(course)
    work.note_pass(STAGE, mine, work.digest(mine))
    (mine / "db.sqlite3").write_text("no source")
    assert compare.compare(STAGE, mine, None, yes=False) == 0
    (mine / "chat" / "consumers.py").write_text("changed")
    checks.append(0)
    assert compare.compare(STAGE, mine, None, yes=False) == 0
    assert checks == []


SKIPS = "import pytest\ndef test_third(): pytest.skip('no Redis')\n"


def test_large_file_is_not_read(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = course / "work" / STAGE
    (mine / "film.dat").write_bytes(bytes(11))
    monkeypatch.setattr(work, "LARGE", 10)
    before = work.digest(mine)
    assert work.contents(mine)["film.dat"].startswith(b"\xff11 ")
    (mine / "film.dat").write_bytes(bytes(12))
    assert work.digest(mine) != before


PASSES = "def test_message_comes_back(): pass\ndef test_other(): pass\n"


@pytest.mark.parametrize(
    ("checks", "options", "noted"),
    [
        (PASSES, [], True),
        (PASSES, ["-k", "other"], False),
        (f"{PASSES}def test_third(): assert False\n", [], False),
        (
            f"{PASSES}import pytest\ndef test_third(): pytest.skip('no Redis')\n",
            [],
            True,
        ),
    ],
    ids=["all", "some", "failure", "skip"],
)
def test_checks_note_that_they_pass(
    course: Path, checks: str, options: list[str], noted: bool
) -> None:
    copy_of(ROOT / "tests" / "checker", course / "tests" / "checker")
    (course / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (course / "tests" / "__init__.py").touch()
    (course / "tests" / f"test_{STAGE}.py").write_text(checks)
    mine = course / "work" / STAGE
    program = [sys.executable, "-m", "pytest", f"tests/test_{STAGE}.py", "--learner"]
    plain = ["-p", "tests.checker.plugin", "-p", "no:cacheprovider", "-p", "no:xdist"]
    run = subprocess.run(
        [*program, "--project", mine, *plain, *options],
        cwd=course,
        capture_output=True,
        text=True,
    )
    assert "check" in run.stdout, run.stderr
    assert work.has_passed(STAGE, mine) == noted, run.stdout + run.stderr


def test_diff_hands_over_what_was_meant(
    checkout: Checkout,
    learn: types.ModuleType,
    handed_over: Callable[..., tuple],
    refusal: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = checkout.root / "work" / STAGE
    learn.command(["start", "1"])
    monkeypatch.chdir(mine / "chat")
    words, variables, everything = handed_over("diff", "1", "consumers.py", "--yes")
    handed = ["tests.checker.compare", STAGE, str(mine), "--yes"]
    assert words == [*handed, "--file", "chat/consumers.py"]
    assert variables == {}
    assert not everything
    assert handed_over("diff", "1", "--project", mine)[0] == handed[:3]
    capsys.readouterr()
    assert "there is no nothing.py in" in refusal("diff", "1", "nothing.py")


def test_refusal_of_a_comparison_is_one_sentence(course: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.checker.compare", STAGE, course, "--file", "x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert run.stderr.startswith("learn.py: there is no x in ")
    assert run.stderr.count("\n") == 1
