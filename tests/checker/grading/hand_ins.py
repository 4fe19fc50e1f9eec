"""What a class has handed in: which folders and ZIP files, and what is the same."""

import fnmatch
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from tests.checker import work
from tests.checker.compare import ASIDE
from tests.checker.system import ROOT, Refusal, learn, typed

LARGE = 1_000_000  # Bytes.

# What systems and programs leave in a folder of hand-ins.
OURS = {"__MACOSX", "Thumbs.db", "desktop.ini", "lost+found"}


class HandIn(NamedTuple):
    """One entry of the folder: what somebody has handed in."""

    name: str
    path: Path

    @property
    def unusable(self) -> str:
        """Why this cannot even be opened, or an empty string."""
        if self.path.is_symlink():
            return "it is a link, which is not followed"
        if self.path.is_dir():
            return ""
        if not self.path.is_file():  # To open a named pipe would take for ever.
            return "it is neither a folder nor a file"
        if self.path.suffix.lower() == ".zip":
            return ""
        kind = f"a {self.path.suffix} file" if self.path.suffix else "a file"
        return f"it is {kind}: only folders and ZIP files are graded"


def found_in(folder: Path) -> list[HandIn]:
    """Return what is in a folder, in order. Raises Refusal if that is nothing."""
    if not folder.is_dir():
        missing = "is no folder" if folder.exists() else "does not exist"
        raise Refusal(f"{typed(folder)} {missing}")
    if (folder / "manage.py").is_file():
        raise Refusal(
            f"{typed(folder)} is one project, which `{learn('check')}` checks: "
            f"name the folder that holds all submissions"
        )
    found = [
        HandIn(path.name, path)
        for path in sorted(folder.iterdir())
        if path.name not in OURS and not path.name.startswith(".")
    ]
    if not found:
        raise Refusal(f"{typed(folder)} is empty: nobody has handed in anything")
    return found


def fingerprint(folder: Path) -> str:
    """Return what tells one project's files from another's, whatever git ignores."""
    ignored = work.patterns()
    state = hashlib.sha256()
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [
            each
            for each in folders
            if not work.is_apart(Path(place, each)) and not matches(each, ignored)
        ]
        found += [
            Path(place, name)
            for name in names
            if not name.startswith(".") and not matches(name, ignored)
        ]
    for path in sorted(found):
        name = path.relative_to(folder).as_posix()
        if name in ASIDE or not path.is_file():
            continue
        if path.stat().st_size > LARGE:  # Nobody wrote that by hand.
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
        else:
            content = path.read_bytes().replace(b"\r\n", b"\n")
        state.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape"))
        state.update(content)
    return state.hexdigest()


def matches(name: str, patterns: list[str]) -> bool:
    """Tell whether a name fits one of git's patterns."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def known(number: int) -> dict[str, str]:
    """Return the words for a stage's unchanged folders, by their fingerprints."""
    folders = work.folders()
    start = folders.get(number - 1, ROOT / "tests" / "start")
    return {
        fingerprint(start): "as at the start",
        fingerprint(folders[number]): "the course's own stage",
    }
