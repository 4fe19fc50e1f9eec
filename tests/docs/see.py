"""
Keep what py-spy says of a server that stands still, for docs/see.md.

    python -m tests.docs.see --write

needs `pip install py-spy` and, on most systems, `sudo`. It takes ten seconds, and
writes docs/see.json: nothing of it is run by the tests.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.checker.servers.runserver import Server
from tests.docs.repository import ROOT
from tests.proofs.runs import copy_of

SEEING = Path(__file__).parent / "seeing"
RESULT = ROOT / "docs" / "see.json"
WORDS = {"weather": "ask_another_server", "search": "search_the_database"}
THREADS = ("MainThread", "ThreadPoolExecutor-0_0")

# A thread, and below it what it does, the innermost call first.
THREAD = re.compile(r'^Thread \d+ (\(.+\)): "(.+)"\n((?: +.+\n)+)', re.MULTILINE)
CALLS = 4  # How many of them are kept.


def project_in(folder: Path) -> Path:
    """Make the project of the page: stage 3, with what makes others wait."""
    project = copy_of(ROOT / "stage03_groups", folder / "project")
    shutil.copy(SEEING / "routing.py", project / "chat")
    return project


def speak(server: Server, word: str) -> subprocess.Popen[bytes]:
    """Let Ana say a word, and Ben wait."""
    command = [sys.executable, SEEING / "late.py", server.url, word]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def dump_of(py_spy: str, server: Server) -> str:
    """Return what py-spy says of all threads of a server."""
    command = [py_spy, "dump", "--pid", str(server.process.pid)]
    return subprocess.check_output(command, encoding="utf-8")


def innermost(dump: str, function: str) -> list[str]:
    """Return the thread that is in a function, and its innermost calls; or nothing."""
    for state, name, calls in THREAD.findall(dump):
        lines = [line.strip() for line in calls.splitlines()]
        if lines[0].startswith(f"{function} ("):
            return [f"{name} {state}", *lines[:CALLS]]
    return []


def look(py_spy: str) -> dict[str, list[str]]:
    """Return what py-spy says while each of the words is at work, and nothing is."""
    seen = {}
    with TemporaryDirectory() as place:
        project = project_in(Path(place))
        with Server(project, Path(place) / "log") as server:
            for word, function in WORDS.items():
                with speak(server, word) as client:
                    while not seen.get(word):
                        if client.poll() is not None:
                            sys.exit(f"py-spy has not seen {function}.")
                        seen[word] = innermost(dump_of(py_spy, server), function)
            nothing = dump_of(py_spy, server)
    seen["nothing"] = [
        calls.split()[0]
        for _, name, calls in THREAD.findall(nothing)
        if name in THREADS
    ]
    return seen


def main() -> None:
    """Look into a server, and keep what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.see")
    parser.add_argument("--write", action="store_true", required=True)
    parser.parse_args()
    if (py_spy := shutil.which("py-spy")) is None:
        sys.exit("No py-spy was found on the PATH. Install it: pip install py-spy")
    said = subprocess.check_output([py_spy, "--version"], encoding="utf-8")
    result = {
        "command": "python -m tests.docs.see --write",
        "date": datetime.now(UTC).date().isoformat(),
        "py-spy": said.split()[-1],
        "seen": look(py_spy),
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    RESULT.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
