"""`learn.py check`: which checks of which project, and again on every save."""

import importlib.util
import os
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from watchdog.events import (
    FileClosedNoWriteEvent,
    FileModifiedEvent,
    FileOpenedEvent,
    FileSystemEvent,
)

from tests.checker import __main__ as checker
from tests.checker import watch
from tests.front_door.checkout import ROOT, Checkout, told

CHECKS = "tests/test_stage01_echo.py"
KEPT = ["-p", "tests.checker.recorder"]  # For `learn.py hint`.
# The settings of the checks, whatever stands above the project.
OURS = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]


@pytest.fixture
def checked(
    handed_over: Callable[..., tuple], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """Type a check, and get back what pytest would be told."""

    def checked(*words: str | Path) -> list[str]:
        (program, *handed), variables, everything = handed_over("check", "1", *words)
        assert program == "tests.checker"
        assert variables == {}
        assert not everything
        monkeypatch.setattr(pytest, "main", lambda words: words)
        monkeypatch.setattr(sys, "argv", ["checker", *handed])
        words = checker.main()
        place = words.index("-c")
        assert words[place : place + len(OURS)] == OURS
        return words[:place] + words[place + len(OURS) :]

    return checked


def test_check_runs_the_checks_against_the_work_folder(
    checkout: Checkout,
    checked: Callable[..., list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    work = shutil.copytree(checkout.stage, checkout.root / "work" / "stage01_echo")
    options = ["--learner", *KEPT, "--maxfail=1", "--project", str(work)]
    assert checked() == [CHECKS, *options]
    folder = Path("work", "stage01_echo")
    assert capsys.readouterr().out == f"Checking {folder}.\n"


def test_check_takes_a_folder_from_where_the_user_is(
    checkout: Checkout,
    checked: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(checkout.stage, checkout.elsewhere / "mine")
    monkeypatch.chdir(checkout.elsewhere)
    assert checked("--project", "mine")[-1] == str(checkout.elsewhere / "mine")
    assert capsys.readouterr().out == "Checking mine.\n"


def test_check_says_that_the_finished_stage_was_edited_and_not_ones_own(
    checkout: Checkout,
    learn: types.ModuleType,
    checked: Callable[..., list[str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    learn.command(["start", "1"])
    finished, mine = checkout.stage, checkout.root / "work" / "stage01_echo"

    def said(*words: str) -> str:
        capsys.readouterr()
        checked(*words)
        return capsys.readouterr().out

    plain = f"Checking {Path('work', 'stage01_echo')}.\n"
    (finished / "db.sqlite3").touch()  # As a server leaves it.
    assert said() == plain
    consumers = Path("chat", "consumers.py")
    (finished / consumers).write_text("edited")
    assert said() == (
        f"{plain}stage01_echo has changed since `start 1`, and "
        f"{Path('work', 'stage01_echo')} has not.\n"
        "Did you edit the finished stage? These checks look at yours.\n"
    )
    assert said("--project", "stage01_echo") == "Checking stage01_echo.\n"
    (mine / consumers).write_text("edited, too")
    assert said() == plain


def test_check_takes_a_url_and_goes_on_with_all(
    checked: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    url = "wss://127.0.0.1:8443"
    assert checked("--all", "--url", url) == [CHECKS, "--url", url, "--learner", *KEPT]
    assert capsys.readouterr().out == f"Checking {url}.\n"


def test_check_passes_on_who_may_log_in(checked: Callable[..., list[str]]) -> None:
    logins = ["--login", "ana:a", "--login", "ben:b:c"]
    words = checked("--url", "ws://127.0.0.1", *logins)
    assert "--login=ana:a" in words
    assert "--login=ben:b:c" in words


def test_check_of_an_exercise_runs_its_checks_only(
    checked: Callable[..., list[str]],
) -> None:
    words = checked("--exercise", "3", "--project", "stage01_echo")
    assert words[:2] == ["tests/exercises/stage01_echo_3.py", "--learner"]


@pytest.mark.parametrize("code", [0, 1])
def test_check_ends_with_the_exit_code_of_the_checks(
    checkout: Checkout, code: int
) -> None:
    result = checkout.check(EXIT=str(code))
    assert result.returncode == code
    assert told(result)["folder"] == str(checkout.root)


def test_watch_checks_on_a_save_and_not_on_what_the_checks_leave(
    checkout: Checkout,
) -> None:
    project = checkout.stage
    # The real watchdog, which the tiny set-up does not have.
    watchdog = importlib.util.find_spec("watchdog").submodule_search_locations[0]
    environment = {"PYTHONPATH": str(Path(watchdog).parent), "RESIDUE": str(project)}
    words = ("check", "1", "--watch", "--project", project)
    running = checkout.start(*words, **environment)
    assert running.told()["words"][-2:] == ["--project", str(project)]
    running.until("Watching")
    (project / "chat" / "consumers.py").write_text("saved")
    running.until("consumers.py was saved")
    running.until("Watching")
    # As many editors save: another file first, then moved into place.
    (project / "chat" / "urls.py~").write_text("saved")
    (project / "chat" / "urls.py~").replace(project / "chat" / "urls.py")
    running.until("urls.py was saved")
    running.until("Watching")
    assert running.printed.count('{"program"') == 3
    if os.name != "nt":
        running.interrupt()
        assert running.end() == 0
        assert "Traceback" not in running.printed


@pytest.mark.parametrize(
    "event",
    [
        FileOpenedEvent("chat/consumers.py"),
        FileClosedNoWriteEvent("chat/consumers.py"),
        FileModifiedEvent("chat/.#consumers.py"),
        FileModifiedEvent("chat/__pycache__/consumers.cpython-311.pyc"),
        FileModifiedEvent("db.sqlite3"),
        FileModifiedEvent("server.log"),
    ],
    ids=lambda event: f"{event.event_type} {event.src_path}",
)
def test_watch_takes_nothing_else_for_a_save(event: FileSystemEvent) -> None:
    saves = watch.Saves()
    saves.on_any_event(event)
    assert saves.saved.empty()


def test_watch_takes_a_save_of_two_files_as_one() -> None:
    saves = watch.Saves()
    for name in "consumers.py", "routing.py":
        saves.on_any_event(FileModifiedEvent(name))
    assert saves.wait() == Path("routing.py")
    assert saves.saved.empty()
