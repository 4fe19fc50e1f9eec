"""What `learn.py grade` makes of the verdicts on checks."""

import json
from pathlib import Path

import pytest

from tests.checker.grading import checks
from tests.checker.grading.rows import row_of, weights_of
from tests.checker.grading.running import Ended
from tests.checker.system import Refusal
from tests.front_door.grade_rows import ONE, PROMISES, STAGE, TWO, line, row

NO_REDIS = "No redis-server was found. Install it."


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        (["kept", "kept"], "kept"),
        (["kept", "broken"], "broken"),
        (["could not be checked", "broken"], "broken"),
        (["kept", "could not be checked"], "could not be checked"),
        (["kept", "not reached"], "not reached"),
        (["kept"], "not reached"),  # Half checked: it was stopped.
        ([], "not reached"),
    ],
)
def test_a_promise_is_kept_if_all_its_checks_are(
    verdicts: list[str], whole: str
) -> None:
    found = row([line(ONE, each) for each in verdicts])
    assert found.promises == {ONE: whole, TWO: "not reached"}
    assert found.result == (0.5 if whole == "kept" else 0)


def test_what_the_machine_lacks_counts_for_nobody() -> None:
    kept = line(TWO, "kept")
    lacks = [line(ONE, "could not be checked", reason=NO_REDIS)] * 2
    assert row([*lacks, kept]).result == 1
    fault = [line(ONE, "could not be checked", reason="hand-in did not start: …")] * 2
    assert row([*fault, kept]).result == 0.5
    assert row(lacks).result == 0  # `TWO` was not reached.
    assert row([*lacks, line(TWO, "could not be checked", reason=NO_REDIS)]).result is (
        None
    )


def test_the_first_diagnosis_is_noted() -> None:
    told = {"id": "no-accept", "witness": "wire", "sentence": "Call accept()."}
    lines = [
        line(ONE, "broken", seen="nothing came"),
        line(ONE, "broken", diagnosis=told),
        line(TWO, "broken", diagnosis=told | {"id": "later"}),
    ]
    found = row(lines)
    assert (found.diagnosis, found.sentence) == ("no-accept", "Call accept().")
    assert (found.seen, found.at) == ("nothing came", ONE)


def test_weights_change_the_share(tmp_path: Path) -> None:
    file = tmp_path / "weights.toml"
    file.write_text("message_comes_back = 3\n", encoding="utf-8")
    weights = weights_of(file, PROMISES)
    assert weights == {ONE: 3, TWO: 1}
    ended = Ended([line(ONE, "kept"), line(ONE, "kept"), line(TWO, "broken")])
    assert row_of("ana", ended, PROMISES, weights, {}).result == 0.75


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mesage_comes_back = 1", "did you mean message_comes_back?"),
        ("zzz = 1", "names 'zzz', and no promise is so"),
        ("message_comes_back = -1", "no number from 0 on"),
        ("message_comes_back = nan", "no number from 0 on"),
        ("message_comes_back = true", "no number from 0 on"),
        ("message_comes_back = 0\nclose_is_answered = 0", "no promise that counts"),
        ("message", "is no TOML"),
    ],
)
def test_weights_that_cannot_be_are_refused(
    tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "weights.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        weights_of(file, PROMISES)
    assert why in str(refused.value)


def test_lines_of_the_checks_are_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "results"
    good = json.dumps(line(ONE, "kept"))
    file.write_bytes(b'{"a": 1}\n[]\nno\n\xff\n' + good.encode() + b"\n" + b"[" * 10**6)
    assert checks.read(file) == [line(ONE, "kept")]


def test_each_promise_of_a_stage_is_one() -> None:
    found = checks.promises(STAGE)
    assert all(each.startswith("test_") and "[" not in each for each in found)
    assert max(found.values()) > 1  # Some have several checks.
