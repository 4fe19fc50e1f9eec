"""
See what happens to several processes and several Redis, and write it down.

    python -m tests.bench.machines              all of it, in some minutes
    python -m tests.bench.machines shards       one part
    python -m tests.bench.machines --write      and write docs/machines.json

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

from tests.proofs.runs import ROOT

RESULT = ROOT / "docs" / "machines.json"
PARTS = ("shards", "sentinel", "cluster", "restart", "scale", "storm")
PACKAGES = ("django", "channels", "channels-redis", "daphne", "redis", "websockets")


def main() -> None:
    """Run the parts that the command names."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.machines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    words = parser.parse_args()
    if unknown := set(words.parts) - set(PARTS):
        parser.error(f"There is no part {min(unknown)!r}, only {', '.join(PARTS)}.")
    for part in words.parts or PARTS:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            found = import_module(f"tests.bench.machines.{part}").measure(Path(place))
        print(f"{part}: {time.monotonic() - begun:.0f} s")
        print(json.dumps(found, indent=1))
        if words.write:
            write(part, found)


def write(part: str, found: dict) -> None:
    """Put what a part has found into the result, with where and when it was."""
    result = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    result[part] = {
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
    result = {name: result[name] for name in PARTS if name in result}
    text = json.dumps(result, indent=1, ensure_ascii=False)
    RESULT.write_text(f"{text}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
