"""
The checks promise what the contract says, and nothing else.

They pass on solutions that look nothing like ours, and fail on what is no solution.
"""

from pathlib import Path

import pytest

from tests.checker.runs import ROOT, SOLUTIONS, check, likely_mistake, solution
from tests.client import refusal
from tests.server import Server


@pytest.mark.parametrize(
    "name", sorted(folder.name for folder in SOLUTIONS.glob("stage01_*"))
)
def test_another_correct_solution_passes(tmp_path: Path, name: str) -> None:
    project = solution(name, tmp_path / "project")
    result = check("stage01_echo", "--project", project)
    assert result.returncode == pytest.ExitCode.OK, result.stdout


@pytest.mark.parametrize("run", range(20))
def test_our_own_stage_passes_every_time(run: int) -> None:
    result = check("stage01_echo")
    assert result.returncode == pytest.ExitCode.OK, result.stdout


def test_stricter_door_refuses_with_403_and_no_traceback(tmp_path: Path) -> None:
    project = solution("stage01_stricter_door", tmp_path / "project")
    with Server(project, tmp_path / "server.log") as server:
        assert refusal(server.url, "/ws/nowhere/") == 403
        assert "Traceback" not in server.printed_within("Traceback")


def test_plain_django_fails() -> None:
    result = check("stage01_echo", "--project", ROOT / "tests" / "plain_django")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    assert 'Put "daphne" first in INSTALLED_APPS' in likely_mistake(result)
