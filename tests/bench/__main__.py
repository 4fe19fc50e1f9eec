"""
Measure what a message costs, print the tables, and keep them for the site if asked to.

    python -m tests.bench                    everything, in ten minutes
    python -m tests.bench --quick            the same rows, in one
    python -m tests.bench --write            everything, kept in docs/bench.json
    python -m tests.bench echo start         some of it
    python -m tests.bench fanout --profile   a flame graph of stage 3
"""

import argparse
import json
import os
import platform
import sys
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.bench import echo, event, fanout, goals, handshake, memory, start
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
PROFILE = ROOT / "docs" / "assets" / "fanout-profile.svg"
PACKAGES = ["Django", "Channels", "Daphne", "autobahn", "websockets"]

# Significant digits: what the noise of a quiet machine leaves of a number.
DIGITS = 3

START = 0.6  # Seconds of CPU, in which a server starts.
ENDS = 0.1  # And in which it ends.


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
    cores = min(2, os.cpu_count() or 1)
    start = benchmark.servers(scope) * (START / cores + ENDS)
    return start + benchmark.seconds(scope)


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
    table = [["", *(column["heading"] for column in columns.values())]]
    table += [
        [
            row["name"],
            *(cell(column["form"], row.get(key)) for key, column in columns.items()),
        ]
        for row in rows
    ]
    name_width, *widths = (max(map(len, column)) for column in zip(*table, strict=True))
    for name, *cells in table:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        print("  ".join([name.ljust(name_width), *numbers]))
    for sentence in result["notes"]:
        print(sentence)
    print(flush=True)


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
        prog="python -m tests.bench",
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
    found.add_argument("--rounds", type=int)
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
        help="of fanout: draw docs/assets/fanout-profile.svg, or another file, instead",
    )
    return found


def refused(options: argparse.Namespace) -> str:
    """Say why what is asked for cannot be done, or nothing."""
    for name in options.benchmarks:
        if name not in BENCHMARKS:
            known = ", ".join(BENCHMARKS)
            return f"There is no benchmark {name!r}, only: {known}."
    none = options.rounds is not None and options.rounds < 1
    if none or (options.seconds is not None and options.seconds <= 0):
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


def told(name: str, record: Record, scope: Scope, quick: str) -> dict[str, Any]:
    """Return the result of one benchmark, as it is kept."""
    table = BENCHMARKS[name].result(record)
    notes = [f"Left out: {sentence}" for sentence in record.left_out]
    if not can_pin():
        notes.append("Server and load had no core each: ratios are less sure.")
    notes += doubts(record.rows())
    if record.rounds < scope.rounds:
        notes.append(f"Stopped after {record.rounds} of {scope.rounds} rounds.")
    return {
        **table,
        "rows": [
            {key: rounded(value) for key, value in row.items()} for row in table["rows"]
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
        return 0
    return measure(options)


def measure(options: argparse.Namespace) -> int:
    """Run the benchmarks that were asked for, and tell what each has measured."""
    names = options.benchmarks or list(BENCHMARKS)
    scopes = {name: scope_of(BENCHMARKS[name], options) for name in names}
    planned = {name: seconds(BENCHMARKS[name], scopes[name]) for name in names}
    print(f"That takes {sum(planned.values()):.0f} s or more.\n", file=sys.stderr)
    print(", ".join(f"{key} {value}" for key, value in environment().items()), "\n")
    quick = " --quick" if options.quick else ""
    records, results, code = {}, {}, 0
    for name in names:
        print(f"{name}, {planned[name]:.0f} s", file=sys.stderr)
        record = Record()
        try:
            BENCHMARKS[name].measure(scopes[name], record)
        except KeyboardInterrupt:
            code = say("\nStopped. This is what was measured.", 130)
        except Missing as missing:
            code = say(str(missing))
        except (ServerError, WireError, OSError) as error:
            code = say(str(error), 1)
        if record.rounds:
            records[name] = record
            results[name] = told(name, record, scopes[name], quick)
            show(results[name])
        elif record.left_out and not code:
            say(f"{name} has no rows. {' '.join(record.left_out)}")
        if code == 130:
            break
    found = goals.result(records)["rows"]
    if found:
        rows = [{key: rounded(value) for key, value in row.items()} for row in found]
        results["goals"] = {"rows": rows, "command": f"python -m tests.bench{quick}"}
        goals.show(rows)
    if options.write and results:
        write(options.write, results)
    return code


if __name__ == "__main__":
    sys.exit(main())
