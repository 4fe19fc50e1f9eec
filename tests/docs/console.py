"""
Run the transcripts on the pages, and compare them with what happens.

    python -m tests.docs.console --update docs/01-echo.md

runs the `console` and `pycon` blocks of a page and writes down what they printed.

In a `console` block, `$ ` starts a command, `> ` right below continues it, and the rest
is what it prints. A line `…` stands for any lines. The blocks of a page share a shell,
in a copy of the repository. Blocks with the same title share one of their own, where
the last command may be a server: it goes on, later blocks of the title show what it
has printed since, and a line `^C` stops it. The blocks of `pycon` share one Python.

Ports 8000 to 8002, 8443 of TLS and 6379 of Redis are replaced by free ones. VARYING
lists what is not compared; `<!-- varies: REGEX -->` on a page adds to it. Nothing here
may install packages: the copy's .venv is the one that runs the tests.
"""

import argparse
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from tests.checker.servers.redis import find_redis
from tests.checker.servers.tls import find_nginx
from tests.docs.repository import ROOT, copy_repository

# Seconds. A command ends, and a server prints what the page shows, much sooner. But
# `learn.py run 4` starts three processes first, and a run of all tests much at once.
PATIENCE_FOR_A_COMMAND = 600
PATIENCE_FOR_A_SERVER = 30

ANYTHING = "…"  # On a line of its own: any lines, or none.
NUMBER = r"\d+"
NOTHING = r"(?!)"  # Matches nowhere.
FOLDER = "/home/ana/course"  # What pages show instead of this run's temporary folder.
PORTS = [
    "8000",
    "8001",
    "8002",
    "8443",
    "6379",
]  # What pages show instead of this run's free ports.

FENCE = re.compile(r"( *)(`{3,}) *(\w+)(.*)")
TITLE = re.compile(r'title="([^"]*)"')
HIDDEN = re.compile(r"<!-- run: (.*)")  # What the prose tells the reader to do.
VARIES = re.compile(r"<!-- varies: (.*?) -->")  # A page's own additions to VARYING.

# What differs from run to run, or from machine to machine.
VARYING = [
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?Z?)?",
    r"\d\d/[A-Z][a-z]{2}/\d{4}(?:[: ]\d\d:\d\d:\d\d)?",
    r"(?:[A-Z][a-z]{2}, )?\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d(?: GMT)?",
    r"[A-Z][a-z]+ \d\d?, \d{4}(?: - \d\d:\d\d:\d\d)?",
    r"\b\d\d:\d\d:\d\d\b",
    r"(?<=127\.0\.0\.1:)(?!(?:800[012]|8443|6379)\b)\d+",
    r"(?<=\b[Pp]rocess )\[?\d+\]?",
    r"\b\d+(?:\.\d+)?(?= ?(?:ms|s|seconds)\b)",
    r"(?<=\[)\d+\.\d\d(?=, 127\.0\.0\.1:)",
    r"(?<=\bPython )\d+(?:\.\d+)+",
    r"(?<=\bDjango )(?:version )?\d+(?:\.\d+)+",
    r"(?<![\d.])\d+\.\d+\.\d+(?![\d.]*\d)",
    r"\b0x[0-9a-f]{6,}\b",
]


class CannotRun(Exception):  # noqa: N818  # It reads as the sentence that it holds.
    """A transcript that is not written as one, or a command that does not end."""


@dataclass
class Block:
    """A fenced block. `line` is the number, from 1, of the line that opens it."""

    line: int
    indent: str
    language: str
    title: str
    lines: list[str]


@dataclass
class Step:
    """What somebody types, line by line and without the prompts, and what comes."""

    typed: list[str]
    source: str
    expected: list[str]


def blocks(markdown: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, and its hidden commands, in order."""
    lines = iter(enumerate(markdown.splitlines(), start=1))
    for number, line in lines:
        if hidden := HIDDEN.fullmatch(line):
            yield Block(number, "", "hidden", "", [hidden[1].removesuffix(" -->")])
            continue
        if not (fence := FENCE.fullmatch(line)):
            continue
        indent, ticks, language, rest = fence.groups()
        title = TITLE.search(rest)
        body = []
        for _, inside in lines:
            if inside.strip() == ticks:
                break
            body.append(inside.removeprefix(indent).rstrip())
        yield Block(number, indent, language, title[1] if title else "", body)


def transcripts(markdown: str) -> list[Block]:
    """Return the blocks of a page that are run."""
    languages = {"console", "pycon", "hidden"}
    return [each for each in blocks(markdown) if each.language in languages]


def steps(block: Block) -> list[Step]:
    """Divide a block at its prompts. Output above the first is a step of its own."""
    prompts = {"console": ("$ ", "> "), "pycon": (">>> ", "...")}
    prompt, continuation = prompts[block.language]
    found = [Step([], "", [])]
    for line in block.lines:
        latest = found[-1]
        if line.startswith(prompt) or line == "^C":
            found.append(Step([line], line.removeprefix(prompt), []))
        elif line.startswith(continuation) and latest.typed and not latest.expected:
            latest.typed.append(line)
            latest.source += "\n" + line.removeprefix(continuation).removeprefix(" ")
        else:
            latest.expected.append(line)
    return found if found[0].expected else found[1:]


class Terminal:
    """
    A shell, as a reader has it open beside the page.

    Each command is a process of its own. It leaves its folder, variables and
    functions in a file, from which the next one takes them.
    """

    def __init__(self, folder: Path, environment: dict[str, str], state: Path) -> None:
        self.folder = folder
        self.environment = environment
        self.state = state
        self.state.touch()
        self.process: subprocess.Popen | None = None
        self.ended = True
        self.printed = ""  # What the page has not shown yet.

    def start(self, command: str) -> None:
        """Start a command, in a process group that dies when this process does."""
        self.read(PATIENCE_FOR_A_SERVER)
        if not self.ended:
            raise CannotRun("A command still runs in this terminal: stop it with ^C.")
        self.stop()
        lifeline, self.our_end = os.pipe()
        script = f"""
            {{ read -r _ <&{lifeline}; kill -KILL 0; }} >/dev/null 2>&1 &
            trap '{{ echo "(exit $?)"; declare -f; export -p; printf "cd %q\\n" "$PWD"
                }} > "{self.state}.new"; mv "{self.state}.new" "{self.state}"' EXIT
            source "{self.state}"
        """
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-c", f"{script}\n{command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lifeline],
        )
        os.close(lifeline)
        self.printed = ""
        self.ended = False

    def read(self, seconds: float, enough: Callable[[], object] = bool) -> None:
        """Read until the command ends, has printed enough, or the time is over."""
        deadline = time.monotonic() + seconds
        while not self.ended and not enough():
            remaining = max(0, deadline - time.monotonic())
            if not select.select([self.process.stdout], [], [], remaining)[0]:
                return
            chunk = os.read(self.process.stdout.fileno(), 65536)
            self.printed += chunk.decode(errors="replace")
            self.ended = not chunk

    def interrupt(self) -> None:
        """Press Ctrl-C, and wait until the command has ended."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.read(PATIENCE_FOR_A_SERVER)

    def stop(self) -> None:
        """Kill what still runs here."""
        if self.process:
            os.close(self.our_end)
            self.process.wait(PATIENCE_FOR_A_SERVER)
            self.process.stdout.close()
            self.process = None


class Prompt:
    """A Python prompt that stays open from block to block."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "tests/docs/pycon.py"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, source: str) -> str:
        """Return what a statement prints."""
        self.process.stdin.write(json.dumps(source).encode() + b"\n")
        self.process.stdin.flush()
        answer = [self.process.stdout]
        if not select.select(answer, [], [], PATIENCE_FOR_A_COMMAND)[0]:
            raise CannotRun(f"`{source}` did not end in {PATIENCE_FOR_A_COMMAND} s.")
        return json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        """End Python."""
        with self.process:
            self.process.kill()


class Session:
    """All terminals of one page, in a private copy of the repository."""

    def __init__(self, markdown: str, folder: Path) -> None:
        self.markdown = markdown
        self.home = folder
        self.terminals: dict[str, Terminal] = {}
        self.stops = ExitStack()

    def __enter__(self) -> "Session":
        self.folder = copy_repository(self.home / "course")
        give_packages(self.folder)
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.environment = reader_environment(self.folder / ".venv/bin")
        # What stage 5 takes without a word is port 8443, too.
        self.environment["SITE"] = f"localhost:{self.ports['8443']}"
        self.python = Prompt(self.folder, self.environment)
        self.stops.callback(self.python.stop)
        self.varying = re.compile("|".join([*VARIES.findall(self.markdown), *VARYING]))
        return self

    def __exit__(self, *error: object) -> None:
        self.stops.close()

    def play(self, block: Block) -> list[str]:
        """Run a block. Return its lines, where output that came differently is new."""
        if block.language == "hidden":
            return self.in_hiding(block)
        lines = []
        *others, last = steps(block) or [Step([], "", [])]
        for step in [*others, last]:
            lines += step.typed
            if block.language == "pycon":
                lines += self.in_python(step)
            else:
                # Only the last command of a block may go on, and only in a terminal
                # with a title.
                ends = not block.title or step is not last or step.source == "^C"
                lines += self.in_shell(step, block.title, ends)
        return lines

    def in_hiding(self, block: Block) -> list[str]:
        """Do what the prose says, in the shell of the untitled blocks."""
        [command] = block.lines
        terminal = self.terminal("")
        terminal.start(f"{{ {self.typed(command)}; }} >/dev/null || echo failed")
        terminal.read(PATIENCE_FOR_A_COMMAND)
        if terminal.printed or not terminal.ended:
            raise CannotRun(f"The hidden `{command}` failed: {terminal.printed}")
        return block.lines

    def in_python(self, step: Step) -> list[str]:
        if not step.typed:
            raise CannotRun("A pycon block starts with `>>> `.")
        printed = self.python.run(self.typed(step.source) + "\n")
        return self.compare(step.expected, self.shown(printed))

    def in_shell(self, step: Step, title: str, ends: bool) -> list[str]:
        if title not in self.terminals and step.source in ("", "^C"):
            raise CannotRun("The first console block of a terminal starts with `$ `.")
        terminal = self.terminal(title)
        if step.source == "^C":
            terminal.interrupt()
        elif step.source:
            terminal.start(self.typed(step.source))
        return (self.when_ended if ends else self.when_shown)(terminal, step)

    def terminal(self, title: str) -> Terminal:
        """Return the terminal with this title: it is opened when first asked for."""
        if title not in self.terminals:
            state = self.home / f"terminal-{len(self.terminals)}"
            terminal = Terminal(self.folder, self.environment, state)
            self.terminals[title] = terminal
            self.stops.callback(terminal.stop)
        return self.terminals[title]

    def when_ended(self, terminal: Terminal, step: Step) -> list[str]:
        """Compare all that a command prints."""
        terminal.read(PATIENCE_FOR_A_COMMAND)
        printed, terminal.printed = terminal.printed, ""
        if not terminal.ended:
            raise CannotRun(
                f"`{step.source}` did not end in {PATIENCE_FOR_A_COMMAND} s. If it is a"
                f" server, it needs a block with a title. It printed:\n\n{printed}"
            )
        return self.compare(step.expected, self.shown(printed))

    def when_shown(self, terminal: Terminal, step: Step) -> list[str]:
        """Wait until a server has printed what the page shows. More may follow."""
        pattern = self.pattern(step.expected)

        def beginning() -> re.Match | None:
            complete = terminal.printed[: terminal.printed.rfind("\n") + 1]
            return pattern.match(self.normalised(self.shown(complete)))

        # Where the page shows nothing yet, --update writes what came within that time.
        is_enough = beginning if step.expected else bool
        terminal.read(PATIENCE_FOR_A_SERVER, is_enough)
        if step.expected and not terminal.ended and (found := beginning()):
            lines = terminal.printed.splitlines(keepends=True)
            terminal.printed = "".join(lines[found[0].count("\n") :])
            self.wait_until_it_listens(terminal, self.typed(step.source))
            return step.expected
        printed, terminal.printed = terminal.printed, ""
        return self.compare(step.expected, self.shown(printed))

    def wait_until_it_listens(self, terminal: Terminal, typed: str) -> None:
        """Wait for the server that was started: it prints its address before."""
        deadline = time.monotonic() + PATIENCE_FOR_A_SERVER
        for port in (each for each in self.ports.values() if each in typed):
            while terminal.process.poll() is None and time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", int(port))).close()
                    break
                except OSError:
                    time.sleep(0.02)

    def compare(self, expected: list[str], printed: list[str]) -> list[str]:
        """Return what is expected, when that is what was printed; else what was."""
        normalised = self.normalised(printed)
        if self.pattern(expected).fullmatch(normalised):
            return expected
        # A line that merely varies stays as the page has it.
        same = {self.normalised([line]): line for line in expected}
        # So do the ellipses, if nothing but numbers has changed.
        if found := self.pattern(expected, NUMBER).fullmatch(normalised):
            starts = [found.start(number + 1) for number in range(found.re.groups)]
            shown = [printed[normalised.count("\n", 0, start)] for start in starts]
            printed = [each if each == ANYTHING else shown.pop(0) for each in expected]
        return [same.get(self.normalised([line]), line) for line in printed]

    def pattern(self, expected: list[str], loose: str = NOTHING) -> re.Pattern:
        """
        Return a pattern of the normalised lines, the shortest that match.

        It has a group for each of them. What `loose` matches may be another such.
        """
        lines = []
        for line in expected:
            fixed = re.split(loose, self.normalised([line]))
            lines.append(f"({loose.join(map(re.escape, fixed))})")
        return re.compile(
            "".join(
                r"(?:.*\n)*?" if line == ANYTHING else pattern
                for line, pattern in zip(expected, lines, strict=True)
            )
        )

    def normalised(self, lines: list[str]) -> str:
        """Hide what varies from run to run."""
        return "".join(self.varying.sub("⟨varies⟩", line) + "\n" for line in lines)

    def typed(self, source: str) -> str:
        """Return what to type here for what the page says: with this run's ports."""
        # Where the page relies on a port without a word, we name ours.
        source = re.sub(r"(learn\.py run \d\b)(?!.*--port)", r"\1 --port 8000", source)
        source = re.sub(r"(learn\.py run 5\b)", r"\1 --tls-port 8443", source)
        source = re.sub(r"(manage\.py runserver)(?!.*\d)", r"\1 8000", source)
        source = re.sub(r"((?:^|\s)daphne )(?!.*-[pe] )", r"\1-p 8000 ", source)
        source = re.sub(r"\b(redis-server)\b(?!.*--port)", r"\1 --port 6379", source)
        source = re.sub(r"\b(redis-cli)\b(?!.*-p )", r"\1 -p 6379", source)
        for ours, here in self.ports.items():
            source = re.sub(rf"\b{ours}\b", here, source)
        return source

    def shown(self, printed: str) -> list[str]:
        """Return what the page shows for what was printed here."""
        for ours, here in self.ports.items():
            printed = re.sub(rf"\b{here}\b", ours, printed)
        printed = printed.replace(str(self.folder), FOLDER)
        printed = printed.replace(sys.prefix, f"{FOLDER}/.venv")
        printed = re.sub(r"^bash: line \d+: ", "bash: ", printed, flags=re.MULTILINE)
        return [line.rstrip() for line in printed.splitlines()]


def reader_environment(programs: Path) -> dict[str, str]:
    """Return the variables of a reader's terminal, with these programs on the PATH."""
    ours = ("CI", "DJANGO", "PYTEST", "PYTHON", "REDIS_URL", "VIRTUAL_ENV")
    theirs = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    folders = [str(programs), os.environ["PATH"]]
    elsewhere = filter(None, (find_redis(), find_nginx()))  # They may be on no PATH.
    folders.extend(str(Path(program).parent) for program in elsewhere)
    return theirs | {
        "PATH": os.pathsep.join(folders),
        "PYTHONUNBUFFERED": "1",
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "TERM": "dumb",
    }


def give_packages(folder: Path) -> None:
    """Give a copy of the repository the .venv that learn.py would make."""
    (folder / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        (folder / ".venv" / entry.name).symlink_to(entry)
    stamp = (
        "from tests.checker.packages import STAMP, recipe\n"
        "STAMP.unlink(missing_ok=True)\n"  # It may be a link to the real one.
        "STAMP.write_text('\\n'.join(recipe()), encoding='utf-8')\n"
    )
    subprocess.run([sys.executable, "-c", stamp], cwd=folder, check=True)


def programs(page: Path) -> set[str]:
    """Return the first words of the commands that a page types."""
    return {
        line.split()[1]
        for block in transcripts(page.read_text(encoding="utf-8"))
        if block.language == "console"
        for line in block.lines
        if line.startswith("$ ")
    }


def free_ports(count: int) -> list[str]:
    """Return ports that nothing listens on, of four digits as those on the pages."""
    found = []
    for port in random.sample(range(8002, 10_000), 1000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(str(port))
        if len(found) == count:
            return found
    raise CannotRun("This machine has no free port between 8002 and 9999.")


def play_page(page: Path) -> Iterator[tuple[Block, list[str]]]:
    """Run the transcripts of a page; yield each with the lines that it should have."""
    markdown = page.read_text(encoding="utf-8")
    if not transcripts(markdown):
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        Session(markdown, Path(folder).resolve()) as session,
    ):
        for block in transcripts(markdown):
            try:
                lines = session.play(block)
            except CannotRun as problem:
                raise CannotRun(f"{page}:{block.line}: {problem}") from None
            yield block, lines


def difference(page: Path, block: Block, lines: list[str]) -> str:
    """Return how a block differs from what happened, or nothing."""
    diff = "\n".join(
        unified_diff(block.lines, lines, "on the page", "now", lineterm="")
    )
    return diff and f"{page}:{block.line}: this is not what happens.\n\n{diff}"


def update(page: Path) -> None:
    """Rewrite the transcripts of a page as they are when they are run."""
    played = list(play_page(page))
    lines = page.read_text(encoding="utf-8").splitlines()
    for block, new in reversed(played):
        if block.language == "hidden":
            continue
        indented = [(block.indent + line).rstrip() for line in new]
        lines[block.line : block.line + len(block.lines)] = indented
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.docs.console")
    parser.add_argument("--update", type=Path, nargs="+", metavar="PAGE", required=True)
    try:
        for page in parser.parse_args().update:
            update(page)
    except CannotRun as problem:
        sys.exit(str(problem))
