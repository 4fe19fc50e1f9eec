"""An exercise is not answered by its checks before somebody asks three times."""

import json
import re
import types
from pathlib import Path

import pytest

from tests.checker import exercises, system, work
from tests.checker.explain import explain
from tests.checker.explain.catalogue import entries
from tests.checker.report import LearnerReporter, failure
from tests.checker.verdict import BROKEN, Diagnosis, Result
from tests.front_door.checkout import ROOT

CHECK = "tests/exercises/stage01_echo_3.py::test_handshake[/]"
ANSWER = 'As the last route add re_path(r"", refuse).'


def report_of(project: Path, check: str, diagnosis: str) -> str:
    """Return what a failure is told in the report of a project."""
    result = Result(check, BROKEN, diagnosis=Diagnosis(diagnosis, "output", ANSWER))
    config = types.SimpleNamespace(getoption=lambda _: project)
    reporter = types.SimpleNamespace(config=config, results={check: result})
    later = LearnerReporter.kept_back(reporter, result)
    lines = [line for block in failure(result, 22, later=later) for line in block.lines]
    return " ".join(lines)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder of stage 1."""
    (tmp_path / "stage01_echo").mkdir()
    monkeypatch.setattr(system, "ROOT", tmp_path)
    return work.of(1).folder


def test_answer_is_kept_back_twice_and_said_how_to_get_it(mine: Path) -> None:
    first, second, third = (report_of(mine, CHECK, "no-last-route") for _ in range(3))
    assert ANSWER not in first + second
    assert "what the exercise asks you to find out" in first
    assert "If you want to be told, check twice more." in first
    assert "check once more." in second
    assert "/01-echo-deeper.html#exercises" in first
    assert ANSWER in third


def test_mistake_that_is_no_answer_is_told_at_once(mine: Path) -> None:
    assert ANSWER in report_of(mine, CHECK, "crash")
    stage = "tests/test_stage01_echo.py::test_handshake"
    assert ANSWER in report_of(mine, stage, "no-last-route")


def test_who_checks_the_folder_of_another_is_told_at_once(
    mine: Path, tmp_path: Path
) -> None:
    assert ANSWER in report_of(tmp_path / "hand-in", CHECK, "no-last-route")


def test_all_that_is_told_of_an_exercise_is_an_answer() -> None:
    told: dict[str, set[str]] = {}
    for path in ROOT.glob("tests/proofs/evidence/exercises/*.json"):
        for name, record in json.loads(path.read_text(encoding="utf-8")).items():
            seen = record["seen"]
            if "symptom" not in seen:
                continue  # Of a right solution.
            what = (seen["symptom"], seen["printed"], seen["check"])
            exercise = re.match(r"\w+", name)[0]
            told.setdefault(exercise, set()).add(explain(*what).id)
    ours = {name: ids & {entry.id for entry in entries()} for name, ids in told.items()}
    assert {name: ids for name, ids in ours.items() if ids} == exercises.ANSWERS
