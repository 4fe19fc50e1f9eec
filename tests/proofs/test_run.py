"""
`python -m tests.proofs`: what it says first, all the time, and last.
"""

import time
from types import SimpleNamespace

import pytest

from tests.checker.system import exit_with
from tests.proofs import __main__ as run
from tests.proofs import records
from tests.proofs.records import Proof


class Tools:
    """Stands for ruff and pytest, which are run elsewhere: notes how, and fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[list[str]] = []
        self.fails: set[str] = set()
        self.gone: list[str] = []
        monkeypatch.setattr(run.subprocess, "run", self.ruff)
        monkeypatch.setattr(run.pytest, "main", self.pytest)
        monkeypatch.setenv("CI", "true")  # Writes no times.
        monkeypatch.setattr(run, "forget_what_is_gone", lambda *_, **__: self.gone)

    def ruff(self, command: list[str], **_options: object) -> SimpleNamespace:
        self.asked.append(command[2:])
        return SimpleNamespace(returncode=int(" ".join(command[2:]) in self.fails))

    def pytest(self, arguments: list[str], plugins: list[object]) -> int:
        if "--collect-only" in arguments:
            [plan] = plugins
            plan.tests = 12
            plan.recorded = [Proof("nowhere", "new", ())]
            return 0
        self.asked.append(arguments)
        return int("pytest" in self.fails)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Tools that only note what they are asked for."""
    return Tools(monkeypatch)


def test_whole_run_says_first_what_it_will_do_and_last_that_all_is_well(
    tools: Tools, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main([]) == 0
    first, *_, last = capsys.readouterr().out.strip().splitlines()
    assert first.startswith("12 tests, in about ")
    assert first.endswith(" min.")
    assert last.startswith("All is well: everything passed, in 0 min")
    assert tools.asked[:2] == [["ruff", "check"], ["ruff", "format", "--check"]]


def test_words_go_to_pytest(tools: Tools, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tests/docs", "-k", "a or b", "--live"]
    assert run.main(words) == 0
    assert tools.asked[-1][-4:] == words
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith("All that was asked for passed")


@pytest.mark.posix("the transcripts are bash's")
def test_whole_run_leaves_the_crowds_and_live_all_checks_to_the_transcripts(
    tools: Tools,
) -> None:
    # tests/docs/test_console.py sees to it that they are there.
    for words, more in (([], []), (["--live"], ["--ignore-glob=tests/test_stage*.py"])):
        run.main(words)
        assert tools.asked[-1][-2 - len(more) :] == ["-m", "not crowd", *more]


@pytest.mark.parametrize("tool", ["ruff check", "ruff format --check", "pytest"])
def test_what_failed_is_named_in_the_last_line_and_the_rest_is_run(
    tools: Tools, capsys: pytest.CaptureFixture[str], tool: str
) -> None:
    tools.fails = {tool}
    assert run.main([]) == 1
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith(f"Not all is well: {tool} failed, after 0 min")
    assert len(tools.asked) == 3


def test_record_of_no_proof_fails_in_ci(
    tools: Tools, capsys: pytest.CaptureFixture[str]
) -> None:
    tools.gone = ["mistakes/stage01_echo: a", "mistakes/stage01_echo: b"]
    assert run.main([]) == 1
    printed = capsys.readouterr().out
    assert "A record of no proof: mistakes/stage01_echo: a." in printed
    assert "Not all is well: the records failed" in printed


def test_run_that_is_interrupted_says_no_more(
    tools: Tools, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted = pytest.ExitCode.INTERRUPTED
    monkeypatch.setattr(run.pytest, "main", lambda *_, **__: interrupted)
    monkeypatch.setattr("tests.checker.system.signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as end:
        exit_with(lambda: run.main(["tests/docs"]))
    assert end.value.code == 130
    assert "well" not in capsys.readouterr().out


def item(proof: object) -> SimpleNamespace:
    """Return what a test that was collected looks like."""
    callspec = SimpleNamespace(params={"proof": proof})
    return SimpleNamespace(callspec=callspec, stash={})


@pytest.mark.parametrize(("is_live", "minutes"), [(False, 3), (True, 5)])
def test_plan_counts_what_is_taken_from_records_and_estimates_the_rest(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_live: bool,
    minutes: int,
) -> None:
    proof = Proof("file", "it", ())
    record = {"depends": proof.hash(), "seconds": 120 * run.WORKERS}
    others = {"seconds": 180 * run.WORKERS}
    kept = {"file": {"it": record}, run.TIMES: {"others": others}}
    for module in (run, records):
        monkeypatch.setattr(module, "records", lambda file: kept.get(file, {}))
    plan = run.Plan()
    plan.pytest_collection_finish(
        SimpleNamespace(items=[item(proof), *[SimpleNamespace(stash={})] * 1999])
    )
    plan.announce(is_live)
    printed = " ".join(capsys.readouterr().out.split())
    assert f"2,000 tests, in about {minutes} min." in printed
    assert ("1 of them are taken from records" in printed) != is_live


def test_news_name_what_runs_longest_when_nothing_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "QUIET", 0)
    news = run.News()
    news.pytest_runtest_logstart("a.py::test_long")
    news.running["a.py::test_long"] -= 40
    news.pytest_runtest_logstart("a.py::test_short")
    news.last = time.monotonic() - 1
    news.tell_once()
    assert "… test_long, for 40 s" in capsys.readouterr().out
    news.pytest_runtest_logfinish("a.py::test_long")
    news.last = time.monotonic() - 1
    news.tell_once()
    assert "… test_short, for 0 s" in capsys.readouterr().out
