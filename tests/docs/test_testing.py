"""
The page on testing shows tests that pass, and tests that fail as it says.
"""

import inspect
import re
from pathlib import Path

import pytest
from channels.testing.websocket import WebsocketCommunicator

from tests.docs.own_tests import own_tests
from tests.docs.pages import blocks
from tests.docs.repository import ROOT
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import copy_of

EXAMPLES = ROOT / "tests" / "docs" / "testing"
PAGE = ROOT / "docs" / "testing.md"
STAGE = ROOT / "stage04_auth"
WAIT = 5  # Seconds that SQLite waits for a lock.

WRITES = """
import time

import pytest
from channels.testing.websocket import WebsocketCommunicator
from django.contrib.auth import get_user_model
from django.db import OperationalError

from chat.wrong import ana


async def test_who_wants_to_write_waits(ana):
    begun = time.monotonic()
    with pytest.raises(OperationalError, match="database is locked"):
        await get_user_model().objects.acreate(username="ben")
    print("waited", int(time.monotonic() - begun))
"""

RUNS = {
    "right": ["chat/in_process.py", "chat/wire.py"],
    "wrong": ["chat/wrong.py", "--tb=short"],
    "live": ["chat/live.py"],
    "live with a file": ["chat/live.py", "--ds=config.live"],
    "wrong with a file": ["chat/wrong.py", "--ds=config.live", "-k=would_find"],
    "writes with a file": ["chat/writes.py", "--ds=config.live", "-s"],
}
PROOF = Proof(
    "testing",
    "examples",
    (STAGE, EXAMPLES, ROOT / "requirements.txt", WRITES, str(RUNS)),
)


def run_examples(folder: Path) -> Seen:
    """Run the tests of the page in a copy of stage 4, and return what pytest says."""
    project = copy_of(STAGE, folder / "project")
    for path in EXAMPLES.glob("*.py"):
        target = (
            "config/live.py" if path.stem == "live_settings" else f"chat/{path.name}"
        )
        (project / target).write_bytes(path.read_bytes())
    (project / "chat/writes.py").write_text(WRITES, encoding="utf-8")
    return {name: own_tests(project, *words).stdout for name, words in RUNS.items()}


@pytest.mark.timeout(400)  # Seconds. Six runs of pytest take 15 when all is quiet.
@pytest.mark.posix("it stops a server with SIGTERM")
@pytest.mark.parametrize("proof", [PROOF], ids=str)
def test_examples_do_what_the_page_says(
    proof: Proof, tmp_path: Path, recorded: Recorded
) -> None:
    seen = recorded(proof, lambda: run_examples(tmp_path))
    assert re.search(r"^7 passed in", seen["right"], re.MULTILINE), seen["right"]
    failures = {
        "test_consumer_would_find_ana": "database table is locked",
        "test_user_can_be_made[second]": "UNIQUE constraint failed",
        "test_silence_and_then_a_message": "asyncio.exceptions.CancelledError",
        "test_room_is_empty": "'room.garden'",
        "test_stopped_clock_stops_no_loop": "< 0.1",
    }
    failed = re.findall(r"^FAILED chat/wrong\.py::(\S+)", seen["wrong"], re.MULTILINE)
    assert failed == list(failures)
    for words in failures.values():
        assert words in seen["wrong"]
    assert "can not be used with in memory databases" in seen["live"]
    assert "1 passed, 1 error" in seen["live"]
    assert "2 passed" in seen["live with a file"]
    assert "assert False" in seen["wrong with a file"]
    [waited] = re.findall(r"waited (\d+)", seen["writes with a file"])
    assert int(waited) >= WAIT - 1
    # And the page shows these failures.
    shown = [
        line.partition(" - ")[0]  # pytest cuts it where the terminal ends.
        for block in blocks(PAGE.read_text(encoding="utf-8"))
        for line in block.lines
        if block.language == "console" and re.match("FAILED|ERROR ", line)
    ]
    assert len(shown) == len(failures) + 1
    printed = "\n".join(seen.values())
    assert [line for line in shown if line not in printed] == []


def test_client_waits_for_a_second_unless_told_otherwise() -> None:
    for method in (
        WebsocketCommunicator.receive_from,
        WebsocketCommunicator.receive_json_from,
    ):
        assert inspect.signature(method).parameters["timeout"].default == 1
