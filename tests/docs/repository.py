"""Copies of this repository, for what writes into the folder that it runs in."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def copy_repository(target: Path) -> Path:
    """Copy everything but what .gitignore names, and return the new folder."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [line.strip("/") for line in lines if line and not line.startswith("#")]
    return shutil.copytree(
        ROOT, target, ignore=shutil.ignore_patterns(".git", *ignored)
    )
