"""
What a failure most likely means: the mistake, and its cure, in one or two sentences.

Three things tell mistakes apart. The symptom is what a client saw on the wire, as named
by `client.py`. The second is what the server printed, the third is which check failed.
Where all are silent, the sentence names what to look at.
"""

import re

from tests.checker.explain import auth, rooms, tls
from tests.checker.explain.diagnosis import ANY

# The server prints this when it has seen a crash.
CRASH = r"Traceback \(most recent call last\)|was never awaited"

# Here the server, or a library in front of it, has said no, and has said it itself.
ANSWERED = r"(.* )?[1-4]\d\d|TLS.*|redirects|another Location|check --deploy.*"

# The first that fits is the one that is told: the particular before the general.
DIAGNOSES = [*tls.DIAGNOSES, *auth.DIAGNOSES, *rooms.DIAGNOSES]

__all__ = ["CRASH", "DIAGNOSES", "diagnose", "may_be_a_crash"]


def may_be_a_crash(symptom: str) -> bool:
    """Tell whether a symptom can come from a crash: a 500, a close, silence, …"""
    return not re.fullmatch(ANSWERED, symptom)


def diagnose(symptom: str, printed: str, check: str = "") -> str:
    """Return the sentence for the first mistake that fits, or an empty string."""
    for diagnosis in DIAGNOSES:
        # What an exercise asks for is no part of the contract: from the wire alone we
        # would guess wrong.
        if "exercises/" in check and diagnosis.printed == ANY:
            continue
        if not re.fullmatch(diagnosis.symptom, symptom):
            continue
        if not re.search(diagnosis.check, check):
            continue
        if found := re.search(diagnosis.printed, printed):
            return diagnosis.sentence.format(**found.groupdict())
    return ""
