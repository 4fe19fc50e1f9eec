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
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.checker.servers import redis, tls
from tests.docs.console import (
    Ports,
    claimed_ports,
    difference,
    numbers_on,
    play_act,
    programs,
    runs_backwards,
    update,
)
from tests.docs.editor import typed
from tests.docs.pages import SO_FAR, Act, Block, CannotRun, acts, blocks
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
PATHS = [path for path in sorted(ROOT.glob("docs/0*.md")) if "deeper" not in path.stem]


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


def test_hidden_commands_are_few() -> None:
    """What a page tells the reader to type, the tests type from the page."""
    hidden = [
        block
        for page in PAGES
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.language == "hidden"
    ]
    assert len(hidden) <= 30


@pytest.mark.parametrize("page", PATHS, ids=lambda page: page.name)
def test_a_chapter_runs_every_check_of_its_stage(page: Path) -> None:
    # Crowds are run nowhere else when all tests are: `learn.py test` leaves them out.
    number = int(page.name[:2])
    passed = rf"\$ python3 learn\.py check {number}\n…\nAll \d+ checks pass\."
    # And what passes is what a reader has who has typed all that the page tells.
    assert any(
        re.fullmatch(passed, "\n".join(block.lines))
        for act in acts(page)
        for block in act.blocks
        if act.start == SO_FAR
    ), f"{page} never runs all checks."


# The rest tests the test itself, on small pages.


@pytest.fixture
def page(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a page, whose fences it gets as three quotes."""

    def write(markdown: str) -> Path:
        path = tmp_path / "01-page.md"  # Of stage 1.
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
    assert "01-page.md:3: this is not what happens." in diff
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


def test_times_of_ten_seconds_are_as_wide_as_others(differences: Callable) -> None:
    told = r"printf '  8.436 s  a\n 13.440 s  b\n'"
    block = f"'''console\n$ {told}\n  4.236 s  a\n  9.437 s  b\n'''"
    assert not differences(block)


BACKWARDS = """\
'''console
$ printf '  0.003 s  a\\n  0.004 s  %s\\n' b
  0.003 s  a
  0.001 s  {}
'''
"""


@pytest.mark.parametrize("words", ["b", "c"], ids=["as a whole", "a line of them"])
def test_times_of_a_transcript_never_run_backwards(
    differences: Callable, words: str
) -> None:
    [said] = differences(BACKWARDS.format(words))
    assert said.splitlines()[-3:] == [
        "   0.003 s  a",
        f"-  0.001 s  {words}",
        "+  0.004 s  b",
    ]


def test_times_on_the_pages_run_forwards() -> None:
    for path in sorted(ROOT.glob("docs/*.md")):
        for act in acts(path):
            for block in act.blocks:
                assert not runs_backwards(block.lines), f"{path}:{block.line}"


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
    with pytest.raises(
        CannotRun, match=r"01-page\.md:1: `python3 .* needs a block with"
    ):
        differences(SERVER.replace(' title="Server"', ""))


def test_a_block_without_a_prompt_is_a_mistake(differences: Callable) -> None:
    with pytest.raises(CannotRun, match=r"01-page\.md:1: .* starts with `\$ `"):
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


def test_update_of_a_page_that_is_edited_meanwhile_loses_nothing(
    page: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edited(old: str, new: str) -> Callable[[Act], Any]:
        def played(act: Act) -> Any:
            found = play_act(act)
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(old, new), encoding="utf-8")
            return found

        return played

    path = page("# A title\n\n'''console\n$ echo one\n'''\n")
    monkeypatch.setattr("tests.docs.console.play_act", edited("# A", "New.\n\n# A"))
    update(path)
    text = "New.\n\n# A title\n\n```console\n$ echo one\none\n```\n"
    assert path.read_text(encoding="utf-8") == text
    monkeypatch.setattr("tests.docs.console.play_act", edited("echo one", "echo two"))
    with pytest.raises(CannotRun, match="this was edited while it ran"):
        update(path)
    assert path.read_text(encoding="utf-8") == text.replace("echo one", "echo two")


def test_update_can_be_of_one_act(page: Callable) -> None:
    act = "## {0}\n<!-- act: from a clone -->\n'''console\n$ echo {0}\nold\n'''\n"
    path = page(act.format("one") + act.format("two"))
    expected = path.read_text(encoding="utf-8").replace("two\nold", "two\ntwo")
    update(path, ["two"])
    assert path.read_text(encoding="utf-8") == expected
    with pytest.raises(CannotRun, match="no act called three"):
        update(path, ["three"])


# Acts


CLONE = "<!-- act: from a clone -->\n"
WORK = "<!-- act: from the work so far -->\n"
FINISHED = "<!-- act: from the finished stage -->\n"
YES = "'''console\n$ echo yes\nyes\n'''\n"


@pytest.mark.parametrize(
    "block",
    [
        YES,
        "'''pycon\n>>> 1\n1\n'''\n",
        "'''python title=\"work/stage01_echo/a.py\"\nA = 1\n'''\n",
        "<!-- run: true -->\n",
    ],
    ids=["console", "pycon", "typed", "hidden"],
)
def test_a_block_in_no_act_is_a_mistake(page: Callable, block: str) -> None:
    with pytest.raises(CannotRun, match=r"01-page\.md:1: this belongs to no act"):
        acts(page(f"{block}## One\n{CLONE}{YES}"))


@pytest.mark.parametrize(
    ("markdown", "problem"),
    [
        (f"# A\n{CLONE}", "nothing is run"),
        (f"# A\n{CLONE}{YES}# A\n{CLONE}{YES}", "two acts are called 'A'"),
        (f"# A\n<!-- act: from afar -->\n{YES}", "not how an act begins"),
        (f"# A\n{CLONE[:-5]}; running: A -->\n{YES}", "no earlier block starts"),
        (f"# A\n{CLONE[:-5]}; prompt: a -->\n{YES}", "no earlier block makes a"),
    ],
)
def test_an_act_says_what_it_starts_from(
    page: Callable, markdown: str, problem: str
) -> None:
    with pytest.raises(CannotRun, match=problem):
        acts(page(markdown))


def test_the_work_so_far_is_what_earlier_acts_of_it_wrote(
    page: Callable, differences: Callable
) -> None:
    write = "'''python title=\"work/stage01_echo/{0}.py\"\nprint(\"{0}\")\n'''\n"
    copy = (
        "'''console\n$ cd work/stage01_echo\n$ cp {0}.py {0}{0}.py\n$ cd ../..\n'''\n"
    )
    look = "'''console\n$ ls work/stage01_echo | grep py$\n{}\n'''\n"
    assert not differences(
        f"# A\n{WORK}{write.format('a')}{copy.format('a')}"
        f"# B\n{FINISHED}{write.format('b')}{copy.format('b')}"
        f"# C\n{WORK}{write.format('c')}"
        + look.format("a.py\naa.py\nc.py\nmanage.py")
        + f"# D\n{FINISHED}{look.format('manage.py')}"
    )


def test_an_act_starts_with_what_runs_and_what_the_prompt_knows(
    differences: Callable,
) -> None:
    ask = """\
'''pycon
>>> answer(urlopen(address))
200
'''
"""
    prompt = """\
'''pycon
>>> from urllib.request import urlopen
>>> address = "http://127.0.0.1:8000/none"
>>> address = "http://127.0.0.1:8000/learn.py"
>>> 1 / 0
Traceback (most recent call last):
…
ZeroDivisionError: division by zero
>>> def answer(response):
...     with response:
...         return response.status
'''
"""
    later = f"# B\n{CLONE[:-5]}; running: Server -->\n"
    assert not differences(f"# A\n{CLONE}{SERVER}{prompt}{later}{ask}")


def test_a_terminal_remembers_its_folder_and_variables(differences: Callable) -> None:
    assert not differences(
        f"# A\n{CLONE}"
        "'''console title=\"T\"\n$ cd docs\n$ cd reasons\n$ export A=1\n'''\n"
        "'''console\n$ cd docs\n$ cd ..\n$ export B=2\n'''\n"
        f"# B\n{CLONE}"
        "'''console title=\"T\"\n$ echo $(basename $PWD) $A$B\nreasons 1\n'''\n"
        "'''console\n$ echo $(basename $PWD) $A$B\ncourse 2\n'''\n"
    )


def test_an_act_depends_on_what_it_uses_and_not_on_prose(page: Callable) -> None:
    def found(markdown: str) -> set[str]:
        [act] = acts(page(markdown))
        paths = [each for each in act.depends if isinstance(each, Path)]
        return {each.relative_to(ROOT).as_posix() for each in paths}

    [quiet], [wordy] = (acts(page(f"{words}\n{YES}")) for words in ("", "Words."))
    assert quiet.depends == wordy.depends
    [other] = acts(page(YES.replace("echo", "printf")))
    assert quiet.depends != other.depends
    always = found(YES)
    assert "tests/docs/console.py" in always
    assert found("'''console\n$ ls stage02_routing\n'''") - always == {
        "stage02_routing"
    }
    assert found(f"# A\n{FINISHED}{YES}") - always == {"stage01_echo"}
    assert found(f"# A\n{WORK}{YES}") - always == {"tests/start"}
    checks = found("'''console\n$ python3 learn.py check 2\n'''") - always
    assert {"learn.py", "tests/checker", "tests/test_stage02_routing.py"} <= checks
    assert "tests/test_stage03_groups.py" not in checks


def test_evidence_is_what_was_typed_and_printed_without_what_varies(
    page: Callable,
) -> None:
    [act] = acts(page("'''console\n$ date +%F; seq 3\n2026-11-24\n…\n3\n'''"))
    played, seen = play_act(act)
    assert [difference(act.page, *each) for each in played] == [""]
    [command] = seen
    assert command == {
        "typed": "$ date +%F; seq 3",
        "printed": "⟨varies⟩\n…\n3\n",
    }


# Typed blocks


FILE = """\
import os

SIZE = 1


class First:
    def one(self):
        return 1


class Second:
    pass
"""


def block_of(text: str, language: str = "python") -> Block:
    return Block(1, "", language, "work/stage01_echo/file.py", text.splitlines())


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("import re\n", FILE, "import re\n"),
        ("SIZE = 2\n", "SIZE = 1\n", "SIZE = 2\n"),
        ("MORE = 2\n", "    pass\n", "    pass\n\nMORE = 2\n"),
        (
            "def two():\n    pass\n",
            "    pass\n",
            "    pass\n\n\ndef two():\n    pass\n",
        ),
        (
            "def one(self):\n    return 2\n",
            "    def one(self):\n        return 1\n",
            "    def one(self):\n        return 2\n",
        ),
        (
            "def two(self):\n    return 2\n",
            "        return 1\n",
            "        return 1\n\n    def two(self):\n        return 2\n",
        ),
    ],
    ids=["file", "variable", "new variable", "new function", "method", "new method"],
)
def test_code_takes_its_place(code: str, old: str, new: str) -> None:
    assert typed(FILE, block_of(code)) == FILE.replace(old, new)


def test_code_for_no_file_is_the_file() -> None:
    assert typed(None, block_of("SIZE = 2\n")) == "SIZE = 2\n"


def test_an_included_method_takes_its_place() -> None:
    path = "stage01_echo/chat/consumers.py"
    ours = (ROOT / path).read_text(encoding="utf-8")
    theirs = ours.replace("await self.accept()", "pass")
    assert theirs != ours
    include = Block(1, "", "include", path, ["EchoConsumer.connect"])
    assert typed(theirs, include) == ours


def test_a_diff_is_applied_exactly() -> None:
    diff = " import os\n+import re\n@@\n-        return 1\n+        return 2\n"
    expected = FILE.replace("os\n", "os\nimport re\n").replace("return 1", "return 2")
    assert typed(FILE, block_of(diff, "diff")) == expected


@pytest.mark.parametrize(
    ("diff", "times"),
    [
        ("-SIZE = 2\n+SIZE = 3\n", 0),
        (" import os\n-SIZE = 1\n", 0),
        ("+\n class First:\n-\n", 0),
        ("-\n-\n", 2),
    ],
)
def test_a_diff_that_does_not_fit_once_is_a_mistake(diff: str, times: int) -> None:
    with pytest.raises(CannotRun, match=f"fits .* {times} times, not once"):
        typed(FILE, block_of(diff, "diff"))


def test_a_diff_that_does_not_fit_is_shown_with_its_place(
    differences: Callable,
) -> None:
    diff = "'''diff title=\"work/stage01_echo/manage.py\"\n-no\n'''\n"
    with pytest.raises(CannotRun, match=r"01-page\.md:3: This fits .* 0 times"):
        differences(f"# A\n{FINISHED}{diff}{YES}")


def test_nothing_is_typed_where_there_is_no_copy(differences: Callable) -> None:
    block = "'''python title=\"work/stage01_echo/a.py\"\nA = 1\n'''\n"
    with pytest.raises(CannotRun, match="no work/stage01_echo to type this into"):
        differences(f"# A\n{CLONE}{block}{YES}")


# Ports


def test_ports_are_replaced_all_at_once() -> None:
    # A free port may be one that a page shows: then 8000 must not become 8443's.
    here = {"8000": "8002", "8001": "8000", "8002": "8443", "8443": "6379"}
    ports = Ports(here | {"6379": "8001"})
    assert ports.typed("8000 8001 8002 8443 6379") == "8002 8000 8443 6379 8001"
    assert ports.shown("8002 8000 8443 6379 8001") == "8000 8001 8002 8443 6379"
    assert ports.typed("18000 8000x") == "18000 8000x"


@pytest.mark.parametrize(
    ("page", "here"),
    [
        ("python3 learn.py run 3", "python3 learn.py run 3 --port 7000"),
        ("learn.py run 3 --port 8001", "learn.py run 3 --port 7001"),
        ("learn.py run 5", "learn.py run 5 --tls-port 7443 --port 7000"),
        ("python3 manage.py runserver", "python3 manage.py runserver 7000"),
        ("daphne config.asgi:application", "daphne -p 7000 config.asgi:application"),
        ("redis-server --save ''", "redis-server --port 7379 --save ''"),
        ("redis-cli ping", "redis-cli -p 7379 ping"),
    ],
)
def test_a_port_that_goes_without_saying_is_replaced(page: str, here: str) -> None:
    ports = {"8000": "7000", "8001": "7001", "8443": "7443", "6379": "7379"}
    assert Ports(ports).typed(page) == here


def test_claimed_ports_are_on_no_page_and_claimed_once() -> None:
    assert {"8000", "8001", "8002", "8443", "6379", "8010"} <= numbers_on(PAGES[0])
    never = {str(port) for port in range(5000, 9000)}
    with ExitStack() as stack:
        claims = [stack.enter_context(claimed_ports(never)) for _ in range(50)]
        found = [port for ports in claims for port in ports]
    assert len(set(found)) == 250
    assert not never & set(found)
    assert {len(port) for port in found} == {4}


def test_a_port_where_somebody_listens_is_not_claimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr("tests.docs.console.PORTS", ("8000",))
        monkeypatch.setattr("tests.docs.console.FREE_PORTS", range(port, port + 1))
        with pytest.raises(CannotRun, match="no free ports"), claimed_ports(set()):
            pass
