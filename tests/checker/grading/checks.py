"""How the checks of a stage are run, and what they promise."""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.checker import work
from tests.checker.grading.hand_ins import matches
from tests.checker.report import check_sentence
from tests.checker.system import ROOT, Refusal

COLLECT = 60  # Seconds. It takes one.
# Bytes of a line that is read at all. The words of an exception stand in it, of which
# 768 KiB are read, and JSON may make six bytes of one.
LINE = 5_000_000
LINES = 5_000

# A check that could not be tried for one of these reasons is nobody's fault. Others,
# such as a server that does not start, are the project's.
# Nor is what is asked on Redis of a project that has none: it is asked in memory, too.
LACKS = re.compile(r"^No .{1,40} was found|^No room of this project is in Redis")
MACHINES = re.compile(
    r"lets a program open too few files|this machine has too much to do"
)


def command(name: str, project: Path, results: Path) -> list[str]:
    """Return what runs all checks of a stage, and writes a JSON line for each."""
    return [
        *(sys.executable, "-m", "tests.checker", f"tests/test_{name}.py", "--all"),
        *("--json", str(results), "--project", str(project), "-p", "no:cacheprovider"),
    ]


def promises(name: str) -> dict[str, int]:
    """Return the promises of a stage in their order, and how many checks each has."""
    words = ["-m", "pytest", f"tests/test_{name}.py", "--collect-only", "-q"]
    try:
        done = subprocess.run(
            [sys.executable, *words, "-p", "no:cacheprovider"],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if k != "PYTEST_ADDOPTS"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COLLECT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refusal(
            f"the checks of {name} could not be listed within {COLLECT} seconds: "
            f"this machine has too much to do"
        ) from None
    found = Counter(
        promise_of(line) for line in done.stdout.splitlines() if "::" in line
    )
    if done.returncode or not found:
        raise Refusal(f"the checks of {name} cannot be read:\n{done.stdout[-2000:]}")
    return dict(found)


def promise_of(nodeid: str) -> str:
    """Return the function that a check belongs to: `test_message_comes_back`."""
    return nodeid.partition("::")[2].partition("[")[0]


def in_words(promise: str) -> str:
    """Return a promise as a sentence."""
    return check_sentence(f"::{promise}")


def lacks_a_program(line: dict[str, Any]) -> bool:
    """Tell whether a check was left out, since what it needs is not there."""
    return bool(not line.get("seen") and LACKS.search(str(line.get("reason") or "")))


def is_the_machines(line: dict[str, Any]) -> bool:
    """Tell whether a check could not be judged for want of something here."""
    return bool(MACHINES.search(str(line.get("reason") or "")))


def read(results: Path) -> tuple[list[dict[str, Any]], bool]:
    """
    Return the lines of the checks, as far as they make sense, and if they are whole.

    The last line, which counts them, says that nothing has cut them short. What is
    checked could write there too: nothing is believed to be small or right.
    """
    lines, is_whole = [], False
    with contextlib.suppress(OSError), results.open("rb") as file:
        while len(lines) < LINES and (line := file.readline(LINE)):
            is_whole = False
            with contextlib.suppress(ValueError, RecursionError):
                found = json.loads(line)
                if isinstance(found, dict):
                    is_whole = "summary" in found
                    lines += [found] if isinstance(found.get("check"), str) else []
    return lines, is_whole


def state_of_course() -> dict[str, tuple[int, int]]:
    """Return what changes if somebody writes to the course: sizes and times."""
    ignored = work.patterns()
    places = [*ROOT.glob("stage[0-9]*"), ROOT / "tests" / "checker"]
    paths = [ROOT / "learn.py", *(ROOT / "tests").glob("*.py")]
    for place in places:
        for folder, folders, names in os.walk(place):
            folders[:] = [each for each in folders if not matches(each, ignored)]
            paths += [Path(folder, name) for name in names]
    found = {}
    for path in paths:
        if not matches(path.name, ignored):
            with contextlib.suppress(OSError):
                about = path.lstat()
                found[str(path)] = about.st_size, about.st_mtime_ns
    return found


def missing(name: str) -> list[str]:
    """Return what this machine lacks to check a stage: what needs it is left out."""
    from tests.checker.servers.redis import MISSING, find_redis
    from tests.checker.servers.tls import MISSING as NO_NGINX
    from tests.checker.servers.tls import find_nginx

    number = int(name[5:7])
    lacks = [MISSING] if number >= 3 and find_redis() is None else []
    lacks += [NO_NGINX] if number >= 5 and find_nginx() is None else []
    return [f"{each} Until then, what needs it counts for nobody." for each in lacks]
