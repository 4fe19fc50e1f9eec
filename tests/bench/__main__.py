"""
Measure what a message costs, print the tables, and keep them for the site if asked to.

    python3 -m tests.bench                    everything, in ten minutes at most
    python3 -m tests.bench --quick            most rows, in one minute at most
    python3 -m tests.bench --write            everything, kept in docs/bench.json
    python3 -m tests.bench echo start         some of it
    python3 -m tests.bench fanout --profile   a flame graph of stage 3

A slow or busy machine measures fewer rounds in the same time. Ctrl-C and SIGTERM end a
run early. The tables say how many rounds each row has.
"""

import argparse
import json
import math
import os
import platform
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from textwrap import fill
from types import ModuleType
from typing import Any, NamedTuple

from tests.bench import echo, event, fanout, goals, handshake, memory, start
from tests.bench.clock import Clock, Stopped, stopping
from tests.bench.record import Record, Scope, doubts
from tests.bench.rows import Missing
from tests.bench.servers import HAS_UVICORN, can_pin
from tests.checker.client import WireError
from tests.checker.servers.runserver import ServerError
from tests.proofs.runs import ROOT

BENCHMARKS = {
    "echo": echo,
    "fanout": fanout,
    "handshake": handshake,
    "memory": memory,
    "start": start,
    "event": event,
}
RESULTS = ROOT / "docs" / "bench.json"
COLUMNS = ROOT / "docs" / "columns.toml"
PROFILE = Path("profile.svg")  # Where the command is typed: not the one of the site.
PACKAGES = ["Django", "Channels", "Daphne", "autobahn", "websockets"]

# Significant digits: what the noise of a quiet machine leaves of a number.
DIGITS = 3

WITHIN = 600  # Seconds that a whole run takes at most.
WITHIN_QUICK = 60
WIDTH = 100  # Letters of a line that is printed, at most.
INDENT = 4
START = 0.2  # Seconds in which a server starts that is forked, or is no Daphne.


def environment() -> dict[str, str | int]:
    """Return what a result depends on, as far as its reader has a choice."""
    packages = PACKAGES + ["uvicorn"] * HAS_UVICORN
    return {
        "Python": platform.python_version(),
        **{package: version(package) for package in packages},
        "CPUs": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
    }


def rounded(value: Any) -> Any:
    """Round numbers, in lists, too, to three digits; leave words, yes and no."""
    if isinstance(value, list):
        return [rounded(each) for each in value]
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short >= 10**DIGITS else short


def seconds(benchmark: ModuleType, scope: Scope) -> float:
    """Return how long a benchmark takes on a quiet machine, by its own arithmetic."""
    return benchmark.servers(scope) * START + benchmark.seconds(scope)


def cell(form: str, value: float | None) -> str:
    """Print a number. Not each row has each."""
    return "" if value is None else form.format(value)


def show(result: dict[str, Any]) -> None:
    """Print a result as a table, and what is to be known of it."""
    rows = result["rows"]
    columns = {
        key: column
        for key, column in tomllib.loads(COLUMNS.read_text(encoding="utf-8")).items()
        if any(key in row for row in rows)
    }
    groups: dict[str, list[tuple[str, list[str]]]] = {}
    for row in rows:
        # What comes after a semicolon, such as the size of the room, is said once.
        who, _, where = row["name"].partition("; ")
        numbers = [cell(each["form"], row.get(key)) for key, each in columns.items()]
        groups.setdefault(where, []).append((who, numbers))
    headings = [column["heading"].split() for column in columns.values()]
    cells = [numbers for group in groups.values() for _, numbers in group]
    widths = [
        max(map(len, [*heading, *column]))
        for heading, column in zip(headings, zip(*cells, strict=True), strict=True)
    ]
    longest = max(len(who) for group in groups.values() for who, _ in group)
    # A name that has no room before its numbers stands above them.
    is_narrow = longest + sum(widths) + 2 * len(widths) <= WIDTH
    space = " " * (longest if is_narrow else INDENT)

    def line(first: str, texts: Iterable[str]) -> str:
        numbers = (text.rjust(width) for text, width in zip(texts, widths, strict=True))
        return "  ".join([first.ljust(len(space)), *numbers]).rstrip()

    for where, group in groups.items():
        if where:
            print(f"{where}\n")
        for words in wrapped(headings):
            print(line("", words))
        for who, numbers in group:
            if is_narrow:
                print(line(who, numbers))
            else:
                print(f"{who}\n{line('', numbers)}")
        print()
    for sentence in result["notes"]:
        print(fill(sentence, WIDTH))
    print(flush=True)


def wrapped(headings: list[list[str]]) -> list[list[str]]:
    """Return the lines of headings that have a word on each, from the bottom up."""
    high = max(map(len, headings))
    filled = [[""] * (high - len(words)) + words for words in headings]
    return [list(words) for words in zip(*filled, strict=True)]


def write(file: Path, results: Mapping[str, dict[str, Any]]) -> None:
    """Put results into a JSON file, beside those of the other benchmarks."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if "goals" in kept and "goals" in results:
        results = {**results, "goals": goals.merged(kept["goals"], results["goals"])}
    text = json.dumps({**kept, **results}, ensure_ascii=False, indent=2, sort_keys=True)
    file.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def say(sentence: str, code: int = 2) -> int:
    """Say why there is no result, and return the exit status that goes with it."""
    print(sentence, file=sys.stderr)
    return code


def parser() -> argparse.ArgumentParser:
    """Return what reads the command, and explains it."""
    words = "\n".join(
        f"  {name:10} {benchmark.__doc__.strip().splitlines()[0]}"
        for name, benchmark in BENCHMARKS.items()
    )
    found = argparse.ArgumentParser(
        prog="python3 -m tests.bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"{__doc__.strip()}\n\nWithout words, all of these:\n\n{words}",
    )
    found.add_argument("benchmarks", nargs="*", metavar="WORD")
    found.add_argument(
        "--quick",
        action="store_true",
        help="in a minute: fewer rounds, and without Redis and nginx, rooms of 200, "
        "most rooms of 2,000, and memory of 5,000",
    )
    found.add_argument(
        "--within",
        type=float,
        metavar="SECONDS",
        help=f"how long all of it takes at most: {WITHIN}, or {WITHIN_QUICK} if quick",
    )
    found.add_argument(
        "--rounds", type=int, help="measure so many, however long it takes"
    )
    found.add_argument(
        "--seconds", type=float, help="how long each server is measured in a round"
    )
    found.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=RESULTS,
        metavar="FILE",
        help="keep the results in docs/bench.json, or in another file",
    )
    found.add_argument(
        "--profile",
        type=Path,
        nargs="?",
        const=PROFILE,
        metavar="FILE",
        help="of fanout: draw profile.svg, or another file, instead",
    )
    return found


def refused(options: argparse.Namespace) -> str:
    """Say why what is asked for cannot be done, or nothing."""
    for name in options.benchmarks:
        if name not in BENCHMARKS:
            known = ", ".join(BENCHMARKS)
            return f"There is no benchmark {name!r}, only: {known}."
    none = options.rounds is not None and options.rounds < 1
    times = (options.seconds, options.within)
    if none or any(each is not None and each <= 0 for each in times):
        return "There must be a round, and it must take some time."
    if options.profile and options.benchmarks != ["fanout"]:
        return "Only fanout has a profile."
    if options.quick and options.write == RESULTS:
        return "The pages show a whole run: give --write a file for a quick one."
    return ""


def scope_of(benchmark: ModuleType, options: argparse.Namespace) -> Scope:
    """Return how much of a benchmark is asked for."""
    scope = benchmark.QUICK if options.quick else benchmark.WHOLE
    if options.rounds is not None:
        scope = scope._replace(rounds=options.rounds)
    if options.seconds is not None:
        scope = scope._replace(seconds=options.seconds)
    return scope


class Part(NamedTuple):
    """What is measured in one go: a benchmark, or the largest rooms of one."""

    name: str
    scope: Scope

    def __str__(self) -> str:
        largest = self.scope.is_largest
        return f"{self.name}, {BENCHMARKS[self.name].LARGEST}" if largest else self.name

    def seconds(self, rounds: int = 0) -> float:
        """Return how long that takes on a quiet machine, with all or some rounds."""
        scope = self.scope._replace(rounds=rounds) if rounds else self.scope
        return seconds(BENCHMARKS[self.name], scope)


def parts(options: argparse.Namespace) -> list[Part]:
    """Return what is asked for, in its order: what takes longest comes last."""
    names = options.benchmarks or list(BENCHMARKS)
    found = [Part(name, scope_of(BENCHMARKS[name], options)) for name in names]
    largest = [each for each in found if hasattr(BENCHMARKS[each.name], "LARGEST")]
    return found + [
        Part(name, scope._replace(is_largest=True)) for name, scope in largest
    ]


def told(name: str, record: Record, scope: Scope, quick: str) -> dict[str, Any]:
    """Return the result of one benchmark, as it is kept."""
    table = BENCHMARKS[name].result(record)
    found = record.rows()
    notes = [f"Left out: {sentence}" for sentence in record.left_out]
    if not can_pin():
        notes.append("Server and load had no core each: ratios are less sure.")
    notes += doubts(found)
    if record.rounds < scope.rounds:
        notes.append(f"Time was left for {record.rounds} of {scope.rounds} rounds.")
    return {
        **table,
        "rows": [
            {key: rounded(value) for key, value in row.items()}
            | {"rounds": len(found[row["name"]])}
            for row in table["rows"]
        ],
        "command": f"python -m tests.bench {name}{quick}",
        "date": datetime.now(UTC).date().isoformat(),
        "environment": environment(),
        "notes": notes,
        "rounds": record.rounds,
        "seconds": scope.seconds,
    }


def main(arguments: list[str] | None = None) -> int:
    """Return 0, or 1 if a server failed, or 2 if what was asked for cannot be done."""
    options = parser().parse_args(arguments)
    if sentence := refused(options):
        return say(sentence)
    print("Measuring. The less else this machine does, the better.", file=sys.stderr)
    if options.profile:
        try:
            fanout.profile(options.profile)
        except Missing as missing:
            return say(str(missing))
        print(f"The flame graph is in {options.profile}: open it in a browser.")
        return 0
    return measure(options)


def within(options: argparse.Namespace) -> float:
    """Return how many seconds all of it may take."""
    if options.within is not None:
        return options.within
    if options.rounds is not None:
        return math.inf
    return WITHIN_QUICK if options.quick else WITHIN


def measure(options: argparse.Namespace) -> int:
    """Run the benchmarks that were asked for, and tell what each has measured."""
    asked = parts(options)
    clock = Clock(within(options), {part: part.seconds() for part in asked})
    most = within(options)
    ends = f", and ends within {most:.0f} s anywhere" if most < math.inf else ""
    whole = sum(clock.planned.values())
    print(f"On a quiet machine that takes {whole:.0f} s{ends}.\n", file=sys.stderr)
    print(", ".join(f"{key} {value}" for key, value in environment().items()), "\n")
    run = Run(asked, " --quick" if options.quick else "")
    with stopping(clock.left()) as enough:
        try:
            for part in asked:
                run.measure(part, clock)
        except Stopped as stopped:
            run.code = say(stopped.sentence, stopped.code or run.code)
        except KeyboardInterrupt:
            run.code = say(Stopped.sentence, Stopped.code)
        enough()
        finish(run, asked, options)
    return run.code


def finish(run: "Run", asked: list[Part], options: argparse.Namespace) -> None:
    """Tell what has not been told, and keep all of it if that is asked for."""
    run.tell(asked)
    if missing := [str(part) for part in asked if part not in run.ended]:
        say(f"There was no time for: {'; '.join(missing)}.")
    found = goals.result(run.records)["rows"]
    if found:
        rows = [{key: rounded(value) for key, value in row.items()} for row in found]
        run.results["goals"] = {
            "rows": rows,
            "command": f"python -m tests.bench{run.quick}",
        }
        goals.show(rows)
    if options.write and run.results:
        write(options.write, run.results)


class Run:
    """What has been measured so far, and what has been told of it."""

    def __init__(self, asked: list[Part], quick: str) -> None:
        self.quick = quick
        self.scopes = dict(reversed(asked))
        self.ended: list[Part] = []
        """The parts of which there is a whole round, or that cannot be measured."""
        self.all_records: dict[str, Record] = {}
        self.results: dict[str, dict[str, Any]] = {}
        self.code = 0

    @property
    def records(self) -> dict[str, Record]:
        """Return what there is a whole round of."""
        return {name: each for name, each in self.all_records.items() if each.rounds}

    def measure(self, part: Part, clock: Clock) -> None:
        """Measure a part, and tell what it has measured, unless more is to come."""
        record = self.all_records.setdefault(part.name, Record())
        benchmark = BENCHMARKS[part.name]
        if part.scope.is_largest and not clock.has_time_for(part.seconds(1)):
            record.left_out.append(f"{benchmark.LARGEST}, for which no time was left.")
            return
        scope = part.scope._replace(end=clock.share(part))
        print(f"{part}, {clock.planned[part]:.0f} s", file=sys.stderr)
        start = time.monotonic()
        groups = len(record.groups)
        try:
            benchmark.measure(scope, record)
            self.ended.append(part)
        except Missing as missing:
            self.code = say(str(missing))
            self.ended.append(part)
        except (ServerError, WireError, OSError) as error:
            self.code = say(str(error), 1)
            self.ended.append(part)
        finally:
            # What was interrupted may have rounds, too.
            if part not in self.ended and record.has_rounds_since(groups):
                self.ended.append(part)
        took = time.monotonic() - start
        print(f"{part} took {took:.0f} s\n", file=sys.stderr)
        clock.done(part, took, part.seconds(max(1, record.last_rounds)))
        if part.name not in {name for name, _ in clock.planned}:
            self.tell([part])

    def tell(self, some: list[Part]) -> None:
        """Print the tables of some parts, unless they have been told."""
        for name in dict.fromkeys(part.name for part in some):
            record = self.all_records.get(name)
            if name in self.results or not record:
                continue
            if record.rounds:
                self.results[name] = told(name, record, self.scopes[name], self.quick)
                show(self.results[name])
            elif any(part.name == name for part in self.ended):
                say(" ".join([f"{name} has no rows.", *record.left_out]))


if __name__ == "__main__":
    sys.exit(main())
