"""
Hand-ins for `grade`, many of them nasty.

The nastiest are made only where the system has a sandbox: outside of one they would end
every program of whoever runs this.
"""

import io
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.checker.system import ROOT
from tests.proofs.nasty import (
    ANSWER,
    AT_START,
    IN_ANSWERS,
    LANGUAGES,
    NAMES,
    ONLY_INSIDE,
)
from tests.proofs.runs import RESIDUE, SOLUTIONS
from tests.proofs.wrong.stage01 import STAGE01

STAGE = ROOT / "stage01_echo"
SETTINGS, CONSUMERS = "config/settings.py", "chat/consumers.py"


def project(target: Path, change: Callable[[Path], None] | None = None) -> Path:
    """Make a right hand-in, and change it."""
    shutil.copytree(STAGE, target, ignore=RESIDUE)
    if change:
        change(target)
    return target


def append(code: str) -> Callable[[Path], None]:
    """Return what lets code run at the start of a project."""

    def change(folder: Path) -> None:
        with (folder / SETTINGS).open("a") as file:
            file.write(f"\n{code}")

    return change


def replace(name: str, right: str, wrong: str) -> Callable[[Path], None]:
    """Return what makes a mistake."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert right in text, (name, right)
        (folder / name).write_text(text.replace(right, wrong))

    return change


def files(target: Path, found: dict[str, str]) -> None:
    """Write files into a new folder."""
    for name, text in found.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text)


def zip_of(target: Path, folder: Path, prefix: str = "") -> None:
    """Pack a folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, f"{prefix}{path.relative_to(folder)}")


def bomb() -> bytes:
    """Return a small ZIP file of a large file."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("project/manage.py", "w", force_zip64=True) as file,
    ):
        for _ in range(60):
            file.write(bytes(1_000_000))
    return packed.getvalue()


def many() -> bytes:
    """Return a ZIP file of far too many files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"project/{number}.py", b"")
    return packed.getvalue()


def zips(into: Path, right: Path) -> None:
    """Make the hand-ins that are ZIP files."""
    zip_of(into / "z right.zip", right)
    zip_of(into / "z in a folder.ZIP", right, "Hand-in 1/stage01_echo/")
    content = (into / "z right.zip").read_bytes()
    for name, entries in {
        "z in a zip.zip": {"part.zip": content, "__MACOSX/._part.zip": b"\0"},
        "z path up.zip": {"../../evil.py": b"", "manage.py": b""},
        "z path from the root.zip": {"/tmp/evil.py": b""},  # noqa: S108  # Refused.
        "z path with a drive.zip": {"C:/evil.py": b""},
        "z bomb in a zip.zip": {"bomb.zip": bomb()},
        "z of nothing.zip": {},
    }.items():
        with zipfile.ZipFile(into / name, "w") as archive:
            for path, data in entries.items():
                archive.writestr(path, data)
    with zipfile.ZipFile(into / "z link.zip", "w") as archive:
        link = zipfile.ZipInfo("chat")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc")
        archive.writestr("manage.py", (right / "manage.py").read_bytes())
    (into / "z bomb.zip").write_bytes(bomb())
    (into / "z many.zip").write_bytes(many())
    (into / "z broken.zip").write_bytes(content[: len(content) // 2])
    (into / "z damaged.zip").write_bytes(content[:300] + b"\xff" * 50 + content[350:])
    (into / "z no zip.zip").write_text("Hello")
    (into / "moodle_123_file").mkdir()
    shutil.copy(into / "z right.zip", into / "moodle_123_file" / "ana.zip")


def odd_folders(into: Path, right: Path) -> None:
    """Make the hand-ins that are folders of another shape."""
    (into / "empty").mkdir()
    (into / "empty folders" / "a" / "b").mkdir(parents=True)
    shutil.copytree(right, into / "two deep" / "hand-in" / "stage01_echo")
    for name in "first", "second":
        shutil.copytree(right, into / "two projects" / name)
    shutil.copytree(right, into / "with an environment")
    files(into / "with an environment" / "venv", {"pyvenv.cfg": "", "lib/a.py": "1"})
    files(into / "with an environment" / "node_modules", {"a/b.js": ""})
    shutil.copytree(right, into / "too large")
    (into / "too large" / "film.mp4").write_bytes(bytes(60_000_000))
    shutil.copytree(right, into / "with links")
    (into / "with links" / "loop").symlink_to("..")
    (into / "with links" / "passwd").symlink_to("/etc/passwd")
    if hasattr(os, "mkfifo"):
        shutil.copytree(right, into / "with a pipe")
        os.mkfifo(into / "with a pipe" / "pipe")
    (into / "a link").symlink_to(into / "two deep")
    (into / "archive.rar").write_bytes(b"Rar!")
    deep = into / "very deep"
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    shutil.copytree(ROOT / "tests" / "start", into / "nothing done", ignore=RESIDUE)
    shutil.copytree(ROOT / "stage02_routing", into / "next stage", ignore=RESIDUE)


def make(into: Path, has_sandbox: bool, count: int = 100) -> list[str]:
    """
    Make hand-ins in a new folder: the odd ones first, then right and wrong ones.

    Only where they will be in a sandbox, those that would end all programs of whoever
    runs them are among them.
    """
    into.mkdir(parents=True)
    right = into.parent / f".{into.name}.right"
    project(right)
    for name, code in (AT_START | (ONLY_INSIDE if has_sandbox else {})).items():
        project(into / name, append(code))
    for name, code in IN_ANSWERS.items():
        project(into / name, replace(CONSUMERS, ANSWER, code))
    for name, found in LANGUAGES.items():
        files(into / name, found)
    zips(into, right)
    odd_folders(into, right)
    for solution in SOLUTIONS.glob("stage01_*"):
        target = project(into / solution.name)
        shutil.copytree(solution, target, dirs_exist_ok=True)
    mistakes = list(STAGE01)
    for name in NAMES:
        mistake = mistakes.pop(0)
        project(into / name, replace(mistake.file, mistake.right, mistake.wrong))
    while mistakes and len(list(into.iterdir())) < count:
        mistake = mistakes.pop(0)
        name = f"wrong {re.sub(r'[^a-z ]', '', mistake.name)}"
        project(into / name, replace(mistake.file, mistake.right, mistake.wrong))
    shutil.rmtree(right)
    return sorted(path.name for path in into.iterdir())


def digest(folder: Path) -> list[tuple]:
    """Return what changes if somebody writes to the hand-ins."""
    found = []
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            about = os.lstat(Path(place, name))
            found.append((place, name, about.st_size, about.st_mtime_ns))
    return sorted(found)
