"""
What a failure most likely means: the mistake, and its cure, in one or two sentences.

Three things tell mistakes apart. The symptom is what a client saw on the wire, as named
by `client.py`. The second is what the server printed, the third is which check failed.
Where all are silent, the sentence names what to look at.
"""

import re

from tests.checker.explain import auth, conversation, handshake, start, tls
from tests.checker.explain.diagnosis import ANY

# The first that fits is the one that is told: the particular before the general.
DIAGNOSES = [
    *tls.DIAGNOSES,
    *auth.DIAGNOSES,
    *start.DIAGNOSES,
    *handshake.DIAGNOSES,
    *conversation.DIAGNOSES,
]

__all__ = ["DIAGNOSES", "diagnose"]


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
