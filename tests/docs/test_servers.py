"""
What `python -m tests.docs.servers` saw is what the page shows.

No test looks again: the course does not need the other servers. But who changes what is
looked at must look anew.
"""

import json
import re
from html import unescape
from pathlib import Path

import pytest

from docs.shown import servers
from tests.docs.servers import COMMANDS, RESULT, ROWS, STAGES, TLS, commands
from tests.docs.site import read_site

RESULTS = json.loads(RESULT.read_text(encoding="utf-8"))


def test_result_has_what_is_looked_at() -> None:
    assert RESULTS["commands"] == commands()
    assert list(RESULTS["servers"]) == list(COMMANDS)
    assert {"daphne", "uvicorn", "hypercorn", "Python"} <= RESULTS["versions"].keys()


@pytest.mark.parametrize("server", COMMANDS)
def test_each_server_was_asked_everything(server: str) -> None:
    seen = RESULTS["servers"][server]
    assert seen["seen"].keys() == ROWS.keys()
    for section, rows in ROWS.items():
        found = seen["seen"][section]
        assert list(found) == [*rows, *([TLS] if section == "handshake" else [])]
        assert all(found.values())
    runs = [*STAGES, "stage03_groups, on Redis", "stage04_auth, on Redis"]
    assert sorted(seen["checks"]) == sorted(runs)
    for checks in seen["checks"].values():
        assert set(checks) == {"passed", "failed", "not_tried"}
        assert checks["passed"]


@pytest.mark.parametrize("server", COMMANDS)
def test_all_checks_pass_as_the_page_says(server: str) -> None:
    for stage, checks in RESULTS["servers"][server]["checks"].items():
        assert not checks["failed"], stage


def test_page_shows_it(sites: dict[str, Path]) -> None:
    html = (sites["mkdocs"] / "going-on.html").read_text(encoding="utf-8")
    text = unescape(re.sub("<[^>]+>", "", html))
    for section in RESULTS["servers"]["Daphne"]["seen"].values():
        for row in section:
            assert row.replace("`", "") in text
    assert RESULTS["date"] in html
    [code] = [
        code
        for path, page in read_site(sites["mkdocs"]).items()
        for code in page.codes
        if path.stem == "going-on" and "uvicorn" in code.text
    ]
    for plain, _ in commands().values():
        assert plain in code.text


def test_advice_rests_on_what_was_seen() -> None:
    daphne, uvicorn, hypercorn = (
        {
            name.replace("`", ""): words
            for section in RESULTS["servers"][server]["seen"].values()
            for name, words in section.items()
        }
        for server in ("Daphne", "uvicorn", "hypercorn")
    )
    others = (uvicorn, hypercorn)
    for each in others:
        assert each["a message from the client, at most"].startswith("16 MiB")
        assert each["neither accept() nor close()"].startswith("no answer")
        assert each["root_path from the header Daphne-Root-Path"] == "ignored"
    assert daphne["neither accept() nor close()"].startswith("hangs up")
    assert hypercorn["the first ping to a silent client"].startswith("none")
    for each in (daphne, *others):
        assert "`disconnect()` is not called" in each["receive() raises"]
    assert uvicorn["receive() raises"].startswith("1006")
    assert uvicorn["send() to a client that has closed"].endswith(", OSError")
    slow = "send() to a client that reads nothing, and closes"
    assert "Disconnected, no OSError" in daphne[slow]
    for each in others:
        assert "does not return" in each[slow]
    assert hypercorn["disconnect() is told, of a close with 4999"] == "1006"
    assert uvicorn["a stop, with SIGTERM"] == "1012; `disconnect()` is called"


def test_table_names_what_fails() -> None:
    failed = {"passed": 3, "failed": ["test_a[x]"], "not_tried": 2}
    assert servers.passed(failed) == "3 pass, 1 fails: `test_a[x]`; 2 not tried"
    assert servers.passed({"passed": 3, "failed": [], "not_tried": 0}) == "3 pass"
