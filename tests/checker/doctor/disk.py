"""A page that was opened from the disk, where no server has sent it."""

import contextlib
from pathlib import Path

from tests.checker.doctor.document import Document
from tests.checker.doctor.report import Report
from tests.checker.doctor.script import asked
from tests.checker.system import Refusal

MOST = 1_000_000  # Bytes of a file.


def read(path: Path) -> str:
    """Return a file's text, or nothing."""
    if not is_file(path):
        return ""
    try:
        with path.open("rb") as file:
            return file.read(MOST).decode("utf-8", "replace")
    except OSError:
        return ""


def is_file(path: Path) -> bool:
    """Tell whether this is a file, as far as one may look."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def look(text: str, report: Report) -> None:
    """Say what is wrong with a page on the disk. Raises Refusal if it is none."""
    path = Path(text)
    with contextlib.suppress(RuntimeError):  # Nobody has that name.
        path = path.expanduser()
    if not path.suffix.lower().startswith(".htm") and not is_file(path):
        raise Refusal(f"{text} is a path only: put http://127.0.0.1:8000 before it")
    report.step("!!", f"{path.name} names a file: no server has sent this page")
    said = ""
    if page := read(path):
        document = Document(page)
        scripts = list(document.scripts)
        for source in document.sources:
            beside = path.parent / source.split("?")[0]
            scripts += [read(beside)] * ("://" not in source)
        found = asked("file://" + path.resolve().as_posix(), document, scripts)
        if found:
            said = f"Its script asks for {found[0].url}: "
            there = "the host is written down, but to it this page is a stranger's."
            nowhere = "it takes the host from the page's address, which has none."
            said += there if found[0].is_fixed else nowhere
            report.step("?", said)
        if "{%" in page or "{{" in page:
            said += " It is a template, which Django must fill in first."
    else:
        report.step("?", f"I cannot read {path}")
    report.find("page-from-disk", script=said.strip())
