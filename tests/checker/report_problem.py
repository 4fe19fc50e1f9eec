"""
What somebody needs who is to help: `learn.py report` hands over to it.

    python -m tests.checker.report_problem stage02_routing work/stage02_routing

It asks what was expected and what came instead, runs the checks unless it is known what
they say, and writes a file of Markdown. What is nobody's business is removed, as far as
it can be told: scrub.py. Nothing is sent anywhere.
"""

import sys

try:
    import argparse
    import difflib
    import importlib.metadata
    import os
    import platform
    import re
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import suppress
    from pathlib import Path
    from typing import NamedTuple

    from tests.checker import compare, last, packages, system, work
    from tests.checker.hint import lines_of, promise_in_words
    from tests.checker.last import Last
    from tests.checker.printed import clean
    from tests.checker.scrub import KINDS, Scrub, secrets_of
    from tests.checker.servers.redis import find_redis
    from tests.checker.system import Refusal, exit_with, says_why, typed
except KeyboardInterrupt:
    sys.exit(130)

EXPECTED = "What did you expect? (One line; Enter skips it.) "
CAME = "What came instead? (One line; Enter skips it.) "
UNSAID = "Not said."
MOST_DIFF = 400  # Lines.
MOST_PRINTED = 100  # Lines.
MOST_FILES = 200
LONGEST = 400  # Characters of a line.
VARIABLES = ("REDIS_URL", "ALLOWED_HOSTS", "TRUSTED_ORIGINS", "SITE", "BEHIND_PROXY")
VARIABLES += ("OPENSSL_CONF", "DJANGO_SETTINGS_MODULE", "PYTHONPATH", "SECRET_KEY")

# Files of which only the name is told, wherever they are.
SECRET_FILES = re.compile(
    r"(?i)\.(pem|key|p12|pfx|crt|env|sqlite3?|db|log)$|secret|id_(rsa|ecdsa|ed25519)"
)
ALWAYS_OUT = (
    "Databases, keys, and files whose names begin with a dot are not in it at all."
)
READ = (
    "Read it before you send it to anybody: what only you know to be secret, "
    "nobody else could remove."
)


class Story(NamedTuple):
    """What the reader says of it."""

    expected: str = ""
    came: str = ""


def ask() -> Story:
    """Ask the reader. Where nobody can be asked, nothing is said."""
    if not sys.stdin or not sys.stdin.isatty():
        return Story()
    try:
        return Story(input(EXPECTED).strip(), input(CAME).strip())
    except EOFError:
        print()
        return Story()


# What goes into the file


def cut(lines: list[str], most: int, end: bool = False) -> list[str]:
    """Return no more lines than that, the first or the last, and say so."""
    short = [f"{line[:LONGEST]} …" if len(line) > LONGEST else line for line in lines]
    if len(short) <= most:
        return short
    words = f"… {len(short) - most} lines are left out here."
    return [words, *short[-most:]] if end else [*short[:most], words]


def fenced(lines: list[str], language: str = "text") -> list[str]:
    """Return lines as a block of code, whatever is in them."""
    ticks = re.findall(r"`{3,}", "\n".join(lines))
    fence = "`" * (max(map(len, ticks), default=2) + 1)
    return [f"{fence}{language}", *lines, fence] if lines else ["Nothing."]


def promise(name: str, seen: Last | None, problem: str) -> list[str]:
    """Tell which promise is broken, and what was seen."""
    if seen is None:
        return ["The checks did not come to an end.", "", *fenced(problem.splitlines())]
    kept = len(seen.kept)
    lines = [f"Kept before it: {kept} promise{'s' * (kept != 1)}."]
    if seen.broken:
        lines[:0] = [f"**{promise_in_words(seen.broken.check)}**", ""]
        lines += ["", f"The check: `{seen.broken.check}`", ""]
        lines += fenced(cut(clean(seen.broken.seen).splitlines(), MOST_PRINTED))
    else:
        lines = [f"None: all of stage {int(name[5:7])} is kept that was tried."]
    for reason in seen.skipped:
        lines += ["", f"Not tried: {reason}"]
    return lines


def told(seen: Last | None) -> list[str]:
    """Tell what the checks took it for."""
    broken = seen.broken if seen else None
    if not broken or not broken.sentence:
        return ["None."]
    return [f"`{broken.diagnosis or 'unnamed'}`: {broken.sentence}"]


def versions() -> list[str]:
    """Tell what is installed here."""
    lines = [
        f"- Python {platform.python_version()}, {platform.python_implementation()}",
        f"- {platform.platform()}",
        f"- Redis: {version_of(find_redis(), '--version')}",
        f"- checks: {last.checks()[:12]}",
    ]
    wanted = packages.WANTED.read_text(encoding="utf-8").partition("\n# The rest")[0]
    for package in re.findall(r"^[\w-]+", wanted, re.MULTILINE):
        with suppress(importlib.metadata.PackageNotFoundError):
            lines.append(f"- {package} {importlib.metadata.version(package)}")
    given = [name for name in VARIABLES if os.environ.get(name)]
    return [*lines, f"- variables that are set: {', '.join(given) or 'none of ours'}"]


def version_of(program: str | None, option: str) -> str:
    """Return which version a program says that it is."""
    if not program:
        return "not found"
    try:
        run = subprocess.run(
            [program, option], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return "it does not say"
    found = re.search(r"\bv?=?(\d+\.[\d.]+)", run.stdout)
    return found[1] if found else "it does not say"


class Files(NamedTuple):
    """The files of a project: as it began, as it is, and as the course has it."""

    begun: Mapping[str, bytes]
    mine: Mapping[str, bytes]
    ours: Mapping[str, bytes]

    @property
    def paths(self) -> list[str]:
        """All paths, code before what is only copied, and that before its tests."""
        every = self.begun.keys() | self.mine.keys()
        return sorted(every, key=lambda p: (p.endswith("tests.py"), p[-3:] != ".py", p))

    def state(self, path: str) -> str:
        """Say in a word or two what became of a file."""
        if path not in self.mine:
            return "gone"
        if path in self.begun and self.mine[path] == self.begun[path]:
            return "as it was"
        if self.mine[path] == self.ours.get(path):
            return "the course's"
        return "changed" if path in self.begun else "new"


def changes(files: Files) -> list[str]:
    """
    Return a unified diff, from what the reader began with to what is there.

    What is as in the finished stage is left out: whoever helps has it.
    """
    lines: list[str] = []
    for path in files.paths:
        if files.state(path) in ("as it was", "the course's"):
            continue
        before, after = files.begun.get(path), files.mine.get(path)
        old, new = compare.text(before or b""), compare.text(after or b"")
        if old is None or new is None or SECRET_FILES.search(path):
            lines.append(f"{path} differs, and is not shown.")
            continue
        lines += difflib.unified_diff(
            old.splitlines(),
            new.splitlines(),
            f"start/{path}" if before is not None else "nothing",
            f"mine/{path}" if after is not None else "nothing",
            lineterm="",
        )
    return cut(lines, MOST_DIFF)


def listed(files: Files) -> list[str]:
    """Return the names of all files, and what became of each."""
    lines = [
        f"{files.state(path):12}  {len(files.mine.get(path, b'')):7}  {path}"
        for path in sorted(files.paths)
    ]
    return cut(lines, MOST_FILES)


def sections(
    name: str, project: Path, story: Story, seen: Last | None, problem: str
) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of the report, each with its heading."""
    stage = work.of(int(name[5:7]))
    folders = (stage.begun, project, stage.finished)
    files = Files(*map(work.contents, folders))
    broken = seen.broken if seen else None
    printed = clean(broken.printed).splitlines() if broken else []
    yield "What was expected", [story.expected or UNSAID]
    yield "What came instead", [story.came or UNSAID]
    yield "The promise that is broken", promise(name, seen, problem)
    yield "The diagnosis", told(seen)
    yield "The wire", fenced([*broken.wire] if broken else [])
    yield "What the server printed", fenced(cut(printed, MOST_PRINTED, end=True))
    yield "Versions", versions()
    yield "What is different from the start", fenced(changes(files), "diff")
    yield "Files", fenced(listed(files))


def secrets(project: Path) -> set[str]:
    """Return what is known to be secret in a project, and in the environment."""
    texts = {}
    for path, content in work.contents(project).items():
        texts[path] = compare.text(content) or ""
    hidden = [*project.glob(".env*"), *project.glob("*/.env*"), *project.glob("*.env")]
    own = set()
    for path in hidden:
        with suppress(OSError, UnicodeDecodeError):
            texts[path.name] = path.read_text(encoding="utf-8")
    with suppress(OSError, UnicodeDecodeError):
        own.add((project / "keys" / "secret_key").read_text(encoding="utf-8").strip())
    return secrets_of(texts, os.environ) | own


def left_out(scrub: Scrub) -> list[str]:
    """Say what was removed, and how often."""
    found = [
        f"- {words}: {scrub.removed[kind]}"
        for kind, words in KINDS.items()
        if scrub.removed[kind]
    ]
    return [*(found or ["- nothing was found that had to go"]), f"- {ALWAYS_OUT}"]


def markdown(
    name: str,
    project: Path,
    story: Story,
    seen: Last | None,
    problem: str = "",
    scrub: Scrub | None = None,
) -> tuple[str, Scrub]:
    """Return the report as a text that may be shown, and what has been removed."""
    scrub = scrub or Scrub(secrets(project))
    parts = [f"# A problem in {name}", "Written by `learn.py report`."]
    for heading, lines in sections(name, project, story, seen, problem):
        parts += [f"## {heading}", scrub("\n".join(lines))]
    parts += ["## What was left out", "\n".join(left_out(scrub))]
    return "\n\n".join(parts) + "\n", scrub


def place(name: str) -> Path:
    """Return where the report goes. One that is there may hold the reader's words."""
    folder = system.ROOT / "work"
    number = int(name[5:7])
    path = folder / f"report_{number:02}.md"
    count = 2
    while path.exists():
        path = folder / f"report_{number:02}-{count}.md"
        count += 1
    return path


def report(
    name: str,
    project: Path,
    story: Story,
    run: Callable[[str, Path], Last],
    path: Path | None = None,
) -> str:
    """Write the report, and return what the reader is told of it."""
    seen, problem = None, ""
    try:
        seen = run(name, project)
    except Refusal as refusal:
        problem = str(refusal)  # Whoever helps needs to know just that.
    text, scrub = markdown(name, project, story, seen, problem)
    path = path or place(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name, or what a client sent, may hold half a character.
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return "\n".join(
        [
            f"Written: {typed(path)}",
            "Left out:",
            *left_out(scrub),
            *lines_of(READ),
            "Nothing was sent.",
        ]
    )


@says_why
def main() -> int:
    """Read the command line, ask, and write."""
    sys.stdout.reconfigure(errors="replace")  # A file may lack a letter.
    parser = argparse.ArgumentParser(prog="python -m tests.checker.report_problem")
    parser.add_argument("stage")
    parser.add_argument("project", type=Path)
    parser.add_argument("--expected")
    parser.add_argument("--came")
    parser.add_argument("--to", type=Path)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    project = options.project.resolve()
    is_script = options.expected is not None or options.came is not None
    said = Story(options.expected or "", options.came or "")
    story = said if is_script else ask()

    def run(name: str, project: Path) -> Last:
        return last.of(name, project, options.again)

    print(report(options.stage, project, story, run, options.to))
    return 0


if __name__ == "__main__":
    exit_with(main)
