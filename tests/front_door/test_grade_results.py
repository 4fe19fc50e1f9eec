"""The folder of results that `learn.py grade` writes."""

import csv
import json
import os
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.checker.grading import summary
from tests.checker.grading.results import LOCK, Results, cell, new_folder
from tests.checker.grading.rows import from_json, in_line, row_of, to_json
from tests.checker.grading.running import Ended
from tests.checker.grading.summary import plain
from tests.checker.system import Refusal
from tests.front_door.grade_rows import (
    ABOUT,
    NO_REDIS,
    ONE,
    PROMISES,
    STAGE,
    TWO,
    WEIGHTS,
    line,
    row,
)
from tests.proofs.hand_ins import digest
from tests.proofs.nasty import NAMES


def test_odd_names_do_nothing_in_tables_and_pages(tmp_path: Path) -> None:
    results = Results(tmp_path / "out", ABOUT, PROMISES)
    names = [*NAMES, os.fsdecode(b"not \xff text")]
    for name in names:
        results.add(row([], name, stopped="a|b\n=c"))
    again = Results(tmp_path / "out", ABOUT, PROMISES)
    assert list(again.rows) == names
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8-sig") as file:
        table = list(csv.reader(file))
    assert len(table) == len(names) + 1
    for each in table:
        assert not each[0].startswith(("=", "+", "-", "@"))
        assert each[0].isprintable()
    page = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "![](" not in page
    assert r"a\|b\|c" in page


@pytest.mark.parametrize(
    ("value", "shown"),
    [("=1", "'=1"), (" @a", "' @a"), ("a=1", "a=1"), (-0.5, -0.5), (None, "")],
)
def test_a_cell_is_never_a_formula(value: object, shown: object) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("Ä☃", "Ä☃"), ("\u202e", "\\u202e")],
)
def test_what_is_shown_stays_in_its_line(text: str, shown: str) -> None:
    assert in_line(text) == shown


def test_names_begin_nothing_in_markdown() -> None:
    assert [plain(each) for each in ("# a", "1. b", "-c", "d-e.zip")] == [
        r"\# a",
        r"1\. b",
        r"\-c",
        "d-e.zip",
    ]


def test_a_run_goes_on_where_it_was_cut_short(tmp_path: Path) -> None:
    out = tmp_path / "out"
    Results(out, ABOUT, PROMISES).add(row([]))
    with (out / "results.json").open("a") as file:
        file.write('{"name": "ben", "sta')
    (out / "results.csv").write_text("half")
    again = Results(out, ABOUT, PROMISES)
    assert list(again.rows) == ["ana"]
    again.add(row([], "ben"))
    assert len((out / "results.json").read_text().splitlines()) == 2
    table = (out / "results.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [each.partition(",")[0] for each in table] == ["submission", "ana", "ben"]


def test_results_of_others_are_never_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(Refusal, match="holds no results of grade"):
        Results(mine, ABOUT, PROMISES)
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]
    (mine / "run.json").write_text("[1]")
    with pytest.raises(Refusal, match="holds no results of grade"):
        Results(mine, ABOUT, PROMISES)
    out = tmp_path / "out"
    Results(out, ABOUT, PROMISES).add(row([]))
    before = digest(out)
    with pytest.raises(Refusal, match="another run, which differs in its stage"):
        Results(out, ABOUT | {"stage": "stage02_routing"}, PROMISES)
    assert digest(out) == before
    assert new_folder(tmp_path / "in", STAGE) == tmp_path / f"in-{STAGE}-results"
    (tmp_path / f"in-{STAGE}-results").mkdir()
    assert new_folder(tmp_path / "in", STAGE).name == f"in-{STAGE}-results-2"


def test_results_that_an_editor_has_spoilt_stay_as_they_are(tmp_path: Path) -> None:
    out = tmp_path / "out"
    Results(out, ABOUT, PROMISES).add(row([]))
    text = (out / "results.json").read_text(encoding="utf-8")
    (out / "results.json").write_text(text, encoding="utf-16")
    before = digest(out)
    with pytest.raises(Refusal, match="cannot be read, and stays as it is"):
        Results(out, ABOUT, PROMISES)
    assert digest(out) == before


def test_the_summary_says_what_a_teacher_asks(tmp_path: Path) -> None:
    told = {"id": "no-accept", "witness": "wire", "sentence": "Call accept()."}
    results = Results(tmp_path / "out", ABOUT, PROMISES)
    for name in "ana", "ben":
        results.add(row([line(ONE, "broken", diagnosis=told)], name, fingerprint="1"))
    results.add(row([line(ONE, "broken", seen="odd\nthings")], "cleo"))
    results.add(row([], "dan", why_not="it is empty"))
    results.add(row([], "eve", stopped="it took longer than 9 s"))
    ended = Ended([line(ONE, "kept")], fingerprint="2", notes=("left a server",))
    known = {"2": "as at the start"}
    results.add(row_of("finn", ended, PROMISES, WEIGHTS, known))
    page = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    for words in (
        f"- {plain(NO_REDIS)}",
        "6 submissions: 4 graded, 1 stopped, 1 could not be graded",
        "- **2**, no-accept: Call accept().\n    - ana, ben",
        f"- cleo, at “{plain(ONE)}”:\n\n        odd\n        things",
        "- dan: it is empty",
        "- eve: it took longer than 9 s",
        "- Unchanged, as at the start: finn",
        "- The same, byte by byte: ana, ben",
        "- finn: left a server",
        "| message comes back | 0 | 3 | 2 | 0 |",
    ):
        assert words in page, page


WEIGHED = ABOUT | {"weights": {ONE: 19.0}, "weights file": "1_a.toml"}


def test_the_summary_says_who_has_how_many_points_and_for_what(tmp_path: Path) -> None:
    results = Results(tmp_path / "out", WEIGHED, PROMISES)
    weights = {ONE: 19.0, TWO: 1.0}
    for name, one, two in (("ana", "kept", "broken"), ("_ben", "kept", "kept")):
        lines = [line(ONE, one), line(ONE, one), line(TWO, two)]
        words = (name, Ended(lines), PROMISES, weights, {})
        results.add(row_of(*words, weighed=True))
    results.add(row([], "dan", why_not="it is empty"))
    page = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    points = [
        "## Points",
        "",
        r"- **\_ben**: 20 of 20 points",
        "    - kept: message comes back (19), close is answered (1)",
        "- **ana**: 19 of 20 points",
        "    - kept: message comes back (19)",
        "    - not kept: close is answered (1)",
        "",
    ]
    for words in (
        r"- Weights: 1\_a.toml. 2 persons graded by them: from 19 to 20 points, 19.5 ",
        "\n".join(points),
        "| promise | points | kept |",
        "| message comes back | 19 | 2 | 0 | 0 | 0 |",
    ):
        assert words in page, page
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8-sig") as file:
        found = [(each["points"], each["of"]) for each in csv.DictReader(file)]
    assert found == [("19.0", "20.0"), ("20.0", "20.0"), ("", "")]


def test_without_weights_nobody_hears_of_points(tmp_path: Path) -> None:
    out = tmp_path / "out"
    Results(out, ABOUT, PROMISES).add(row([line(ONE, "kept")]))
    for path in out.iterdir():
        words = path.read_text(encoding="utf-8-sig")
        assert "points" not in words, words
        assert "Weights" not in words, words


def test_a_run_with_other_weights_does_not_go_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with closing(Results(out, WEIGHED, PROMISES)):
        pass
    with pytest.raises(Refusal, match="differs in its weights file"):
        Results(out, ABOUT | {"weights": WEIGHED["weights"]}, PROMISES)
    with closing(Results(out, WEIGHED, PROMISES)) as again:
        assert again.rows == {}


def test_the_middle_of_an_even_class_lies_between_two() -> None:
    both = [row([line(ONE, "kept"), line(TWO, last)]) for last in ("kept", "broken")]
    assert [each.result for each in both] == [0.5, 0.0]
    assert "the middle of the class is at 25%" in summary.head(ABOUT, both)


def test_where_a_hand_in_departs_is_told_beside_what_its_class_made(
    tmp_path: Path,
) -> None:
    places = "But for one place, your code is the chapter's."
    known = {"id": "no-accept", "witness": "wire", "sentence": "Call accept()."}
    unknown = {"id": "departure", "witness": "wire", "sentence": ""}
    results = Results(tmp_path / "out", ABOUT, PROMISES)
    for name, told in (("ana", known), ("ben", unknown)):
        told = told | {"departs": places}
        results.add(row([line(ONE, "broken", diagnosis=told, seen="odd")], name))
    results.add(row([line(ONE, "broken", diagnosis=known, seen="odd")], "cleo"))
    page = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    # Also of a known mistake: where it is may differ from one to the next.
    shown = (
        f"- **2**, no-accept: Call accept().\n    - ana: {plain(places)}\n    - cleo\n"
    )
    assert shown in page, page
    nothing = page.partition("## Matched no diagnosis")[2]
    assert f"- ben, at “{plain(ONE)}”:\n\n        odd\n\n    {plain(places)}" in nothing
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8-sig") as file:
        assert [each["departs"] for each in csv.DictReader(file)] == [
            places,
            places,
            "",
        ]


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = Results(out, ABOUT, PROMISES)
    first.add(row([]))
    other = psutil.Process(os.getppid())  # Who lives as long as this test.
    lock = {"pid": other.pid, "started": other.create_time()}
    (out / LOCK).write_text(json.dumps(lock), encoding="utf-8")
    before = digest(out)
    with pytest.raises(Refusal, match=rf"process {other.pid}, writes to .*--out"):
        Results(out, ABOUT, PROMISES)
    assert digest(out) == before
    # One that was killed keeps nobody out, nor does a number that was given anew.
    for text in (json.dumps(lock | {"started": 1}), json.dumps({"pid": 2**30}), "{"):
        (out / LOCK).write_text(text, encoding="utf-8")
        with closing(Results(out, ABOUT, PROMISES)) as results:
            assert list(results.rows) == ["ana"]
            assert json.loads((out / LOCK).read_text())["pid"] == os.getpid()
        assert not (out / LOCK).exists()


def test_row_of_an_older_run_departs_nowhere() -> None:
    text = json.loads(to_json(row([])))
    del text["departs"]
    assert from_json(json.dumps(text)).departs == ""
