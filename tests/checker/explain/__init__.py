"""
What a failure most likely means: the mistake, and its cure, in one or two sentences.

There are three witnesses. The wire: the symptom, as named by `client.py`, which check
failed, and what was answered before. The output: what the server printed. The source:
what is plainly wrong in the files of the project. The output knows best, since it was
there. What stands in the source comes next; then an exception that we know nothing of,
with its place. A guess from the wire alone comes last.

But what stands in the source may be wrong, and not be what fails here: then it comes
behind all others, as "Also: …" (`reach.py`).

Where none of them has named the place, and the project departs from the finished stage
in a few places only, these are named, too.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.checker.explain.catalogue import ANY, Entry, entries
from tests.checker.explain.crashes import crash_sentence
from tests.checker.explain.departures import (
    Departure,
    departures,
    in_short,
    in_words,
)
from tests.checker.explain.reach import explains
from tests.checker.explain.source import Source, findings
from tests.checker.explain.suspects import suspects
from tests.checker.stages import STAGES
from tests.checker.system import ROOT

__all__ = ["Source", "Told", "diagnose", "explain", "read"]

# Who speaks for a diagnosis, from the best witness to the worst.
OUTPUT, SOURCE, SURE, CRASH, HINT, WIRE = range(6)
PLACE = re.compile(r"([\w./-]+), line (\d+)")
ALSO = "Also:"
ALONE = "This is wrong, though it may not be what fails here:"
FEW = 2  # Places that are worth a word beside a witness who was there.


class Told(NamedTuple):
    """
    What is said of a failure. `id` is the entry's, or "crash", "departure", or empty.

    `departed` are the places where the project is not the finished stage's, and
    `others` those of them that are less likely. `file` and `line` are where a finding
    of the source stands. `words` are those that were filled in, by their names.
    `explains` is false of a finding that something else has to go with, to fail so.
    `also` is what else is wrong, and comes last.
    """

    witness: int
    id: str
    diagnosis: str
    cure: str = ""
    departed: tuple[Departure, ...] = ()
    file: str = ""
    line: int = 0
    others: tuple[Departure, ...] = ()
    words: tuple[tuple[str, object], ...] = ()
    explains: bool = True
    also: str = ""

    @property
    def general(self) -> str:
        """What is the same for all who made the mistake: without the places."""
        return f"{self.diagnosis} {self.cure}".strip()

    @property
    def sentence(self) -> str:
        """All of it, and what else is wrong."""
        if not self.also:
            return self.first
        if not self.first:
            return f"{ALONE} {self.also}"
        return f"{self.first}\n{ALSO} {self.also}"

    @property
    def first(self) -> str:
        """
        What is said of the failure, in lines.

        They may be broken, but for those that are set in: code.

        What somebody has seen to be wrong comes first, then where, then what to do. A
        guess from the wire comes after the places.
        """
        if not self.departed:
            return self.general
        diagnosis = self.diagnosis
        if diagnosis and diagnosis[-1] not in ".!?":
            diagnosis += "."  # It ends with the words of an exception.
        if self.witness < CRASH:
            return " ".join(filter(None, (diagnosis, self.departs, self.cure)))
        if self.witness != WIRE:
            return "\n".join(filter(None, (diagnosis, self.departs, self.cure)))
        guess = f"\nMost often it is this: {self.general}" if self.general else ""
        return f"{self.departs}{guess}"

    @property
    def departs(self) -> str:
        """The places in words. Who knows what is wrong need not quote them."""
        is_known = self.witness < CRASH
        if is_known:
            return in_short(self.departed)
        return in_words(self.departed, self.others)


NOBODY = Told(WIRE, "", "")


def read(project: Path, check: str) -> dict[str, Source | None]:
    """
    Return the files of a project, and those of the finished stage that a check is of.

    They are the arguments `source` and `course` of `explain`. There is no course where
    the stage itself is checked, or an exercise.
    """
    stage = re.match(r"tests/test_(stage\d\d_\w+)\.py", check)
    finished = ROOT / stage[1] if stage else project
    is_other = finished.resolve() != project.resolve()
    course = Source.of(finished) if is_other else None
    if course:
        course.before = Source.of(before_it(stage[1]))
    return {"source": Source.of(project), "course": course}


def before_it(stage: str) -> Path:
    """Return what the chapter of a stage begins with."""
    earlier = [name for name in STAGES if name < stage]
    return ROOT / earlier[-1] if earlier else ROOT / "tests" / "start"


def diagnose(
    symptom: str,
    printed: str,
    check: str = "",
    answered: bool | None = None,
    source: Source | None = None,
    course: Source | None = None,
) -> str:
    """Return the sentence for the mistake that fits best, or an empty string."""
    return explain(symptom, printed, check, answered, source, course).sentence


def explain(
    symptom: str,
    printed: str,
    check: str = "",
    answered: bool | None = None,
    source: Source | None = None,
    course: Source | None = None,
) -> Told:
    """
    Return what fits best, and which witness speaks for it.

    `source` is the project, and `course` the finished stage that it wants to become.
    """
    fits = [*fitting(symptom, printed, check, answered, source)]
    told = [each for each in fits if each.explains]
    if sentence := crash_sentence(symptom, printed, check):
        told.append(Told(CRASH, "crash", sentence))
    best = min(told, key=lambda each: each.witness, default=NOBODY)
    also = beside(best, fits)
    return with_places(best, check, source, course)._replace(also=also)


def beside(best: Told, fits: list[Told]) -> str:
    """Return what else is plainly wrong in the source, the nearest to the failure."""
    others = [
        each
        for each in fits
        if each.witness == SOURCE and (each.file, each.line) != (best.file, best.line)
    ]
    if best.witness < SOURCE or best.id in {each.id for each in others}:
        # Who was there knows it all; and once is enough for the same mistake.
        others = [each for each in others if not each.explains and each.id != best.id]
    others.sort(key=lambda each: not each.explains)
    return others[0].general if others else ""


def with_places(
    best: Told, check: str, source: Source | None, course: Source | None
) -> Told:
    """Add the places where the project departs from the stage, if nobody named one."""
    if best.witness == SOURCE or not source or not course:
        return best
    departed = tuple(departures(source, course))
    if best.witness < CRASH and len(departed) > FEW:
        return best
    named = [(best.file, best.line)]
    named += [(file, int(line)) for file, line in PLACE.findall(best.sentence)]
    agree = any(each.holds(*place) for each in departed for place in named)
    # What an exception says is no cure.
    if agree and best.id != "crash":
        return best
    if departed and not best.id:
        best = Told(WIRE, "departure", "")
    few = suspects(departed, check, source, course)
    best = best._replace(departed=few.told, others=few.others)
    if best.witness == WIRE and len(departed) > FEW:
        best = best._replace(cure="")  # It is only a guess, and the places are many.
    return best


def fitting(
    symptom: str,
    printed: str,
    check: str = "",
    answered: bool | None = None,
    source: Source | None = None,
) -> Iterator[Told]:
    """Yield all that fits, in the order of the catalogue."""
    found = {each.id: each for each in reversed(findings(source) if source else [])}
    code = source.code if source else ""
    for entry in entries():
        finding = found.get(entry.source)
        if entry.source and not finding:
            continue
        witness = best_witness(entry)
        # What an exercise asks for is no part of the contract: from the wire alone we
        # would guess wrong.
        if witness == WIRE and "exercises/" in check:
            continue
        if not re.fullmatch(entry.symptom, symptom):
            continue
        if not re.search(entry.check, check):
            continue
        if None not in (entry.answered, answered) and entry.answered != answered:
            continue
        if entry.unless and re.search(entry.unless, code):
            continue
        if entry.needs and not re.search(entry.needs, code):
            continue
        words: dict[str, object] = {}
        if finding:
            words = {**finding.words, "file": finding.file, "line": finding.line}
        if match := re.search(entry.printed, printed):
            words |= match.groupdict()
            diagnosis, cure = entry.told(words)
            file, line = (finding.file, finding.line) if finding else ("", 0)
            is_cause = not finding or explains(
                *(entry, finding, symptom, printed, check), source
            )
            yield Told(
                witness,
                entry.id,
                diagnosis,
                cure,
                file=file,
                line=line,
                words=tuple(words.items()),
                explains=is_cause,
            )


def best_witness(entry: Entry) -> int:
    """Return who speaks for an entry."""
    if entry.source:
        return HINT if entry.hint else SOURCE
    if entry.general:
        return CRASH
    if entry.sure:
        return SURE
    if entry.printed != ANY:
        return OUTPUT
    return WIRE
