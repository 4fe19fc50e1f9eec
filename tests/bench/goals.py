"""
What was asked of the fast lane and of the stages, and what was measured.

A goal that is a ratio is one of two numbers of the same round. Where the machine did
something else meanwhile, CPU times are compared in the place of speeds.
"""

from collections.abc import Mapping
from textwrap import fill
from typing import Any, NamedTuple

from tests.bench.echo import ONE, SIXTEEN
from tests.bench.record import Record
from tests.bench.rows import (
    AUTOBAHN,
    ECHO_FAST,
    ECHO_STAGE,
    FAST,
    IN_MEMORY,
    SESSION,
    SESSION_FAST,
    STAGE,
    SYNCHRONOUS,
    WEBSOCKETS,
    Variant,
)
from tests.bench.spread import Sample, Spread, is_quiet, ratios, spread
from tests.bench.start import IMPORTS

SPEEDS = {
    "echo": "messages_per_s",
    "fanout": "deliveries_per_s",
    "handshake": "handshakes_per_s",
}
Found = Mapping[str, list[Sample]]


class Ratio(NamedTuple):
    """A goal: how many times as fast as another a server is to be."""

    name: str
    part: str
    mine: str
    base: str
    least: float
    limit: str = ""
    """The row that no application on Daphne can be faster than."""

    def row(self, found: Found) -> dict[str, Any]:
        """Return what was asked and measured. Raises KeyError if it was not."""
        mine, base = found[self.mine], found[self.base]
        fast = ratios(mine, base, SPEEDS[self.part])
        cheap = ratios(mine, base, "cpu_us", inverse=True)
        quiet = is_quiet(mine) and is_quiet(base)
        cells = told(self.name, fast if quiet else cheap, least=self.least)
        cells |= {"by": "time" if quiet else "CPU"}
        cells |= {"time": list(fast), "CPU": list(cheap)}
        if self.limit:
            key = SPEEDS[self.part] if quiet else "cpu_us"
            limit = ratios(found[self.limit], base, key, inverse=not quiet)
            cells["limit"] = limit.median
        return cells


class Most(NamedTuple):
    """A goal: what a number is to be at most."""

    name: str
    part: str
    mine: str
    key: str
    most: float

    def row(self, found: Found) -> dict[str, Any]:
        """Return what was asked and measured. Raises KeyError if it was not."""
        values = spread([each[self.key] for each in found[self.mine]])
        return told(self.name, values, most=self.most)


class Growth(NamedTuple):
    """A goal: how the cost of a delivery grows from one size to another, at most."""

    name: str
    part: str
    mine: str
    base: str
    sizes: tuple[int, int]
    most: float

    def row(self, found: Found) -> dict[str, Any]:
        """Return what was asked and measured. Raises KeyError if it was not."""
        grown = []
        for name in (self.mine, self.base):
            small, large = (found[f"{name}; {size} members"] for size in self.sizes)
            pairs = zip(large, small, strict=False)
            grown.append([{"x": up["cpu_us"] / down["cpu_us"]} for up, down in pairs])
        return told(self.name, ratios(*grown, "x"), most=self.most) | {"by": "CPU"}


class Imports(NamedTuple):
    """A goal: how many times as long as the imports alone a start takes, at most."""

    name: str
    part: str
    mine: str
    most: float

    def row(self, found: Found) -> dict[str, Any]:
        """Return what was asked and measured. Raises KeyError if it was not."""
        mine, base = found[self.mine], found[IMPORTS]
        time, cpu = (ratios(mine, base, key) for key in ("first_ms", "cpu_ms"))
        quiet = is_quiet(mine) and is_quiet(base)
        cells = told(self.name, time if quiet else cpu, most=self.most)
        by = "time" if quiet else "CPU"
        return cells | {"by": by, "time": list(time), "CPU": list(cpu)}


IN_ROOM = str(Variant(STAGE, IN_MEMORY))
FAST_IN_ROOM = str(Variant(FAST, IN_MEMORY))

GOALS = [
    Ratio(
        "fast echo, 1 in flight, against the synchronous consumer",
        *("echo", f"{ECHO_FAST}; {ONE}", f"{SYNCHRONOUS}; {ONE}", 3.5),
        f"{AUTOBAHN}; {ONE}",
    ),
    Ratio(
        "fast echo, 16 in flight, against the synchronous consumer",
        *("echo", f"{ECHO_FAST}; {SIXTEEN}", f"{SYNCHRONOUS}; {SIXTEEN}", 9),
        f"{AUTOBAHN}; {SIXTEEN}",
    ),
    Ratio(
        "fast echo, 16 in flight, against raw websockets",
        *("echo", f"{ECHO_FAST}; {SIXTEEN}", f"{WEBSOCKETS}; {SIXTEEN}", 0.8),
        f"{AUTOBAHN}; {SIXTEEN}",
    ),
    *(
        Ratio(
            f"fast fan-out to {size}, against stage 3",
            "fanout",
            f"{FAST_IN_ROOM}; {size} members",
            f"{IN_ROOM}; {size} members",
            5,
        )
        for size in (200, 500)
    ),
    Growth(
        "growth of a delivery's cost from 100 to 500 members, against raw websockets'",
        *("fanout", FAST_IN_ROOM, WEBSOCKETS, (100, 500), 1),
    ),
    Ratio(
        "a session's handshake in the fast lane, against stage 4",
        "handshake",
        str(Variant(SESSION_FAST, IN_MEMORY)),
        str(Variant(SESSION, IN_MEMORY)),
        1.6,
    ),
    Imports("stage 1's first handshake, against the imports", "start", ECHO_STAGE, 1),
    Most("stage 1 after it, in MiB", "start", ECHO_STAGE, "memory_mib", 66),
    *(
        Most(
            f"5,000 idle connections to {who}, in MiB",
            *("memory", f"{name}; 5000 connections", "memory_mib", 350),
        )
        for who, name in (("stage 1", ECHO_STAGE), ("stage 3", IN_ROOM))
    ),
]


def told(
    name: str, measured: Spread, *, least: float = 0, most: float = 0
) -> dict[str, Any]:
    """Return the row of a goal, of which the least or the most was asked."""
    is_met = measured.median >= least if least else measured.median <= most
    return {
        "name": name,
        "asked": least or most,
        "at": "least" if least else "most",
        "measured": measured.median,
        "measured_quartiles": [measured.low, measured.high],
        "is_wide": measured.is_wide,
        "is_met": is_met,
    }


def result(records: Mapping[str, Record]) -> dict[str, Any]:
    """Return the goals that these measurements say something of."""
    rows = []
    for goal in GOALS:
        if goal.part in records:
            try:
                rows.append(goal.row(records[goal.part].rows()))
            except KeyError:  # A quick run leaves rows out.
                continue
    return {"rows": rows}


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the goals of an older result, but for those that were measured anew."""
    rows = {row["name"]: row for each in (old, new) for row in each["rows"]}
    ours = [rows[goal.name] for goal in GOALS if goal.name in rows]
    return {**new, "rows": ours}


def show(rows: list[dict[str, Any]]) -> None:
    """Print the goals, what was measured, and where that is not to be relied on."""
    for row in rows:
        low, high = row["measured_quartiles"]
        words = [f"{'met' if row['is_met'] else 'NOT met':8}{row['name']}:"]
        words += [f"at {row['at']} {row['asked']:g} asked,"]
        words += [f"{row['measured']:g} measured"]
        words += [f"(half of the rounds between {low:g} and {high:g})"] * (low != high)
        if "by" in row:
            words.append(f"by {row['by']}")
        if "limit" in row:
            words.append(f"where autobahn reaches {row['limit']:g}")
        if row["is_wide"]:
            words.append("(a wide spread)")
        print(fill(" ".join(words), 100, subsequent_indent=" " * 8))
