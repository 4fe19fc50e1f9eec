"""
Recorded proofs: only a live proof writes a record, which fits until something changes.
"""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.proofs import plugin, records
from tests.proofs.plugin import COLD, WHOLE, Bookkeeper, may_fork_servers
from tests.proofs.records import Proof
from tests.proofs.runs import ROOT, Run, run_pytest

# A proof leaves a trace, and depends on the words of a file.
HEAD = """
import os
from pathlib import Path

import pytest

from tests.proofs import records
from tests.proofs.plugin import WHOLE

HERE = Path(__file__).parent
records.EVIDENCE = HERE / "evidence"
PROOF = records.Proof("dear", "it", ((HERE / "depends.txt").read_text(),))
"""
# It is a part of a test, or the whole of it, with its fixtures.
PART = """
@pytest.mark.parametrize("proof", [PROOF], ids=str)
def test_dear(proof, recorded):
    def prove():
        with (HERE / "proved.txt").open("a") as file:
            file.write("live ")
        assert "wrong" not in proof.depends[0]
        return {"seen": proof.depends[0]}

    assert recorded(proof, prove) == {"seen": proof.depends[0]}
"""
ALL = """
@pytest.fixture
def trace():
    with (HERE / "proved.txt").open("a") as file:
        file.write("live ")


@pytest.fixture(autouse=True)
def own(trace):
    pass


def test_dear(trace):
    assert "wrong" not in PROOF.depends[0]
"""
SETS_IT = """
def pytest_collection_modifyitems(items):
    for item in items:
        item.stash[item.module.WHOLE] = item.module.PROOF
"""


class Dear:
    """A folder with one test, whose proof is dear."""

    def __init__(self, folder: Path, *, is_whole: bool) -> None:
        self.folder, self.is_whole = folder, is_whole
        test = HEAD + (ALL if is_whole else PART)
        (folder / "test_dear.py").write_text(test, encoding="utf-8")
        if is_whole:
            (folder / "conftest.py").write_text(SETS_IT, encoding="utf-8")
        self.depends_on("tea")

    def depends_on(self, words: str) -> None:
        """Change what the proof depends on."""
        (self.folder / "depends.txt").write_text(words, encoding="utf-8")

    def run(self, *options: str, **environment: str) -> Run:
        """Run the test."""
        plugin = ("-p", "tests.proofs.plugin", "--rootdir", self.folder)
        test = self.folder / "test_dear.py"
        return run_pytest(
            test, *plugin, "-c", "pyproject.toml", *options, **environment
        )

    def proved(self) -> int:
        """Return how often it was proved live."""
        trace = self.folder / "proved.txt"
        return trace.read_text().count("live") if trace.exists() else 0

    def is_recorded(self, words: str) -> bool:
        """Tell whether the record is of a proof that depended on these words."""
        file = self.folder / "evidence" / "dear.json"
        found = json.loads(file.read_text())["it"]
        seen = {"passed": True} if self.is_whole else {"seen": words}
        proof = Proof("dear", "it", (words,))
        return (found["seen"], found["depends"]) == (seen, proof.hash())


@pytest.fixture(params=[False, True], ids=["part of a test", "whole test"])
def dear(tmp_path: Path, request: pytest.FixtureRequest) -> Dear:
    """A test that was proved live once, and recorded."""
    dear = Dear(tmp_path, is_whole=request.param)
    run = dear.run()
    assert run.returncode == 0, run.stdout
    assert "1 proofs had no record that fits, and were proved:" in run.stdout
    assert dear.proved() == 1
    assert dear.is_recorded("tea")
    return dear


@pytest.mark.parametrize(("platform", "is_proof"), [("linux", True), ("darwin", False)])
def test_mark_makes_a_proof_where_records_are_made(
    monkeypatch: pytest.MonkeyPatch, platform: str, is_proof: bool
) -> None:
    monkeypatch.setattr(plugin.sys, "platform", platform)
    item = SimpleNamespace(
        path=Path(__file__),
        nodeid="tests/proofs/test_records.py::test_it",
        stash=pytest.Stash(),
        config=SimpleNamespace(getoption=lambda _name: True),
        get_closest_marker=lambda _name: pytest.mark.recorded(ROOT / "LICENSE").mark,
    )
    plugin.pytest_collection_modifyitems(item.config, [item])
    assert (WHOLE in item.stash) == is_proof


def test_proof_that_has_not_changed_is_taken_from_its_record(dear: Dear) -> None:
    run = dear.run(CI="true")
    assert run.returncode == 0, run.stdout
    assert dear.proved() == 1
    assert "1 proofs were taken from records of 20" in run.stdout
    assert "with Python 3." in run.stdout


def test_proof_that_has_changed_is_proved_live_and_recorded(dear: Dear) -> None:
    dear.depends_on("coffee")
    run = dear.run()
    assert run.returncode == 0, run.stdout
    assert dear.proved() == 2
    assert dear.is_recorded("coffee")
    assert "dear: it" in run.stdout


def test_proof_that_fails_is_not_recorded(dear: Dear) -> None:
    dear.depends_on("wrong")
    assert dear.run().returncode == pytest.ExitCode.TESTS_FAILED
    assert dear.proved() == 2
    assert dear.is_recorded("tea")


def test_proof_whose_test_fails_when_it_is_over_is_not_recorded() -> None:
    keeper = Bookkeeper(SimpleNamespace())
    noted = [("proved", ["dear", "it", {"depends": "tea"}])]
    for when, is_passed in (("call", True), ("teardown", False)):
        report = SimpleNamespace(when=when, passed=is_passed, failed=not is_passed)
        report.user_properties = noted
        assert bool(keeper.proved) == (when == "teardown")
        keeper.pytest_runtest_logreport(report)
    assert keeper.proved == {"dear": {}}


@pytest.mark.parametrize(
    ("path", "name", "is_worker", "may_fork"),
    [
        ("tests/test_stage01_echo.py", "test_another", True, True),
        ("tests/test_stage01_echo.py", COLD, True, False),
        ("tests/test_stage01_echo.py", "test_another", False, False),
        ("tests/front_door/test_run.py", "test_another", True, False),
    ],
)
def test_servers_of_our_checks_are_forked_in_workers_only_but_one(
    path: str, name: str, is_worker: bool, may_fork: bool
) -> None:
    config = SimpleNamespace(**({"workerinput": {}} if is_worker else {}))
    item = SimpleNamespace(path=ROOT / path, originalname=name, config=config)
    assert may_fork_servers(item) == may_fork


def test_check_that_starts_as_a_readers_is_there() -> None:
    code = (ROOT / "tests/test_stage01_echo.py").read_text(encoding="utf-8")
    assert f"def {COLD}(" in code, "No check of ours starts a cold server any more."


@pytest.mark.parametrize("environment", [{}, {"CI": "true"}], ids=["here", "CI"])
def test_live_takes_nothing_from_records(dear: Dear, environment: dict) -> None:
    run = dear.run("--live", **environment)
    assert run.returncode == 0, run.stdout
    assert dear.proved() == 2
    assert "taken from records" not in run.stdout


def test_record_that_does_not_fit_fails_in_ci_and_names_the_cure(dear: Dear) -> None:
    dear.depends_on("coffee")
    run = dear.run(CI="true")
    assert run.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 passed" in run.stdout
    assert "python3 learn.py test" in run.stdout
    # CI proves it, and leaves the record to those who commit it.
    assert dear.proved() == 2
    assert dear.is_recorded("tea")


@pytest.fixture
def hash_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], object]], str]:
    """Return a function that changes something, and returns the hash of a proof."""
    monkeypatch.setattr(records, "ROOT", tmp_path)
    (tmp_path / ".gitignore").write_text("__pycache__/\n*.pyc\n")
    (tmp_path / "stage").mkdir()
    (tmp_path / "stage" / "a.py").write_bytes(b"a\n")
    proof = Proof("file", "name", (tmp_path / "stage", "words"))

    def hash_after(change: Callable[[], object] = lambda: None) -> str:
        change()
        records.hash_of.cache_clear()
        return proof.hash()

    return hash_after


def test_hash_changes_with_every_file_and_with_its_name(
    tmp_path: Path, hash_after: Callable
) -> None:
    file = tmp_path / "stage" / "a.py"
    hashes = [
        hash_after(),
        hash_after(lambda: file.write_bytes(b"b\n")),
        hash_after(lambda: file.rename(file.with_name("c.py"))),
        hash_after(lambda: file.with_name("new.py").touch()),
    ]
    assert len(set(hashes)) == len(hashes)


def test_hash_stays_whatever_runs_leave_and_git_does_to_lines(
    tmp_path: Path, hash_after: Callable
) -> None:
    before = hash_after()
    folder = tmp_path / "stage" / "__pycache__"
    folder.mkdir()
    assert hash_after(lambda: (folder / "a.pyc").touch()) == before
    file = tmp_path / "stage" / "a.py"
    assert hash_after(lambda: file.write_bytes(b"a\r\n")) == before


def test_words_and_files_are_told_apart(tmp_path: Path) -> None:
    proofs = [Proof("f", "n", depends) for depends in (("a", "b"), ("b", "a"), ("a",))]
    assert len({proof.hash() for proof in proofs}) == len(proofs)


def test_record_of_no_proof_is_told_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "EVIDENCE", tmp_path)
    records.records.cache_clear()
    for file in ("mistakes/a", "mistakes/b"):
        records.write(file, {name: {"seen": name} for name in ("here", "gone")})
    records.write(records.TIMES, {"others": {"seconds": 1}})
    proofs = [Proof("mistakes/a", "here", ())]
    gone = ["mistakes/a: gone", "mistakes/b: gone", "mistakes/b: here"]
    for is_only_told in (True, False):
        told = records.forget_what_is_gone(proofs, is_only_told=is_only_told)
        assert sorted(told) == gone
    assert records.records("mistakes/a") == {"here": {"seen": "here"}}
    assert not (tmp_path / "mistakes/b.json").exists()
    assert records.records(records.TIMES)
    assert records.forget_what_is_gone(proofs, is_only_told=True) == []
    records.records.cache_clear()
