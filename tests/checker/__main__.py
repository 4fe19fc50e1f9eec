"""
Run checks, and report in plain words: what `learn.py check` hands over to.

    python -m tests.checker tests/test_stage01_echo.py --project work/stage01_echo

With --all it goes on after a failure, and with --watch it checks again on every save in
the project. With --json FILE a line of JSON is written for each check, as soon as it
has ended, and one for all at the end (report.py, verdict.py); where FILE is -, they go
to the standard output, and nothing else does. --all-output cuts nothing of what a
server printed. All other words go to pytest.
"""

import sys

try:
    import argparse
    from pathlib import Path

    from tests.checker.system import ROOT, exit_with
except KeyboardInterrupt:
    sys.exit(130)


def main() -> int:
    """Run the checks, and return the exit code of pytest."""
    parser = argparse.ArgumentParser(prog="python -m tests.checker", allow_abbrev=False)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--watch", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--project", type=Path)
    options, words = parser.parse_known_args()
    # Else pytest would take the settings of a folder that holds ours and the project.
    words += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "--learner"]
    if not options.json:  # What people have seen is kept for `learn.py hint`.
        words += ["-p", "tests.checker.recorder"]
    if not options.all:
        words.append("--maxfail=1")
    if options.json and options.watch:
        parser.error("--watch is for people and --json for machines: not both")
    if options.json:
        words += ["--json", options.json]
    if options.project:
        words += ["--project", str(options.project)]
    if options.watch:
        from tests.checker.watch import watch  # Not above: the checks do without.

        watch(options.project, words)
        return 0
    import pytest

    return pytest.main(words)


if __name__ == "__main__":
    exit_with(main)
