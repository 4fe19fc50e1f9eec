"""
How a Python program is started: in a process of its own, as the reader does it.

Where a fork server is named (forks.py), a program that may be is forked from it. That
is quicker, and the program is the same.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

ROOT = Path(__file__).parent.parent.parent.parent

FORKS = "CHECKS_FORKS"  # The variable that holds the address of a fork server.


def start(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    forks: str | None = None,
    **options: Any,
) -> subprocess.Popen:
    """
    Start a program of Python, whose path comes first in the command.

    `forks` is the address of a fork server, if not CHECKS_FORKS of our own environment.
    `options` are those of subprocess.Popen. What comes back can be waited for, asked,
    and ended like a Popen.
    """
    if address := forks or os.environ.get(FORKS):
        from tests.checker.servers.forks import (  # Nobody else needs it.
            Forked,
            StartColdError,
            may_fork,
        )

        if may_fork(command, env):
            with suppress(StartColdError):
                return Forked(address, command, cwd=cwd, env=env, **options)
    return subprocess.Popen(command, cwd=cwd, env=env, **options)


def start_with_lifeline(
    program: str, *words: str | Path, log: BinaryIO
) -> subprocess.Popen:
    """Start a program that is no Python of ours, and ends with us: lifeline.py."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.checker.servers.lifeline", program, *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,  # Its end tells the lifeline that we are gone.
        stdout=log,
        stderr=subprocess.STDOUT,
    )
