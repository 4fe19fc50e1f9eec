"""
A setting stays only if a test notices its removal.
"""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.proofs.records import Recorded, Seen
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
    docstring_end = lines.index('"""\n', 1)
    old = lines_of(before) if before else []
    return [
        number
        for number, line in enumerate(lines)
        if number > docstring_end
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

LINES = [
    (stage, number)
    for before, stage in pairwise([None, *STAGES])
    for number in new_lines(stage, before)
]


PAGES = "tests/browser/test_page_is_served.py"


@pytest.mark.parametrize(
    ("stage", "number"), LINES, ids=[f"{stage}-{number + 1}" for stage, number in LINES]
)
def test_removal_of_a_line_is_noticed(
    tmp_path: Path, stage: str, number: int, recorded: Recorded
) -> None:
    def prove() -> Seen:
        project = copy_of(ROOT / stage, tmp_path / "project")
        (project / "config" / "settings.py").write_text(code, encoding="utf-8")
        for suites, options in runs:
            options = ("--project", project, *options)
            run = check(stage, *options, suites=suites)
            if run.returncode != pytest.ExitCode.OK:
                return run.failed()
        pytest.fail(f"Nothing notices that {removed!r} is gone.\n{run.stdout}")

    lines = lines_of(stage)
    removed = lines.pop(number)
    code = "".join(lines)
    try:
        compile(code, "settings.py", "exec")
    except SyntaxError:
        return  # Python notices.
    checks = f"tests/test_{stage}.py"
    if stage in CHOSEN:
        runs = [(tuple(f"{checks}::test_{name}" for name in CHOSEN[stage]), ())]
    elif "max_connections" in removed:
        runs = [((checks,), ("-k", "200_clients"))]  # No other setting needs a crowd.
    else:
        # Quick ones first. Pages of other stages would fail whatever is removed.
        runs = [((PAGES,), ("-k", stage)), ((checks,), ("-m", "not crowd"))]
    browser = ROOT / "tests" / "browser"
    pages = (ROOT / PAGES, browser / "conftest.py", browser / "chromium.py")
    # Lines that look alike differ in what stands before them.
    name = f"{sum(line == removed for line in lines[:number]) + 1}. {removed.strip()}"
    proof = proof_of("settings", name, stage, *pages, str(runs))
    recorded(proof, prove)
