"""
No promise is forgotten: each stage keeps those of the stage before, or says why not.
"""

from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from types import FunctionType, ModuleType
from typing import Any

import pytest

from tests.checker.promises import kept
from tests.checker.stages import STAGES
from tests.proofs.runs import ROOT

SUITES = [import_module(f"tests.test_{stage}") for stage in STAGES]
PAIRS = [pytest.param(*pair, id=pair[1].__name__) for pair in pairwise(SUITES)]


def promises(suite: ModuleType) -> dict[str, FunctionType]:
    """Return the checks of a stage by name."""
    return {
        name: check
        for name, check in vars(suite).items()
        if name.startswith("test_") and isinstance(check, FunctionType)
    }


def test_every_stage_is_in_the_table() -> None:
    assert list(STAGES) == sorted(path.name for path in ROOT.glob("stage*"))


@pytest.mark.parametrize(("before", "suite"), PAIRS)
def test_promise_is_kept_or_replaced_for_a_reason(
    before: ModuleType, suite: ModuleType
) -> None:
    now = promises(suite)
    changed = {
        name for name, check in promises(before).items() if now.get(name) is not check
    }
    # One that is listed, and kept all the same, or never made, is as wrong.
    assert changed == suite.REPLACED.keys()
    assert all(suite.REPLACED.values())


def test_promise_that_is_added_to_stage_3_reaches_4_and_5(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, *suites = SUITES[2:]
    added = lambda: None  # noqa: E731  # A check that promises nothing.
    monkeypatch.setattr(before, "test_added", added, raising=False)
    for suite in suites:
        again = ModuleType(suite.__name__)
        vars(again).update(kept(before, suite.REPLACED))
        assert again.test_added is added
        before = again


def brackets(check: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what stands in brackets behind a check, and which value of what it is."""
    for mark in getattr(check, "pytestmark", ()):
        # Of a layer, each check of a stage may have one.
        if mark.name == "parametrize" and mark.args[0] != "layer":
            name, values = mark.args[0], list(mark.args[1])
            ids = mark.kwargs.get("ids") or map(str, values)
            for words, value in zip(ids, values, strict=True):
                yield words, (name, value)  # An empty name is no empty room.


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)
def test_words_in_brackets_mean_one_thing_in_a_stage(suite: ModuleType) -> None:
    # A reader who sees "(empty)" twice must not take one check for the other.
    meant: dict[str, Any] = {}
    for name, check in promises(suite).items():
        for words, value in brackets(check):
            assert meant.setdefault(words, value) == value, f"{name} ({words})"


def test_fixtures_come_along_and_nothing_else() -> None:
    came = kept(SUITES[3], {})
    assert {"enter_room", "environment", "guest"} <= came.keys()
    assert not {"kept", "REPLACED", "test_stage03_groups", "TOLD"} & came.keys()
