"""Put on slides what only who teaches should read: notes, minutes of the plan."""

from typing import NamedTuple

from docs.shown.pages import linked
from docs.shown.repository import CannotShow
from docs.shown.teach import NAMED, lettered, letters, more_of, timed
from docs.shown.text import at

# What a part of the plan may begin with, besides a step, a piece, or a question.
PLACES = (
    "opens",
    "ideas",
    "start",
    "pictures",
    "failure 1",
    "after failure 1",
    "missing",
)


class Slide(NamedTuple):
    """What a slide shows, the places in a lesson that it is, and notes to it."""

    text: str
    places: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def at(self, *places):
        """Return this slide as one that is at these places, too."""
        return self._replace(places=(*self.places, *places))

    def noted(self, *notes):
        """Return this slide with more notes. Empty ones are none."""
        return self._replace(notes=(*self.notes, *filter(None, notes)))


def first_at(shown, *places):
    """Yield slides, the first of them at these places."""
    for number, slide in enumerate(shown):
        yield slide if number else slide.at(*places)


def with_notes(chapter, shown, step):
    """Return the slides of a step, each note of it on the slide that it speaks of."""
    shown = list(shown)
    for note in step.get("note", []):
        place = find(chapter, shown, note["at"], f"A note of step {step['letter']}")
        told = linked(lettered(chapter, note["says"]), f"teach-{chapter}")
        shown[place] = shown[place].noted(told)
    return shown


def find(chapter, shown, wanted, what):
    """Return the number of the first slide that is at a place of the lesson."""
    for number, slide in enumerate(shown):
        if wanted in slide.places:
            return number
    known = ", ".join(dict.fromkeys(each for slide in shown for each in slide.places))
    raise CannotShow(
        f"docs/teach/{chapter}.toml: {what} is at {wanted!r}, and no slide is. "
        f"There is: {known}."
    )


def planned(chapter, shown):
    """
    Return slides with the parts of the plan that begin there, and each one's minutes.

    The minutes of a slide are those of the step, or the part, that has begun: from when
    to when.
    """
    shown, begins = list(shown), {}
    last, told_last = 0, ""
    for place, when, end, said in marks(chapter):
        told = part_at(when)
        number = find(chapter, shown, place, told)
        if number < last:
            raise CannotShow(
                f"docs/teach/{chapter}.toml: {told} begins on slide {number + 1}, "
                f"before {told_last}."
            )
        slide = shown[number]
        plans = [note for note in slide.notes if note.endswith("{ .plan }")]
        others = [unsaid(note, said) for note in slide.notes if note not in plans]
        shown[number] = slide._replace(notes=(*plans, said, *filter(None, others)))
        begins[number] = when, end
        last, told_last = number, told
    times = next(iter(begins.values()))  # The title is shown when the lesson begins.
    for number, slide in enumerate(shown):
        times = begins.get(number, times)
        yield slide, times


def unsaid(note, said):
    """Return the lines of a note that the plan, on the same slide, does not have."""
    return "\n".join(line for line in note.splitlines() if not line or line not in said)


def marks(chapter):
    """Yield where each step of the plan begins, from when to when, and its note."""
    for part, clock, steps in timed(chapter):
        you, room = (lettered(chapter, part[key]) for key in ("you", "room"))
        said = [f"**{at(clock)}** {you} *The room:* {room}."]
        said = " ".join([*said, *more_of(chapter, part, steps)])
        end = steps[0][2] if steps else clock + part["minutes"]
        place = place_of(chapter, part, part_at(clock))
        yield place, clock, end, f"{linked(said, f'teach-{chapter}')}\n{{ .plan }}"
        for name, begins, ends in steps[1:]:
            known = letters(chapter)
            place = f"step {known[name]}" if name in known else name
            late = more_of(chapter, part, [])
            named = place[0].upper() + place[1:]
            told = f"**{at(begins)}** {named}, until **{at(ends)}**."
            yield place, begins, ends, f"{' '.join([told, *late])}\n{{ .plan }}"


def part_at(clock):
    """Name a part of the plan."""
    return f"the part of the plan at {at(clock)}"


def place_of(chapter, part, told):
    """Return where a part of the plan begins: as it says, or with the step it names."""
    if "slide" in part:
        return lettered(chapter, f"at {part['slide']}").removeprefix("at ")
    found = [title for title in NAMED.findall(part["you"]) if title]
    if not found:
        raise CannotShow(
            f"docs/teach/{chapter}.toml: with which `slide` does {told} begin? It may "
            f"be one of {', '.join(PLACES)}, a question such as 'question 1', a piece, "
            "or a step."
        )
    lettered(chapter, f"{{{found[0]}}}")  # An unknown step is told as such.
    return f"step {letters(chapter)[found[0]]}"


def details(notes):
    """Write notes below a slide, if there are any. A key shows them."""
    if not notes:
        return ""
    told = "\n\n".join(notes)
    return (
        '\n<details class="notes" markdown="1">\n'
        f"<summary>Notes</summary>\n\n{told}\n\n</details>\n"
    )
