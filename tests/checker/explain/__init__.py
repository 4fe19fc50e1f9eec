"""
What a failure most likely means: the mistake, and its cure, in one or two sentences.

There are three witnesses. The wire: the symptom, as named by `client.py`, and which
check failed. The output: what the server printed. The source: what is plainly wrong in
the files of the project. The output knows best, since it was there. What stands in the
source comes next; then an exception that we know nothing of, with its place. A guess
from the wire alone comes last.
"""

import re
from collections.abc import Iterator

from tests.checker.explain import auth, conversation, handshake, plain, start, tls
from tests.checker.explain.crashes import crash_sentence
from tests.checker.explain.diagnosis import ANY, Diagnosis
from tests.checker.explain.source import Source, findings

# Among those that the same witnesses speak for, the first that fits is told: the
# particular before the general.
DIAGNOSES = [
    *tls.DIAGNOSES,
    *auth.DIAGNOSES,
    *start.DIAGNOSES,
    *handshake.DIAGNOSES,
    *conversation.DIAGNOSES,
    *plain.DIAGNOSES,
]

# Who speaks for a diagnosis, from the best witness to the worst. What may well stand in
# a program that is right is a hint only.
OUTPUT, SOURCE, CRASH, HINT, WIRE = range(5)

__all__ = ["DIAGNOSES", "diagnose"]


def diagnose(
    symptom: str, printed: str, check: str = "", source: Source | None = None
) -> str:
    """Return the sentence for the mistake that fits best, or an empty string."""
    told = [*fitting(symptom, printed, check, source)]
    if sentence := crash_sentence(symptom, printed, check):
        told.append((CRASH, sentence))
    return min(told, key=lambda each: each[0])[1] if told else ""


def fitting(
    symptom: str, printed: str, check: str, source: Source | None
) -> Iterator[tuple[int, str]]:
    """Yield the sentences that fit, each with the witness that speaks for it."""
    found = {each.id: each for each in reversed(findings(source) if source else [])}
    code = "\n".join(source.files.values()) if source else ""
    for diagnosis in DIAGNOSES:
        witness = best_witness(diagnosis)
        # What an exercise asks for is no part of the contract: from the wire alone we
        # would guess wrong.
        if witness == WIRE and "exercises/" in check:
            continue
        if not re.fullmatch(diagnosis.symptom, symptom):
            continue
        if not re.search(diagnosis.check, check):
            continue
        words: dict[str, object] = {}
        if diagnosis.source:
            if diagnosis.source not in found:
                continue
            finding = found[diagnosis.source]
            words = {**finding.words, "file": finding.file, "line": finding.line}
        if diagnosis.unless and re.search(diagnosis.unless, code):
            continue
        if match := re.search(diagnosis.printed, printed):
            yield witness, diagnosis.sentence.format(**match.groupdict(), **words)


def best_witness(diagnosis: Diagnosis) -> int:
    """Return who speaks for a diagnosis."""
    if diagnosis.source:
        return HINT if diagnosis.source in plain.HINTS else SOURCE
    if diagnosis.is_general:
        return CRASH
    if diagnosis.is_sure or diagnosis.printed != ANY:
        return OUTPUT
    return WIRE
