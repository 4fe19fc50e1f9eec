"""What ends a hand-in of `learn.py grade`. Only processes show it."""

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.checker.grading import checks, running, sandbox
from tests.checker.grading.hand_ins import HandIn
from tests.checker.grading.options import Limits
from tests.checker.grading.running import Ended, Run
from tests.checker.grading.sandbox import Sandbox
from tests.checker.grading.tree import Tree
from tests.front_door.checkout import ROOT
from tests.front_door.grade_rows import ONE, STAGE, line, written


@pytest.fixture(scope="module")
def found_sandbox() -> Sandbox:
    """The sandbox of this system."""
    return sandbox.find()


@pytest.fixture(params=["in a sandbox", "without"])
def walls(request: pytest.FixtureRequest, found_sandbox: Sandbox) -> Iterator[Sandbox]:
    """Both ways in which hand-ins run. Where there is no sandbox, it is one."""
    if found_sandbox.words and request.param == "in a sandbox":
        yield found_sandbox
        return
    # A grader ends all that it has started. Other tests of this process started more.
    others = {each.pid for each in psutil.Process().children()}
    running.RUNNING.update(others)
    running.adopt()
    counts = sandbox.may_count() and not request.param.endswith("uncounted")
    yield Sandbox(why_not="a test", counts_tasks=counts)
    running.RUNNING.difference_update(others)
    if sys.platform == "linux":
        from tests.checker.grading import namespaces  # It needs fcntl.

        namespaces.adopt_orphans(is_wanted=False)


LIMITS = Limits(seconds=15, memory=300, disk=40, output=8, processes=12)


@pytest.fixture
def ended(
    tmp_path: Path, walls: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Ended]]:
    """Run a program in the place of the checks, and return how it ended."""

    def command(_stage: str, project: Path, results: Path) -> list[str]:
        return [sys.executable, str(project / "manage.py"), str(results)]

    monkeypatch.setattr(checks, "command", command)

    def ended(code: str, **limits: float) -> Ended:
        folder = tmp_path / "ana"
        folder.mkdir()
        (folder / "manage.py").write_text(code, encoding="utf-8")
        hand_in = HandIn("ana", folder)
        run = Run(hand_in, STAGE, LIMITS._replace(**limits), walls, [])
        try:
            while not run.poll():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    run.process.wait(0.05)
            found = run.end()
        finally:
            run.close()
        assert not run.scratch.exists()
        assert [path.name for path in folder.iterdir()] == ["manage.py"]
        return found

    known = set(running.RUNNING)
    yield ended
    assert known == running.RUNNING


# Seconds, by which those are known who sleep in a hand-in of this process: another
# worker may be testing the same.
ASLEEP = str(10**6 + os.getpid())


def sleepers() -> list[int]:
    """Return who sleeps as the hand-ins of these tests do."""
    found = psutil.process_iter(["cmdline"])
    return [each.pid for each in found if ASLEEP in (each.info["cmdline"] or [])]


def test_a_program_that_ends_is_graded(ended: Callable[..., Ended]) -> None:
    """The positive twin of all below."""
    said = written(line(ONE, "kept"))
    found = ended(f"import sys\nopen(sys.argv[1], 'w').write({said!r})\n")
    assert found.lines == [line(ONE, "kept")]
    assert (found.stopped, found.why_not, found.notes) == ("", "", ())


@pytest.mark.parametrize("code", [0, 1])
def test_checks_that_are_cut_short_are_no_whole_result(
    ended: Callable[..., Ended], code: int
) -> None:
    said = written(line(ONE, "kept")).splitlines(keepends=True)[0]
    end = f"file.write({said!r})\nsys.exit({code})\n"
    found = ended(f"import sys\nwith open(sys.argv[1], 'w') as file: {end}")
    assert found.lines == [line(ONE, "kept")]
    assert found.stopped == "its checks ended before they were through"


def test_checks_that_never_ran_are_no_result(ended: Callable[..., Ended]) -> None:
    found = ended("raise MemoryError\n")  # It ends with 1, as checks that fail do.
    assert found.why_not == "its checks did not run: MemoryError"


NO_END = "import os, signal, sys, time\n"
ALL_MEMORY = (
    "try: kept = b'x' * 400_000_000\n"
    "except MemoryError:\n"
    "    print('MemoryError')\n"
    "    sys.exit(3)\n"
)
MANY_FILES = (
    "for n in range(99):\n"
    "    with open(f'{os.environ[\"TMPDIR\"]}/{n}', 'wb') as file:\n"
    "        file.write(bytes(10**6))\n"
    "time.sleep(60)"
)
OWN_FILES = (
    "for n in range(99):\n"
    "    with open(f'{os.path.dirname(__file__)}/{n}', 'wb') as file:\n"
    "        file.write(bytes(10**6))\n"
    "time.sleep(60)"
)
DAEMON = (
    f"{NO_END}"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        os.closerange(0, 100)\n"
    "        os.chdir('/')\n"
    "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    f"        os.execve('/bin/sleep', ['nobody', '{ASLEEP}'], {{}})\n"
    "    os._exit(0)\n"
    "os.wait()\n"
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")
@pytest.mark.parametrize(
    ("code", "stopped"),
    [
        ("print('again ' * 10**7)", "more than 8 MB"),
        ("while True: os.fork()", "more than 12 processes"),
        (ALL_MEMORY, "MemoryError"),
        (
            "for _ in range(3): os.fork()\nkept = b'x' * 60_000_000\ntime.sleep(60)",
            "more than 300 MB of memory",
        ),
        (MANY_FILES, "the 40 MB of disk"),
        (OWN_FILES, "the 40 MB of disk"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
    ],
    ids=["output", "processes", "memory", "memory of many", "disk", "own", "killed"],
)
def test_a_limit_ends_it(ended: Callable[..., Ended], code: str, stopped: str) -> None:
    found = ended(f"{NO_END}{code}\n")
    assert stopped in found.stopped + found.why_not, found


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")
@pytest.mark.parametrize("walls", ["without, and uncounted"], indirect=True)
def test_very_many_are_ended_where_the_system_bounds_nothing(
    ended: Callable[..., Ended],
) -> None:
    found = ended(f"{NO_END}for _ in range(9): os.fork()\ntime.sleep(60)\n")
    assert "more than 12 processes" in found.stopped, found
    assert found.seconds < 10


def test_time_ends_it(ended: Callable[..., Ended]) -> None:
    found = ended(f"{NO_END}time.sleep(60)\n", seconds=1)
    assert found.stopped == "it took longer than 1 s"
    assert found.seconds < 15
    assert found.peak["processes"] >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="it can get away elsewhere")
def test_a_daemon_is_ended(ended: Callable[..., Ended]) -> None:
    found = ended(DAEMON)
    assert found.notes == ("left 1 process running, ended by the grader",)
    assert sleepers() == []


@pytest.mark.skipif(sys.platform != "linux", reason="it can get away elsewhere")
def test_a_daemon_is_ended_whose_guard_was_killed(
    ended: Callable[..., Ended], walls: Sandbox
) -> None:
    guard = "1" if walls.words else "os.getppid()"
    found = ended(
        f"{DAEMON}os.kill({guard}, signal.SIGKILL)\ntime.sleep(60)\n", seconds=2
    )
    # Process 1 of a namespace cannot be killed from inside.
    assert ("longer than" if walls.words else "held its limits") in found.stopped
    assert sleepers() == []


@pytest.mark.parametrize("walls", ["in a sandbox"], indirect=True)
def test_a_sandbox_holds_or_is_said_not_to_be_there(
    ended: Callable[..., Ended], tmp_path: Path, found_sandbox: Sandbox
) -> None:
    if not found_sandbox.words:
        assert found_sandbox.why_not
        return
    secret = tmp_path / "secret"
    secret.write_text("")
    found = ended(
        "import os, socket, sys\n"
        f"for path in ({str(ROOT / 'learn.py')!r}, {str(secret)!r}, '/etc/hostname'):\n"
        "    try: open(path, 'a').close()\n"
        "    except OSError: pass\n"
        "    else: sys.exit(7)\n"
        "if set(os.listdir('/dev')) & {'sda', 'vda', 'mem'}: sys.exit(8)\n"
        "if len([each for each in os.listdir('/proc') if each.isdecimal()]) > 2:\n"
        "    sys.exit(9)\n"
        "if [name for _, name in socket.if_nameindex()] != ['lo']:\n"
        "    sys.exit(10)\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\n"
        "for path in '/proc/1/environ', '/proc/1/fd/1':\n"
        "    try: open(path).close()\n"
        "    except OSError: pass\n"
        "    else: sys.exit(12)\n"
        "for name in os.environ:\n"
        "    if 'TOKEN' in name: sys.exit(11)\n"
        f"open(sys.argv[1], 'w').write({written(line(ONE, 'kept'))!r})\n"
    )
    assert found.lines == [line(ONE, "kept")], found


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_full_disk_is_no_fault_of_a_hand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def project_in(*_paths: Path) -> Path:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(running, "project_in", project_in)
    monkeypatch.setattr(running.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "ana").mkdir()
    words = (HandIn("ana", tmp_path / "ana"), STAGE, LIMITS, Sandbox(), [])
    if number == errno.ENOSPC:
        with pytest.raises(OSError, match="No space left"):
            Run(*words)
    else:
        why = f"it could not be copied: {os.strerror(number)}"
        assert Run(*words).end().why_not == why
    assert [path.name for path in tmp_path.iterdir()] == ["ana"]


NESTED = (
    "import subprocess, sys\n"
    "code = 'print(1, flush=True); input()'\n"
    "subprocess.run([sys.executable, '-c', code])\n"
)


def test_what_others_have_started_is_no_part_of_a_tree() -> None:
    """Where nobody adopts, two that run at once have the same ancestor: us."""
    words = [sys.executable, "-c", NESTED]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes) as process:
        process.stdout.readline()
        (below,) = psutil.Process(process.pid).children()
        both = {process.pid, below.pid}
        assert both <= set(Tree(False, "", ()).pids_elsewhere())
        assert not both & set(Tree(False, "", {process.pid}).pids_elsewhere())
        process.stdin.write(b"\n")
