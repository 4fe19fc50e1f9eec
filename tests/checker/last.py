"""
What the last run of a stage's checks saw of a project: kept in work/.last/.

`recorder.py` writes it, in every whole run of `python -m tests.checker`; `hint`,
`solution` and `report` read it. It counts only for the files that were checked, and for
the checks as they were: whatever has changed since, `of()` runs them again.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tests.checker import system, work
from tests.checker.system import Refusal, typed

SAID = 20  # Lines of a run that left no record: why, stands at its end.
END = 5  # Seconds that a run may take to stop its servers, after Ctrl-C.


@dataclass(frozen=True)
class Broken:
    """The first promise that was not kept, and what was seen of it."""

    check: str  # As pytest names it: file, function and variant.
    symptom: str = ""
    seen: str = ""
    printed: str = ""
    diagnosis: str = ""  # Its id in the catalogue, "crash", or nothing.
    sentence: str = ""
    wire: tuple[str, ...] = ()

    @property
    def promise(self) -> str:
        """The name of the check's function."""
        return self.check.rpartition("::")[2].partition("[")[0]


@dataclass(frozen=True)
class Last:
    """A run: which promises were kept, which is broken, what could not be tried."""

    kept: tuple[str, ...] = ()
    broken: Broken | None = None
    skipped: tuple[str, ...] = ()  # The reasons.


def state_of(project: Path) -> str:
    """Return what a record is worth for: these files in this folder, these checks."""
    return f"{project.resolve()}\n{work.digest(project)}\n{checks()}"


@cache
def checks() -> str:
    """Return what tells these checks from those of another version of the course."""
    files = sorted((Path(__file__).parent.parent).glob("test_stage*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def place_of(name: str) -> Path:
    """Return where the record of a stage is kept."""
    return system.ROOT / "work" / ".last" / f"{name}.json"


def save(path: Path, content: dict) -> None:
    """Write a file of JSON, whole or not at all: two may write at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, unfinished = tempfile.mkstemp(prefix=".unfinished-", dir=path.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(content, file)
        Path(unfinished).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(unfinished).unlink()
        raise


def load(path: Path) -> dict:
    """Read a file of JSON. What is not there, or is damaged, is empty."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def note(place: Path, state: str, last: Last) -> None:
    """Keep what a run saw. If that cannot be, the next who asks runs the checks."""
    with contextlib.suppress(OSError):
        save(place, {"state": state, **asdict(last)})


def read(name: str, state: str) -> Last | None:
    """Return what is known of a project in this state, or None."""
    content = load(place_of(name))
    if content.get("state") != state:
        return None
    try:
        broken = content["broken"]
        if broken is not None:
            broken = Broken(**{**broken, "wire": tuple(broken["wire"])})
        return Last(tuple(content["kept"]), broken, tuple(content["skipped"]))
    except (KeyError, TypeError):
        return None


def run(name: str, project: Path) -> str:
    """Run the checks of a stage up to the first failure; return what they printed."""
    print(f"Checking {typed(project)} first.", flush=True)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.checker", f"tests/test_{name}.py"),
            *("--project", project, "-p", "tests.checker.recorder"),
            *("--record", place_of(name)),
        ],
        cwd=system.ROOT,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        printed, _ = process.communicate()
    except KeyboardInterrupt:  # It reaches the checks, too: they stop their servers.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END)
        process.terminate()
        process.wait()
        raise
    return printed.decode(errors="replace")


def of(
    name: str,
    project: Path,
    again: bool = False,
    run: Callable[[str, Path], str] = run,
) -> Last:
    """
    Return what the checks of a stage see of a project as it is now.

    They run only if nobody knows it yet, or `again`. Raises Refusal if they cannot.
    """
    state = state_of(project)
    known = None if again else read(name, state)
    if known:
        return known
    if again:
        place_of(name).unlink(missing_ok=True)
    printed = run(name, project)
    known = read(name, state)
    if known:
        return known
    if state_of(project) != state:
        raise Refusal(
            "files of the project were saved while the checks ran: run it again"
        )
    lines = printed.strip().splitlines()[-SAID:]
    raise Refusal("\n".join(["the checks did not come to an end. They said:", *lines]))
