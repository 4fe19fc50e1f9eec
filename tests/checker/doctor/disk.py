"""A page that was opened from the disk, where no server has sent it."""

from pathlib import Path

from tests.checker.doctor.document import Document
from tests.checker.doctor.report import Report
from tests.checker.doctor.script import asked
from tests.checker.system import Refusal

MOST = 1_000_000  # Bytes of a file.


def read(path: Path) -> str:
    """Return a file's text, or nothing."""
    try:
        return path.read_bytes()[:MOST].decode("utf-8", "replace")
    except OSError:
        return ""


def look(text: str, report: Report) -> None:
    """Say what is wrong with a page on the disk. Raises Refusal if it is none."""
    path = Path(text).expanduser()
    if not path.suffix.lower().startswith(".htm") and not path.is_file():
        raise Refusal(f"{text} is a path only: put http://127.0.0.1:8000 before it")
    report.step("!!", f"{path.name} is a file: no server has sent this page")
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
            there = "a host of that name is there, but the page is a stranger's to it."
            nowhere = "it takes the host from the page's address, which has none."
            said += there if found[0].is_fixed else nowhere
            report.step("?", said)
        if "{%" in page or "{{" in page:
            said += " It is a template, which Django must fill in first."
    else:
        report.step("?", f"I cannot read {path}")
    report.find("page-from-disk", script=said.strip())
