"""
The reader's folders in work/: `learn.py start` makes them, `reset` gives them back.

Standard library only: neither command needs an environment.
"""

import contextlib
import fnmatch
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from tests.checker import system
from tests.checker.system import Refusal, learn, typed

KEPT = 5  # Backups of each stage. A sixth would need a decision that is the reader's.
LARGE = 2_000_000  # Bytes.
README = "README.md"  # It tells of the finished stage that is copied: not of this one.
OUTSIDE = "{} is outside of {}, and stays as it is"


def folders() -> dict[int, Path]:
    """Return the finished stages of this checkout, by number."""
    found = sorted(system.ROOT.glob("stage[0-9][0-9]_*"))
    return {int(folder.name[5:7]): folder for folder in found}


class Work(NamedTuple):
    """The reader's own folder of a stage, and what belongs to it."""

    number: int
    name: str

    @property
    def folder(self) -> Path:
        """Where the reader works."""
        return system.ROOT / "work" / self.name

    @property
    def finished(self) -> Path:
        """The course's own stage."""
        return system.ROOT / self.name

    @property
    def begun(self) -> Path:
        """
        What `start` made. The stage that it copied may have been edited since.

        A folder that was made without `start` begins with the stage before.
        """
        copy = self.folder.parent / ".start" / self.name
        plain = system.ROOT / "tests" / "start"
        return copy if copy.is_dir() else folders().get(self.number - 1, plain)

    @property
    def note(self) -> Path:
        """Where `start` notes what the finished stage was like."""
        return self.folder.parent / ".start" / f"{self.name}.txt"

    @property
    def passed(self) -> Path:
        """Where the checks note that all is well, and with which files."""
        return self.folder.parent / ".passed" / self.name

    def need(self, or_else: str = ", or name your folder with --project") -> Path:
        """Return the reader's folder. Raises Refusal if there is none."""
        if not self.folder.exists():
            raise Refusal(
                f"{typed(self.folder)} does not exist: "
                f"`{learn(f'start {self.number}')}` makes it{or_else}"
            )
        return self.folder

    def is_the_other_one(self) -> bool:
        """Tell whether the finished stage was edited since `start`, this one not."""
        if not self.note.is_file() or not self.folder.is_dir():
            return False
        before = self.note.read_text(encoding="utf-8")
        was_edited = digest(self.finished) != before
        return was_edited and contents(self.folder) == contents(self.begun)


def of(number: int) -> Work:
    """Return the reader's folder of a stage."""
    return Work(number, folders()[number].name)


def patterns() -> list[str]:
    """Return what git ignores, which is no part of a stage: databases, keys, caches."""
    lines = (system.ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    lines = [line.strip("/") for line in lines if line and line[0] != "#"]
    return [line.rpartition("/")[2] for line in lines]


def is_apart(path: Path) -> bool:
    """Tell whether this is the reader's own business: .git, .idea, an environment."""
    return path.name.startswith(".") or (path / "pyvenv.cfg").exists()


def contents(folder: Path) -> dict[str, bytes]:
    """
    Return what is in each file of a project, without what git ignores.

    For a LARGE one, what tells it from another: nobody wrote that by hand.
    """
    ignored = patterns()
    found = {}
    for place, names, files in os.walk(folder):
        here = Path(place)
        for each in names, files:
            each[:] = [
                name
                for name in each
                if not is_apart(here / name)
                and not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)
            ]
        for path in map(here.joinpath, files):
            if path.is_file():
                name, about = path.relative_to(folder).as_posix(), path.stat()
                large = f"\xff{about.st_size} {about.st_mtime_ns}".encode("latin-1")
                found[name] = large if about.st_size > LARGE else path.read_bytes()
    return found


def digest(folder: Path) -> str:
    """Return what tells one state of a project's files from another."""
    state = hashlib.sha256()
    for path, content in sorted(contents(folder).items()):
        state.update(f"{path}\0{len(content)}\0".encode() + content)
    return state.hexdigest()


def state_of(project: Path | None) -> str:
    """Return what note_pass needs to know, before the checks: "" if it is no matter."""
    work = (system.ROOT / "work").resolve()
    with contextlib.suppress(OSError):
        if project and project.resolve().is_relative_to(work):
            return digest(project)
    return ""


def note_pass(name: str, project: Path, state: str) -> None:
    """Note that all checks of a stage pass with these files, for `diff`."""
    passed = system.ROOT / "work" / ".passed"
    with contextlib.suppress(OSError):  # Then `diff` runs the checks again.
        passed.mkdir(exist_ok=True)
        note = f"{project.resolve()}\n{state}"
        (passed / name).write_text(note, encoding="utf-8")


def has_passed(name: str, project: Path) -> bool:
    """Tell whether all checks of a stage have passed, and no file changed since."""
    note = system.ROOT / "work" / ".passed" / name
    wanted = f"{project.resolve()}\n{digest(project)}"
    return note.is_file() and note.read_text(encoding="utf-8") == wanted


def copy(source: Path, target: Path, *without: str) -> None:
    """Copy a project. One that was cut short must not look like a whole one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished")
    for old in unfinished, target:
        if old.exists():
            shutil.rmtree(old)
    ignore = shutil.ignore_patterns(*patterns(), *without)
    shutil.copytree(source, unfinished, ignore=ignore)
    unfinished.rename(target)


def start(work: Work) -> Path:
    """Make a folder for the reader, and return the stage that it is a copy of."""
    if os.path.lexists(work.folder):
        raise Refusal(
            f"{typed(work.folder)} is there already, and stays as it is: "
            f"`{learn(f'reset {work.number}')}` begins anew, and keeps what you have"
        )
    begun = work.folder.parent / ".start" / work.name
    source = folders().get(work.number - 1, system.ROOT / "tests" / "start")
    copy(source, begun, README)
    work.note.write_text(digest(work.finished), encoding="utf-8")
    copy(begun, work.folder)
    return source


# Giving back


def place(
    text: str, folder: Path, there: Iterable[str], no_such: str = "there is no {}"
) -> str:
    """
    Return which file of a project is meant, as the reader may write it.

    From the project, from where the reader is, from the course's folder, whole; with
    the slashes of Windows. Raises Refusal for what is not `there`, in these words.
    """
    there = sorted(there)
    words = text.strip().replace("\\", "/")
    bases = folder, Path.cwd(), system.ROOT, system.ROOT / "work"
    tried = [Path(os.path.normpath(base / words)) for base in bases]
    tried += [path.resolve() for path in tried]
    inside = [path for path in tried if path.is_relative_to(folder)]
    for path in inside:
        name = path.relative_to(folder).as_posix()
        if name in there:
            if not path.resolve().is_relative_to(folder.resolve()):
                break  # A link leads elsewhere.
            return name
    else:
        if inside and not any(p.is_file() and p not in inside for p in tried):
            short = [each for each in there if each.endswith(f"/{words}")]
            like = short or get_close_matches(words, there, n=1)
            hint = f": did you mean {like[0]}?" if like else ""
            if any(path.is_dir() for path in inside):
                hint = ", but a folder: name one file in it, or none for the stage"
            found = [p.relative_to(folder).as_posix() for p in inside if p.exists()]
            missing = no_such.format([*found, words][0])
            raise Refusal(f"{missing} in {typed(folder)}{hint}")
    raise Refusal(OUTSIDE.format(words, typed(folder)))


def backup(work: Work) -> Path:
    """Return a new folder for what is about to be replaced. Nothing is overwritten."""
    kept = work.folder.parent / "kept"
    found = {
        int(path.name.rpartition("-")[2]): path
        for path in kept.glob(f"{work.name}-*")
        if path.name.rpartition("-")[2].isdecimal()
    }
    if len(found) >= KEPT:
        raise Refusal(
            f"{typed(kept)} holds {len(found)} backups of {work.name} already, and "
            f"nothing was changed: remove one that you need no longer, such as the "
            f"oldest, {typed(found[min(found)])}, then run the same command again"
        )
    return kept / f"{work.name}-{max(found, default=0) + 1}"


def keep(work: Work, name: str | None) -> Path:
    """Copy a file, or the whole folder, to a backup, and return where it is now."""
    target = backup(work)
    target.parent.mkdir(exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=target.parent))
    try:
        if name:
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(work.folder / name, unfinished / name)
        else:
            copy_own(work.folder, unfinished)
        unfinished.chmod(0o755)  # mkdtemp lets nobody else in.
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target / (name or "")


def copy_own(source: Path, target: Path) -> None:
    """Copy all that `reset` would remove: databases and keys, too."""

    def apart(folder: str, names: list[str]) -> list[str]:
        paths = [Path(folder, name) for name in names]
        return [p.name for p in paths if is_apart(p) or p.name == "__pycache__"]

    shutil.copytree(source, target, symlinks=True, ignore=apart, dirs_exist_ok=True)


def reset(work: Work, text: str | None) -> str:
    """Give a file, or the whole folder, back as `start` made it; say what was done."""
    folder, begun = work.need(or_else=""), work.begun
    before, now = contents(begun), contents(folder)
    if text is None:
        if now == before:
            return f"{typed(folder)} is as `start` made it: there is nothing to do."
        kept = keep(work, None)
        for path in folder.iterdir():
            if is_apart(path):
                continue
            is_folder = path.is_dir() and not path.is_symlink()
            shutil.rmtree(path) if is_folder else path.unlink()
        ignore = shutil.ignore_patterns(*patterns())
        shutil.copytree(begun, folder, ignore=ignore, dirs_exist_ok=True)
        return (
            f"{typed(folder)} is as `start` made it.\nWhat it was is in {typed(kept)}."
        )
    name = place(text, folder, before, "`start` made no {}")
    target = folder / name
    if now.get(name) == before[name]:
        return f"{typed(target)} is as `start` made it: there is nothing to do."
    kept = keep(work, name) if os.path.lexists(target) else None
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        shutil.copy(begun / name, unfinished)
        unfinished.replace(target)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    where = f"What it was is in {typed(kept)}." if kept else "It was gone."
    return f"{typed(target)} is as `start` made it.\n{where}"
