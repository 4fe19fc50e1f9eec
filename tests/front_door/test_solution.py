"""`learn.py solution`: ours beside mine, and whether somebody is stuck."""

import io
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.checker import solution, stuck, work
from tests.checker.last import Broken, Last
from tests.checker.printed import is_wide
from tests.checker.report import LearnerReporter
from tests.checker.system import Refusal
from tests.checker.verdict import BROKEN, COULD_NOT, KEPT, Diagnosis, Result

ROOT = Path(__file__).parent.parent.parent
STAGE = "stage02_routing"
NAME = f"tests/test_{STAGE}.py::test_handshake_with_a_bad_name_is_refused_with_403"
SEEN = Last(broken=Broken(NAME))
LONG = "x = " + " + ".join(["a_name_of_some_length"] * 12)


@pytest.fixture
def course(course_of: Callable[..., Path]) -> Path:
    """A course of two stages, and a copy of the second in work/."""
    return course_of(("stage01_echo", STAGE), {STAGE: STAGE})


@pytest.fixture
def mine(course: Path) -> Path:
    """The reader's folder, in which a name that is empty becomes a guest."""
    folder = course / "work" / STAGE
    consumers = folder / "chat" / "consumers.py"
    code = consumers.read_text().replace(", keep_blank_values=True", "")
    consumers.write_text(code.replace("ChatConsumer", "MyConsumer"))
    return folder


def refuse(question: str) -> bool:
    """Fail: nobody should be asked."""
    raise AssertionError(question)


def test_the_piece_of_the_broken_promise_is_shown_below_mine(
    course: Path, mine: Path
) -> None:
    before = work.contents(mine)
    said = solution.solution(STAGE, mine, SEEN, yes=True, ask=refuse)
    yours, _, ours = said.partition("The course's, ")
    assert f"Yours, {Path('work', STAGE, 'chat', 'consumers.py')}, line 15:" in yours
    assert "parse_qs(query).get" in yours
    assert "keep_blank_values=True" in ours
    assert "async def receive" not in said, "More than the piece."
    assert "\n  async def connect(self):\n" in yours, "It is set in too far."
    assert all(len(line) <= 80 for line in said.splitlines()), said
    assert work.contents(mine) == before


def test_a_long_line_is_broken(course: Path, mine: Path) -> None:
    consumers = mine / "chat" / "consumers.py"
    code = consumers.read_text()
    consumers.write_text(
        code.replace("        query =", f"        {LONG}\n        query =")
    )
    said = solution.solution(STAGE, mine, SEEN, yes=True)
    assert all(len(line) <= 80 for line in said.splitlines()), said
    assert said.count("a_name_of_some_length") == 12


def test_a_line_of_tabs_or_of_wide_signs_is_broken_in_time(
    course: Path, mine: Path
) -> None:
    consumers = mine / "chat" / "consumers.py"
    lines = "".join(
        f"        # {each}\n" for each in ("错误" * 60, "\t" * 30 + "x = 1")
    )
    odd = f"        {chr(0x3000) * 60}x = 1\n"  # As some keyboards write a space.
    code = consumers.read_text()
    consumers.write_text(
        code.replace("        query =", f"{lines}{odd}        query =")
    )
    said = solution.solution(STAGE, mine, SEEN, yes=True)
    for line in said.splitlines():
        assert sum(1 + is_wide(sign) for sign in line) <= 80, line
    assert said.count("错") == 60
    assert "\t" not in said


def test_another_folder_is_named_in_the_next_command(course: Path, mine: Path) -> None:
    other = course / "my own work"
    mine.rename(other)
    said = solution.solution(STAGE, other, SEEN, yes=True)
    assert 'learn.py diff 2 --project "my own work"`' in said


def test_it_asks_first_and_a_no_shows_nothing(course: Path, mine: Path) -> None:
    asked = []

    def ask(question: str) -> bool:
        asked.append(question)
        return len(asked) > 1

    assert solution.solution(STAGE, mine, SEEN, yes=False, ask=ask) == ""
    assert "handshake with a bad name is refused with 403" in asked[0]
    assert "keep_blank" in solution.solution(STAGE, mine, SEEN, yes=False, ask=ask)


def test_where_nobody_can_be_asked_it_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(Refusal, match="--yes shows the solution"):
        solution.ask("? ")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Refusal, match="--yes shows the solution"):
        solution.ask("? ")


@pytest.mark.parametrize(
    ("typed", "answer"), [("y", True), ("YES", True), ("", False), ("no", False)]
)
def test_only_a_yes_is_a_yes(
    typed: str, answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO(f"{typed}\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    assert solution.ask("? ") is answer


def test_once_all_is_kept_nobody_is_asked_and_all_that_differs_is_shown(
    course: Path, mine: Path
) -> None:
    said = solution.solution(STAGE, mine, Last(), yes=False, ask=refuse)
    assert "All that was tried is kept." in said
    assert said.count("The course's, ") == 1
    assert "keep_blank_values=True" in said
    same = course / STAGE
    said = solution.solution(STAGE, same, Last(), yes=False, ask=refuse)
    # A piece is what promises are about. The rest may differ, and `diff` tells of it.
    (same / "chat" / "tests.py").unlink(missing_ok=True)
    again = solution.solution(STAGE, same, Last(), yes=False, ask=refuse)
    assert again == said
    assert "the same as the course in every piece that hints are about" in said
    assert "Whatever else differs: `" in said
    assert f"diff 2 --project {STAGE}`" in said


def test_pieces_that_are_the_same_are_called_so(course: Path) -> None:
    same = course / STAGE
    said = solution.solution(STAGE, same, SEEN, yes=True)
    assert "The two are the same" in said


def test_what_is_missing_is_called_missing(course: Path, mine: Path) -> None:
    (mine / "chat" / "consumers.py").write_text("")
    said = solution.solution(STAGE, mine, SEEN, yes=True)
    assert "consumers.py has no ChatConsumer.connect." in said
    (mine / "chat" / "consumers.py").unlink()
    said = solution.solution(STAGE, mine, SEEN, yes=True)
    assert "There is no" in said


def test_a_file_that_python_cannot_read_is_shown_all_the_same(
    course: Path, mine: Path
) -> None:
    consumers = mine / "chat" / "consumers.py"
    consumers.write_text(consumers.read_text().replace("class MyConsumer(", "class ("))
    broken = Last(broken=Broken(NAME, symptom="HTTP 500"))
    said = solution.solution(STAGE, mine, broken, yes=True)
    assert "Yours, " in said
    assert "parse_qs(query).get" in said


def test_the_command_asks_nobody_for_what_has_passed(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = course / "work" / STAGE
    work.note_pass(STAGE, folder, work.digest(folder))
    monkeypatch.setattr("sys.argv", ["solution", STAGE, str(folder)])
    assert solution.main() == 0
    assert "the same as the course" in capsys.readouterr().out


# Whether somebody is stuck


def test_the_third_time_in_a_row_is_told(course: Path) -> None:
    again = [stuck.comes_a_third_time(STAGE, "no-welcome", ["a"]) for _ in range(7)]
    assert again == [False, False, True, False, False, True, False]


def test_another_diagnosis_or_another_promise_kept_begins_anew(course: Path) -> None:
    def times(diagnosis: str, *kept: str) -> int:
        return stuck.times(STAGE, diagnosis, kept)

    assert [times("x", "a", "b"), times("x", "b", "a")] == [1, 2]
    assert times("y", "a", "b") == 1
    assert times("x", "a", "b") == 1
    assert times("x", "a", "b", "c") == 1
    assert times("x", "a", "b", "c") == 2
    assert stuck.times("stage01_echo", "x", ["a"]) == 1
    assert times("x", "a", "b", "c") == 3
    stuck.all_is_well(STAGE)
    assert times("x", "a", "b", "c") == 1


def test_the_report_offers_a_hint_the_third_time(course: Path, mine: Path) -> None:
    broken = Result(NAME, BROKEN, diagnosis=Diagnosis("keep-blank-values"))
    options = {"project": mine}
    reporter = SimpleNamespace(
        config=SimpleNamespace(args=[NAME.partition("::")[0]], getoption=options.get),
        results={NAME: broken},
    )

    def said() -> str:
        return LearnerReporter.hint(reporter)

    offers = [said() for _ in range(3)]
    assert offers[:2] == ["", ""]
    assert offers[2].endswith("learn.py hint 2")
    assert "the same" in offers[2]
    # As --watch does; where only a machine reads, nothing is counted.
    options["json"] = "lines.json"
    assert [bool(said()) for _ in range(3)] == [False, False, True]
    reporter.results = {NAME: Result(NAME, COULD_NOT, seen="x", symptom="no start")}
    assert [bool(said()) for _ in range(3)] == [False, False, True]
    options["json"] = "-"
    assert [said() for _ in range(3)] == [""] * 3
    del options["json"]
    reporter.results = {NAME: broken}
    # Of a folder elsewhere nothing is counted: hints are for one's own.
    options["project"] = course / STAGE
    assert [said() for _ in range(3)] == [""] * 3
    options["project"] = mine
    reporter.results = {NAME: Result(NAME, KEPT)}
    assert said() == ""
    reporter.results = {NAME: broken}
    assert said() == "", "All was well in between."


@pytest.mark.parametrize(
    "damaged",
    ["", "{", "[1]", '{"stage02_routing": 3}', "\0", '{"stage02_routing": {}}'],
)
def test_a_damaged_count_is_none(course: Path, damaged: str) -> None:
    stuck.times(STAGE, "x", [])
    (course / "work" / ".stuck.json").write_text(damaged)
    assert stuck.times(STAGE, "x", []) == 1
    assert stuck.times(STAGE, "x", []) == 2


def test_a_count_that_is_no_number_is_none(course: Path) -> None:
    stuck.times(STAGE, "x", [])
    file = course / "work" / ".stuck.json"
    for odd in ("2", -3, None, [1]):
        content = json.loads(file.read_text())
        content[STAGE]["times"] = odd
        file.write_text(json.dumps(content))
        assert stuck.times(STAGE, "x", []) == 1


def test_two_runs_at_once_leave_a_file_that_can_be_read(course: Path) -> None:
    def count() -> None:
        for _ in range(50):
            stuck.times(STAGE, "x", [])

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    file = course / "work" / ".stuck.json"
    try:
        for _ in range(50):
            if file.exists():
                json.loads(file.read_text())
    finally:
        for thread in threads:  # They must not go on where there is no such course.
            thread.join()
    # Of two at the same time, one may not be counted, and one that was slow writes what
    # it has read long ago. A file that could not be read would begin anew, with 1.
    assert 1 < stuck.times(STAGE, "x", []) <= 201
    assert [each.name for each in (course / "work").glob(".unfinished*")] == []


def test_a_folder_that_cannot_be_written_offers_nothing(course: Path) -> None:
    shutil.rmtree(course / "work")
    (course / "work").write_text("a file")
    assert [stuck.times(STAGE, "x", []) for _ in range(3)] == [1, 1, 1]


def test_the_count_needs_no_package() -> None:
    code = "import sys; import tests.checker.stuck; print('pytest' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert run.stdout == "False\n", run.stderr
