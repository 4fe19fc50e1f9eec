"""Copies and unpacks hand-ins: bounded, no links, no path that leads outside."""

import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from tests.checker.system import NOT_SEARCHED, projects_below

MB = 1_000_000
SIZE = 50 * MB  # Bytes of one hand-in, as it is unpacked: without its environment.
FILES = 5_000
LEVELS = 20  # Folders in folders.
ZIPS = 3  # ZIP files in ZIP files.
LISTED = 4 * MB  # Bytes of a ZIP file's table of contents.
TAIL = 66_000  # Bytes at a ZIP file's end, where it says how long its table is.


class Unusable(Exception):  # noqa: N818
    """Why a hand-in cannot be graded, in one sentence."""


class Budget:
    """What a hand-in may still take of the disk."""

    def __init__(self) -> None:
        self.bytes = SIZE
        self.files = FILES

    def take(self, size: int = 0, files: int = 0) -> None:
        """Take a share. Raises Unusable when nothing is left."""
        self.bytes -= size
        self.files -= files
        if self.bytes < 0:
            raise Unusable(f"it holds more than {SIZE // MB} MB")
        if self.files < 0:
            raise Unusable(f"it holds more than {FILES} files")


def is_left_out(name: str) -> bool:
    """Tell whether a folder of this name is no part of a project."""
    return name in NOT_SEARCHED or name.startswith(".")


def copy_folder(source: Path, target: Path, budget: Budget, level: int = 0) -> None:
    """Copy a hand-in, without links, and without what tools have put there."""
    if level > LEVELS:
        raise Unusable(f"it holds more than {LEVELS} folders in folders")
    budget.take(files=1)
    target.mkdir()
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                below = Path(entry.path)
                if not is_left_out(entry.name) and not is_environment(below):
                    copy_folder(below, target / entry.name, budget, level + 1)
            elif entry.is_file(follow_symlinks=False):
                budget.take(entry.stat(follow_symlinks=False).st_size, 1)
                shutil.copyfile(entry.path, target / entry.name, follow_symlinks=False)


def is_environment(folder: Path) -> bool:
    """Tell whether this is what `python -m venv` makes."""
    return os.path.lexists(folder / "pyvenv.cfg")


def check_table(path: Path) -> None:
    """Refuse a ZIP file whose table of contents alone would fill the memory."""
    size = path.stat().st_size
    if size > SIZE:
        raise Unusable(f"it holds more than {SIZE // MB} MB")
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL))
        tail = file.read()
    if b"PK\6\7" in tail:
        raise Unusable(f"it holds more than {FILES} files, or is made for such")
    place = -1
    while (place := tail.find(b"PK\5\6", place + 1)) >= 0:
        listed = int.from_bytes(tail[place + 12 : place + 16], "little")
        if listed > LISTED:
            raise Unusable(f"it holds more than {FILES} files")


def parts_of(name: str) -> list[str]:
    """Return the folders of a path in a ZIP file, and the file's name."""
    # Some programs on Windows write their own slashes.
    words = name.replace("\\", "/")
    parts = [part for part in words.split("/") if part not in ("", ".")]
    if (
        words.startswith("/")
        or ".." in parts
        or any(part[1:2] == ":" for part in parts)
    ):
        raise Unusable(f"its path {name!r} leads outside")
    if len(parts) > LEVELS:
        raise Unusable(f"it holds more than {LEVELS} folders in folders")
    return parts


def unzip(path: Path, target: Path, budget: Budget) -> None:
    """Unpack a ZIP file into a new folder. Raises Unusable."""
    try:
        check_table(path)
        with zipfile.ZipFile(path) as archive:
            entries = [(parts_of(each.filename), each) for each in archive.infolist()]
            left_out = environments(entries)
            target.mkdir()
            for parts, entry in entries:
                folder = tuple(parts if is_folder(entry) else parts[:-1])
                if any(map(is_left_out, folder)):
                    continue
                # As in folders: what was handed in may be one, with a project in it.
                if any(folder[:n] in left_out for n in range(1, len(folder) + 1)):
                    continue
                # What is no plain file is a link, or worse.
                if stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG):
                    unzip_file(archive, entry, target.joinpath(*parts), budget)
    except zipfile.BadZipFile:
        raise Unusable("it is no ZIP file, or a broken one") from None
    except FileExistsError:
        raise Unusable("two of its files have the same name") from None
    except NotImplementedError:
        raise Unusable("it is packed in a way that Python does not know") from None
    except (zlib.error, EOFError, ValueError):  # A name that is not UTF-8, for one.
        raise Unusable("it is a broken ZIP file") from None


def is_folder(entry: zipfile.ZipInfo) -> bool:
    """Tell whether an entry is a folder, also with the slashes of Windows."""
    return entry.filename.endswith(("/", "\\"))


def environments(
    entries: list[tuple[list[str], zipfile.ZipInfo]],
) -> set[tuple[str, ...]]:
    """Return the folders in a ZIP file that `python -m venv` has made."""
    return {tuple(parts[:-1]) for parts, _ in entries if parts[-1:] == ["pyvenv.cfg"]}


def unzip_file(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, budget: Budget
) -> None:
    """Unpack one file. What the table says of its size is not believed."""
    budget.take(files=1)
    if is_folder(entry):
        target.mkdir(parents=True, exist_ok=True)
        return
    if entry.flag_bits & 1:
        raise Unusable("it asks for a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unusable("it is packed in a way that is not usual")
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as packed, target.open("xb") as file:
        while block := packed.read(65536):
            budget.take(len(block))
            file.write(block)


def zips_below(folder: Path) -> list[Path]:
    """Return the ZIP files in a copy, in order."""
    found = (
        Path(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(".zip") and not name.startswith(".")
    )
    return sorted(path for path in found if path.is_file())


def projects_in(folder: Path) -> list[Path]:
    """Return the folders that hold a manage.py: this one, or the nearest below."""
    return [folder] if (folder / "manage.py").is_file() else projects_below(folder)


def project_in(source: Path, target: Path) -> Path:
    """
    Copy a hand-in, a folder or a ZIP file, to a new folder, and return its project.

    `source` is only read. Where there is no project yet, ZIP files in it are unpacked,
    too. Raises Unusable, and OSError.
    """
    budget = Budget()
    if source.is_dir():
        copy_folder(source, target, budget)
    else:
        unzip(source, target, budget)
    folders, found = [target], projects_in(target)
    for _ in range(ZIPS):
        if found:
            break
        unpacked = []
        for packed in (path for folder in folders for path in zips_below(folder)):
            below = packed.with_name(f"{packed.name}.unpacked")
            unzip(packed, below, budget)
            unpacked.append(below)
        folders = unpacked
        found = [project for folder in folders for project in projects_in(folder)]
    return the_only(found, target)


def the_only(found: list[Path], folder: Path) -> Path:
    """Return the project, if there is one. Raises Unusable."""
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(repr(str(path.relative_to(folder))) for path in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise Unusable(f"it holds more than one project: {names}{more}")
    if not any(path.is_file() for path in folder.rglob("*")):
        raise Unusable("it is empty")
    raise Unusable("it is no Django project: it holds no manage.py")
