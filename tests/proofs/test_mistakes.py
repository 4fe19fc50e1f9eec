"""
The commonest mistakes: each fails the check that promises it, in words that name it.
"""

from functools import cache
from pathlib import Path

import pytest

from tests.checker.explain import explain
from tests.checker.explain.source import Source
from tests.checker.explain.source.read import SUFFIXES
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import (
    ROOT,
    SLOW,
    check,
    copy_of,
    diagnosis,
    evidence_of,
    proof_of,
    replace,
)
from tests.proofs.wrong.mistake import Edit, Mistake, Newcomers, newcomers
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


NEWCOMERS = [
    pytest.param(
        proof_of(
            *("newcomers", mistake.name, stage),
            *(str(word) for edit in mistake.edits for word in edit),
            mistake.only,
        ),
        stage,
        mistake,
        id=f"{stage[:7]}-{mistake.name}",
    )
    for stage in MISTAKES
    for mistake in newcomers(stage)
]


def edits_of(mistake: Mistake | Newcomers) -> tuple[Edit, ...]:
    """Return what a mistake changes."""
    if isinstance(mistake, Newcomers):
        return mistake.edits
    return (Edit(mistake.file, mistake.right, mistake.wrong),)


@cache
def source_of(stage: str, mistake: Mistake | Newcomers) -> Source:
    """Return the source of a stage with a mistake in it."""
    files = Source.of(ROOT / stage).files
    for edit in edits_of(mistake):
        if edit.deleted:
            files.pop(edit.file, None)
        elif edit.right and edit.file in files:
            files[edit.file] = files[edit.file].replace(edit.right, edit.wrong)
        elif not edit.right and Path(edit.file).suffix in SUFFIXES:
            files[edit.file] = edit.wrong
    return Source(files)


def prove(project: Path, stage: str, mistake: Mistake | Newcomers) -> Seen:
    """Make a mistake, run the checks, and return what the first failure is told by."""
    copy_of(ROOT / stage, project)
    for edit in edits_of(mistake):
        file = project / edit.file
        if edit.deleted:
            file.unlink()
        elif edit.right:
            replace(file, edit.right, edit.wrong)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(edit.wrong, encoding="utf-8")
    chosen = ("-k", mistake.only) if mistake.only else ()
    # One of each stage starts as its reader does.
    is_cold = mistake is MISTAKES[stage][0]
    return check(stage, "--project", project, *chosen, cold=is_cold).failed()


@pytest.mark.parametrize(("proof", "stage", "mistake"), CASES)
def test_mistake_is_named_by_the_check_that_promises_it(
    tmp_path: Path, proof: Proof, stage: str, mistake: Mistake, recorded: Recorded
) -> None:
    seen = recorded(proof, lambda: prove(tmp_path / "project", stage, mistake))
    assert seen["fails"] == mistake.fails, seen
    said = diagnosis(seen, source_of(stage, mistake))
    assert mistake.words in said, f"{said}\n{seen['printed']}"


@pytest.mark.parametrize(("proof", "stage", "mistake"), NEWCOMERS)
def test_mistake_of_a_newcomer_is_told_by_its_entry(
    tmp_path: Path, proof: Proof, stage: str, mistake: Newcomers, recorded: Recorded
) -> None:
    seen = recorded(proof, lambda: prove(tmp_path / "project", stage, mistake))
    assert seen["fails"] == mistake.fails, seen
    told = explain(**evidence_of(seen), source=source_of(stage, mistake))
    assert told.id == mistake.entry, f"{told.sentence}\n{seen['printed']}"
