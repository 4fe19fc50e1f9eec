"""`learn.py grade`: what a class has handed in, in whole runs."""

import errno
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checker import grade as grader
from tests.checker.grading import checks, results, rows
from tests.front_door.checkout import PATIENCE, ROOT
from tests.proofs.hand_ins import digest, project
from tests.proofs.runs import contract, recorded_with

STAGE = "stage01_echo"

WHOLE_RUN = recorded_with(
    ROOT / STAGE, *contract(STAGE), ROOT / "tests" / "proofs" / "hand_ins.py"
)


def grade(*words: str | Path) -> subprocess.Popen[str]:
    """Start it as learn.py does."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.checker.grade", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


@WHOLE_RUN
def test_a_class_is_graded(tmp_path: Path) -> None:
    """Only whole runs show that checks work within limits, and that rows are right."""
    folder = tmp_path / "in"
    project(folder / "Änne Müller")
    wrong = project(folder / "=ben")
    (wrong / "config" / "settings.py").write_text("raise RuntimeError('no')\n")
    (folder / "cleo").mkdir()
    before = digest(folder)
    weights = tmp_path / "weights.toml"
    weights.write_text("message_comes_back_to_no_one_else = 6\n", encoding="utf-8")
    words = ("--jobs", "2", "--out", tmp_path / "out", "--weights", weights)
    with grade("1", folder, *words) as process:
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed
    first, *others, last = printed.splitlines()
    whole = len(rows.weights_of(None, checks.promises(STAGE))) + 5
    assert f"Änne Müller: {whole} of {whole} points, {whole - 5} of" in printed
    assert f"=ben: 0 of {whole} points, 0 of {whole - 5} promises kept" in printed
    assert "message comes back to no one else (6)" in " ".join(printed.split())
    assert others[-1] == (
        f"Weights: weights.toml. 2 persons graded by them: from 0 to {whole} points, "
        f"{whole / 2:g} in the middle."
    )
    assert first.startswith("This runs other people's code with your rights, ")
    assert "summary.md" in last
    found = {}
    for each in (tmp_path / "out" / "results.json").read_text().splitlines():
        made = rows.from_json(each)
        found[made.name] = made
    right = found["Änne Müller"]
    assert (right.result, right.unchanged) == (1, "the course's own stage"), right
    assert (found["=ben"].result, found["=ben"].diagnosis) == (0, "crash")
    assert (found["cleo"].result, found["cleo"].why) == (None, "it is empty")
    assert digest(folder) == before


@WHOLE_RUN
def test_ctrl_c_keeps_what_is_there_and_a_second_run_goes_on(tmp_path: Path) -> None:
    """Only a process shows what Ctrl-C does."""
    folder = tmp_path / "in"
    (folder / "a").mkdir(parents=True)
    shutil.copytree(ROOT / STAGE, folder / "b")
    (folder / "b" / "config" / "settings.py").write_text("import time; time.sleep(99)")
    words = ("1", folder, "--out", tmp_path / "out", "--seconds", "3")
    with grade(*words) as process:
        for each in process.stdout:
            if each.startswith("1 of 2"):
                break
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, printed
    assert "Interrupted. What is done is kept. To go on:\n" in printed
    assert "Traceback" not in printed
    assert printed.endswith(f" --seconds 3 --out {tmp_path / 'out'}\n")
    assert len((tmp_path / "out" / "results.json").read_text().splitlines()) == 1
    assert (tmp_path / "out" / "summary.md").exists()
    with grade(*words) as process:
        printed, _ = process.communicate(timeout=PATIENCE)
    assert "1 of 2" not in printed
    assert "2 of 2  b: 0 of " in printed
    assert "it took longer than 3 s" in printed
    names = (tmp_path / "out" / "results.json").read_text().splitlines()
    assert [json.loads(each)["name"] for each in names] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["9", "."], "there is no stage 9 in this checkout"),
        (["1", "stage01_echo"], "stage01_echo is one project"),
        (["1", "docs", "--seconds", "0"], "--seconds is a whole number from 1"),
        (["1", "docs", "--jobs", "0"], "--jobs is a whole number from 1"),
        (["1", "docs", "--out", "docs/out"], "is among the submissions"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], why: str) -> None:
    with grade(*words, "--no-sandbox") as process:
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert why in printed.splitlines()[-1]
    assert not (ROOT / "docs" / "out").exists()


def test_a_full_disk_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def add(*_words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "results.json")

    monkeypatch.setattr(results.Results, "add", add)
    (tmp_path / "in" / "ana").mkdir(parents=True)
    words = ["1", tmp_path / "in", "--no-sandbox", "--out", tmp_path / "out"]
    monkeypatch.setattr(sys, "argv", ["grade", *map(str, words)])
    assert grader.main() == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert said.endswith(f" --out {tmp_path / 'out'} --no-sandbox\n")


def test_who_reads_no_further_ends_it_without_a_word() -> None:
    """Only a process has a pipe that somebody else can close."""
    words = [sys.executable, "-m", "tests.checker.grade", "1", "docs", "--no-sandbox"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, cwd=ROOT, **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
