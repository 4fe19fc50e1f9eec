"""What is typed: refusals, help, Ctrl-C at any moment, and readers that leave."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checker import system
from tests.checker.system import Refusal, says_why
from tests.front_door.checkout import LEARN, PATIENCE, ROOT, Checkout, sentence
from tests.proofs.waiting import REST


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run 9", "there is no stage 9 in this checkout, which has: 1 (stage01_echo)"),
        ("start 2", "there is no stage 2"),
        ("check one", "there is no stage one"),
        ("run", "run needs the number of a stage: `"),
        ("check", "work/stage01_echo does not exist yet: `"),
        ("reset", "reset needs the number of a stage"),
        ("serve", "'serve'"),
        ("run 1 --quick", "--quick"),
        ("run 1 --port 0", "0 is not a port"),
        ("run 1 --port 65536", "65536 is not a port"),
        ("docs --port http", "http is not a port"),
        ("run 1 --host nowhere", "nowhere is not an address"),
        ("run 1 --host 203.0.113.1", "cannot listen on 203.0.113.1"),
        ("run 1 --host fe80::1", "no browser can open fe80::1"),
        ("run 1 --project nowhere", "nowhere does not exist"),
        ("run 1 --project learn.py", "learn.py is a file, and no folder"),
        ("run 1 --project", "start 1` makes it"),
        ("run 1 --project work/stage01_echo", "start 1` makes it"),
        ("run 1 --project stage01_echo/chat", "no manage.py. stage01_echo has one"),
        ("run 1 --project .", "it has no manage.py. These have one: stage01"),
        ("reset 1", "work/stage01_echo does not exist: `"),
        ("reset 9", "there is no stage 9"),
        ("diff 1", "start 1` makes it, or name your folder with --project"),
        ("diff 1 --project nowhere", "nowhere does not exist"),
        ("check 1", "start 1` makes it"),
        ("check 1 --exercise 9", "no checks of its own. These have: 3, 4."),
        ("check 1 --project nowhere", "nowhere does not exist"),
        ("check 1 --project", "start 1` makes it"),
        ("check 1 --url http://127.0.0.1", "begins with ws:// or wss://"),
        ("check 1 --url ws://127.0.0.1 --watch", "--watch watches a folder"),
        ("check 1 --project stage01_echo --watch --json -", "machines: not both"),
        ("hint 9", "there is no stage 9"),
        ("hint 1", "start 1` makes it, or name your folder with --project"),
        ("solution 1 --project stage01_echo/chat", "stage01_echo has one"),
        ("report 1 --project stage01_echo --to -", "--to needs the name of a file"),
        ("report 1 --project stage01_echo --to tests", "tests is none"),
        ("report 1 --project stage01_echo --to learn.py", "stays as it is"),
        ("report", "report needs the number of a stage"),
        ("check 1 --url ws://a --project stage01_echo", "not allowed with"),
        ("check 1 --login ana:x", "make their own users"),
    ],
)
def test_mistake_is_answered_with_one_sentence_before_anything_is_set_up(
    refusal: Callable[..., str], arguments: str, words: str
) -> None:
    said = refusal(*arguments.split()).replace(os.sep, "/")
    assert words.replace(os.sep, "/") in said


def test_number_that_was_left_out_is_offered(
    checkout: Checkout, refusal: Callable[..., str]
) -> None:
    shutil.copytree(checkout.stage, checkout.root / "work" / "stage01_echo")
    said = refusal("check")
    assert re.search(r"check needs the number of a stage: `\S+ learn.py check 1`", said)


def test_submission_in_a_folder_in_a_folder_is_found(
    checkout: Checkout,
    handed_over: Callable[..., tuple],
    capsys: pytest.CaptureFixture[str],
) -> None:
    ana = checkout.root / "handed in" / "ana"
    shutil.copytree(checkout.stage, ana / "exercise 1" / "project")
    for other in "__MACOSX/project", ".git/project", "venv/project":
        shutil.copytree(checkout.stage, ana / other)
    (ana / "venv" / "pyvenv.cfg").touch()
    words, _, _ = handed_over("check", "1", "--project", ana)
    assert words[-1] == str(ana / "exercise 1" / "project")
    found = Path("handed in", "ana", "exercise 1", "project")
    assert capsys.readouterr().out == f'Checking "{found}".\n'
    words, _, _ = handed_over(
        "check", "1", "--project", ana / "exercise 1/project/manage.py"
    )
    assert words[-1] == str(ana / "exercise 1" / "project")


def test_submissions_are_named_if_there_are_several(
    checkout: Checkout, refusal: Callable[..., str]
) -> None:
    folder = checkout.root / "in"
    for number in range(6):
        shutil.copytree(checkout.stage, folder / f"student{number}" / "project")
    said = refusal("check", "1", "--project", folder)
    first = Path("in", "student0", "project")
    assert (
        f"in is not a Django project: it has no manage.py. These have one: {first}, "
        in said
    )
    assert said.endswith("and 1 more. Name one of them.")
    (folder / "in.zip").touch()
    assert "is a file, and no folder: unpack it first." in refusal(
        "check", "1", "--project", folder / "in.zip"
    )


def test_folder_without_a_project_has_no_hint(
    checkout: Checkout, refusal: Callable[..., str]
) -> None:
    (checkout.root / "work" / "stage01_echo").mkdir(parents=True)
    assert "it has no manage.py" in refusal("hint", "1")


def test_words_of_a_report_may_begin_with_a_hyphen(
    checkout: Checkout, handed_over: Callable[..., tuple]
) -> None:
    said = ["--expected=-1", "--came=--nothing"]
    words, _, _ = handed_over("report", "1", "--project", checkout.stage, *said)
    assert words[-2:] == said


def test_search_for_a_submission_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / "1" / "2" / "3" / "4"
    deep.mkdir(parents=True)
    (deep / "manage.py").touch()
    assert system.projects_below(tmp_path) == []
    assert system.projects_below(tmp_path / "1") == [deep]
    monkeypatch.setattr(system, "SEARCHED", 2)
    assert system.projects_below(tmp_path / "1") == []


def test_refusal_ends_with_code_2_and_changes_nothing(checkout: Checkout) -> None:
    before = checkout.files()
    assert "there is no stage 9" in sentence(checkout.learn("run", "9"))
    assert checkout.files() == before


@pytest.mark.posix("Windows removes no folder that somebody is in")
def test_folder_that_is_gone_is_said(checkout: Checkout) -> None:
    learn = [*LEARN, checkout.root / "learn.py", "check", "1"]
    shell = ["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *learn]
    gone = subprocess.run(
        shell, cwd=checkout.elsewhere, capture_output=True, text=True, timeout=PATIENCE
    )
    assert "the folder that you are in is gone" in sentence(gone)


def test_no_command_prints_the_help_with_examples(checkout: Checkout) -> None:
    result = checkout.learn(cwd=checkout.root)
    assert result.returncode == 0
    for example in "run 1", "start 1", "check 1", "diff 1", "test", "docs":
        assert f" learn.py {example}" in result.stdout


def test_letter_that_the_console_lacks_is_replaced(checkout: Checkout) -> None:
    console = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    result = checkout.learn("start", "1", **console)
    assert result.returncode == 0, result.stderr
    assert "Kurs f?r ?mega" in result.stdout


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("check 1", "argparse"),  # learn.py itself.
        ("check 1", "pytest"),  # tests.checker.
        ("run 1 --port {port}", "ssl"),  # tests.checker.serve.
    ],
)
def test_ctrl_c_while_modules_are_imported_ends_without_a_traceback(
    checkout: Checkout, port: int, command: str, module: str
) -> None:
    checkout.check()  # So that set-up, which also imports, is over.
    (checkout.root / f"{module}.py").write_text(
        f"import time\nprint('importing', flush=True)\n{REST}\n"
    )
    words = command.format(port=port).split()
    running = checkout.start(*words, "--project", checkout.stage)
    running.until("importing")
    running.interrupt()
    assert running.end() == 130
    assert "Traceback" not in running.printed


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
def test_ctrl_c_and_sigterm_end_the_checks_without_a_traceback(
    checkout: Checkout,
) -> None:
    for stop in "interrupt", "terminate":
        running = checkout.start("check", "1", "--project", checkout.stage, HANG="1")
        running.told()
        getattr(running, stop)()
        assert running.end() == 130
        assert "Traceback" not in running.printed


def leave_after(lines: int, command: list[str | Path], **options: object) -> str:
    """Read lines of what a command prints, then close the pipe; return its errors."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    ) as process:
        for _ in range(lines):
            assert process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read().decode()
        assert process.wait(PATIENCE) == 141, errors
    return errors


@pytest.mark.posix("Windows tells of a closed pipe in another way")
def test_reader_of_the_help_that_leaves_at_once_sees_no_traceback(
    checkout: Checkout,
) -> None:
    learn = [*LEARN, checkout.root / "learn.py", "--help"]
    errors = leave_after(0, learn, cwd=checkout.root, env=checkout.environment)
    assert errors == ""


@pytest.mark.posix("Windows tells of a closed pipe in another way")
def test_reader_of_a_check_that_leaves_sees_no_traceback(checkout: Checkout) -> None:
    words = [*LEARN, checkout.root / "learn.py", "check", "1", "--project"]
    environment = checkout.environment | {"TALK": "1"}
    errors = leave_after(
        4, [*words, checkout.stage], cwd=checkout.elsewhere, env=environment
    )
    assert errors == ""


@pytest.mark.posix("Windows tells of a closed pipe in another way")
def test_reader_of_real_checks_that_leaves_sees_no_traceback() -> None:
    checks = [sys.executable, "-m", "tests.checker", "tests/test_stage01_echo.py"]
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_")
    }
    stop = ["--project", "stage01_echo", "-p", "no:xdist", "-p", "no:cacheprovider"]
    errors = leave_after(
        2, [*checks, *stop, "-k", "switches or other_path"], cwd=ROOT, env=inherited
    )
    assert errors == ""


def test_checks_have_their_own_settings_wherever_the_project_is(
    tmp_path: Path,
) -> None:
    # pytest looks for settings above all folders that it is told, and would see these.
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n")
    course = tmp_path / "course"
    without = shutil.ignore_patterns("evidence", "right", "wrong", "__pycache__")
    for name in "tests/checker", "tests/proofs", "stage01_echo":
        shutil.copytree(ROOT / name, course / name, ignore=without)
    for name in "__init__.py", "conftest.py", "test_stage01_echo.py":
        shutil.copy(ROOT / "tests" / name, course / "tests")
    for name in "pyproject.toml", ".gitignore":
        shutil.copy(ROOT / name, course)
    shutil.copytree(ROOT / "stage01_echo", tmp_path / "mine")
    command = [sys.executable, "-m", "tests.checker", "tests/test_stage01_echo.py"]
    words = ["--project", tmp_path / "mine", "--collect-only", "-p", "no:xdist"]
    run = subprocess.run(
        [*command, *words],
        capture_output=True,
        text=True,
        cwd=course,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("problem", [Refusal("no such folder"), OSError("disk full")])
def test_what_the_user_can_mend_is_a_sentence(
    problem: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    @says_why
    def program() -> int:
        raise problem

    assert program() == 2
    assert capsys.readouterr().err == f"learn.py: {problem}.\n"


@pytest.mark.parametrize("fault", [BrokenPipeError, ValueError])
def test_a_reader_that_has_left_and_a_fault_of_ours_are_no_refusals(
    fault: type[Exception],
) -> None:
    @says_why
    def program() -> int:
        raise fault

    with pytest.raises(fault):
        program()
