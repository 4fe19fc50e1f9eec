"""What learn.py installs, when, and what it says where it cannot."""

import ast
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checker import packages
from tests.checker.system import Refusal
from tests.front_door.checkout import (
    PATIENCE,
    ROOT,
    Checkout,
    Index,
    Running,
    sentence,
    told,
)


@pytest.mark.parametrize("name", ["uv", "pip"])
def test_each_layer_is_installed_on_its_first_use(
    checkout: Checkout, name: str
) -> None:
    if name == "pip":
        checkout.without_uv()
    first = checkout.check()
    assert f"Setting up .venv with {name}: first use." in first.stdout
    assert first.returncode == 0, first
    assert told(first)["installed"] == ["tiny"]
    assert "Setting up" not in checkout.check().stdout
    more = checkout.learn("test")
    assert f"{name}: this command needs more than run and check." in more.stdout
    assert told(more)["installed"] == ["tiny", "more"]
    for again in checkout.learn("test"), checkout.check():
        assert "Setting up" not in again.stdout
        assert told(again)["installed"] == ["tiny", "more"]


def test_first_use_can_be_of_everything(checkout: Checkout) -> None:
    first = checkout.learn("test")
    assert first.stdout.count("Setting up .venv with uv: first use.") == 1
    assert told(first)["installed"] == ["tiny", "more"]
    assert "Setting up" not in checkout.check().stdout


def test_second_layer_by_another_installer_than_the_first(checkout: Checkout) -> None:
    checkout.check()
    checkout.without_uv()  # Its .venv has no pip.
    assert told(checkout.learn("test"))["installed"] == ["tiny", "more"]


def test_uv_of_the_environment_that_is_made_anew_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As whoever has activated .venv, where `test` has installed uv.
    programs = tmp_path / packages.PYTHON.parent.name
    uv = shutil.which("uv", path=Path(sys.executable).parent)
    programs.mkdir()
    shutil.copy(uv, programs)
    monkeypatch.setenv("PATH", str(programs))
    assert packages.installer()[0] == "uv"
    monkeypatch.setattr(packages, "VENV", tmp_path)
    assert packages.installer()[0] == "pip"


def test_uv_that_does_not_work_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packages.shutil.which("uv", path=Path(sys.executable).parent)
    # Any program that ends with a failure when it is asked for its version.
    monkeypatch.setattr(packages.shutil, "which", lambda name, path: "uv")
    failure = subprocess.CompletedProcess([], 127)
    monkeypatch.setattr(packages.subprocess, "run", lambda *_, **__: failure)
    assert packages.installer()[0] == "pip"


def test_missing_ensurepip_is_said_with_its_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages.shutil, "which", lambda name, path: None)
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(Refusal, match="sudo apt install python3-venv"):
        packages.installer()


def test_killed_set_up_is_done_again(checkout: Checkout, index: Index) -> None:
    checkout.with_index(index.url)
    running = checkout.start("check", "1", "--project", checkout.stage)
    assert index.asked.wait(PATIENCE)
    running.kill()
    index.answer.set()
    again = checkout.check()
    assert "the last set-up did not finish" in again.stdout
    assert told(again)["installed"] == ["tiny"]
    assert "Setting up" not in checkout.check().stdout


@pytest.mark.posix("Ctrl-C cannot be sent to one process group on Windows")
@pytest.mark.parametrize(
    ("stop", "code"), [(Running.interrupt, 130), (Running.terminate, 143)]
)
def test_set_up_that_is_stopped_ends_the_installer_and_is_done_again(
    checkout: Checkout, index: Index, stop: Callable[[Running], None], code: int
) -> None:
    checkout.with_index(index.url)
    running = checkout.start("check", "1", "--project", checkout.stage)
    assert index.asked.wait(PATIENCE)
    stop(running)
    assert running.end() == code
    assert "Traceback" not in running.printed
    index.answer.set()
    assert "the last set-up did not finish" in checkout.check().stdout


def test_second_layer_that_was_stopped_is_finished_and_the_first_works_meanwhile(
    checkout: Checkout, index: Index
) -> None:
    checkout.check()
    kept = checkout.root / ".venv" / "kept"
    kept.touch()
    checkout.with_index(index.url)
    running = checkout.start("test")
    assert index.asked.wait(PATIENCE)
    running.kill()
    index.answer.set()
    check = checkout.check()
    assert "Setting up" not in check.stdout
    assert told(check)["installed"] == ["tiny"]
    again = checkout.learn("test")
    assert "this command needs more" in again.stdout
    assert told(again)["installed"] == ["tiny", "more"]
    assert kept.exists()
    assert "Setting up" not in checkout.learn("test").stdout


@pytest.mark.parametrize("name", ["requirements.txt", "requirements.in"])
def test_set_up_starts_from_nothing_when_requirements_change(
    checkout: Checkout, name: str
) -> None:
    checkout.check()
    left_over = checkout.root / ".venv" / "left" / "over"
    left_over.mkdir(parents=True)
    with (checkout.root / name).open("a") as requirements:
        requirements.write("# One more line.\n")
    assert "the requirements have changed" in checkout.check().stdout
    assert not left_over.exists()


def test_moved_folder_is_set_up_again(checkout: Checkout) -> None:
    checkout.check()
    checkout.root = checkout.root.rename(checkout.root.parent / "moved")
    checkout.stage = checkout.root / checkout.stage.name
    moved = checkout.check()
    assert "Python or this folder is not where it was" in moved.stdout
    assert moved.returncode == 0


def test_removed_python_is_set_up_again(checkout: Checkout) -> None:
    checkout.check()
    (checkout.root / packages.PYTHON.relative_to(packages.ROOT)).unlink()
    again = checkout.check()
    assert "Python or this folder is not where it was" in again.stdout
    assert again.returncode == 0


def test_venv_of_somebody_else_is_left_alone(checkout: Checkout) -> None:
    (checkout.root / ".venv").mkdir()
    (checkout.root / ".venv" / "pyvenv.cfg").write_text("mine")
    before = checkout.files()
    assert "was not made by learn.py" in sentence(checkout.check())
    assert checkout.files() == before


def test_empty_venv_folder_is_nobodys(checkout: Checkout) -> None:
    (checkout.root / ".venv").mkdir()
    assert checkout.check().returncode == 0


def test_missing_network_is_said_and_the_next_call_installs(
    checkout: Checkout, port: int
) -> None:
    environment = dict(checkout.environment)
    checkout.with_index(f"http://127.0.0.1:{port}/simple")
    words = sentence(checkout.check())
    assert "uv failed" in words
    assert "check the network connection" in words
    checkout.environment = environment
    assert "the last set-up did not finish" in checkout.check().stdout


@pytest.mark.parametrize("name", ["uv", "pip"])
def test_room_without_a_network_installs_from_wheels(
    checkout: Checkout, port: int, name: str
) -> None:
    if name == "pip":
        checkout.without_uv()
    checkout.with_index(f"http://127.0.0.1:{port}/simple")  # Nobody is there.
    with_wheel(checkout, "tiny")
    check = checkout.check()
    assert f"Setting up .venv with {name} from wheels/: first use." in check.stdout
    assert told(check)["installed"] == ["tiny"]


def with_wheel(checkout: Checkout, name: str) -> Path:
    """Put a package into the folder from which a room without a network installs."""
    wheels = checkout.root / "wheels"
    wheels.mkdir(exist_ok=True)
    [wheel] = checkout.root.parent.glob(f"{name}-*.whl")
    shutil.copy(wheel, wheels)
    return wheels


def test_what_wheels_lack_is_said_and_installed_when_it_is_there(
    checkout: Checkout, port: int
) -> None:
    checkout.with_index(f"http://127.0.0.1:{port}/simple")
    wheels = with_wheel(checkout, "tiny")
    lacks = checkout.learn("test")
    assert lacks.returncode == 2
    assert f"{wheels} lacks something that this machine needs" in lacks.stderr
    assert "check the network" not in lacks.stderr
    with_wheel(checkout, "more")
    assert told(checkout.learn("test"))["installed"] == ["tiny", "more"]


def test_last_words_of_an_installer_that_fails_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = "Retrying (Retry(total=4", *(f"line {number}" for number in range(9))
    code = f"import sys; print(*{words!r}, sep='\\n'); sys.exit(1)"
    with pytest.raises(Refusal, match="pip failed, as its last lines say"):
        packages.install("pip", [sys.executable, "-S", "-c", code])
    printed = capsys.readouterr().out
    lines = [f"line {number}\n" for number in range(1, 9)]
    again = "  The network does not answer: trying again.\n"
    assert printed == again + "".join(lines)


def test_second_learn_waits_for_the_set_up_of_the_first(
    checkout: Checkout, index: Index
) -> None:
    checkout.with_index(index.url)
    words = ["check", "1", "--project", checkout.stage]
    first = checkout.start(*words)
    assert index.asked.wait(PATIENCE)
    second = checkout.start(*words)
    second.until("Waiting for another learn.py")
    index.answer.set()
    assert first.end() == 0
    assert second.end() == 0
    assert "Setting up" in first.printed
    assert "Setting up" not in second.printed


def test_old_python_is_told_which_one_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18, "final", 0))
    with pytest.raises(SystemExit) as refusal:
        runpy.run_path(str(ROOT / "learn.py"))
    assert refusal.value.code == 2
    words = "learn.py: needs Python 3.11 or newer, this is 3.8.\n"
    assert capsys.readouterr().err == words


def test_old_python_can_read_the_file() -> None:
    source = (ROOT / "learn.py").read_text(encoding="utf-8")
    assert ast.parse(source, feature_version=(3, 6))


def test_learn_alone_says_where_it_belongs(checkout: Checkout) -> None:
    alone = checkout.elsewhere / "learn.py"
    (checkout.root / "learn.py").rename(alone)
    checkout.root = checkout.elsewhere
    assert "works only in the folder of the course" in sentence(checkout.learn())
