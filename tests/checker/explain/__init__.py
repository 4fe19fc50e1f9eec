"""
What a failure most likely means: the mistake, and its cure, in one or two sentences.

There are three witnesses. The wire: the symptom, as named by `client.py`, which check
failed, and what was answered before. The output: what the server printed. The source:
what is plainly wrong in the files of the project. The output knows best, since it was
there. What stands in the source comes next; then an exception that we know nothing of,
with its place. A guess from the wire alone comes last.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.checker.explain.catalogue import ANY, Entry, entries
from tests.checker.explain.crashes import crash_sentence
from tests.checker.explain.source import Source, findings

__all__ = ["Source", "Told", "diagnose", "explain"]

# Who speaks for a diagnosis, from the best witness to the worst.
OUTPUT, SOURCE, SURE, CRASH, HINT, WIRE = range(6)


class Told(NamedTuple):
    """What is said of a failure. `id` is the entry's, or "crash", or empty."""

    witness: int
    id: str
    sentence: str


def diagnose(
    symptom: str,
    printed: str,
    check: str = "",
    answered: bool | None = None,
    source: Source | None = None,
) -> str:
    """Return the sentence for the mistake that fits best, or an empty string."""
    return explain(symptom, printed, check, answered, source).sentence


def explain(
    symptom: str,
    printed: str,
    check: str = "",
    answered: bool | None = None,
    source: Source | None = None,
) -> Told:
    """Return what fits best, and which witness speaks for it."""
    told = [*fitting(symptom, printed, check, answered, source)]
    if sentence := crash_sentence(symptom, printed, check):
        told.append(Told(CRASH, "crash", sentence))
    return min(told, key=lambda each: each.witness, default=Told(WIRE, "", ""))


def fitting(
    symptom: str,
    printed: str,
    check: str = "",
    answered: bool | None = None,
    source: Source | None = None,
) -> Iterator[Told]:
    """Yield all that fits, in the order of the catalogue."""
    found = {each.id: each for each in reversed(findings(source) if source else [])}
    code = "\n".join(source.files.values()) if source else ""
    for entry in entries():
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
        if entry.source:
            if entry.source not in found:
                continue
            finding = found[entry.source]
            words = {**finding.words, "file": finding.file, "line": finding.line}
        if match := re.search(entry.printed, printed):
            sentence = entry.sentence.format(**match.groupdict(), **words)
            yield Told(witness, entry.id, sentence)


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
