"""Rows for the tests of `learn.py grade`."""

import json

from tests.checker.grading.rows import Row, row_of
from tests.checker.grading.running import Ended

STAGE = "stage01_echo"
ONE, TWO = "test_message_comes_back", "test_close_is_answered"
PROMISES = {ONE: 2, TWO: 1}
WEIGHTS = {ONE: 1.0, TWO: 1.0}
NO_REDIS = "No redis-server was found. Install it."
ABOUT = {
    "stage": STAGE,
    "folder": "/in",
    "sandbox": "unshare",
    "missing programs": [NO_REDIS],
}


def line(promise: str, verdict: str, **more: object) -> dict[str, object]:
    """Return what the checks say of one of them."""
    more = {"sentence": promise, "seen": "", "diagnosis": None, "reason": ""} | more
    return {"check": f"tests/test_a.py::{promise}[x]", "verdict": verdict} | more


def written(*lines: dict[str, object]) -> str:
    """Return what the checks write, once they are through."""
    return "".join(f"{json.dumps(each)}\n" for each in (*lines, {"summary": {}}))


def row(lines: list[dict], name: str = "ana", **more: object) -> Row:
    """Return the row of a hand-in whose checks said this."""
    return row_of(name, Ended(lines, **more), PROMISES, WEIGHTS, {})
