"""
How a Python program is started: in a process of its own, as the reader does it.

Where CHECKS_FORKS names a fork server (forks.py), a program that may be is forked from
it. That is quicker, and the program is the same.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

FORKS = "CHECKS_FORKS"  # The variable.


def start(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    **options: Any,
) -> subprocess.Popen:
    """
    Start a program of Python, whose path comes first in the command.

    `options` are those of subprocess.Popen. What comes back can be waited for, asked,
    and ended like a Popen.
    """
    if address := os.environ.get(FORKS):
        from tests.checker.servers import forks  # Nobody else needs it.

        if forks.may_fork(command, env):
            with suppress(forks.StartColdError):
                return forks.Forked(address, command, cwd=cwd, env=env, **options)
    return subprocess.Popen(command, cwd=cwd, env=env, **options)
