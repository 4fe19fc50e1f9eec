"""
See what happens to several processes and several Redis, and write it down.

    python3 -m tests.bench.machines              all of it, in about ten minutes
    python3 -m tests.bench.machines cluster      one part, in about a minute
    python3 -m tests.bench.machines --json       all that was counted, as JSON
    python3 -m tests.bench.machines --write      and write docs/machines.json

It needs redis-server, redis-cli and nginx. All of its servers run on free ports of this
machine, and end with it.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from docs.shown.machines import as_text
from tests.proofs.runs import ROOT

RESULT = ROOT / "docs" / "machines.json"
PARTS = ("shards", "sentinel", "cluster", "restart", "scale", "storm")
PACKAGES = ("django", "channels", "channels-redis", "daphne", "redis", "websockets")


def main() -> None:
    """Run the parts that the command names."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.bench.machines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    parser.add_argument(
        "--json", action="store_true", help="print all that was counted, as JSON"
    )
    words = parser.parse_args()
    if unknown := set(words.parts) - set(PARTS):
        parser.error(f"There is no part {min(unknown)!r}, only {', '.join(PARTS)}.")
    asked = words.parts or PARTS
    for number, part in enumerate(asked, start=1):
        say(f"{part} ({number} of {len(asked)}) …")
        begun = time.monotonic()
        module = import_module(f"tests.bench.machines.{part}")
        with tempfile.TemporaryDirectory() as place:
            result = result_of(part, module.measure(Path(place)))
        say(f"{part} took {time.monotonic() - begun:.0f} s\n")
        if words.json:
            print(json.dumps({part: result["seen"]}, indent=1), flush=True)
        else:
            print(as_text(part, result), flush=True)
        if words.write:
            write(part, result)


def say(sentence: str) -> None:
    """Tell who waits what is going on. Results alone go to the standard output."""
    print(sentence, file=sys.stderr, flush=True)


def result_of(part: str, found: dict) -> dict:
    """Return what a part has found, with where and when it was."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python -m tests.bench.machines {part} --write",
        "environment": {
            "CPUs": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "Python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "seen": found,
    }


def write(part: str, seen: dict) -> None:
    """Put the result of a part beside those of the others."""
    result = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    result[part] = seen
    result = {name: result[name] for name in PARTS if name in result}
    text = json.dumps(result, indent=1, ensure_ascii=False)
    RESULT.write_text(f"{text}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
