"""What the tests of the checks share: variants of a stage, and runs of its checks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent.parent
SOLUTIONS = Path(__file__).parent / "right"

RESIDUE = shutil.ignore_patterns(
    "__pycache__", ".pytest_cache", "db.sqlite3", "keys", "collected"
)

# Seconds. The checks of a stage take a minute at most, but several on a busy machine.
SLOW = 600

# Databases and keys of the checks, kept for projects with the same code.
READY = TemporaryDirectory(prefix="checks-ready-")


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
    stage: str, *options: str | Path, suites: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """
    Run the checks of a stage as `learn.py check` does, and return what they say.

    `suites` are other files of checks, such as those of an exercise.
    """
    suites = suites or (f"tests/test_{stage}.py",)
    options = (*suites, "--learner", "--maxfail=1", *options)
    return run_pytest(*options, CHECKS_READY=READY.name)


def run_pytest(
    *arguments: str | Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest by itself: what the pytest that we are in was told is not for it."""
    # A worker of pytest-xdist must not hand its role on, for one. And bytecode is kept:
    # hundreds of runs would compile the checks again.
    dropped = ("PYTEST_", "CI", "PYTHONDONTWRITEBYTECODE")
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(dropped)
    }
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=ROOT,
        env=inherited | {"PYTHONUTF8": "1"} | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def likely_mistake(result: subprocess.CompletedProcess[str]) -> str:
    """Return what a report calls the likely mistake, its lines joined again."""
    _, _, rest = result.stdout.partition("The likely mistake:\n")
    return " ".join(rest.partition("\n\n")[0].split())
