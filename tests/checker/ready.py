"""
What the tests of the checks keep: they run the checks hundreds of times.

They set CHECKS_READY to a folder. Without it, for a learner, nothing is kept.
"""

import hashlib
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

# What only serves decides about no database and no key.
SERVES = {"asgi.py", "consumers.py", "goodbye.py", "routing.py", "tests.py"}


def place_of(project: Path, name: str) -> Path | None:
    """Return where something is kept for projects with the same code, or None."""
    if "CHECKS_READY" not in os.environ:
        return None
    code = hashlib.sha256()
    for file in sorted(project.rglob("*.py")):
        if file.name not in SERVES:
            code.update(str(file.relative_to(project)).encode() + file.read_bytes())
    return Path(os.environ["CHECKS_READY"]) / f"{code.hexdigest()}-{name}"


def take(place: Path | None, target: Path) -> bool:
    """Copy what is kept, a file or a folder. Returns whether there was something."""
    if place is None or not place.exists():
        return False
    copy(place, target)
    return True


def keep(place: Path | None, source: Path) -> None:
    """Keep a copy. Others may be about to do the same: all are equal, one stays."""
    if place is None or not source.exists():
        return
    unfinished = place.with_name(f"{uuid.uuid4()}.unfinished")
    copy(source, unfinished)
    with suppress(OSError):
        unfinished.rename(place)


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, with its modes."""
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
