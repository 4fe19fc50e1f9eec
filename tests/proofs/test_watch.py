"""`--watch`: what has changed since the last run, and saves that no system tells of."""

import errno
import json
import time
from pathlib import Path

import pytest
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

from tests.checker import __main__ as checker
from tests.checker import watch
from tests.checker.watch import Verdicts, file_system_of, must_look, news

PATIENCE = 20  # Seconds. A look takes half of one.


def verdicts(*given: str) -> Verdicts:
    """Return the verdicts of checks that are called a, b, c, …"""
    named = zip("abcdefgh"[: len(given)], given, strict=True)
    return {name: (f"promise {name}", each) for name, each in named}


KEPT, BROKEN, NOT = "kept", "broken", "not reached"
COULD_NOT = "could not be checked"


@pytest.mark.parametrize(
    ("before", "now", "lines"),
    [
        (
            verdicts(KEPT, BROKEN, NOT),
            verdicts(KEPT, KEPT, BROKEN),
            [
                "Since the last run:",
                "  kept now: promise b",
                "  broken now: promise c",
            ],
        ),
        (verdicts(KEPT, BROKEN), verdicts(KEPT, BROKEN), ["Nothing has changed."]),
        # What is no longer reached is told by what is in the way.
        (
            verdicts(KEPT, KEPT),
            verdicts(BROKEN, NOT),
            ["Since the last run:", "  broken now: promise a"],
        ),
        (
            verdicts(KEPT),
            verdicts(COULD_NOT),
            ["Since the last run:", "  not checked now: promise a"],
        ),
        (
            verdicts(*[NOT] * 8),
            verdicts(*[KEPT] * 8),
            [
                "Since the last run:",
                *(f"  kept now: promise {name}" for name in "abcde"),
                "  kept now: 3 more",
            ],
        ),
        ({}, verdicts(KEPT), []),  # The first run.
        (verdicts(KEPT), {}, []),  # One that has come to nothing.
    ],
)
def test_news_name_what_is_kept_and_broken_now(
    before: Verdicts, now: Verdicts, lines: list[str]
) -> None:
    assert news(before, now) == lines


def test_verdicts_are_read_from_what_a_run_has_written(tmp_path: Path) -> None:
    file = tmp_path / "lines.json"
    record = {"check": "a", "sentence": "promise a", "verdict": "kept"}
    lines = [json.dumps(record), json.dumps({"summary": {}}), '{"check": "cut sho']
    file.write_text("\n".join(lines), encoding="utf-8")
    assert watch.verdicts(file) == verdicts(KEPT)
    assert watch.verdicts(tmp_path / "none") == {}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Verdicts]:
    """Stand for pytest: each run saves a file, and the one after the last is Ctrl-C."""
    left: list[Verdicts] = []

    def run(_arguments: list[str]) -> Verdicts:
        if not left:
            raise KeyboardInterrupt
        (tmp_path / "consumers.py").write_text(str(len(left)) * len(left))
        return left.pop(0)

    monkeypatch.setattr(watch, "run", run)
    return left


@pytest.mark.parametrize("poll", ["0", "1"], ids=["told", "polled"])
def test_watch_runs_on_a_save_and_tells_the_news(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    runs: list[Verdicts],
    poll: str,
) -> None:
    monkeypatch.setenv("WATCH_POLL", poll)
    monkeypatch.setattr(watch, "LOOK", 0.1)
    looks = first_look(monkeypatch)
    runs += [verdicts(BROKEN), verdicts(KEPT), verdicts(KEPT)]
    watch.watch_saves(tmp_path, [])
    printed = capsys.readouterr().out
    assert printed.count("consumers.py was saved:") == 3
    assert printed.count("Since the last run:\n  kept now: promise a\n") == 1
    assert printed.count("Nothing has changed.") == 1
    assert ("which is looked at every" in printed) == (poll == "1")
    assert len(looks) == (poll == "1")


def test_watch_looks_itself_where_the_system_watches_no_more_folders(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    runs: list[Verdicts],
) -> None:
    def start(_self: BaseObserver) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setenv("WATCH_POLL", "0")
    monkeypatch.setattr(watch.Observer, "start", start)
    monkeypatch.setattr(watch, "LOOK", 0.1)
    first_look(monkeypatch)
    runs += [verdicts(BROKEN)]
    watch.watch_saves(tmp_path, [])
    printed = capsys.readouterr().out
    assert "which is looked at every" in printed
    assert "consumers.py was saved:" in printed


def first_look(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Let a run begin after the first look: what is there by then is no save."""
    looks: list[None] = []
    start = PollingObserver.start

    def start_and_look(self: PollingObserver) -> None:
        start(self)
        deadline = time.monotonic() + PATIENCE
        for emitter in self.emitters:
            while not getattr(emitter, "_snapshot", None):
                assert time.monotonic() < deadline, "Nobody has looked."
                time.sleep(0.01)
        looks.append(None)

    monkeypatch.setattr(PollingObserver, "start", start_and_look)
    return looks


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:5 / /proc rw - proc proc rw
80 22 0:44 / /mnt/c rw,noatime - 9p C:\\134 rw,aname=drvfs
81 22 0:45 / /home/ana/the\\040share rw - cifs //host/share rw
82 22 0:46 / /mnt/c/local rw - ext4 /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/ana/course", "ext4"),
        ("/mnt/c/Users/ana/course", "9p"),
        ("/mnt/c/local/course", "ext4"),
        ("/mnt/cellar", "ext4"),
        ("/home/ana/the share/course", "cifs"),
    ],
)
@pytest.mark.posix("paths are those of Linux")
def test_file_system_of_a_folder_is_found(folder: str, kind: str) -> None:
    assert file_system_of(Path(folder), MOUNTS) == kind
    assert (kind in watch.POLLED) == (kind in ("9p", "cifs"))


def test_folder_of_this_machine_needs_no_looking(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WATCH_POLL", raising=False)
    assert not must_look(tmp_path)
    monkeypatch.setattr(watch, "file_system_of", lambda *_: "9p")
    assert must_look(tmp_path) == Path("/proc/self/mountinfo").exists()
    monkeypatch.setenv("WATCH_POLL", "0")
    assert not must_look(tmp_path)


def test_watch_and_json_are_not_for_the_same_reader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["checker", "tests/test_stage01_echo.py", "--watch", "--json", "-"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit):
        checker.main()
    assert "not both" in capsys.readouterr().err
