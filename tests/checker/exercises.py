"""
What would answer an exercise, and when it is told all the same.

The mistake that an exercise's checks see first is often that nothing was done yet, and
its cure is the answer. Who asks for it by failing a third time is told. Any other
mistake is told at once.
"""

import re
from collections.abc import Iterable

from tests.checker import stuck
from tests.checker.hint import on_the_site

# The entries of the catalogue that would answer an exercise, by its file of checks.
ANSWERS = {
    "stage01_echo_3": {"no-last-route"},
    "stage02_routing_4": {"subprotocol-not-offered"},
    "stage03_groups_5": {"whisper-to-no-channel"},
}


def of(check: str) -> str:
    """Return the exercise that a check is of, as stage01_echo_3, or nothing."""
    found = re.match(r"tests/exercises/(\w+)\.py", check)
    return found[1] if found else ""


def kept_back(check: str, diagnosis: str, kept: Iterable[str]) -> str:
    """
    Return what is said in place of a diagnosis, or nothing: then it is told.

    `kept` are the promises that are kept. Each call counts as a failure.
    """
    exercise = of(check)
    if diagnosis not in ANSWERS.get(exercise, ()):
        return ""
    times = stuck.times(exercise, diagnosis, kept)
    if times >= stuck.PATIENCE:
        return ""
    left = stuck.PATIENCE - times
    often = "once more" if left == 1 else "twice more"
    stage, name, _number = exercise.split("_")
    site, place = on_the_site(f"{stage[-2:]}-{name}-deeper.html#exercises")
    return (
        f"This is what the exercise asks you to find out. If you want to be told, "
        f"check {often}. The exercise has a hint. {site} {place}"
    )
