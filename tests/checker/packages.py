"""
Install what the course needs into .venv, in two layers.

Standard library only: this is how everything else gets there.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from tests.checker.system import ROOT, Refusal

WANTED = ROOT / "requirements.in"
REQUIREMENTS = ROOT / "requirements.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "made-by-learn.txt"
IN_PROGRESS = ["in progress"]
FIRST_LAYER = VENV / "first-layer.txt"
WHEELS = ROOT / "wheels"  # For a room without a network.
MORE = "this command needs more than run and check"


def recipe() -> list[str]:
    """Return what .venv is made from. Its path counts: a .venv cannot be moved."""
    return [
        hashlib.sha256(REQUIREMENTS.read_bytes() + WANTED.read_bytes()).hexdigest(),
        f"Python {sys.version.split()[0]} in {sys.base_prefix!a}",
        f"{str(VENV)!a}",
    ]


def first_layer() -> str:
    """Return the pins that run and check the stages: those WANTED names first."""
    wanted = WANTED.read_text(encoding="utf-8").partition("\n# The rest")[0]
    needed = set(re.findall(r"^[\w-]+", wanted, re.MULTILINE))
    pins = re.split(r"^(?=\w)", REQUIREMENTS.read_text(encoding="utf-8"), flags=re.M)
    # Below each pin stands which others need it: "# via", and a name on each line.
    users = [set(re.findall(r"^ +#(?: via)? +([\w-]+)$", p, re.M)) for p in pins]
    names = [re.match(r"[\w-]*", pin)[0] for pin in pins]
    size = 0
    while size < len(needed):
        size = len(needed)
        needed |= {name for name, by in zip(names, users, strict=True) if by & needed}
    return "".join(pin for name, pin in zip(names, pins, strict=True) if name in needed)


def reason_to_set_up(everything: bool) -> str:
    """Return why packages must be installed, or "" when all is as it should be."""
    if not STAMP.is_file():
        if any(VENV.iterdir()) if VENV.is_dir() else os.path.lexists(VENV):
            raise Refusal(
                f"{VENV} was not made by learn.py: rename or remove it yourself."
            )
        return "first use"
    made_from = STAMP.read_text(encoding="utf-8").splitlines()
    if made_from[:3] == recipe() and PYTHON.exists():
        return MORE if everything and made_from[3:] else ""
    if made_from == IN_PROGRESS:
        return "the last set-up did not finish"
    if made_from[:1] != recipe()[:1]:
        return "the requirements have changed"
    return "Python or this folder is not where it was"


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep other learn.py from setting up meanwhile. The lock ends with its process."""
    import sqlite3  # Not above: a warm start does without.

    # Half a second at a time, because Ctrl-C has to wait as long.
    lock = sqlite3.connect(ROOT / ".venv.lock", timeout=0.5, isolation_level=None)
    with contextlib.closing(lock):
        waiting = False
        while not lock.in_transaction:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise OSError(f"{error}: {ROOT / '.venv.lock'}") from error
                if not waiting:
                    print("Waiting for another learn.py ...", flush=True)
                waiting = True
        yield


def installer() -> tuple[str, list[str | Path], list[str | Path]]:
    """Return the installer's name, and its commands: make .venv, and fill it from."""
    # We may run in .venv itself, which is about to go: take the Python behind it, and
    # no uv that is in it.
    python = getattr(sys, "_base_executable", None) or sys.executable
    folders = os.environ.get("PATH", "").split(os.pathsep)
    others = [each for each in folders if not Path(each).resolve().is_relative_to(VENV)]
    uv = shutil.which("uv", path=os.pathsep.join(others))
    # Version managers leave a `uv` on the PATH that may not work.
    if uv and subprocess.run([uv, "--version"], capture_output=True).returncode == 0:
        make = [uv, "venv", "--allow-existing", "--python", python, VENV]
        fill = [uv, "pip", "sync", "--python", PYTHON, *source(), "--require-hashes"]
        return "uv", make, fill

    if not find_spec("ensurepip"):
        raise Refusal(
            "this Python cannot install packages: sudo apt install python3-venv"
        )
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    # Without bytecode of what nobody may import: Python makes the rest when it does.
    quiet = ["--progress-bar=off", "--no-compile"]
    fill = [*pip, *quiet, *source(), "--require-hashes", "-r"]
    return "pip", [python, "-m", "venv", VENV], fill


def source() -> list[str | Path]:
    """Return what keeps an installer to WHEELS, if that is there: uv's and pip's."""
    return ["--no-index", "--find-links", WHEELS] if WHEELS.is_dir() else []


def install(name: str, command: list[str | Path]) -> None:
    """Run an installer, and show a line for each package."""
    news = ("Collecting", "Processing", "Resolved", "Downloading", "Install")
    lines = []
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1"},
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        with child.stdout as printed:
            for line in printed:
                lines.append(line.rstrip())
                if line.startswith(news):
                    print(f"  {line.split(' (from')[0].rstrip():.76}", flush=True)
                elif "Retrying (" in line:
                    print("  The network does not answer: trying again.", flush=True)
        code = child.wait()
    except BaseException:  # Ctrl-C, mostly.
        child.terminate()
        child.wait()
        raise
    if code:
        print(*lines[-8:], sep="\n", flush=True)
        cure = "check the network connection, then run the same command again"
        if source():
            cure = (
                f"{WHEELS} lacks something that this machine needs. Add it, or rename "
                "that folder to load everything from the network"
            )
        raise Refusal(f"{name} failed, as its last lines say: {cure}")


def begin() -> None:
    """Empty .venv, and mark it as ours: what has no stamp, another has made."""
    VENV.mkdir(exist_ok=True)
    STAMP.write_text("\n".join(IN_PROGRESS), encoding="utf-8")
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != STAMP:
            entry.unlink()


def set_up(everything: bool = False) -> None:
    """Make .venv with what runs and checks the stages, or with everything."""
    if not reason_to_set_up(everything):
        return
    with one_at_a_time():
        reason = reason_to_set_up(everything)  # Another learn.py may have done it.
        if not reason:
            return
        name, make, fill = installer()
        made_from = recipe()
        slow = everything and name == "pip"
        origin = f" from {WHEELS.name}/" if source() else ""
        print(f"Setting up .venv with {name}{origin}: {reason}.")
        duration = "one to three minutes" if slow else "less than a minute"
        print(f"This takes {duration}, once.", flush=True)
        if reason != MORE:
            begin()
            install(name, make)
            FIRST_LAYER.write_text(first_layer(), encoding="utf-8")
            install(name, [*fill, FIRST_LAYER])
            so_far = [*made_from, FIRST_LAYER.name]
            STAMP.write_text("\n".join(so_far), encoding="utf-8")
        elif name == "pip":  # It is not there if it was uv that made .venv.
            install(name, [PYTHON, "-m", "ensurepip"])
        if everything:
            install(name, [*fill, REQUIREMENTS])
            STAMP.write_text("\n".join(made_from), encoding="utf-8")
