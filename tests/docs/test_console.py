"""
The transcripts on the pages are what a reader's terminal shows.
"""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checker.servers import redis, tls
from tests.docs.console import (
    difference,
    play_act,
    programs,
    update,
)
from tests.docs.pages import Act, CannotRun, acts, blocks
from tests.docs.repository import ROOT
from tests.proofs.records import Recorded, Seen

pytestmark = pytest.mark.posix("the transcripts are bash's")

# What pages type and not everybody has, and how to get it.
MISSING = {
    "redis-server": redis.MISSING,
    "nginx": tls.MISSING,
    "curl": "No curl was found. Install it (Debian: apt install curl).",
    "openssl": "No openssl was found. Install it (Debian: apt install openssl).",
}

PAGES = [*sorted(ROOT.glob("docs/*.md")), *ROOT.glob("README.md")]
PAGES_OF_STAGES = sorted(ROOT.glob("docs/0*.md"))


def find(program: str) -> str | None:
    """Return the path of a program of this machine, or None."""
    elsewhere = {
        "redis-server": redis.find_redis,
        "nginx": tls.find_nginx,
    }
    return elsewhere.get(program, lambda: shutil.which(program))()


@pytest.mark.timeout(900)  # Seconds. The longest takes two minutes when all is quiet.
@pytest.mark.parametrize(
    "proof", [act for page in PAGES for act in acts(page)], ids=str
)
def test_transcripts_are_what_happens(proof: Act, recorded: Recorded) -> None:
    def play() -> Seen:
        for program in programs(proof) & MISSING.keys():
            if not find(program):
                pytest.skip(MISSING[program])
        played, seen = play_act(proof)
        for block, lines in played:
            if diff := difference(proof.page, block, lines):
                pytest.fail(diff, pytrace=False)
        return {"commands": seen}

    assert recorded(proof, play)["commands"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_is_left_out(page: Path) -> None:
    """A `console` block is run. These look like one, and would not be."""
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language in {"console", "pycon"}:
            continue
        prompts = [line for line in block.lines if line.startswith(("$ ", ">>> "))]
        if prompts or block.language in {"bash", "sh", "shell"}:
            pytest.fail(
                f"{page}:{block.line}: this is not run. Make it a console block,"
                " or a text block without prompts."
            )


@pytest.mark.parametrize("page", PAGES_OF_STAGES, ids=lambda page: page.name)
def test_a_chapter_runs_every_check_of_its_stage(page: Path) -> None:
    # Crowds are run nowhere else when all tests are: `learn.py test` leaves them out.
    number = int(page.name[:2])
    passed = rf"^\$ python3 learn\.py check {number}\n…\nAll \d+ checks pass\.$"
    text = page.read_text(encoding="utf-8")
    assert re.search(passed, text, re.MULTILINE), f"{page} never runs all checks."


# The rest tests the test itself, on small pages.


@pytest.fixture
def page(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a page, whose fences it gets as three quotes."""

    def write(markdown: str) -> Path:
        path = tmp_path / "page.md"
        path.write_text(markdown.replace("'''", "```"), encoding="utf-8")
        return path

    return write


@pytest.fixture
def differences(page: Callable) -> Callable[[str], list[str]]:
    """Return a function that plays a page, and tells what differs."""

    def play(markdown: str) -> list[str]:
        path = page(markdown)
        return [
            diff
            for act in acts(path)
            for block, lines in play_act(act)[0]
            if (diff := difference(path, block, lines))
        ]

    return play


def test_a_wrong_line_is_shown_with_its_place(differences: Callable) -> None:
    [diff] = differences("# Title\n\n'''console\n$ echo yes\nno\n'''\n")
    assert "page.md:3: this is not what happens." in diff
    assert "-no\n+yes" in diff


def test_a_missing_line_and_one_too_many_are_shown(differences: Callable) -> None:
    [missing] = differences("'''console\n$ seq 2\n1\n'''")
    assert "+2" in missing


def test_an_ellipsis_stands_for_any_lines(differences: Callable) -> None:
    assert not differences("'''console\n$ seq 9\n1\n…\n9\n'''")
    assert not differences("'''console\n$ seq 2\n1\n…\n2\n'''")
    assert differences("'''console\n$ seq 9\n1\n…\n8\n'''")


def test_update_of_a_number_keeps_the_ellipses(page: Callable) -> None:
    path = page(
        "'''console\n$ ls docs; echo 9 of 10 passed at 03:30:00\n…\nsetup.md\n…\n"
        "7 of 8 passed at 04:40:00\n'''\n"
    )
    update(path)
    assert path.read_text(encoding="utf-8").splitlines()[2:-1] == [
        "…",
        "setup.md",
        "…",
        "9 of 10 passed at 03:30:00",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "November 24, 2026 - 03:30:00",
        "Django version 5.2.19, using settings",
        "[24/Nov/2026 03:30:00] 127.0.0.1:43210 - - 3.25 s",
        "Python 3.13.1",
    ],
)
def test_what_varies_is_not_compared(differences: Callable, line: str) -> None:
    other = line.translate(str.maketrans("0123456789", "1234567890"))
    other = other.replace("238.1.1.2", "127.0.0.1")
    assert not differences(f"'''console\n$ echo '{line}'\n{other}\n'''")


def test_a_page_can_name_what_else_varies(differences: Callable) -> None:
    block = "'''console\n$ echo Key: $RANDOM\nKey: 1\n'''"
    assert differences(block)
    assert not differences(rf"<!-- varies: (?<=Key: )\d+ -->{chr(10) * 2}{block}")


def test_folder_and_variables_last(differences: Callable) -> None:
    assert not differences(
        "'''console\n$ cd docs\n$ A=1\n$ export B=2\n'''\n"
        "'''console\n$ pwd\n/home/ana/course/docs\n$ echo $B\n2\n'''\n"
    )


SERVER = """\
'''console title="Server"
$ python3 -u -m http.server --bind 127.0.0.1 8000
Serving HTTP on 127.0.0.1 port 8000 (http://127.0.0.1:8000/) ...
'''
"""


def test_a_server_goes_on_in_its_terminal(differences: Callable) -> None:
    assert not differences(
        SERVER
        + """\
'''pycon
>>> from urllib.request import urlopen
>>> with urlopen("http://127.0.0.1:8000/learn.py") as answer:
...     answer.status
200
'''
'''console title="Server"
127.0.0.1 - - [24/Nov/2026 03:30:00] "GET /learn.py HTTP/1.1" 200 -
'''
'''console title="Server"
^C

Keyboard interrupt received, exiting.
$ echo $?
0
'''
"""
    )


def test_what_a_server_does_not_print_is_shown(
    differences: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.docs.console.PATIENCE_FOR_A_SERVER", 1)
    [diff] = differences(SERVER.replace("Serving", "Selling"))
    assert "-Selling" in diff
    assert "+Serving" in diff


REDIS = """\
'''console title="Redis"
$ redis-server --bind 127.0.0.1 --save ""
…
1:M Ready to accept connections
'''
<!-- varies: .*(?=Ready to) -->
<!-- varies: (?<=connections).* -->
"""


def test_a_redis_of_its_own_answers(page: Callable, differences: Callable) -> None:
    if not find("redis-server"):
        pytest.skip(MISSING["redis-server"])
    assert programs(*acts(page(REDIS))) == {"redis-server"}
    assert not differences(
        REDIS
        + """\
'''console
$ redis-cli ping
PONG
$ redis-cli config get port
port
6379
'''
'''console title="Redis"
^C
…
'''
"""
    )


def test_a_server_needs_a_terminal_of_its_own(
    differences: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.docs.console.PATIENCE_FOR_A_COMMAND", 1)
    with pytest.raises(CannotRun, match=r"page\.md:1: `python3 .* needs a block with"):
        differences(SERVER.replace(' title="Server"', ""))


def test_a_block_without_a_prompt_is_a_mistake(differences: Callable) -> None:
    with pytest.raises(CannotRun, match=r"page\.md:1: .* starts with `\$ `"):
        differences("'''console\nmake me a sandwich\n'''")


def test_servers_die_with_a_killed_test(page: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        connect = f"$ exec 3<>/dev/tcp/127.0.0.1/{listener.getsockname()[1]}; sleep 600"
        path = page(f"'''console title=\"Server\"\n{connect}\nwaits\n'''\n")
        command = [sys.executable, "-m", "tests.docs.console", "--update", path]
        with subprocess.Popen(command, cwd=ROOT) as runner:
            connection, _ = listener.accept()  # The server runs.
            runner.send_signal(signal.SIGKILL)
        with connection:
            connection.settimeout(20)
            assert connection.recv(1) == b""  # It holds its end no more.


def test_update_writes_down_what_happens(page: Callable) -> None:
    path = page(
        "1. A list:\n\n    '''console\n    $ seq 2\n    old\n    $ date +%T\n"
        "    03:30:00\n    $ seq 9\n    1\n    …\n    '''\n\n"
        "The end.\n"
    )
    expected = path.read_text(encoding="utf-8").replace("old", "1\n    2")
    update(path)
    assert path.read_text(encoding="utf-8") == expected
