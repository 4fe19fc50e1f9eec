"""Show what each session of a class takes, and the plan of one."""

from docs.shown import repository
from docs.shown.pages import page
from docs.shown.slides import slides
from docs.shown.teach import lesson, order, words
from docs.shown.text import cells


def sessions():
    """Show what each session takes: minutes, lines to type, slides."""
    head = ["session", "minutes", "lines that you type", "slides"]
    rows = [cells(*head), cells(":--", "--:", "--:", "--:")]
    total = 0
    for stage in sorted(path.name for path in repository.ROOT.glob("stage*_*")):
        chapter = stage.removeprefix("stage").replace("_", "-")
        title = next(page(chapter))[0].lstrip("# ")
        minutes = sum(part["minutes"] for part in lesson(chapter)["plan"])
        total += minutes
        typed = [piece for _, found in order(chapter)[0] for piece in found]
        size = sum(len(words(piece.added())) for piece in typed)
        number = slides(chapter).count("<section ")
        rows.append(cells(f"[{title}](teach-{chapter}.md)", minutes, size, number))
    return "\n".join([*rows, cells(f"together {at(total)} hours", "", "", ""), ""])


def plan(chapter):
    """Show how the minutes of a lesson are spent, with the time on the clock."""
    rows = [cells("at", "minutes", "what"), cells("--:", "--:", ":--")]
    clock = 0
    for part in lesson(chapter)["plan"]:
        rows.append(cells(at(clock), part["minutes"], part["what"]))
        clock += part["minutes"]
    return "\n".join([*rows, cells(f"**{at(clock)}**", "", "the end"), ""])


def at(minutes):
    """Write 95 minutes as 1:35."""
    return f"{minutes // 60}:{minutes % 60:02}"
