"""
The third witness: what stands in the files of a project. They are read, never run.

`findings(Source.of(folder))` returns what is plainly wrong there, whatever a client saw
of it. Each finding names its file and line. A rule may miss a mistake; it must not find
one in a program that is right: proofs/test_source.py holds that for all right ones.
"""

from collections.abc import Iterator

from tests.checker.explain.source import (
    consumers,
    events,
    habits,
    project,
    routing,
    settings,
    shared,
)
from tests.checker.explain.source.read import Finding, Source

__all__ = ["Finding", "Source", "findings"]

RULES = [
    *project.RULES,
    *settings.RULES,
    *routing.RULES,
    *consumers.RULES,
    *events.RULES,
    *shared.RULES,
    *habits.RULES,
]


def findings(source: Source) -> list[Finding]:
    """Return what is plainly wrong in a project, in the order of the rules."""
    if source.findings is None:
        found = [finding for rule in RULES for finding in found_by(rule, source)]
        source.findings = found
    return source.findings


def found_by(rule, source: Source) -> Iterator[Finding]:
    """Yield what a rule finds. What it cannot read, it leaves alone."""
    try:
        yield from rule(source)
    except RecursionError:  # Of code that is nested beyond all measure.
        return
