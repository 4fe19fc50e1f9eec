"""Each exercise has a hint, and each that a check can tell to be done a solution."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from docs.shown import repository
from docs.shown.exercises import SOLUTIONS, exercises
from docs.shown.repository import CannotShow
from tests.docs.own_tests import own_tests
from tests.docs.repository import ROOT

HELP = tomllib.loads((ROOT / "docs/exercises.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("chapter", HELP)
def test_each_exercise_with_a_check_has_a_solution(chapter: str) -> None:
    page = (ROOT / f"docs/{chapter}-deeper.md").read_text(encoding="utf-8")
    assert f'[[ exercises("{chapter}") ]]' in page
    checked = {int(number) for number in re.findall(r"--exercise (\d)", page)}
    solved = {n for n, each in enumerate(HELP[chapter], 1) if "solution" in each}
    assert checked
    assert checked <= solved
    shown = exercises(chapter)
    assert shown.count("??? tip") == len(HELP[chapter])
    assert shown.count("??? success") == len(solved)


@pytest.mark.parametrize("chapter", HELP)
def test_solution_is_one_of_the_stage_that_the_tests_run(chapter: str) -> None:
    for each in HELP[chapter]:
        if name := each.get("solution"):
            assert name.startswith(f"stage{chapter[:2]}_")
            assert (ROOT / SOLUTIONS / name).is_dir()
            assert f'title="{next_file(name)}"' in exercises(chapter)


MENDED = [each for chapter in HELP.values() for each in chapter if "mended" in each]


@pytest.mark.recorded(ROOT / "stage01_echo", ROOT / SOLUTIONS / "stage01_exercise_3")
@pytest.mark.parametrize("exercise", MENDED, ids=lambda each: each["title"])
def test_test_that_an_exercise_breaks_is_mended_in_its_solution(
    exercise: dict[str, str], tmp_path: Path
) -> None:
    name = exercise["solution"]
    project = tmp_path / "project"
    shutil.copytree(ROOT / "stage01_echo", project)
    routing = ROOT / SOLUTIONS / name / "chat/routing.py"
    shutil.copy(routing, project / "chat/routing.py")
    before = own_tests(project).stdout
    assert "1 failed" in before, "No test of the stage needs to be mended."
    shutil.copytree(ROOT / SOLUTIONS / name, project, dirs_exist_ok=True)
    after = own_tests(project).stdout
    assert "6 passed" in after, after
    shown = exercises("01-echo")
    assert f"async def {exercise['mended']}(" in shown
    # The other tests stay as they were, and are not shown.
    assert "test_text_comes_back_as_text" not in shown


def next_file(name: str) -> str:
    """Return the first file of a solution, from its project."""
    folder = ROOT / SOLUTIONS / name
    files = sorted(path for path in folder.rglob("*.py"))
    return files[0].relative_to(folder).as_posix()


def test_help_with_another_exercise_fails_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    toml = '[[01]]\ntitle = "One"\nhint = "Try."\n'
    (tmp_path / "docs/exercises.toml").write_text(toml, encoding="utf-8")
    page = "# A\n\n## Exercises\n\n1. **One.** Do it.\n\n## What changed\n"
    (tmp_path / "docs/01-deeper.md").write_text(page, encoding="utf-8")
    assert exercises("01") == '??? tip "A hint for 1: One"\n\n    Try.\n'
    other = page.replace("**One.**", "**Two.**")
    (tmp_path / "docs/01-deeper.md").write_text(other, encoding="utf-8")
    with pytest.raises(CannotShow, match=r"helps with \['One'\], not with \['Two"):
        exercises("01")
