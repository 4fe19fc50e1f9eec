"""
Whether a reader is stuck: the same diagnosis, again and again, and nothing kept anew.

The report calls `comes_a_third_time()` after a failure, once for each run, and then
offers the next hint. Standard library only.
"""

import hashlib
from collections.abc import Iterable

from tests.checker import last, system

PATIENCE = 3  # Times that a diagnosis comes, until a hint is offered.


def times(stage: str, diagnosis: str, kept: Iterable[str]) -> int:
    """
    Note that a diagnosis has come, and return how often it has, in a row.

    `stage` is a name such as stage02_routing, `diagnosis` its id, or another word for
    what was told. `kept` are the promises that are kept: as soon as they are others,
    the count begins anew. It is kept in work/.stuck.json. A damaged file counts as
    none. Of two runs at the same time, one may not be counted.
    """
    place = system.ROOT / "work" / ".stuck.json"
    text = "\n".join(sorted(kept)).encode()
    now = {"diagnosis": diagnosis, "kept": hashlib.sha256(text).hexdigest()}
    known = last.load(place)
    before = known.get(stage)
    count = 0
    if isinstance(before, dict) and {**before, "times": 0} == {**now, "times": 0}:
        found = before.get("times")
        count = found if isinstance(found, int) and found > 0 else 0
    known[stage] = {**now, "times": count + 1}
    try:
        last.save(place, known)
    except OSError:  # Then nobody can know: a hint is not offered.
        return 1
    return count + 1


def comes_a_third_time(stage: str, diagnosis: str, kept: Iterable[str]) -> bool:
    """Note that a diagnosis has come; tell whether a hint is due: every third time."""
    return times(stage, diagnosis, kept) % PATIENCE == 0


def all_is_well(stage: str) -> None:
    """Forget what was counted for a stage."""
    place = system.ROOT / "work" / ".stuck.json"
    known = last.load(place)
    if known.pop(stage, None) is not None:
        try:
            last.save(place, known)
        except OSError:
            return
