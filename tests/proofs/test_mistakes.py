"""
The commonest mistakes: each fails the check that promises it, in words that name it.
"""

from pathlib import Path

import pytest

from tests.checker.explain.source import Source
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import ROOT, SLOW, check, copy_of, diagnosis, proof_of, replace
from tests.proofs.wrong.mistake import Mistake
from tests.proofs.wrong.stage01 import STAGE01
from tests.proofs.wrong.stage02 import STAGE02
from tests.proofs.wrong.stage03 import STAGE03
from tests.proofs.wrong.stage04 import STAGE04
from tests.proofs.wrong.stage05 import STAGE05

pytestmark = pytest.mark.timeout(SLOW)

MISTAKES = {
    "stage01_echo": STAGE01,
    "stage02_routing": STAGE02,
    "stage03_groups": STAGE03,
    "stage04_auth": STAGE04,
    "stage05_wss": STAGE05,
}


# The words that a mistake earns are no part of its proof.
CASES = [
    pytest.param(
        proof_of(
            *("mistakes", mistake.name, stage),
            *(mistake.file, mistake.right, mistake.wrong, mistake.only),
        ),
        stage,
        mistake,
        id=f"{stage[:7]}-{mistake.name}",
    )
    for stage, mistakes in MISTAKES.items()
    for mistake in mistakes
]


def source_of(stage: str, mistake: Mistake) -> Source:
    """Return the source of a stage with a mistake in it."""
    files = Source.of(ROOT / stage).files
    if mistake.file in files:
        files[mistake.file] = files[mistake.file].replace(mistake.right, mistake.wrong)
    return Source(files)


def prove(project: Path, stage: str, mistake: Mistake) -> Seen:
    """Make a mistake, run the checks, and return what the first failure is told by."""
    copy_of(ROOT / stage, project)
    replace(project / mistake.file, mistake.right, mistake.wrong)
    chosen = ("-k", mistake.only) if mistake.only else ()
    # One of each stage starts as its reader does.
    is_cold = mistake is MISTAKES[stage][0]
    return check(stage, "--project", project, *chosen, cold=is_cold).failed()


@pytest.mark.parametrize(("proof", "stage", "mistake"), CASES)
def test_mistake_is_named_by_the_check_that_promises_it(
    tmp_path: Path, proof: Proof, stage: str, mistake: Mistake, recorded: Recorded
) -> None:
    seen = recorded(proof, lambda: prove(tmp_path / "project", stage, mistake))
    assert seen["fails"] == mistake.fails
    said = diagnosis(seen, source_of(stage, mistake))
    assert mistake.words in said, f"{said}\n{seen['printed']}"
