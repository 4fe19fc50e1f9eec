"""
What the page on looking into a server says, observed again.

Its transcripts are played by test_console.py. What py-spy says is in docs/see.json.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from docs.shown.calls import found_calls
from docs.shown.pictures import flame_share
from docs.shown.repository import CannotShow
from docs.shown.see import seen_by_py_spy
from tests.checker.servers.runserver import Server
from tests.docs import see
from tests.docs.repository import ROOT
from tests.docs.see import RESULT, SEEING, WORDS, project_in, speak
from tests.proofs.runs import CHECKER, HARNESS

STAGE = ROOT / "stage03_groups"
observed = pytest.mark.recorded(STAGE, SEEING, Path(see.__file__), *CHECKER, *HARNESS)

GRAPH = "fanout-profile.svg"
LATE = SEEING / "late.py"
SEEN = json.loads(RESULT.read_text("utf-8"))["seen"]


class InDevelopmentMode(Server):
    """The server as the page starts it."""

    def command(self) -> list[str | Path]:
        python, *rest = super().command()
        return [python, "-X", "dev", *rest]


class WithReloader(Server):
    """The server as a reader starts it otherwise."""

    def command(self) -> list[str | Path]:
        return [each for each in super().command() if each != "--noreload"]


@observed
def test_debug_mode_tells_of_the_loop_and_not_of_the_thread(tmp_path: Path) -> None:
    with InDevelopmentMode(project_in(tmp_path), tmp_path / "log") as server:
        for word in ("search", "weather"):
            assert speak(server, word).wait(20) == 0
        printed = server.printed()
        # It goes on for as long as somebody needs to ask py-spy.
        begun = time.monotonic()
        for word, who in (("hello", "nobody"), ("weather", "Ana")):
            said = subprocess.check_output(
                [sys.executable, LATE, server.url, word, "--seconds", "1.5"], text=True
            )
            assert said == f"{word}: Ben has waited for {who}.\n"
        assert time.monotonic() - begun > 3
    # Of the two words, one: other steps may be slow here, but none takes a second.
    [line] = [line for line in printed.splitlines() if "took 1." in line]
    assert line.startswith("Executing <Task ")
    # The task is the whole connection.
    assert "ASGIStaticFilesHandler.__call__" in line
    assert not re.search("routing.py|receive|ask_another_server", line)


def test_page_lets_the_slow_moment_last_while_py_spy_looks() -> None:
    page = (ROOT / "docs/see.md").read_text("utf-8")
    lines = [
        line
        for _, name, some in found_calls(page)
        if name == "commands"
        for line in some
    ]
    server = "python3 tests/docs/seeing/late.py ws://127.0.0.1:8000"
    # The second for longer than the ten seconds of `py-spy record`.
    assert lines == [f"{server} weather --seconds 30", f"{server} hello --seconds 15"]
    assert "py-spy record --pid 12345 --duration 10 " in page


def test_debug_mode_tells_of_what_takes_longer_than_100_ms() -> None:
    loop = asyncio.new_event_loop()
    assert loop.slow_callback_duration == 0.1
    loop.close()
    code = (
        "import asyncio\nasync def f(): print(asyncio.get_running_loop().get_debug())\n"
        "asyncio.run(f())"
    )
    said = subprocess.check_output([sys.executable, "-X", "dev", "-c", code], text=True)
    assert said == "True\n"


@observed
def test_runserver_is_two_processes_and_the_second_serves(tmp_path: Path) -> None:
    with WithReloader(project_in(tmp_path), tmp_path / "log") as server:
        [child] = psutil.Process(server.process.pid).children()
        listening = [
            connection
            for connection in child.net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening[0].laddr.port == server.port


# What py-spy has said


def test_py_spy_saw_the_mistakes_of_the_page() -> None:
    threads = dict(zip(WORDS, see.THREADS, strict=True))
    lines = (SEEING / "routing.py").read_text("utf-8").splitlines()
    for word, function in WORDS.items():
        thread, call, *_ = SEEN[word]
        assert thread == f"{threads[word]} (idle)"
        place = re.fullmatch(rf"{function} \(chat/routing\.py:(\d+)\)", call)
        assert lines[int(place[1]) - 1].strip() == "time.sleep(1)"


def test_py_spy_saw_both_places_with_nothing_to_do() -> None:
    loop, thread = SEEN["nothing"]
    assert loop.endswith("select")
    assert thread == "_worker"


def test_innermost_calls_of_a_thread_are_found() -> None:
    dump = (
        'Thread 1 (idle): "MainThread"\n    select (a.py)\n'
        'Thread 2 (active): "Pool-0"\n    work (b.py:3)\n    run (c.py:4)\n'
    )
    calls = ["work (b.py:3)", "run (c.py:4)"]
    assert see.innermost(dump, "work") == ["Pool-0 (active)", *calls]
    assert see.innermost(dump, "run") == []


# The flame graph


def share(function: str) -> int:
    """Return the share of a function in the graph of the page."""
    return int(flame_share(GRAPH, function).removesuffix("%"))


def test_graph_is_as_its_description_says() -> None:
    assert share("event loop") > 85
    assert 35 < share("ChatConsumer.__call__") < 65
    assert share("ChatConsumer.room_message") < share("aclose_old_connections")


def test_below_the_box_that_nobody_expects_is_a_trip_through_a_thread() -> None:
    text = (ROOT / "docs/assets" / GRAPH).read_text("utf-8")
    # A function stands before those that it has called.
    titles = re.findall("<title>(.+?)(?: \\(.+)?: ", text)
    first = titles.index("aclose_old_connections")
    assert "BaseEventLoop.run_in_executor" in titles[first : first + 4]
    assert "DATABASES" not in (STAGE / "config/settings.py").read_text("utf-8")


def test_what_nobody_has_seen_cannot_be_shown() -> None:
    assert "weather: MainThread (idle)\n" in seen_by_py_spy("weather")
    with pytest.raises(CannotShow, match="has not seen 'rain'"):
        seen_by_py_spy("rain")
    with pytest.raises(CannotShow, match="no function called rain"):
        flame_share(GRAPH, "rain")
