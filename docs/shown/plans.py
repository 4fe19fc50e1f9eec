"""Show what each session of a class takes, and the plan of one."""

from docs.shown import repository
from docs.shown.pages import page
from docs.shown.repository import CannotShow
from docs.shown.slides import slides
from docs.shown.teach import lesson, lettered, more_of, sizes, timed
from docs.shown.text import at, cells

HOUR = 60
MORNING = 9 * HOUR  # When a day begins.
BREAK = 15
BEFORE_LUNCH = 2  # Sessions.


def chapters():
    """Return the chapters, in their order."""
    stages = sorted(path.name for path in repository.ROOT.glob("stage*_*"))
    return [each.removeprefix("stage").replace("_", "-") for each in stages]


def heading(chapter):
    """Return the heading of a chapter."""
    return next(page(chapter))[0].lstrip("# ")


def sessions():
    """Show what each session takes: minutes, lines to type, slides."""
    head = ["session", "minutes", "lines typed", "copied", "slides"]
    rows = [cells(*head), cells(":--", *["--:"] * 4)]
    total = 0
    for chapter in chapters():
        title = heading(chapter)
        minutes = sum(part["minutes"] for part in lesson(chapter)["plan"])
        total += minutes
        typed, _, copied = sizes(chapter)
        number = slides(chapter).count("<section ")
        link = f"[{title}](teach-{chapter}.md)"
        rows.append(cells(link, minutes, typed, copied, number))
    return "\n".join([*rows, cells(f"together {at(total)} hours", *[""] * 4), ""])


def plan(chapter):
    """
    Show how the minutes of a lesson are spent: who does what, and on which machine.

    Below the time on the clock stand the minutes, and those of who has an hour only.
    """
    rows = [cells("at", "you", "the room"), cells(":--", ":--", ":--")]
    clock = short = 0
    told = lesson(chapter)
    for part, begins, steps in timed(chapter):
        clock, minutes = begins, part["minutes"]
        hour = part.get("hour", minutes)
        when = f"**{at(clock)}**<br>{minutes}&nbsp;min"
        if hour != minutes:
            when += f"<br>1&nbsp;h: {hour}"
        you, room = (lettered(chapter, part[key], "#") for key in ("you", "room"))
        if not clock:
            you += f"<br>**Ask:** {told['opens']}"
        you = "<br>".join([you, *more_of(chapter, part, steps, "#")])
        rows.append(cells(when, you, f"{room}<br>*{part['on']}*"))
        clock += minutes
        short += hour
    if short > HOUR:
        raise CannotShow(f"docs/teach/{chapter}.toml: an hour has {short} minutes.")
    return "\n".join([*rows, cells(f"**{at(clock)}**", "the end", ""), ""])


def day():
    """Show when each session of a day begins and ends, with its breaks."""
    rows = [cells("from", "to", "what"), cells("--:", "--:", ":--")]
    clock = MORNING
    found = chapters()
    for number, chapter in enumerate(found, start=1):
        end = clock + sum(part["minutes"] for part in lesson(chapter)["plan"])
        rows.append(cells(at(clock), at(end), heading(chapter)))
        if number < len(found):
            is_lunch = number == BEFORE_LUNCH
            clock = end + (HOUR if is_lunch else BREAK)
            rows.append(cells(at(end), at(clock), "lunch" if is_lunch else "a break"))
    return "\n".join([*rows, ""])
