"""
The commonest mistakes: each fails the check that promises it, in words that name it.
"""

from pathlib import Path

import pytest

from tests.proofs.runs import ROOT, SLOW, check, copy_of, likely_mistake, replace
from tests.proofs.wrong.mistake import Mistake
from tests.proofs.wrong.stage01 import STAGE01
from tests.proofs.wrong.stage02 import STAGE02
from tests.proofs.wrong.stage03 import STAGE03
from tests.proofs.wrong.stage04 import STAGE04
from tests.proofs.wrong.stage05 import STAGE05

pytestmark = pytest.mark.timeout(SLOW)

MISTAKES = [
    *(("stage01_echo", mistake) for mistake in STAGE01),
    *(("stage02_routing", mistake) for mistake in STAGE02),
    *(("stage03_groups", mistake) for mistake in STAGE03),
    *(("stage04_auth", mistake) for mistake in STAGE04),
    *(("stage05_wss", mistake) for mistake in STAGE05),
]


@pytest.mark.parametrize(
    ("stage", "mistake"),
    MISTAKES,
    ids=[f"{stage[:7]}-{mistake.name}" for stage, mistake in MISTAKES],
)
def test_mistake_is_named_by_the_check_that_promises_it(
    tmp_path: Path, stage: str, mistake: Mistake
) -> None:
    project = copy_of(ROOT / stage, tmp_path / "project")
    replace(project / mistake.file, mistake.right, mistake.wrong)
    chosen = ("-k", mistake.only) if mistake.only else ()
    result = check(stage, "--project", project, *chosen)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    assert f"FAIL  {mistake.fails}\n" in result.stdout
    assert mistake.words in likely_mistake(result), result.stdout
    assert "site-packages" not in result.stdout, result.stdout
