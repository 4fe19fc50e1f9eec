"""
A setting stays only if a test notices its removal.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import ROOT, SLOW, check, copy_of, proof_of

pytestmark = pytest.mark.timeout(SLOW)

STAGES = sorted(path.name for path in ROOT.glob("stage*"))

# The checks of stage 5 take minutes. These see its settings, the quick ones first.
CHOSEN = {
    "stage05_wss": [
        "handshake_is_prepared_with_what_check_deploy_wants[directly]",
        "handshake_page_over_http_is_redirected_to_https[directly-as it is]",
        "handshake_page_for_an_unknown_host_is_refused_with_400[directly]",
        "handshake_cookies_are_secure_and_out_of_reach_of_scripts[directly]",
        "message_reaches_everyone_in_the_room[through nginx]",
    ],
}


def lines_of(stage: str) -> list[str]:
    """Return the lines of a stage's settings."""
    settings = ROOT / stage / "config" / "settings.py"
    return settings.read_text(encoding="utf-8").splitlines(keepends=True)


def new_lines(stage: str, before: str | None) -> list[int]:
    """
    Return the numbers, from 0, of the lines that are neither prose nor empty.

    A line that the stage before has, too, was missed there: its checks are also ours.
    """
    lines = lines_of(stage)
    assert lines[0].endswith('"""\n'), "The first line is the docstring."
    old = lines_of(before) if before else []
    return [
        number
        for number, line in enumerate(lines)
        if number > 0
        and line.strip()
        and not line.lstrip().startswith("#")
        and not any(words in line for words in KEPT)
        and line not in old
    ]


# What no check of a stage can notice, and why it stays.
KEPT = {
    # Django's login and logout protect themselves. It is for the next view, a reader's.
    "django.middleware.csrf.CsrfViewMiddleware",
}

# What only one of the last checks notices: all others take long to pass.
LATE = {
    '"prefix"': "other_projects",
    "socket_timeout": "8_idle_seconds",
    "max_connections": "200_clients",  # No other setting needs a crowd.
}

PAGES = "tests/browser/test_page_is_served.py"
SOURCES = tuple(
    ROOT / "tests" / "browser" / name
    for name in ("chromium.py", "conftest.py", "test_page_is_served.py")
)


def runs_of(stage: str, removed: str) -> list[tuple[str, ...]]:
    """Return what pytest is told, run after run, until one of them fails."""
    checks = f"tests/test_{stage}.py"
    if stage in CHOSEN:
        return [tuple(f"{checks}::test_{name}" for name in CHOSEN[stage])]
    for name, only in LATE.items():
        if name in removed:
            return [(checks, "-k", only)]
    # Quick ones first. Pages of other stages would fail whatever is removed.
    return [(PAGES, "-k", stage), (checks, "-m", "not crowd")]


def case(stage: str, number: int) -> Any:
    """Return the case of a line: its proof, and all that it needs."""
    lines = lines_of(stage)
    removed = lines.pop(number)
    runs = runs_of(stage, removed)
    # Lines that look alike differ in what stands before them.
    name = f"{removed.strip()} {sum(line == removed for line in lines[:number])}"
    proof = proof_of("settings", name, stage, *SOURCES, str(runs))
    return pytest.param(proof, stage, "".join(lines), runs, id=f"{stage}-{number + 1}")


@pytest.mark.parametrize(
    ("proof", "stage", "code", "runs"),
    [
        case(stage, number)
        for before, stage in pairwise([None, *STAGES])
        for number in new_lines(stage, before)
    ],
)
def test_removal_of_a_line_is_noticed(
    tmp_path: Path,
    proof: Proof,
    stage: str,
    code: str,
    runs: list[tuple[str, ...]],
    recorded: Recorded,
) -> None:
    def prove() -> Seen:
        try:
            compile(code, "settings.py", "exec")
        except SyntaxError as error:
            return {"fails": f"Python: {error.msg}"}
        project = copy_of(ROOT / stage, tmp_path / "project")
        (project / "config" / "settings.py").write_text(code, encoding="utf-8")
        for words in runs:
            run = check(stage, "--project", project, suites=words)
            if run.returncode != pytest.ExitCode.OK:
                return run.failed()
        return {"fails": ""}

    assert recorded(proof, prove)["fails"], "Nothing notices that it is gone."
