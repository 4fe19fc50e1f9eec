"""Run the tests that a project has of its own, as its author would."""

import os
import subprocess
import sys
from pathlib import Path

from tests.checker.servers.runserver import clean_environment

__all__ = ["own_tests"]


def own_tests(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a project. What our own pytest was told is not for it."""
    environment = {
        name: value
        for name, value in clean_environment().items()
        if not name.startswith("PYTEST_")
    }
    alone = ("-p", "no:xdist", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *alone, *options],
        cwd=project,
        env=environment | {"NO_COLOR": "1", "PATH": os.environ["PATH"]},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
