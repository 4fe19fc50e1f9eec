"""What `learn.py grade` makes of the verdicts on checks."""

from pathlib import Path

import pytest

from tests.checker.grading import checks
from tests.checker.grading.rows import (
    by_points,
    from_json,
    in_points,
    row_of,
    to_json,
    weights_of,
)
from tests.checker.grading.running import Ended
from tests.checker.servers.redis import NOT_USED
from tests.checker.system import Refusal
from tests.front_door.grade_rows import (
    NO_REDIS,
    ONE,
    PROMISES,
    STAGE,
    TWO,
    line,
    row,
    written,
)


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


@pytest.mark.parametrize(
    ("other", "verdict", "result"),
    [
        (line(ONE, "kept"), "kept", 1),
        (line(ONE, "broken"), "broken", 0.5),
        (line(ONE, "not reached"), "not reached", 0.5),
        (line(ONE, "could not be checked", reason="no start"), None, 0.5),
    ],
)
def test_a_promise_is_judged_by_the_checks_that_this_machine_can_try(
    other: dict, verdict: str | None, result: float
) -> None:
    lacks = line(ONE, "could not be checked", reason=NO_REDIS)
    found = row([other, lacks, line(TWO, "kept")])
    assert found.promises[ONE] == (verdict or "could not be checked")
    assert found.result == result
    assert found.diagnosis == ""


def test_who_has_no_redis_is_judged_by_what_memory_answers() -> None:
    lines = [line(ONE, "kept"), line(ONE, "could not be checked", reason=NOT_USED)]
    found = row([*lines, line(TWO, "broken")])
    assert found.promises[ONE] == "kept"
    assert found.result == 0.5


def test_a_machine_that_is_too_slow_counts_for_nobody() -> None:
    slow = "… for a processor: this machine has too much to do."
    lines = [line(ONE, "kept"), line(ONE, "could not be checked", reason=slow)]
    found = row([*lines, line(TWO, "kept")])
    assert found.promises[ONE] == "could not be checked"
    assert found.result == 1
    fault = [line(ONE, "could not be checked", reason="no start"), lines[1]]
    assert row([*fault, line(TWO, "kept")]).result == 0.5


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
    ("two", "told", "by_promise"),
    [
        (
            line(TWO, "broken"),
            "2.5 of 3.5 points",
            {"kept": "message comes back (2.5)", "not kept": "close is answered (1)"},
        ),
        (
            line(TWO, "could not be checked", reason=NO_REDIS),
            "2.5 of 2.5 points (1 more could not be checked)",
            {"kept": "message comes back (2.5)", "not judged": "close is answered (1)"},
        ),
    ],
    ids=["broken", "not judged"],
)
def test_points_are_told_with_the_promises_that_they_are_for(
    two: dict, told: str, by_promise: dict[str, str]
) -> None:
    ended = Ended([line(ONE, "kept"), line(ONE, "kept"), two])
    words = ("ana", ended, PROMISES, {ONE: 2.5, TWO: 1.0}, {})
    found = row_of(*words, weighed=True)
    assert in_points(found.points) == told
    assert by_points(found.points) == by_promise
    assert from_json(to_json(found)) == found
    # Who gave no weights hears of none.
    assert '"points"' not in to_json(row_of(*words))


def test_what_counts_nothing_is_among_no_points() -> None:
    ended = Ended([line(ONE, "kept"), line(ONE, "kept"), line(TWO, "broken")])
    words = ("ana", ended, PROMISES, {ONE: 20.0, TWO: 0.0}, {})
    found = row_of(*words, weighed=True).points
    assert in_points(found) == "20 of 20 points"
    assert by_points(found) == {"kept": "message comes back (20)"}


@pytest.mark.parametrize(
    ("more", "two"),
    [
        ({"why_not": "it is empty"}, "kept"),
        ({}, "could not be checked"),
    ],
)
def test_who_could_not_be_graded_has_no_points(more: dict, two: str) -> None:
    ended = Ended([line(TWO, two, reason=NO_REDIS)], **more)
    words = ("ana", ended, PROMISES, {ONE: 0.0, TWO: 20.0}, {})
    assert row_of(*words, weighed=True).points is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mesage_comes_back = 1", "did you mean message_comes_back?"),
        ("zzz = 1", "names 'zzz', and no promise is so"),
        ("message_comes_back = -1", "no number from 0 to 1000"),
        ("message_comes_back = nan", "no number from 0 to 1000"),
        ("message_comes_back = true", "no number from 0 to 1000"),
        ("message_comes_back = '1'", "no number from 0 to 1000"),
        (f"message_comes_back = {10**400}", "no number from 0 to 1000"),
        ("[message_comes_back]", "no number from 0 to 1000"),
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
    junk, good = b'{"a": 1}\n[]\n1\nno\n\xff\n', written(line(ONE, "kept")).encode()
    file.write_bytes(junk + good)
    assert checks.read(file) == ([line(ONE, "kept")], True)
    file.write_bytes(junk + good + b"[" * 10**6)
    assert checks.read(file) == ([line(ONE, "kept")], False)
    assert checks.read(tmp_path / "none") == ([], False)


def test_an_exception_of_many_words_is_read(tmp_path: Path) -> None:
    told = {"id": "crash", "witness": "crash", "sentence": "Ω" * 300_000}
    (tmp_path / "results").write_text(written(line(ONE, "broken", diagnosis=told)))
    lines, is_whole = checks.read(tmp_path / "results")
    assert is_whole
    assert row(lines).diagnosis == "crash"


def test_each_promise_of_a_stage_is_one() -> None:
    found = checks.promises(STAGE)
    assert all(each.startswith("test_") and "[" not in each for each in found)
    assert max(found.values()) > 1  # Some have several checks.
