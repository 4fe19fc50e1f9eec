"""`learn.py reset`: a file, or the folder, as `start` made it. Nothing is ever lost."""

import os
import shutil
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checker import work
from tests.front_door.checkout import Checkout

CONSUMERS = "chat/consumers.py"


@pytest.fixture
def mine(
    checkout: Checkout, learn: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> Path:
    """The reader's folder of stage 1, in which a file was edited, and one is new."""
    start = checkout.root / "tests" / "start" / "chat"
    (start / "routing.py").write_text("# as it was\n")
    assert learn.command(["start", "1"]) == 0
    capsys.readouterr()
    mine = checkout.root / "work" / "stage01_echo"
    (mine / CONSUMERS).write_text("mine\n")
    (mine / "chat" / "new.py").write_text("new\n")
    return mine


@pytest.fixture
def reset(
    learn: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Type a reset, and get back what it says."""

    def reset(*words: str | Path) -> str:
        assert learn.command(["reset", "1", *map(str, words)]) == 0
        return capsys.readouterr().out

    return reset


def kept(mine: Path) -> dict[str, str]:
    """Return what was kept, by where it is."""
    folder = mine.parent / "kept"
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_file_is_as_start_made_it_and_the_old_one_is_kept(
    mine: Path, reset: Callable[..., str]
) -> None:
    where = Path("work", "stage01_echo", "chat", "consumers.py")
    backup = Path("work", "kept", "stage01_echo-1", "chat", "consumers.py")
    assert reset(CONSUMERS).splitlines() == [
        f"{where} is as `start` made it.",
        f"What it was is in {backup}.",
    ]
    assert (mine / CONSUMERS).read_text() == "# start\n"
    assert (mine / "chat" / "new.py").read_text() == "new\n"
    assert kept(mine) == {"stage01_echo-1/chat/consumers.py": "mine\n"}
    assert "there is nothing to do" in reset(CONSUMERS)
    assert len(kept(mine)) == 1


def test_folder_is_as_start_made_it_and_the_old_one_is_kept(
    mine: Path, reset: Callable[..., str]
) -> None:
    (mine / "db.sqlite3").write_text("users")
    (mine / "chat" / "routing.py").unlink()
    (mine / "chat" / "__pycache__").mkdir()
    for apart in ".git", "venv":  # The reader's own business.
        (mine / apart).mkdir()
        (mine / apart / "pyvenv.cfg").write_text("stays")
    assert f"What it was is in {Path('work', 'kept', 'stage01_echo-1')}." in reset()
    assert work.contents(mine) == work.contents(mine.parent / ".start" / mine.name)
    assert (mine / CONSUMERS).read_text() == "# start\n"
    assert not (mine / "db.sqlite3").exists()
    assert (mine / ".git" / "pyvenv.cfg").exists()
    assert (mine / "venv" / "pyvenv.cfg").exists()
    assert kept(mine).keys() == {
        f"stage01_echo-1/{name}"
        for name in (CONSUMERS, "chat/new.py", "db.sqlite3", "manage.py")
    }
    assert "there is nothing to do" in reset()


def test_what_start_copied_counts_and_not_what_it_has_become(
    checkout: Checkout, mine: Path, reset: Callable[..., str]
) -> None:
    source = checkout.root / "tests" / "start" / CONSUMERS
    source.write_text("edited since")
    reset(CONSUMERS)
    assert (mine / CONSUMERS).read_text() == "# start\n"
    # A folder that was made without `start` begins with the stage before.
    shutil.rmtree(mine.parent / ".start")
    reset(CONSUMERS)
    assert (mine / CONSUMERS).read_text() == "edited since"


def test_file_that_was_removed_is_there_again(
    mine: Path, reset: Callable[..., str]
) -> None:
    shutil.rmtree(mine / "chat")
    assert "It was gone." in reset("chat/routing.py")
    assert (mine / "chat" / "routing.py").read_text() == "# as it was\n"
    assert kept(mine) == {}


def test_folder_without_manage_py_can_be_given_back(
    mine: Path, reset: Callable[..., str]
) -> None:
    (mine / "manage.py").unlink()
    reset()
    assert (mine / "manage.py").exists()


@pytest.mark.parametrize(
    ("written", "where"),
    [
        ("chat/consumers.py", ""),
        ("./chat/../chat/consumers.py", ""),
        ("chat\\consumers.py", ""),
        ("work/stage01_echo/chat/consumers.py", ""),
        ("work\\stage01_echo\\chat\\consumers.py", ""),
        ("stage01_echo/chat/consumers.py", ""),
        ("{mine}/chat/consumers.py", ""),
        ("consumers.py", "work/stage01_echo/chat"),
        ("../chat/consumers.py", "work/stage01_echo/config"),
        ("chat/consumers.py", "work/stage01_echo/chat"),
    ],
)
def test_file_may_be_written_as_the_reader_would(
    checkout: Checkout,
    mine: Path,
    reset: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    written: str,
    where: str,
) -> None:
    (mine / "config").mkdir()
    monkeypatch.chdir(checkout.root / where)
    reset(written.format(mine=mine))
    assert (mine / CONSUMERS).read_text() == "# start\n"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            "chat/consumer.py",
            "`start` made no {made} in {mine}: did you mean chat/consumers.py?",
        ),
        (
            "consumers.py",
            "`start` made no {made} in {mine}: did you mean chat/consumers.py?",
        ),
        ("chat/new.py", "`start` made no chat/new.py in {mine}"),
        ("work/stage01_echo/chat/new.py", "`start` made no chat/new.py in {mine}"),
        ("chat", "but a folder: name one file in it, or none for the stage"),
        ("../../learn.py", "../../learn.py is outside of {mine}, and stays"),
        ("learn.py", "learn.py is outside of {mine}"),
        ("{root}/stage01_echo/manage.py", "manage.py is outside of {mine}"),
        ("..", ".. is outside of {mine}"),
    ],
)
def test_bad_file_is_refused_and_nothing_changes(
    checkout: Checkout,
    mine: Path,
    refusal: Callable[..., str],
    written: str,
    words: str,
) -> None:
    before = checkout.files()
    said = refusal("reset", "1", written.format(root=checkout.root))
    assert words.format(mine=Path("work", "stage01_echo"), made=written) in said
    assert checkout.files() == before


@pytest.mark.posix("On Windows links need a privilege")
def test_link_that_leads_elsewhere_is_not_followed(
    checkout: Checkout, mine: Path, refusal: Callable[..., str]
) -> None:
    shutil.rmtree(mine / "chat")
    (mine / "chat").symlink_to(checkout.stage / "chat")
    assert "is outside of" in refusal("reset", "1", CONSUMERS)
    assert (checkout.stage / CONSUMERS).read_text() == "# stage01_echo\n"


def test_sixth_backup_is_refused_and_the_oldest_is_named(
    mine: Path, reset: Callable[..., str], refusal: Callable[..., str]
) -> None:
    for number in range(1, 6):
        (mine / CONSUMERS).write_text(f"mine {number}\n")
        reset(*[CONSUMERS] * (number % 2))  # Now a file, now the folder.
    (mine / CONSUMERS).write_text("mine 6\n")
    oldest = Path("work", "kept", "stage01_echo-1")
    for words in ("reset", "1"), ("reset", "1", CONSUMERS):
        said = refusal(*words)
        assert (
            "holds 5 backups of stage01_echo already, and nothing was changed" in said
        )
        assert (
            f"remove one that you need no longer, such as the oldest, {oldest}" in said
        )
    assert (mine / CONSUMERS).read_text() == "mine 6\n"
    found = {name: text for name, text in kept(mine).items() if CONSUMERS in name}
    assert found == {
        f"stage01_echo-{number}/{CONSUMERS}": f"mine {number}\n"
        for number in range(1, 6)
    }
    shutil.rmtree(mine.parent / "kept" / "stage01_echo-1")
    reset(CONSUMERS)
    assert kept(mine)[f"stage01_echo-6/{CONSUMERS}"] == "mine 6\n"


def test_backup_that_fails_changes_nothing(
    mine: Path, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    monkeypatch.setattr(shutil, "copy2", full)
    for words in ("reset", "1"), ("reset", "1", CONSUMERS):
        assert refusal(*words) == "learn.py: No space left on device."
    assert (mine / CONSUMERS).read_text() == "mine\n"
    assert list((mine.parent / "kept").iterdir()) == []


def test_keys_stay_secret_in_a_backup(mine: Path, reset: Callable[..., str]) -> None:
    (mine / "keys").mkdir(mode=0o700)
    (mine / "keys" / "server.key").touch(mode=0o600)
    reset()
    backup = mine.parent / "kept" / "stage01_echo-1" / "keys"
    if os.name != "nt":
        assert backup.stat().st_mode & 0o777 == 0o700
        assert (backup / "server.key").stat().st_mode & 0o777 == 0o600
