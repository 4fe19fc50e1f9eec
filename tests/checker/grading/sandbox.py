"""
The system's own walls around a hand-in, where they are to be had.

`unshare` starts a process that sees no other process, no network but loopback, and a
file system that it cannot write to: namespaces of the Linux kernel. Nothing is assumed:
`find` tries it, with a program that does nothing.
"""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.checker.servers.redis import find_redis
from tests.checker.servers.tls import find_nginx
from tests.checker.system import ROOT

TRIAL = 20  # Seconds. It takes one.
LEAVE = 2  # Seconds until a control group is empty. It takes a hundredth.
TMP = Path("/tmp")  # noqa: S108  # Not ours to write in: what is put in its place is.
CONTROL_GROUPS = Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")
NUMBERS = itertools.count(1)
ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"'


class Sandbox(NamedTuple):
    """How hand-ins are shut off. `words` begin the command; none: they are not."""

    words: tuple[str, ...] = ()
    why_not: str = ""
    counts_tasks: bool = False  # A control group bounds them, root's too.


def needed() -> list[Path]:
    """Return what the checks must be able to read."""
    programs = [find_redis(), find_nginx(), shutil.which("openssl"), sys.executable]
    paths = [ROOT, sys.prefix, sys.base_prefix, *filter(None, programs)]
    return [path for each in paths for path in {Path(each), Path(each).resolve()}]


def may_cover(folder: Path) -> bool:
    """Tell whether the checks do without what is in a folder."""
    folder = folder.resolve()
    return folder.is_dir() and not any(path.is_relative_to(folder) for path in needed())


def hidden(*folders: Path) -> list[str]:
    """Return what looks empty from inside: these, and where services listen."""
    ours = Path(tempfile.gettempdir()).resolve()
    found = [folder for folder in (*folders, Path("/run")) if may_cover(folder)]
    return [str(each) for each in found if not ours.is_relative_to(each.resolve())]


def place_of(scratch: Path, sandbox: Sandbox) -> Path:
    """Return where a hand-in will be while it is checked."""
    if sandbox.words and not TMP.is_symlink() and may_cover(TMP):
        return TMP
    return scratch / "room"


def environment(place: Path) -> dict[str, str]:
    """Return the variables for the checks: none of the teacher's secrets."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "LANG", "REDIS_SERVER", "NGINX", "SYSTEMROOT", "PATHEXT")
        or name.startswith("LC_")
    }
    return kept | {
        "HOME": str(place / "home"),
        "TMPDIR": str(place),
        "TEMP": str(place),
        "TMP": str(place),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
    }


def command(sandbox: Sandbox, spec: dict[str, Any], group: Path | None) -> list[str]:
    """Return what starts the process that holds the limits."""
    words = ["sh", "-c", ENTER, str(group)] if group else []
    inside = [sys.executable, "-m", "tests.checker.grading.inside", json.dumps(spec)]
    return [*words, *sandbox.words, *inside]


def find() -> Sandbox:
    """Return the sandbox of this system, which was tried, or why there is none."""
    if sys.platform != "linux":
        return none("this system has no unshare")
    program = shutil.which("unshare")
    if program is None:
        return none("there is no program unshare")
    words = (program, "--mount", "--pid", "--net", "--ipc", "--uts")
    words += ("--mount-proc", "--fork", "--kill-child")
    if os.getuid() != 0:  # Only a user namespace lets others do this.
        words += ("--user", "--map-current-user", "--keep-caps")
    if why_not := trial(Sandbox(words)):
        return none(why_not)
    return Sandbox(words, counts_tasks=may_count())


def none(why_not: str) -> Sandbox:
    """Return what is left where there is no sandbox."""
    return Sandbox(why_not=why_not, counts_tasks=may_count())


def may_count() -> bool:
    """Tell whether a control group can bound the number of tasks here."""
    if group := control_group(1):
        leave(group)
    return group is not None


def trial(sandbox: Sandbox) -> str:
    """Start a program that does nothing, and return what went wrong, if anything."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder).resolve()
        prepare(scratch)
        (scratch / "copy").mkdir()
        place = place_of(scratch, sandbox)
        spec = {
            "sandbox": True,
            "mark": "",
            "command": [sys.executable, "-c", ""],
            "cwd": str(ROOT),
            "environment": environment(place),
            "source": str(scratch / "copy"),
            "results": str(scratch / "results"),
            "scratch": str(scratch),
            "place": str(place),
            "hidden": [],
            "memory": 10**9,
            "disk": 10**7,
            "output": 10**7,
            "processes": 100,
            "tasks": 500,
        }
        process = subprocess.Popen(
            command(sandbox, spec, None),
            cwd=ROOT,
            stdin=subprocess.PIPE,  # Its end would end the trial.
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            try:
                process.wait(TRIAL)
            except subprocess.TimeoutExpired:
                process.kill()
                return f"unshare took longer than {TRIAL} seconds"
            printed, errors = process.stdout.read(), process.stderr.read()
    with contextlib.suppress(ValueError):
        if json.loads(printed)["code"] == 0:
            return ""
    lines = errors.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"unshare ended with {process.returncode}"


def prepare(scratch: Path) -> None:
    """Make the empty places that a sandbox is put together in."""
    for name in "room", "dev":
        (scratch / name).mkdir()
    (scratch / "results").touch()


def control_group(most: int) -> Path | None:
    """
    Make a control group in which at most so many tasks can be, or return None.

    It is what bounds root's processes. Only root may make one, and not everywhere.
    """
    if sys.platform != "linux" or os.getuid() != 0:
        return None
    for parent in CONTROL_GROUPS:
        group = parent / f"grade-{os.getpid()}-{next(NUMBERS)}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / "pids.max").write_text(str(most))
        except OSError:
            leave(group)
        else:
            return group
    return None


def leave(group: Path) -> None:
    """Remove a control group. The last who were killed take a moment to leave it."""
    deadline = time.monotonic() + LEAVE
    while time.monotonic() < deadline:
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.01)
