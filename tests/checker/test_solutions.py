"""
The checks promise what the contract says, and nothing else.

They pass on solutions that look nothing like ours, and fail on what is no solution.
"""

from pathlib import Path

import pytest

from tests.checker.runs import ROOT, SOLUTIONS, check, likely_mistake, solution
from tests.client import refusal
from tests.server import Server

PLAIN = "tests/plain_django"

# The checks of stage 3 take most of a minute, those before a few seconds.
RUNS = {"stage01_echo": 20, "stage02_routing": 20, "stage03_groups": 3}


@pytest.mark.parametrize("name", sorted(folder.name for folder in SOLUTIONS.iterdir()))
def test_another_correct_solution_passes(tmp_path: Path, name: str) -> None:
    project = solution(name, tmp_path / "project")
    stage = next(stage for stage in RUNS if stage[:7] == name[:7])
    result = check(stage, "--project", project)
    assert result.returncode == pytest.ExitCode.OK, result.stdout


@pytest.mark.parametrize(
    ("stage", "run"), [(stage, run) for stage in RUNS for run in range(RUNS[stage])]
)
def test_our_own_stage_passes_every_time(stage: str, run: int) -> None:
    result = check(stage)
    assert result.returncode == pytest.ExitCode.OK, result.stdout


def test_stricter_door_refuses_with_403_and_no_traceback(tmp_path: Path) -> None:
    project = solution("stage01_stricter_door", tmp_path / "project")
    with Server(project, tmp_path / "server.log") as server:
        assert refusal(server.url, "/ws/nowhere/") == 403
        assert "Traceback" not in server.printed_within("Traceback")


@pytest.mark.parametrize(
    ("stage", "start", "words"),
    [
        ("stage01_echo", PLAIN, 'Put "daphne" first in INSTALLED_APPS'),
        ("stage02_routing", "stage01_echo", "No route in routing.py matches 'ws/rooms"),
        ("stage02_routing", PLAIN, 'Put "daphne" first in INSTALLED_APPS'),
        ("stage03_groups", "stage02_routing", "did not hear its own join"),
        ("stage03_groups", PLAIN, 'Put "daphne" first in INSTALLED_APPS'),
    ],
)
def test_starting_point_of_a_stage_fails(stage: str, start: str, words: str) -> None:
    result = check(stage, "--project", ROOT / start)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    assert words in likely_mistake(result), result.stdout
