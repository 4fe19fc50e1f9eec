"""
Which of the places where a project departs may have broken a promise.

A check of messages says nothing of `urls.py`. And a reader in the middle of a chapter
lacks what the chapter brings later: that departs from the finished stage, but is no
mistake. So the places are put in order, and only a sure one is worth a headline.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from tests.checker.explain.departures import PAGES, Departure
from tests.checker.explain.source import Source

__all__ = ["NOWHERE", "Suspects", "spot", "suspects"]

# Where Channels begins, for the promises of each section.
BEGINNINGS = {
    "handshake": {"connect", "websocket_connect"},
    "message": {"receive", "receive_json", "websocket_receive"},
    "close": {"disconnect", "websocket_disconnect"},
}
# What leads to a consumer, and so is asked in each handshake.
WAY = re.compile(r"(^|/)(asgi|routing|converters|middleware\w*|faults)\.py$")
# What answers requests over HTTP, and commands: a WebSocket never comes there.
ASIDE = re.compile(r"(^|/)(urls|views|forms|admin|apps)\.py$|(^|/)management/")
# Promises that are about these.
OF_PAGES = re.compile("page|log_?in|logging|login|cookie|keys|secret|announce|command")
FIRST, OTHERS, LAST = range(3)
Functions = ast.FunctionDef | ast.AsyncFunctionDef


class Suspects(NamedTuple):
    """The places that are told, the likeliest first, and all others."""

    told: tuple[Departure, ...] = ()
    others: tuple[Departure, ...] = ()


NOWHERE = Suspects()


def suspects(
    found: Sequence[Departure], check: str, source: Source, course: Source
) -> Suspects:
    """Put the places of a project in order, for a check that has failed."""
    before = course.before
    reached = names_reached(check, source, course)
    coming = names_to_come(source, course, before)
    ranked = []
    for each in found:
        is_later = before is not None and (
            is_as_before(each, source, course, before) or needs(each, coming)
        )
        function = function_of(each, source, course)
        rank = rank_of(each, check, function, reached)
        ranked.append(each._replace(rank=rank, is_later=is_later, function=function))
    ranked.sort(key=lambda each: (each.rank, each.is_later))  # Else as they stand.
    if not ranked:
        return NOWHERE
    # What is the same as in the stage before is no suspect, if there is a likelier one.
    told = [each for each in ranked if not each.is_later] or ranked
    if ranked[0].rank < told[0].rank:
        told = ranked
    told = [each for each in told if each.rank < LAST] or told
    return Suspects(tuple(told), tuple(each for each in ranked if each not in told))


def spot(told: Sequence[Departure]) -> str:
    """Return the place to look at: lines, a method, or nothing where none is sure."""
    if not told:
        return ""
    first = told[0]
    best = [*takewhile(lambda each: each.suspicion == first.suspicion, told)]
    if len({(each.file, each.run) for each in best}) == 1:
        own = [each for each in best if each.mine] or best[:1]
        start, end = own[0].row, max(each.end for each in own)
        if len(own) > 1 and end > start:
            return f"{first.file}, lines {start} to {end}"
        return f"{first.file}, line {start}"
    places = {(each.file, each.function) for each in best}
    if len(places) == 1 and first.function:
        return f"{first.function}() in {first.file}"
    return ""


# What the check is about


def rank_of(one: Departure, check: str, function: str, reached: set[str]) -> int:
    """Return how near a place is to what the check has looked at."""
    promise = check.rpartition("::")[2]
    if OF_PAGES.search(promise) or "::" not in check:
        return FIRST
    if one.file.endswith(PAGES) or ASIDE.search(one.file):
        return LAST
    if section_of(check) == "handshake" and WAY.search(one.file):
        return FIRST
    return FIRST if function in reached else OTHERS


def section_of(check: str) -> str:
    """Return what a promise is about: the handshake, messages, or the close."""
    name = check.rpartition("::")[2].removeprefix("test_")
    return re.split("_", name)[0].removesuffix("s")


def names_reached(check: str, source: Source, course: Source) -> set[str]:
    """Return the functions that a promise's own methods call, and those methods."""
    used: dict[str, set[str]] = {}
    for each in (source, course):
        for _file, node in each.nodes(*Functions.__args__):
            used.setdefault(node.name, set()).update(names_in(node))
    found: set[str] = set()
    todo = [*BEGINNINGS.get(section_of(check), ())]
    while todo:
        name = todo.pop()
        if name in used and name not in found:
            found.add(name)
            todo += used[name]
    return found


def names_in(function: ast.AST) -> Iterator[str]:
    """Yield what a function names: what it calls, and whom an event is for."""
    for node in ast.walk(function):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.Constant(value=str(text)) if text.replace(".", "_").isidentifier():
                yield text.replace(".", "_")


# What the chapter brings later


def functions_of(source: Source, file: str) -> dict[str, ast.AST]:
    """Return the functions and classes of a file, by name."""
    tree = source.trees.get(file)
    kinds = (*Functions.__args__, ast.ClassDef)
    nodes = ast.walk(tree) if tree else ()
    return {node.name: node for node in nodes if isinstance(node, kinds)}


def function_at(source: Source, file: str, row: int) -> str:
    """Return the innermost function that a line stands in, or nothing."""
    found = ""
    for name, node in functions_of(source, file).items():  # The outer ones come first.
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        if first <= row <= node.end_lineno and isinstance(node, Functions):
            found = name
    return found


def function_of(one: Departure, source: Source, course: Source) -> str:
    """Return the function that a place is in."""
    if one.mine:
        return function_at(source, one.file, one.row)
    return function_at(course, one.file, one.there)


def names_to_come(source: Source, course: Source, before: Source | None) -> set[str]:
    """Return what the finished stage gives a name that is in neither of the others."""
    kinds = (*Functions.__args__, ast.ClassDef)
    names = [
        {node.name for _file, node in each.nodes(*kinds)} if each else set()
        for each in (course, source, before)
    ]
    return names[0] - names[1] - names[2]


def needs(one: Departure, coming: set[str]) -> bool:
    """Tell whether only the finished stage's side of a place names what is to come."""
    mine, theirs = (
        set(re.findall(r"\w+", " ".join(side))) for side in (one.mine, one.theirs)
    )
    return bool((theirs - mine) & coming)


def is_as_before(
    one: Departure, source: Source, course: Source, before: Source
) -> bool:
    """Tell whether a place is still as in the stage that the chapter begins with."""
    file = one.file
    if not one.mine and not one.theirs:
        return file not in source.files and file not in before.files
    if source.files.get(file) == before.files.get(file):
        return True
    name = function_of(one, source, course)
    mine, old = (functions_of(each, file).get(name) for each in (source, before))
    if name and mine is None and old is None and not one.mine:
        return True  # All of the function is missing.
    return bool(mine and old) and ast.dump(mine) == ast.dump(old)
