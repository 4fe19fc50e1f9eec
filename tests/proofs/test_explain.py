"""
The sentences that test_mistakes.py cannot earn: for other machines, and from outside.
"""

import re
from pathlib import Path

import pytest

from tests.checker.explain import DIAGNOSES, diagnose
from tests.checker.servers.runserver import Server
from tests.proofs.runs import (
    ROOT,
    check,
    copy_of,
    likely_mistake,
    replace,
    solution,
)


def test_wsgi_server_is_recognised_from_outside(tmp_path: Path) -> None:
    plain = ROOT / "tests" / "start"
    with Server(plain, tmp_path / "server.log") as server:
        result = check("stage01_echo", "--url", server.url)
    assert "An ordinary web server answers here" in likely_mistake(result)


def test_exception_is_recognised_from_outside(tmp_path: Path) -> None:
    project = copy_of(ROOT / "stage01_echo", tmp_path / "project")
    replace(project / "chat" / "consumers.py", "await self.send(", "await self.sent(")
    with Server(project, tmp_path / "server.log") as server:
        result = check("stage01_echo", "--url", server.url)
    assert "1011 is the server's word for an exception" in likely_mistake(result)


def test_path_without_a_route_is_recognised_from_outside(tmp_path: Path) -> None:
    project = copy_of(ROOT / "stage02_routing", tmp_path / "project")
    last = '    re_path(r"", RefusingConsumer.as_asgi()),\n'
    replace(project / "chat" / "routing.py", last, "")
    with Server(project, tmp_path / "server.log") as server:
        result = check("stage02_routing", "--url", server.url)
    assert "or for a path without a route" in likely_mistake(result)


def test_traceback_is_shown_among_what_hundreds_of_clients_leave_in_the_log(
    tmp_path: Path,
) -> None:
    project = copy_of(ROOT / "stage02_routing", tmp_path / "project")
    consumers = project / "chat" / "consumers.py"
    replace(consumers, "with suppress(Disconnected)", "with suppress(KeyError)")
    result = check("stage02_routing", "--project", project, "-k", "right_after")
    assert "autobahn.exception.Disconnected: Attempt to send" in result.stdout
    assert "WebSocket CONNECT" not in result.stdout


@pytest.mark.parametrize(
    ("caught", "words"),
    [
        ("RecursionError", "In a JSON consumer of Channels, catch it in a receive()"),
        ("json.JSONDecodeError", "raises for a binary frame, and for an empty one"),
    ],
)
def test_what_a_json_consumer_raises_is_explained(
    tmp_path: Path, caught: str, words: str
) -> None:
    project = solution("stage02_json_consumer", tmp_path / "project")
    consumers = project / "chat" / "consumers.py"
    replace(consumers, "except (ValueError, RecursionError)", f"except {caught}")
    replace(consumers, "from contextlib", "import json\nfrom contextlib")
    result = check("stage02_routing", "--project", project)
    assert words in likely_mistake(result), result.stdout


@pytest.mark.parametrize(
    ("symptom", "printed", "words"),
    [
        (
            "no start",
            "ModuleNotFoundError: No module named 'channels'\n",
            "has no package channels",
        ),
        # It waits for half a minute, for somebody who types.
        ("no start", "Enter PEM pass phrase:", "nobody is there to type a password"),
        ("close 1006", "", "dropped the connection"),
        ("close 1005", "", "leaves the close to the client"),
    ],
)
def test_what_this_machine_does_not_show_is_explained(
    symptom: str, printed: str, words: str
) -> None:
    assert words in diagnose(symptom, printed)


def test_what_fits_no_mistake_is_not_explained() -> None:
    assert diagnose("HTTP 418", "") == ""


def test_every_sentence_can_be_filled_in() -> None:
    for diagnosis in DIAGNOSES:
        # A name that the pattern does not catch would fail only when it is needed.
        groups = re.compile(diagnosis.printed).groupindex
        assert diagnosis.sentence.format(**dict.fromkeys(groups, "x"))
