"""
The article that the course grew out of fails as its page says, step by step.

`tests/docs/article/` holds its code as it was printed, but for blanks at the ends of
lines. The page copies that, repairs it, and runs each state on the way: test_console.py
types all of it again.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from shutil import copytree

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from tests.checker.servers.runserver import Server
from tests.docs.editor import write
from tests.docs.pages import Block, blocks, steps
from tests.docs.repository import ROOT
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import CHECKER, HARNESS

PAGE = ROOT / "docs/article.md"
PRINTED = ROOT / "tests/docs/article"
ADDRESS = "localhost:8000"  # In the printed JavaScript.

# What is wrong in the article: the file, the text, and how often it is there.
FLAWS = [
    ("asgi.py", "rontings", 3),
    ("routing.py", r"r'ws/?p<group>\wt/$'", 1),
    ("consumers.py", "def websocket_connect(self):", 1),
    ("consumers.py", '"收到消息: " + message)', 1),
]

# The headings of the failures in their order, what the client is told in the end, and
# what the server says.
FAILURES = [
    ("1. 404: a page that is not there", "HTTP 404", "Not Found: /ws/chat/"),
    ("2. 500: Django has no answer", "HTTP 500", "Django can only handle ASGI/HTTP"),
    ("3. No start: a name that is not there", "", "cannot import name 'rontings'"),
    ("4. 500: no route", "HTTP 500", "No route found for path 'ws/chat/'."),
    ("5. 500: one argument too many", "HTTP 500", "takes 1 positional argument but 2"),
    ("6. 1011: a message is no text", "received 1011", "can only concatenate str (not"),
    ("7. No start: another server", "", "settings are not configured"),
    ("8. 1011: not every message has a text", "received 1011", "KeyError: 'text'"),
]

# What makes files, of all that the page types.
MAKES_FILES = re.compile(
    r"(mkdir|cp|rm|cd) |python3 (-m django startproject|manage\.py startapp) "
)


def page() -> list[Block]:
    """Return the blocks of the page, headings included."""
    return list(blocks(PAGE.read_text(encoding="utf-8")))


def section(heading: str) -> Iterator[Block]:
    """Yield the blocks below a heading."""
    found = ""
    for block in page():
        if block.language == "heading":
            found = block.lines[0]
        elif found == heading:
            yield block


def repaired(folder: Path) -> Path:
    """Do all that the page says to do with files, and return the project."""
    copytree(PRINTED, folder / "tests/docs/article")
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in page():
        if block.is_typed:
            write(block, folder, "")
        elif block.language == "console" and not block.title:
            typed = [step.source for step in steps(block)]
            script = "\n".join(["set -e", *filter(MAKES_FILES.match, typed)])
            subprocess.run(
                ["bash", "-c", script],
                cwd=folder,
                env=os.environ | {"PATH": programs},
                check=True,
            )
    return folder / "work/article"


# The code as it is printed


@pytest.mark.parametrize(("name", "text", "times"), FLAWS)
def test_the_files_are_as_printed(name: str, text: str, times: int) -> None:
    printed = (PRINTED / name).read_text(encoding="utf-8")
    assert printed.count(text) == times, f"Somebody has repaired {name}."


@pytest.mark.posix("the commands are bash's")
def test_the_page_repairs_each_flaw(tmp_path: Path) -> None:
    project = repaired(tmp_path)
    for name, text, _ in FLAWS:
        [file] = (each for each in project.rglob(name) if each.parent != project)
        code = file.read_text(encoding="utf-8")
        # The comment that has the wrong name, too, is nothing that runs.
        code = re.sub(r"^ *#.*\n", "", code, flags=re.MULTILINE)
        assert text not in code, f"{name} still has {text}."


def test_the_page_shows_every_file_and_copies_the_python() -> None:
    shown = [block.title for block in page() if block.language == "include"]
    files = {f"tests/docs/article/{each.name}" for each in PRINTED.glob("*.[pj]*")}
    assert sorted(shown) == sorted(files)
    typed = PAGE.read_text(encoding="utf-8")
    for name in ("asgi.py", "routing.py", "consumers.py"):
        assert f"$ cp tests/docs/article/{name} work/article/" in typed
    # The settings are a piece of a file: a diff types them.
    piece = (PRINTED / "settings.py").read_text(encoding="utf-8")
    for line in ("    'channels',", "ASGI_APPLICATION = 'myproject.asgi.application'"):
        assert f"{line}\n" in piece
        assert f"\n+{line}\n" in typed


# What comes of it


@pytest.mark.parametrize(
    ("heading", "told", "said"), FAILURES, ids=[each[0] for each in FAILURES]
)
def test_each_state_fails_in_its_own_way(heading: str, told: str, said: str) -> None:
    # That it does so is what test_console.py proves, block by block.
    heard, printed = [], []
    for block in section(heading):
        if block.language in {"pycon", "console"}:
            lines = [line for step in steps(block) for line in step.expected]
            (heard if block.language == "pycon" else printed).extend(lines)
    assert any(said in line for line in printed)
    if told:
        assert any(told in line for line in heard)
    else:
        assert not heard, "A server that does not start is asked nothing."


def test_the_failures_come_in_this_order() -> None:
    headings = [block.lines[0] for block in page() if block.language == "heading"]
    first = headings.index("Eight failures") + 1
    assert headings[first : first + 8] == [heading for heading, *_ in FAILURES]
    assert headings[first + 8] == "It runs, and what it cannot do"


# Its JavaScript, in a browser


def in_the_browser(browser: Browser, folder: Path) -> Seen:
    """Paste the printed JavaScript into a page of the server that is repaired."""
    with Server(repaired(folder), folder / "server.log") as server:
        host = f"localhost:{server.port}"
        script = (PRINTED / "socket.js").read_text(encoding="utf-8")
        assert script.count(ADDRESS) == 1
        tab = browser.new_page()
        said, errors = [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on(
            "pageerror", lambda error: errors.append(f"{error.name}: {error.message}")
        )
        tab.goto(f"http://{host}/")
        tab.add_script_tag(content=script.replace(ADDRESS, host))
        wait_for(tab, "socket.readyState === 1")
        with tab.expect_console_message(lambda each: "hi" in each.text):
            tab.add_script_tag(content='sendMessage("hi")')
        conversation = list(said)
        # The same again, in another page, in one go.
        tab.goto(f"http://{host}/")
        script += 'sendMessage("hi")'
        tab.add_script_tag(content=script.replace(ADDRESS, host))
        wait_for(tab, "socket.readyState === 1")
        opened = [
            tab.evaluate(OPENS, address)
            for address in (f"http://{host}/ws/chat/", "/ws/chat/")
        ]
        tab.close()
    return {
        "conversation": conversation,
        "too early": errors,
        "opened": [each.replace(host, ADDRESS) for each in opened],
    }


OPENS = """address => new Promise((resolve, reject) => {
  const socket = new WebSocket(address);
  socket.onopen = () => resolve(socket.url);
  socket.onerror = () => reject(new Error(address));
})"""


def wait_for(tab: Tab, condition: str) -> None:
    """Wait until something is so in a page."""
    tab.wait_for_function(condition, timeout=20_000)


@pytest.mark.posix("the commands are bash's")
@pytest.mark.parametrize(
    "proof",
    [
        Proof(
            "article",
            "in the browser",
            (
                *(PRINTED, Path(__file__), ROOT / "tests/browser/chromium.py"),
                *(ROOT / "tests/docs" / name for name in ("editor.py", "pages.py")),
                *(*CHECKER, *HARNESS),
                # Not the prose.
                *(f"{block.title} {block.lines}" for block in page()),
            ),
        )
    ],
    ids=str,
)
def test_its_javascript_does_what_the_page_says(
    proof: Proof, request: pytest.FixtureRequest, tmp_path: Path, recorded: Recorded
) -> None:
    def prove() -> Seen:
        # Asked for here, so that no browser starts where there is a record.
        browser = request.getfixturevalue("quick_chromium")
        return in_the_browser(browser, tmp_path)

    seen = recorded(proof, prove)
    shown = [
        "\n".join(block.lines)
        for block in section("In the browser")
        if block.language == "text"
    ]
    greeting, answer = seen["conversation"][:2], seen["conversation"][2:]
    assert shown == ["\n".join(greeting), *seen["too early"]]
    assert answer == ["收到服务器消息: 收到消息: hi"]
    # An address that begins with http, and one that begins with a slash.
    assert seen["opened"] == [f"ws://{ADDRESS}/ws/chat/"] * 2


# What the table says


def test_channels_is_needed_among_the_apps_for_one_command_only() -> None:
    import channels.management.commands as its_commands

    [folder] = its_commands.__path__
    commands = {each.stem for each in Path(folder).glob("[!_]*.py")}
    assert commands == {"runworker"}
    for settings in ROOT.glob("stage*/config/settings.py"):
        assert '"channels"' not in settings.read_text(encoding="utf-8")


def test_asgi_comes_with_django_and_a_server_with_no_one() -> None:
    needed = [each for each in requires("channels") or [] if "extra" not in each]
    assert not [each for each in needed if "daphne" in each]
    assert [each for each in requires("django") or [] if each.startswith("asgiref")]
