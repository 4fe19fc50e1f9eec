"""What the tests of the checks share: variants of a stage, and runs of its checks."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

from tests.checker.explain import diagnose, read
from tests.checker.explain.source import Source
from tests.checker.servers import launch
from tests.checker.servers.forks import fork_server
from tests.proofs.records import Proof, Seen

ROOT = Path(__file__).parent.parent.parent
SOLUTIONS = Path(__file__).parent / "right"

RESIDUE = shutil.ignore_patterns(
    "__pycache__", ".pytest_cache", "db.sqlite3", "keys", "collected"
)

# Seconds. The checks of a stage take a minute at most, but several on a busy machine.
SLOW = 600

# What a failure means, and how a report looks, is told later, and how learn.py leads to
# the checks is tested elsewhere: the rest of the checker decides what checks see.
TELLS = {
    "__init__.py",
    "__main__.py",
    "addresses.py",
    "asked",
    "command_line.py",
    "compare.py",
    "doctor",
    "explain",
    "grade.py",
    "grading",
    "hint.py",
    "hints",
    "last.py",
    "packages.py",
    "pieces.py",
    "printed.py",
    "recorder.py",
    "report.py",
    "report_problem.py",
    "scrub.py",
    "serve.py",
    "serves_on.py",
    "show.py",
    "solution.py",
    "stuck.py",
    "system.py",
    "verdict.py",
    "watch.py",
    "work.py",
}
CHECKER = tuple(
    path
    for path in sorted((ROOT / "tests" / "checker").iterdir())
    if path.name not in {*TELLS, "__pycache__"}
)
HARNESS = (
    Path(__file__),
    Path(__file__).with_name("witness.py"),
    ROOT / "tests" / "conftest.py",
    ROOT / "pyproject.toml",
    ROOT / "requirements.txt",
)


def recorded_with(*more: Path) -> pytest.MarkDecorator:
    """
    Let a record stand for a test of the checker, while that is as it was.

    `more` are the files and folders that the test uses besides, such as a stage.
    """
    return pytest.mark.recorded(ROOT / "tests" / "checker", *HARNESS, *more)


class Run(NamedTuple):
    """A pytest that has ended: its exit status, what it printed, what failed in it."""

    returncode: int
    stdout: str
    stderr: str
    failures: list[dict[str, Any]]
    project: Path | None = None  # The one that was checked, if it was named.

    @property
    def likely_mistake(self) -> str:
        """What the report says of the mistake, its lines joined again."""
        heading = r" {8}(?:The likely mistake|Perhaps(?: \(look at .*\))?):\n"
        said = re.search(rf"^{heading}((?:.+\n)*)", self.stdout, re.MULTILINE)
        return " ".join(said[1].split()) if said else ""

    def passed(self) -> Seen:
        """Return the last line of a report in which nothing failed, as evidence."""
        assert self.returncode == pytest.ExitCode.OK, self.stdout
        return {"passed": self.stdout.splitlines()[-1]}

    def failed(self) -> Seen:
        """
        Return what the only failure is told by, as evidence.

        `fails` is the check as the report names it, `message` what was seen. With the
        other three and the source, `diagnosis` finds what the report says.
        """
        assert self.returncode == pytest.ExitCode.TESTS_FAILED, self.stdout
        assert "site-packages" not in self.stdout, self.stdout
        [failure] = self.failures
        # A server that does not start lets nothing be checked: that is no failed check.
        pattern = r"^  (?:FAIL|stop)  (.*)$"
        [fails] = re.findall(pattern, self.stdout, re.MULTILINE)
        seen = {"fails": fails, **failure}
        files = read(self.project, seen["check"]) if self.project else {}
        said = " ".join(diagnosis(seen, **files).split())
        assert said == self.likely_mistake, f"{said}\n{self.stdout}"
        return seen


def evidence_of(seen: Seen) -> dict[str, Any]:
    """Return what is recorded of a failure for its diagnosis."""
    keys = ("symptom", "printed", "check", "answered")
    return {key: seen[key] for key in keys if key in seen}


def diagnosis(
    seen: Seen, source: Source | None = None, course: Source | None = None
) -> str:
    """Return what a failure most likely means, by its evidence and the source."""
    return diagnose(**evidence_of(seen), source=source, course=course)


def contract(stage: str) -> tuple[Path, ...]:
    """Return the files of checks that say what a stage promises: its own, and older."""
    files = sorted(ROOT.glob("tests/test_stage*.py"))
    return tuple(file for file in files if file.stem <= f"test_{stage}")


def proof_of(kind: str, name: str, stage: str, *more: Path | str) -> Proof:
    """Return a proof about a stage. It depends on its files and on its checks."""
    sources = (ROOT / stage, *contract(stage), *CHECKER, *HARNESS)
    return Proof(f"{kind}/{stage}", name, (*sources, *more))


def copy_of(project: Path, folder: Path) -> Path:
    """Copy a project to a new folder, without what its runs left behind."""
    return shutil.copytree(project, folder, ignore=RESIDUE)


def solution(name: str, folder: Path) -> Path:
    """Copy the stage that a solution is of, with the solution's own files in it."""
    stage = next(ROOT.glob(f"{name.partition('_')[0]}_*"))
    copy_of(stage, folder)
    return shutil.copytree(SOLUTIONS / name, folder, dirs_exist_ok=True)


def replace(file: Path, right: str, wrong: str) -> None:
    """Put a mistake into a file. The line that it replaces must be there, once."""
    code = file.read_text(encoding="utf-8")
    assert code.count(right) == 1, f"{right!r} stands {code.count(right)} times."
    file.write_text(code.replace(right, wrong), encoding="utf-8")


def check(
    stage: str,
    *options: str | Path,
    suites: tuple[str, ...] = (),
    cold: bool = False,
) -> Run:
    """
    Run the checks of a stage as `learn.py check` does, and return what they say.

    `suites` are other files of checks, such as those of an exercise. Pytest and the
    servers are forked from libraries that are imported already, unless `cold` is true.
    """
    suites = suites or (f"tests/test_{stage}.py",)
    options = (*suites, "--learner", "--maxfail=1", *options)
    return run_pytest(*options, cold=cold)


def run_pytest(*arguments: str | Path, cold: bool = False, **environment: str) -> Run:
    """Run pytest by itself: what the pytest that we are in was told is not for it."""
    # A worker of pytest-xdist must not hand its role on, for one. And bytecode is kept:
    # hundreds of runs would compile the checks again.
    dropped = ("PYTEST_", "CI", "PYTHON", launch.FORKS)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(dropped)
    }
    plugins = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "tests.proofs.witness")
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdout", "stderr", "failures")]
        stdout, stderr, failures = files
        environment |= {"PYTHONUTF8": "1", "WITNESS": str(failures)}
        if not cold and hasattr(os, "fork"):
            environment[launch.FORKS] = fork_server().address
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = launch.start(
                [sys.executable, "-m", "pytest", *arguments, *plugins],
                cwd=ROOT,
                env=inherited | environment,
                forks=environment.get(launch.FORKS),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            try:
                process.wait()
            except BaseException:  # Ctrl-C, or the time is over.
                process.terminate()
                process.wait()
                raise
        printed = [
            file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
            for file in files
        ]
    seen = [json.loads(line) for line in printed[2].splitlines()]
    words = list(arguments)
    project = words[words.index("--project") + 1] if "--project" in words else None
    return Run(process.returncode, printed[0], printed[1], seen, project)
