"""
Run a benchmark, print its table, and keep it for the site if asked to.

    python -m tests.bench echo
    python -m tests.bench fanout --write
    python -m tests.bench fanout --profile
"""

import argparse
import json
import os
import platform
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench import echo, event, fanout, handshake
from tests.bench.groups import Missing
from tests.checker.client import WireError
from tests.checker.servers.runserver import ServerError
from tests.proofs.runs import ROOT

BENCHMARKS = {
    "echo": echo,
    "event": event,
    "fanout": fanout,
    "handshake": handshake,
}
RESULTS = ROOT / "docs" / "bench.json"
COLUMNS = ROOT / "docs" / "columns.toml"
PROFILE = ROOT / "docs" / "assets" / "fanout-profile.svg"
PACKAGES = ["Django", "Channels", "Daphne"]

# Significant digits: what the noise of a quiet machine leaves of a number.
DIGITS = 3


def environment() -> dict[str, str | int]:
    """Return what a result depends on, as far as its reader has a choice."""
    return {
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "CPUs": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
    }


def rounded(value: Any) -> Any:
    """Round the numbers of a row to three digits; leave its words."""
    if not isinstance(value, float):
        return value
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short >= 10**DIGITS else short


def show(result: dict[str, Any]) -> None:
    """Print a result as a table."""
    print(", ".join(f"{key} {value}" for key, value in result["environment"].items()))
    print(f"{result['rounds']} rounds of {result['seconds']} s in turn, medians.\n")
    columns = {
        key: column
        for key, column in tomllib.loads(COLUMNS.read_text(encoding="utf-8")).items()
        if key in result["rows"][0]
    }
    table = [["", *(column["heading"] for column in columns.values())]]
    table += [
        [
            row["name"],
            *(column["form"].format(row[key]) for key, column in columns.items()),
        ]
        for row in result["rows"]
    ]
    name_width, *widths = (max(map(len, column)) for column in zip(*table, strict=True))
    for name, *cells in table:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        print("  ".join([name.ljust(name_width), *numbers]))


def write(file: Path, name: str, result: dict[str, Any]) -> None:
    """Put a result into a JSON file, beside those of the other benchmarks."""
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    results[name] = result
    text = json.dumps(results, ensure_ascii=False, indent=2, sort_keys=True)
    file.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def say(sentence: str, code: int = 2) -> int:
    """Say why there is no result, and return the exit status that goes with it."""
    print(sentence, file=sys.stderr)
    return code


def main(arguments: list[str] | None = None) -> int:
    """Return 0, or 1 if a server failed, or 2 if what was asked for cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("benchmark", help=f"one of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--rounds", type=int)
    parser.add_argument(
        "--seconds", type=float, help="how long each server is measured in a round"
    )
    parser.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=RESULTS,
        metavar="FILE",
        help="keep the result in docs/bench.json, or in another file",
    )
    parser.add_argument(
        "--profile",
        type=Path,
        nargs="?",
        const=PROFILE,
        metavar="FILE",
        help="of fanout: draw docs/assets/fanout-profile.svg, or another file, instead",
    )
    options = parser.parse_args(arguments)

    if options.benchmark not in BENCHMARKS:
        known = ", ".join(BENCHMARKS)
        return say(f"There is no benchmark {options.benchmark!r}, only: {known}.")
    benchmark = BENCHMARKS[options.benchmark]
    rounds = benchmark.ROUNDS if options.rounds is None else options.rounds
    seconds = benchmark.SECONDS if options.seconds is None else options.seconds
    if rounds < 1 or seconds <= 0:
        return say("There must be a round, and it must take some time.")
    if options.profile and benchmark is not fanout:
        return say("Only fanout has a profile.")
    print("Measuring. The less else this machine does, the better.", file=sys.stderr)
    try:
        if options.profile:
            fanout.profile(options.profile)
            return 0
        measured = benchmark.measure(rounds, seconds)
    except Missing as missing:
        return say(str(missing))
    except (ServerError, WireError) as error:
        return say(str(error), 1)
    rows = [
        {key: rounded(value) for key, value in row.items()} for row in measured["rows"]
    ]
    result = {
        **measured,
        "rows": rows,
        "command": f"python -m tests.bench {options.benchmark}",
        "environment": environment(),
        "rounds": rounds,
        "seconds": seconds,
    }
    show(result)
    if options.write:
        write(options.write, options.benchmark, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
