"""
What a project prints is bounded: on disk, in memory, and in time.

Real programs print here: that the system stops them is what has to be shown.
"""

import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.checker import client
from tests.checker.accounts import Shell
from tests.checker.servers import output
from tests.checker.servers.forks import quick_starts
from tests.checker.servers.runserver import Server, ServerError, manage
from tests.proofs.runs import ROOT, copy_of, recorded_with

ECHO = ROOT / "stage01_echo"

pytestmark = recorded_with(ECHO)
WITHOUT_END = "\nwhile True:\n    print('and again')\n"

# Beside the server, once it listens.
BESIDE = """
import threading
import time
from pathlib import Path

def talk():
    while not Path("talk").exists():
        time.sleep(0.01)
    while True:
        try:
            print("and again" * 1000)
        except OSError:  # There is no more room, and it goes on.
            pass

threading.Thread(target=talk, daemon=True).start()
"""


def talking(tmp_path: Path, code: str) -> Path:
    """Return a copy of stage 1 whose settings print."""
    project = copy_of(ECHO, tmp_path / "project")
    with (project / "config" / "settings.py").open("a", encoding="utf-8") as file:
        file.write(code)
    return project


def test_long_log_is_read_from_both_its_ends(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"before" + b"first" + b"x" * output.MIB + b"last")
    read = output.read(log, len(b"before"))
    assert read.startswith(b"first")
    assert read.endswith(b"last")
    assert b" bytes left out " in read
    assert len(read) < 4 * output.EDGE


@pytest.mark.parametrize("length", [0, 9, 2 * output.EDGE, 3 * output.EDGE])
def test_short_log_is_read_whole(tmp_path: Path, length: int) -> None:
    log = tmp_path / "log"
    content = bytes(number % 251 for number in range(length))
    log.write_bytes(b"before" + content)
    assert output.read(log, len(b"before")) == content


@pytest.mark.parametrize(
    "starts",
    [nullcontext, pytest.param(quick_starts, marks=pytest.mark.posix("it forks"))],
    ids=["cold", "forked"],
)
def test_server_whose_settings_print_without_end_is_told(
    tmp_path: Path, starts: type
) -> None:
    project = talking(tmp_path, WITHOUT_END)
    server = Server(project, tmp_path / "server.log")
    with starts(), pytest.raises(ServerError, match="it prints without end"), server:
        pass
    assert output.ENDLESS in server.printed()
    assert len(server.printed()) < 4 * output.EDGE
    assert output.size(server.log) < output.MOST


@pytest.mark.posix("Windows limits no file")
def test_log_of_a_server_that_prints_without_end_grows_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "MOST", 4 * output.MIB)
    project = talking(tmp_path, BESIDE)
    with Server(project, tmp_path / "server.log") as server:
        (project / "talk").touch()
        deadline = time.monotonic() + 20
        while output.size(server.log) < output.MOST and time.monotonic() < deadline:
            time.sleep(0.01)
        # It still answers, and has no room for a word about it.
        with client.connect(server, "/ws/echo/") as ana:
            ana.send("hello")
            ana.expect("hello")
        assert output.size(server.log) == output.MOST
        assert output.ENDLESS in server.printed()


def test_server_that_prints_little_is_not_taken_for_one(tmp_path: Path) -> None:
    project = talking(tmp_path, "\nprint('a word\\n' * 1000)\n")
    with Server(project, tmp_path / "server.log") as server:
        assert server.printed().count("a word") == 1000
        assert output.ENDLESS not in server.printed()


def test_command_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    begin = time.monotonic()
    project = talking(tmp_path, "\nwhile True:\n    print('and again' * 9999)\n")
    run = manage(project, "check")
    assert run.returncode != 0
    assert run.stdout.endswith(output.SAYS_SO)
    assert len(run.stdout) < 4 * output.EDGE
    assert time.monotonic() - begin < 15


def test_shell_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    shell = Shell(talking(tmp_path, WITHOUT_END), {})
    with pytest.raises(ServerError, match="prints without end") as error:
        shell.run("print('hello')")
    shell.close()
    assert output.ENDLESS in error.value.printed


def program(code: str) -> subprocess.Popen[str]:
    """Start a program whose output comes in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )


def test_pipe_that_ends_is_read_whole() -> None:
    process = program("print('word ' * 40_000)")
    assert output.communicate(process, 20) == "word " * 40_000 + "\n"
    assert process.returncode == 0


def test_program_that_takes_too_long_is_killed() -> None:
    code = "import sys, time; print('begun', flush=True); sys.stdin.read(); time.sleep"
    process = program(f"{code}(60)")
    with pytest.raises(subprocess.TimeoutExpired) as late:
        output.communicate(process, 1)
    assert late.value.output in ("begun\n", "")
    assert process.returncode


@pytest.mark.posix("its child outlives it")
def test_child_that_holds_the_pipe_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "REST", 0.2)
    # It ends by itself, long after the test.
    child = "[sys.executable, '-c', 'import time; time.sleep(8)']"
    process = program(f"import subprocess, sys; subprocess.Popen({child})")
    begin = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        output.communicate(process, 0.5)
    assert time.monotonic() - begin < 5
