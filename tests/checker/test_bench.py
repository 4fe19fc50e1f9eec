"""
The benchmarks run, and write what the site reads. How fast anything is, no test says.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.load import load
from tests.checker.runs import ROOT, copy_of, replace
from tests.client import WireError
from tests.server import Server, ServerError

RESULT = {
    "rows": [
        {
            "name": "stage 1",
            "messages_per_s": 12345.6,
            "ratio": 1.0,
            "stage_1_times": 1.0,
            "client_busy": 0.0567,
        }
    ]
}


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What takes the place of docs/bench.json, for a benchmark that takes no time."""
    file = tmp_path / "bench.json"
    monkeypatch.setattr(bench, "RESULTS", file)
    monkeypatch.setitem(bench.BENCHMARKS, "echo", lambda rounds, seconds: RESULT)
    return file


def test_echo_measures_every_server_under_every_traffic(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.bench", "echo"]
    run = subprocess.run(
        [*command, "--rounds", "1", "--seconds", "0.02", "--write", file],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    rows = json.loads(file.read_text(encoding="utf-8"))["echo"]["rows"]
    assert len(rows) == 6
    for row in rows:
        assert row["name"] in run.stdout
        assert row["messages_per_s"] > 0


def test_nothing_is_written_unless_asked_for(results: Path) -> None:
    assert bench.main(["echo"]) == 0
    assert not results.exists()


def test_a_result_is_written_beside_the_others(results: Path) -> None:
    results.write_text('{"fanout": "kept", "echo": "old"}', encoding="utf-8")
    assert bench.main(["echo", "--write"]) == 0
    text = results.read_text(encoding="utf-8")
    written = json.loads(text)
    assert written["fanout"] == "kept"
    assert written["echo"]["command"] == "python -m tests.bench echo"
    assert written["echo"]["environment"]["Daphne"]
    [row] = written["echo"]["rows"]
    assert (row["name"], row["messages_per_s"], row["ratio"]) == ("stage 1", 12300, 1.0)
    assert text == json.dumps(written, indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ecco"], "There is no benchmark 'ecco', only: echo.\n"),
        (
            ["echo", "--rounds", "0"],
            "There must be a round, and it must take some time.\n",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert bench.main(arguments) == 2
    assert capsys.readouterr() == ("", sentence)


def test_a_server_that_fails_is_no_result(
    monkeypatch: pytest.MonkeyPatch, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(rounds: int, seconds: float) -> dict:
        raise ServerError("stage01_echo did not start.")

    monkeypatch.setitem(bench.BENCHMARKS, "echo", fail)
    assert bench.main(["echo", "--write"]) == 1
    assert capsys.readouterr().err.endswith("\nstage01_echo did not start.\n")
    assert not results.exists()


def test_what_is_no_echo_is_not_counted(tmp_path: Path) -> None:
    project = copy_of(ROOT / "stage01_echo", tmp_path / "project")
    consumers = project / "chat" / "consumers.py"
    replace(consumers, "send(text_data=text_data,", "send(text_data=text_data.upper(),")
    with (
        Server(project, tmp_path / "server.log") as server,
        pytest.raises(WireError, match="not the echo"),
    ):
        load(server.url, "/ws/echo/", clients=2, window=2, seconds=0.1)
