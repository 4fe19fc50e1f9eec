"""What is noted of a hand-in: a verdict for each promise, and the share kept."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from tests.checker.grading import checks
from tests.checker.grading.running import Ended
from tests.checker.system import Refusal, typed

KEPT, BROKEN, NOT_REACHED = "kept", "broken", "not reached"
COULD_NOT = "could not be checked"
NOT_KEPT, NOT_JUDGED = "not kept", "not judged"  # For points, that is all.
VERDICTS = (KEPT, BROKEN, NOT_REACHED, COULD_NOT)

GRADED, STOPPED, NOT_GRADED = "graded", "stopped", "could not be graded"
SEEN = 600  # Characters of what was seen.
MOST = 1000  # That a promise may count.
WEIGHTS_FILE = "weights file"  # In run.json, where there is one: its name.


class Row(NamedTuple):
    """What is noted of one hand-in."""

    name: str
    state: str  # graded, stopped (graded until then), could not be graded.
    result: float | None  # From 0 to 1. None where nothing could be checked.
    promises: dict[str, str]  # A verdict for each.
    diagnosis: str  # Its id. Empty where no entry of the catalogue matched.
    sentence: str
    departs: str  # Where the project is not the finished stage's, if in few places.
    seen: str  # At the first check that failed.
    at: str  # The name of that check, in words.
    seconds: float
    unchanged: str  # "as at the start", "the course's own stage", or empty.
    why: str  # Why it was stopped, or could not be graded.
    notes: list[str]
    fingerprint: str
    peak: dict[str, int]
    points: dict[str, Any] | None = None  # See `points_of`. None without weights.

    def count(self, verdict: str) -> int:
        """Return how many promises have a verdict."""
        return sum(each == verdict for each in self.promises.values())

    @property
    def failed(self) -> bool:
        """Whether some promise was looked at, and not kept."""
        return bool(self.seen or self.at)


def verdict(verdicts: Sequence[str], checks_of_it: int) -> str:
    """Return the verdict on a promise whose checks have these: the worst of them."""
    for each in (BROKEN, COULD_NOT, NOT_REACHED):
        if each in verdicts:
            return each
    if not checks_of_it:  # This machine can try none of them.
        return COULD_NOT
    # One that is half checked may be broken all the same.
    return KEPT if len(verdicts) >= checks_of_it else NOT_REACHED


def row_of(
    name: str,
    ended: Ended,
    promises: Mapping[str, int],
    weights: Mapping[str, float],
    known: Mapping[str, str],
    *,
    weighed: bool = False,
) -> Row:
    """
    Return what is noted, once the checks of a hand-in have ended.

    It is noted in points, too, if it is `weighed`: a file says what promises count.
    """
    by_promise: dict[str, list[str]] = {each: [] for each in promises}
    needed = dict(promises)  # How many checks of each this machine can try.
    faults, first, told = set(), {}, {}
    for line in ended.lines:
        promise = checks.promise_of(line["check"])
        if promise not in by_promise or line.get("verdict") not in VERDICTS:
            continue
        if line["verdict"] == COULD_NOT and checks.lacks_a_program(line):
            needed[promise] -= 1
            continue
        by_promise[promise].append(line["verdict"])
        if line["verdict"] == COULD_NOT and checks.is_the_machines(line):
            continue
        if line["verdict"] in (BROKEN, COULD_NOT):
            faults.add(promise)
            first = first or line
            diagnosis = line.get("diagnosis")
            if not told and isinstance(diagnosis, dict):
                told = diagnosis
    verdicts = {each: verdict(by_promise[each], needed[each]) for each in promises}
    # What could not be checked is nobody's fault, unless the project's, too.
    judged = {
        each: weights[each]
        for each in promises
        if verdicts[each] != COULD_NOT or each in faults
    }
    whole = sum(judged.values())
    kept = sum(judged[each] for each in judged if verdicts[each] == KEPT)
    state = NOT_GRADED if ended.why_not else STOPPED if ended.stopped else GRADED
    return Row(
        name=name,
        state=state,
        result=round(kept / whole, 4) if whole and state != NOT_GRADED else None,
        promises=verdicts,
        diagnosis=str(told.get("id", ""))[:SEEN],
        sentence=str(told.get("sentence", ""))[:SEEN],
        departs=" ".join(str(told.get("departs", "")).split())[:SEEN],
        seen=str(first.get("seen") or first.get("reason") or "")[:SEEN],
        at=str(first.get("sentence", ""))[:SEEN],
        seconds=ended.seconds,
        unchanged=known.get(ended.fingerprint, ""),
        why=ended.why_not or ended.stopped,
        notes=list(ended.notes),
        fingerprint=ended.fingerprint,
        peak=dict(ended.peak),
        points=points_of(verdicts, weights, judged)
        if weighed and whole and state != NOT_GRADED
        else None,
    )


def points_of(
    verdicts: Mapping[str, str], weights: Mapping[str, float], judged: Iterable[str]
) -> dict[str, Any]:
    """Return how many points somebody has, of how many, and for which promises."""
    found = {KEPT: {}, NOT_KEPT: {}, NOT_JUDGED: {}}
    for promise in verdicts:
        if points := weights[promise]:
            which = KEPT if verdicts[promise] == KEPT else NOT_KEPT
            found[which if promise in judged else NOT_JUDGED][promise] = points
    got, lost = (sum(found[each].values()) for each in (KEPT, NOT_KEPT))
    return {"points": got, "of": got + lost, **found}


def number_of(points: float) -> str:
    """Return points as one writes them: 3 or 2.5."""
    return f"{points:.4f}".rstrip("0").rstrip(".")


def in_points(points: Mapping[str, Any]) -> str:
    """Return `14 of 20 points`, and what is missing there."""
    told = f"{number_of(points['points'])} of {number_of(points['of'])} points"
    if more := sum(points[NOT_JUDGED].values()):
        told += f" ({number_of(more)} more could not be checked)"
    return told


def by_points(points: Mapping[str, Any]) -> dict[str, str]:
    """
    Return which promises that count are kept, and which not, with their points.

    Of who has no points, that is nothing.
    """
    return {
        which: ", ".join(
            f"{checks.in_words(promise)} ({number_of(counts)})"
            for promise, counts in points[which].items()
        )
        for which in (KEPT, NOT_KEPT, NOT_JUDGED)
        if points.get(which)
    }


def weights_of(file: Path | None, promises: Iterable[str]) -> dict[str, float]:
    """
    Read what each promise counts: 1, unless the file says another number.

    TOML, such as `message_comes_back = 2`. Raises Refusal.
    """
    weights = dict.fromkeys(promises, 1.0)
    if file is None:
        return weights
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{typed(file)} is no TOML: {error}") from None
    short = {each.removeprefix("test_"): each for each in promises}
    for name, value in found.items():
        promise = short.get(name.removeprefix("test_"))
        if promise is None:
            near = get_close_matches(name.removeprefix("test_"), short, 3, 0.4)
            hint = f": did you mean {' or '.join(near)}?" if near else ""
            raise Refusal(f"{typed(file)} names {name!r}, and no promise is so{hint}")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= MOST:
            raise Refusal(f"{typed(file)}: {name} is no number from 0 to {MOST}")
        weights[promise] = float(value)
    if not any(weights.values()):
        raise Refusal(f"{typed(file)} leaves no promise that counts")
    return weights


def to_json(row: Row) -> str:
    """Return a row as one line. Names that are no text come through, too."""
    found = row._asdict()
    if row.points is None:
        del found["points"]
    return json.dumps(found)


def from_json(line: str) -> Row:
    """Read what `to_json` wrote. Raises ValueError or TypeError."""
    # Rows of an older run have no `departs`.
    return Row(**{"departs": "", **json.loads(line)})


def in_line(text: Any) -> str:
    """Return text for one line of a terminal or a table: nothing in it acts."""
    shown = str(text).encode("utf-8", "backslashreplace").decode()
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode()
        for each in shown
    )
