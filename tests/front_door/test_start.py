"""`learn.py start`: your copy of the stage before."""

import os
import shutil
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checker.work import contents
from tests.front_door.checkout import Checkout


def test_start_copies_start_without_residue(checkout: Checkout) -> None:
    source = checkout.root / "tests" / "start"
    (source / "db.sqlite3").touch()
    (source / "chat" / "__pycache__").mkdir()
    (source / "chat" / "__pycache__" / "consumers.cpython-311.pyc").touch()
    result = checkout.learn("start", "1", cwd=checkout.root)
    assert result.returncode == 0, result.stderr
    work = checkout.root / "work"
    mine = work / "stage01_echo"
    copied = {path.relative_to(mine).as_posix() for path in mine.rglob("*.*")}
    assert copied == {"manage.py", "chat/consumers.py"}
    consumers = work / "stage01_echo" / "chat" / "consumers.py"
    assert consumers.read_text() == "# start\n"
    python = "py" if os.name == "nt" else "python3"
    folder = Path("work", "stage01_echo")
    assert f"{python} learn.py run 1 --project {folder}\n" in result.stdout
    assert f"{python} learn.py check 1\n" in result.stdout


def test_start_of_a_later_stage_copies_the_one_before(
    checkout: Checkout, learn: types.ModuleType
) -> None:
    (checkout.root / "stage02_routing").mkdir()
    # It would tell of stage 1 in the folder of stage 2.
    (checkout.root / "stage01_echo" / "README.md").write_text("# Stage 1 · Echo\n")
    assert learn.command(["start", "2"]) == 0
    mine = checkout.root / "work" / "stage02_routing"
    assert (mine / "chat" / "consumers.py").read_text() == "# stage01_echo\n"
    assert not (mine / "README.md").exists()
    begun = mine.parent / ".start" / "stage02_routing"
    assert contents(mine) == contents(begun)


def test_start_prints_commands_that_work_elsewhere(
    checkout: Checkout,
    learn: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(checkout.elsewhere)
    assert learn.command(["start", "1"]) == 0
    printed = capsys.readouterr().out
    assert f'"{checkout.root / "learn.py"}" check 1' in printed
    assert f'--project "{checkout.root / "work" / "stage01_echo"}"' in printed


def test_start_never_overwrites(
    checkout: Checkout, refusal: Callable[..., str]
) -> None:
    (checkout.root / "work" / "stage01_echo").mkdir(parents=True)
    (checkout.root / "work" / "stage01_echo" / "mine.py").write_text("mine")
    before = checkout.files()
    assert "reset 1` begins anew, and keeps what you have" in refusal("start", "1")
    assert checkout.files() == before


def test_start_that_was_cut_short_leaves_no_project(
    checkout: Checkout, learn: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_a_part(source: Path, target: Path, **_: object) -> None:
        target.mkdir(parents=True)
        (target / "half.py").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copytree", copy_a_part)
        with pytest.raises(KeyboardInterrupt):
            learn.command(["start", "1"])
    project = checkout.root / "work" / "stage01_echo"
    assert not project.exists()
    assert learn.command(["start", "1"]) == 0
    assert (project / "manage.py").exists()
    assert not (project / "half.py").exists()
    left = sorted(path.name for path in project.parent.iterdir())
    assert left == [".start", "stage01_echo"]
    begun = sorted(path.name for path in (project.parent / ".start").iterdir())
    assert begun == ["stage01_echo", "stage01_echo.txt"]
