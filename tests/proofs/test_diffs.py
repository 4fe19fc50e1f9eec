"""
The difference between two stages is the lesson: it is small, and nothing is by the way.
"""

from difflib import unified_diff
from itertools import pairwise
from pathlib import Path

import pytest

from tests.proofs.runs import ROOT, copy_of

STAGES = ["tests/start", *sorted(path.name for path in ROOT.glob("stage*"))]

# Every stage has its own of these, and they are read beside the chapter, not in it.
UNCOUNTED = {"README.md", "chat/tests.py"}

# What a stage may change, add or remove. All other files are those of the stage before.
MAY_DIFFER = {
    "stage01_echo": {
        "chat/consumers.py",
        "chat/routing.py",
        "config/asgi.py",
        "config/settings.py",
        "config/wsgi.py",
        "pytest.ini",
        "requirements.txt",
    },
    "stage02_routing": {
        "chat/consumers.py",
        "chat/converters.py",
        "chat/faults.py",
        "chat/routing.py",
        "chat/static/chat/chat.js",
        "chat/static/chat/lab.js",
        "chat/templates/chat/chat.html",
        "chat/templates/chat/index.html",
        "chat/templates/chat/lab.html",
        "chat/templates/chat/room.html",
        "config/asgi.py",
        "config/urls.py",
    },
    "stage03_groups": {
        "chat/consumers.py",
        "chat/faults.py",
        "chat/management/commands/announce.py",
        "chat/static/chat/chat.js",
        "config/settings.py",
        "requirements.txt",
    },
    "stage04_auth": {
        "chat/apps.py",
        "chat/consumers.py",
        "chat/faults.py",
        "chat/fixtures/demo_users.json",
        "chat/signals.py",
        "chat/static/chat/chat.js",
        "chat/templates/chat/chat.html",
        "chat/templates/chat/index.html",
        "chat/templates/registration/login.html",
        "config/asgi.py",
        "config/settings.py",
        "config/urls.py",
    },
    "stage05_wss": {
        "chat/management/commands/make_keys.py",
        "config/asgi.py",
        "config/settings.py",
        "deploy/nginx.conf",
        "deploy/openssl.cnf",
        "deploy/trust.txt",
        "requirements.txt",
    },
}

# Lines added and removed, README and tests apart. A stage that needs more teaches more
# than one thing, or tidies up.
BUDGET = {
    "stage01_echo": 70,
    "stage02_routing": 200,
    "stage03_groups": 145,
    "stage04_auth": 210,
    "stage05_wss": 375,
}

# What a stage has at most, in lines: consumers.py, all its Python without its tests,
# and chat.js. Whoever reads a stage for the first time has this to read.
MOST = {
    "stage01_echo": (20, 100, 100),
    "stage02_routing": (75, 180, 100),
    "stage03_groups": (105, 290, 100),
    "stage04_auth": (135, 380, 100),
    "stage05_wss": (135, 480, 100),
}

PAIRS = list(pairwise(STAGES))


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of each file of a project."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def changed(
    request: pytest.FixtureRequest, tmp_path: Path
) -> dict[str, tuple[list[str], list[str]]]:
    """The lines of each file that differs, before and after."""
    before, after = (
        files(copy_of(ROOT / name, tmp_path / name)) for name in request.param
    )
    return {
        path: tuple(
            side.get(path, b"").decode().splitlines() for side in (before, after)
        )
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path)
    }


def lines_changed(before: list[str], after: list[str]) -> int:
    """Count the lines that a diff marks, in both directions."""
    diff = list(unified_diff(before, after, lineterm="", n=0))[2:]
    return sum(not line.startswith("@@") for line in diff)


@pytest.mark.parametrize(
    ("changed", "stage"),
    [(pair, pair[1]) for pair in PAIRS],
    indirect=["changed"],
    ids=STAGES[1:],
)
def test_a_stage_changes_what_it_teaches_and_nothing_else(
    changed: dict, stage: str
) -> None:
    strays = changed.keys() - MAY_DIFFER[stage] - UNCOUNTED
    assert not strays, (
        f"{stage} has no reason to change {sorted(strays)}: a fix there goes into "
        f"every stage, byte for byte."
    )
    idle = MAY_DIFFER[stage] - changed.keys()
    assert not idle, f"{stage} does not change {sorted(idle)}: take it off the list."


@pytest.mark.parametrize(
    ("changed", "stage"),
    [(pair, pair[1]) for pair in PAIRS],
    indirect=["changed"],
    ids=STAGES[1:],
)
def test_a_stage_stays_within_its_budget(changed: dict, stage: str) -> None:
    counts = {
        path: lines_changed(*sides)
        for path, sides in changed.items()
        if path not in UNCOUNTED
    }
    total, budget = sum(counts.values()), BUDGET[stage]
    assert total <= budget, f"{stage} changes {total} lines, not {budget}: {counts}"


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_stage_is_short_enough_to_be_read(stage: str, tmp_path: Path) -> None:
    lines = {
        path: len(content.splitlines())
        for path, content in files(copy_of(ROOT / stage, tmp_path / stage)).items()
    }
    python = {
        path: number
        for path, number in lines.items()
        if path.endswith(".py") and path not in UNCOUNTED
    }
    counted = {
        "consumers.py": lines["chat/consumers.py"],
        "all Python": sum(python.values()),
        "chat.js": lines["chat/static/chat/chat.js"],
    }
    most = dict(zip(counted, MOST[stage], strict=True))
    too_long = {name for name, number in counted.items() if number > most[name]}
    assert not too_long, f"{stage} has {counted}, and may have {most}: {python}"


def test_every_stage_has_a_budget() -> None:
    assert list(BUDGET) == list(MAY_DIFFER) == list(MOST) == STAGES[1:]
