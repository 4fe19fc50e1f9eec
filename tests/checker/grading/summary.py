"""The summary of a class, in Markdown: what a teacher looks at first."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from tests.checker.grading import checks
from tests.checker.grading.rows import (
    COULD_NOT,
    GRADED,
    KEPT,
    NOT_GRADED,
    STOPPED,
    VERDICTS,
    WEIGHTS_FILE,
    Row,
    by_points,
    in_line,
    in_points,
    number_of,
)

COMMONEST = 20
LINES = 8  # Of what was seen.
CRASH = "crash"  # The id of all that end in a traceback of their own.
ACTS = "\\`*_[]<>|~&"  # What Markdown takes for more than a letter.
# What it takes for a heading, a list, a rule, or an indented block, at a line's start.
BEGINS = re.compile(r"^(\d*)(?=[-+=#.)])")


def plain(text: Any) -> str:
    """Return text that Markdown shows as it is: no link, no picture, no table."""
    shown = "".join(
        f"\\{each}" if each in ACTS else each for each in in_line(text).strip()
    )
    return BEGINS.sub(r"\1\\", shown)


def names(rows: Sequence[Row]) -> str:
    """Return who is meant."""
    return ", ".join(plain(row.name) for row in rows)


def summary(about: Mapping[str, Any], promises: Sequence[str], rows: list[Row]) -> str:
    """Return the whole page."""
    rows = sorted(rows, key=lambda row: row.name)
    parts = [
        head(about, rows),
        commonest(rows),
        matched_nothing(rows),
        not_graded(rows),
        stopped(rows),
        same(rows),
        noted(rows),
        person_by_person(rows),
        by_promise(about, promises, rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def head(about: Mapping[str, Any], rows: list[Row]) -> str:
    """Return how many there are, and how they did."""
    states = Counter(row.state for row in rows)
    results = [row.result for row in rows if row.result is not None]
    lines = [
        f"# Results of {plain(about['stage'])}",
        "",
    ]
    words = f"{states[STOPPED]} stopped, {states[NOT_GRADED]} could not be graded"
    whole = number(len(rows), "submission")
    lines.append(f"- {whole}: {states[GRADED]} graded, {words}")
    if results:
        everything = sum(row.count(KEPT) == len(row.promises) for row in rows)
        lines.append(
            f"- {everything} kept every promise; the middle of the class is at "
            f"{median(results):.0%}"
        )
    if short := points_in_short(about, rows):
        lines.append(f"- {plain(short)}")
    lines.append(f"- Sandbox: {plain(about['sandbox'])}")
    lines += [f"- {plain(each)}" for each in about["missing programs"]]
    return "\n".join(lines)


def points_in_short(about: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Return by which weights how many were graded, or nothing without weights."""
    if WEIGHTS_FILE not in about:
        return ""
    graded = [row.points["points"] for row in rows if row.points]
    words = f"Weights: {in_line(about[WEIGHTS_FILE])}. "
    words += f"{number(len(graded), 'person')} graded by them"
    if graded:
        least, most = number_of(min(graded)), number_of(max(graded))
        words += f": from {least} to {most} points, {number_of(median(graded))} in the"
        words += " middle"
    return f"{words}."


def person_by_person(rows: Sequence[Row]) -> str:
    """Return who has how many points, and for what, where promises have weights."""
    lines = []
    for row in rows:
        if row.points:
            lines.append(f"- **{plain(row.name)}**: {plain(in_points(row.points))}")
            found = by_points(row.points).items()
            lines += [f"    - {which}: {plain(promises)}" for which, promises in found]
    return "\n".join(["## Points", "", *lines]) if lines else ""


def number(count: int, thing: str) -> str:
    """Return `1 thing` or `2 things`."""
    return f"{count} {thing}{'s' * (count != 1)}"


def commonest(rows: list[Row]) -> str:
    """Return the class's commonest diagnoses."""
    found = defaultdict(list)
    for row in rows:
        if row.sentence:  # A crash that nobody knows is the same in its words only.
            is_known = row.diagnosis not in ("", CRASH)
            found[row.diagnosis if is_known else row.sentence].append(row)
    if not found:
        return ""
    lines = ["## The commonest diagnoses", ""]
    ordered = sorted(found.values(), key=len, reverse=True)
    for who in ordered[:COMMONEST]:
        name = f", {plain(who[0].diagnosis)}" if who[0].diagnosis else ""
        lines.append(f"- **{len(who)}**{name}: {plain(who[0].sentence)}")
        lines += [f"    - {with_places(row)}" for row in who if row.departs]
        if others := [row for row in who if not row.departs]:
            lines.append(f"    - {names(others)}")
    if (more := len(found) - COMMONEST) > 0:
        lines.append(f"- and {number(more, 'other')}, in results.csv")
    return "\n".join(lines)


def with_places(row: Row) -> str:
    """Return who it is, and the few places that are not the finished stage's."""
    return f"{plain(row.name)}: {plain(row.departs)}"


def matched_nothing(rows: list[Row]) -> str:
    """Return those whose mistake has no name, with what was seen."""
    found = [row for row in rows if row.failed and not row.sentence]
    if not found:
        return ""
    lines = ["## Matched no diagnosis", ""]
    for row in found:
        lines += [f"- {plain(row.name)}, at “{plain(row.at)}”:", ""]
        seen = row.seen.splitlines()[:LINES] or ["nothing"]
        lines += [f"        {in_line(line)}" for line in seen]
        lines += ["", f"    {plain(row.departs)}"] * bool(row.departs)
        lines.append("")
    return "\n".join(lines).rstrip()


def not_graded(rows: list[Row]) -> str:
    """Return those that could not be graded, and why."""
    return reasons("## Could not be graded", rows, NOT_GRADED)


def stopped(rows: list[Row]) -> str:
    """Return those that reached a limit. What they had kept until then counts."""
    return reasons("## Stopped before the end", rows, STOPPED)


def reasons(title: str, rows: list[Row], state: str) -> str:
    """Return who is in a state, and why."""
    found = [row for row in rows if row.state == state]
    lines = [f"- {plain(row.name)}: {plain(row.why)}" for row in found]
    return "\n".join([title, "", *lines]) if lines else ""


def same(rows: list[Row]) -> str:
    """Return who handed in what the course or somebody else has."""
    lines = []
    groups = defaultdict(list)
    for row in rows:
        if row.unchanged:
            groups[row.unchanged].append(row)
    for words, who in groups.items():
        lines.append(f"- Unchanged, {words}: {names(who)}")
    twins = defaultdict(list)
    for row in rows:
        if row.fingerprint and not row.unchanged:
            twins[row.fingerprint].append(row)
    lines += [
        f"- The same, byte by byte: {names(who)}"
        for who in twins.values()
        if len(who) > 1
    ]
    return "\n".join(["## The same", "", *lines]) if lines else ""


def noted(rows: list[Row]) -> str:
    """Return what else a teacher should know of a hand-in."""
    found = [(row, note) for row in rows for note in row.notes]
    lines = [f"- {plain(row.name)}: {plain(note)}" for row, note in found]
    unsure = [row for row in rows if row.state != NOT_GRADED and row.count(COULD_NOT)]
    if unsure:
        lines.append(f"- Something could not be checked: {names(unsure)}")
    return "\n".join(["## Look at these, too", "", *lines]) if lines else ""


def by_promise(
    about: Mapping[str, Any], promises: Sequence[str], rows: list[Row]
) -> str:
    """Return how many kept each promise, and what it counts, if a file says that."""
    checked = [row for row in rows if row.state != NOT_GRADED]
    weighed = WEIGHTS_FILE in about
    titles = ["promise", *(("points",) if weighed else ()), *VERDICTS]
    lines = ["## Promise by promise", ""]
    lines += [
        f"| {' | '.join(titles)} |",
        f"| :-- |{' --: |' * (len(titles) - 1)}",
    ]
    for promise in promises:
        counts = Counter(row.promises[promise] for row in checked)
        cells = [checks.in_words(promise)]
        if weighed:
            cells.append(number_of(about["weights"].get(promise, 1)))
        cells += [str(counts[each]) for each in VERDICTS]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
