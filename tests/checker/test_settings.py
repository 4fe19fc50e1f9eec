"""
A setting stays only if a test notices its removal.
"""

from pathlib import Path

import pytest

from tests.checker.runs import ROOT, check, copy_of

STAGES = sorted(path.name for path in ROOT.glob("stage*"))


def lines_of_code(settings: Path) -> list[int]:
    """Return the numbers, from 0, of the lines that are neither prose nor empty."""
    lines = settings.read_text(encoding="utf-8").splitlines()
    docstring_end = lines.index('"""', 1)
    return [
        number
        for number, line in enumerate(lines)
        if number > docstring_end and line and not line.lstrip().startswith("#")
    ]


LINES = [
    (stage, number)
    for stage in STAGES
    for number in lines_of_code(ROOT / stage / "config" / "settings.py")
]


@pytest.mark.parametrize(
    ("stage", "number"), LINES, ids=[f"{stage}-{number + 1}" for stage, number in LINES]
)
def test_removal_of_a_line_is_noticed(tmp_path: Path, stage: str, number: int) -> None:
    project = copy_of(ROOT / stage, tmp_path / "project")
    settings = project / "config" / "settings.py"
    lines = settings.read_text(encoding="utf-8").splitlines(keepends=True)
    removed = lines.pop(number)
    settings.write_text("".join(lines), encoding="utf-8")
    suites = ("tests/browser/test_page_is_served.py", f"tests/test_{stage}.py")
    # No setting shows with 300 clients only, and they take most of the time.
    options = ("--project", project, "-k", "not 300")
    result = check(stage, *options, suites=suites)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, (
        f"Nothing notices that {removed!r} is gone.\n{result.stdout}"
    )
