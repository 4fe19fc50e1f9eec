"""
Run the transcripts on the pages, and compare them with what happens.

    python -m tests.docs.console --update docs/01-echo-deeper.md --act "Send too much"

runs the `console` and `pycon` blocks of a page, or of one of its acts, and writes down
what they printed. How a page is cut into acts is said in pages.py, and how blocks are
typed into files in editor.py.

In a `console` block, `$ ` starts a command, `> ` right below continues it, and the rest
is what it prints. A line `…` stands for any lines. The blocks of an act share a shell,
in a copy of the repository. Blocks with the same title share one of their own, where
the last command may be a server: it goes on, later blocks of the title show what it
has printed since, and a line `^C` stops it. The blocks of `pycon` share one Python.
What a reader does with the mouse or the editor stands in `<!-- run: COMMAND -->`.

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
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from difflib import unified_diff
from functools import cache
from itertools import pairwise
from pathlib import Path

from tests.checker.servers.redis import find_redis
from tests.checker.servers.tls import find_nginx
from tests.docs.editor import write
from tests.docs.pages import Act, Block, CannotRun, Step, acts, steps
from tests.docs.repository import ROOT, copy_repository

# Seconds. A command ends, and a server prints what the page shows, much sooner. But
# `learn.py run 4` starts three processes first, and a run of all tests much at once.
PATIENCE_FOR_A_COMMAND = 600
PATIENCE_FOR_A_SERVER = 60

ANYTHING = "…"  # On a line of its own: any lines, or none.
NUMBER = r"\d+"
NOTHING = r"(?!)"  # Matches nowhere.
TIME = re.compile(r" +(\d+\.\d{3}) s  ")  # Of a line of the wire, in a report.
FOLDER = "/home/ana/course"  # What pages show instead of this run's temporary folder.
# What pages show instead of this run's free ports.
PORTS = ("8000", "8001", "8002", "8443", "6379")
# Below those that systems give to clients, and as long as those on the pages: what is
# printed in columns stays in them.
FREE_PORTS = range(5000, 10_000)
SILENT = {"nginx": ("8000", "8443")}  # Prints nothing, and listens where its files say.

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
    r"\b[0-9a-f]{4,31}…",  # A room, cut to fit a report.
]


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


class Ports:
    """What this run's ports are, for those on the pages."""

    def __init__(self, here: Mapping[str, str]) -> None:
        self.here = here

    def typed(self, source: str) -> str:
        """Return what to type here for what the page says."""
        # Where the page relies on a port without a word, we name ours.
        source = re.sub(r"(learn\.py run \d\b)(?!.*--port)", r"\1 --port 8000", source)
        source = re.sub(r"(learn\.py run 5\b)", r"\1 --tls-port 8443", source)
        source = re.sub(r"(manage\.py runserver)(?!.*\d)", r"\1 8000", source)
        source = re.sub(r"((?:^|\s)daphne )(?!.*-[pe] )", r"\1-p 8000 ", source)
        source = re.sub(r"\b(redis-server)\b(?!.*--port)", r"\1 --port 6379", source)
        source = re.sub(r"\b(redis-cli)\b(?!.*-p )", r"\1 -p 6379", source)
        return replaced(source, self.here)

    def shown(self, printed: str) -> str:
        """Return what the page says for what was printed here."""
        return replaced(printed, {here: page for page, here in self.here.items()})


def replaced(text: str, words: Mapping[str, str]) -> str:
    """Replace words, all at once: what has come for one is not replaced again."""
    any_of_them = re.compile(rf"\b(?:{'|'.join(words)})\b")
    return any_of_them.sub(lambda word: words[word[0]], text)


class Session:
    """All terminals of one act, in a private copy of the repository."""

    def __init__(self, act: Act, folder: Path) -> None:
        self.act = act
        self.home = folder
        self.terminals: dict[str, Terminal] = {}
        self.prompt: Prompt | None = None
        self.stops = ExitStack()
        self.seen: list[dict[str, str]] = []  # The evidence.

    def __enter__(self) -> "Session":
        with ExitStack() as stops:
            self.folder = copy_repository(self.home / "course")
            give_packages(self.folder)
            here = stops.enter_context(claimed_ports(numbers_on(self.act.page)))
            self.ports = Ports(dict(zip(PORTS, here, strict=True)))
            self.environment = reader_environment(self.folder / ".venv/bin")
            # What stage 5 takes without a word is port 8443, too.
            self.environment["SITE"] = f"localhost:{self.ports.here['8443']}"
            self.varying = re.compile("|".join([*self.act.varies, *VARYING]))
            self.stops = stops.pop_all()
            return self

    def __exit__(self, *error: object) -> None:
        self.stops.close()

    def prepare(self) -> None:
        """Make the state that the act starts from."""
        if self.act.copied:
            source = self.folder / self.act.copied
            shutil.copytree(source, self.folder / "work" / self.act.stage)
        for each in self.act.prepared():
            if isinstance(each, Block):
                write(each, self.folder, self.act.stage)
            else:
                self.do_silently(each, "")
        for title in self.act.running:
            step = self.act.started(title)
            if step.expected:
                # A start may say more where what was made before is not there.
                lines = [each for line in step.expected for each in (ANYTHING, line)]
                step = replace(step, expected=lines)
            lines = self.in_shell(step, title, ends=False)
            if lines != step.expected:
                printed = "\n".join(lines)
                raise CannotRun(f"`{step.source}` did not start again:\n\n{printed}")
        for source in self.act.known():
            printed = self.in_python(source)
            if "Traceback (most recent call last):" in printed:
                raise CannotRun(f"`{source}`, typed again, raised:\n\n{printed}")

    def play(self, block: Block) -> list[str]:
        """Run a block. Return its lines, where output that came differently is new."""
        if block.language == "hidden":
            self.do_silently(*block.lines, "")
            return block.lines
        if not block.is_transcript:
            write(block, self.folder, self.act.stage)
            return block.lines
        lines = []
        *others, last = steps(block) or [Step([], "", [])]
        for step in [*others, last]:
            lines += step.typed
            if block.language == "pycon":
                if not step.typed:
                    raise CannotRun("A pycon block starts with `>>> `.")
                printed = self.shown(self.in_python(step.source))
                lines += self.compare(step.expected, printed)
            else:
                # Only the last command of a block may go on, and only in a terminal
                # with a title.
                ends = not block.title or step is not last or step.source == "^C"
                lines += self.in_shell(step, block.title, ends)
            # What came is what was expected, or the act fails.
            printed = self.normalised(step.expected)
            self.seen.append({"typed": "\n".join(step.typed), "printed": printed})
        return lines

    def do_silently(self, command: str, title: str) -> None:
        """Run a command whose output the page does not show."""
        terminal = self.terminal(title)
        typed = self.ports.typed(command)
        terminal.start(f"{{ {typed}; }} >/dev/null || echo failed")
        terminal.read(PATIENCE_FOR_A_COMMAND)
        if terminal.printed or not terminal.ended:
            raise CannotRun(f"`{command}` failed: {terminal.printed}")

    def in_python(self, source: str) -> str:
        """Return what a statement prints at the Python prompt, which is opened once."""
        if not self.prompt:
            self.prompt = Prompt(self.folder, self.environment)
            self.stops.callback(self.prompt.stop)
        return self.prompt.run(self.ports.typed(source) + "\n")

    def in_shell(self, step: Step, title: str, ends: bool) -> list[str]:
        if title not in self.terminals and step.source in ("", "^C"):
            raise CannotRun("The first console block of a terminal starts with `$ `.")
        terminal = self.terminal(title)
        if step.source == "^C":
            terminal.interrupt()
        elif step.source:
            terminal.start(self.ports.typed(step.source))
        return (self.when_ended if ends else self.when_shown)(terminal, step)

    def terminal(self, title: str) -> Terminal:
        """Return the terminal with this title: it is opened when first asked for."""
        if title not in self.terminals:
            state = self.home / f"terminal-{len(self.terminals)}"
            terminal = Terminal(self.folder, self.environment, state)
            self.terminals[title] = terminal
            self.stops.callback(terminal.stop)
            if title:
                for command in self.act.remembered(title):
                    self.do_silently(command, title)
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

        program = step.source.partition(" ")[0]
        if program in SILENT and not step.expected:
            self.wait_until_it_listens(terminal, SILENT[program])
            terminal.read(0)
        else:
            # Where the page shows nothing, --update writes what came within that time.
            is_enough = beginning if step.expected else bool
            terminal.read(PATIENCE_FOR_A_SERVER, is_enough)
        if step.expected and not terminal.ended and (found := beginning()):
            lines = terminal.printed.splitlines(keepends=True)
            terminal.printed = "".join(lines[found[0].count("\n") :])
            typed = self.ports.typed(step.source)
            here = self.ports.here.items()
            named = [page for page, port in here if re.search(rf"\b{port}\b", typed)]
            self.wait_until_it_listens(terminal, named)
            return step.expected
        printed, terminal.printed = terminal.printed, ""
        return self.compare(step.expected, self.shown(printed))

    def wait_until_it_listens(self, terminal: Terminal, ports: Iterable[str]) -> None:
        """Wait for the server that was started: it prints its address before."""
        deadline = time.monotonic() + PATIENCE_FOR_A_SERVER
        for port in ports:
            while terminal.process.poll() is None and not is_open(
                self.ports.here[port]
            ):
                if time.monotonic() > deadline:
                    raise CannotRun(
                        f"Nothing listened at port {port} in {PATIENCE_FOR_A_SERVER} s."
                    )
                time.sleep(0.02)

    def compare(self, expected: list[str], printed: list[str]) -> list[str]:
        """Return what is expected, when that is what was printed; else what was."""
        normalised = self.normalised(printed)
        is_in_order = not runs_backwards(expected)
        if is_in_order and self.pattern(expected).fullmatch(normalised):
            return expected
        # A line that merely varies stays as the page has it.
        same = {self.normalised([line]): line for line in expected}
        # So do the ellipses, if nothing but numbers has changed.
        if found := self.pattern(expected, NUMBER).fullmatch(normalised):
            starts = [found.start(number + 1) for number in range(found.re.groups)]
            shown = [printed[normalised.count("\n", 0, start)] for start in starts]
            printed = [each if each == ANYTHING else shown.pop(0) for each in expected]
        found = [same.get(self.normalised([line]), line) for line in printed]
        if not runs_backwards(found):
            return found
        pairs = zip(printed, found, strict=True)
        return [new if TIME.match(new) else kept for new, kept in pairs]

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
        # Times of the wire stand in a column: from ten seconds on, with a space less.
        alike = (TIME.sub(lambda time: f" {time[0].lstrip()}", line) for line in lines)
        return "".join(self.varying.sub("⟨varies⟩", line) + "\n" for line in alike)

    def shown(self, printed: str) -> list[str]:
        """Return what the page shows for what was printed here."""
        printed = self.ports.shown(printed)
        printed = printed.replace(str(self.folder), FOLDER)
        printed = printed.replace(sys.prefix, f"{FOLDER}/.venv")
        printed = re.sub(r"^bash: line \d+: ", "bash: ", printed, flags=re.MULTILINE)
        return [line.rstrip() for line in printed.splitlines()]


def runs_backwards(lines: list[str]) -> bool:
    """Tell whether times of the wire fall, as where old lines stand among new ones."""
    pairs = pairwise(lines)
    both = ((TIME.match(one), TIME.match(other)) for one, other in pairs)
    return any(one and other and float(one[1]) > float(other[1]) for one, other in both)


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


def programs(act: Act) -> set[str]:
    """Return the first words of the commands that an act types, or that start it."""
    typed = [
        step.source
        for block in act.blocks
        if block.language == "console"
        for step in steps(block)
    ]
    typed += [act.started(title).source for title in act.running]
    return {source.split()[0] for source in typed if source}


@cache
def numbers_on(page: Path) -> set[str]:
    """Return all numbers of four digits on the pages: none of them may be a port."""
    pages = {page, *ROOT.glob("docs/*.md")}
    texts = [each.read_text(encoding="utf-8") for each in pages]
    return set(re.findall(r"\b\d{4}\b", " ".join(texts))) | set(PORTS)


def is_open(port: str) -> bool:
    """Tell whether somebody listens at a port of this machine, under any address."""
    try:
        socket.create_connection(("localhost", int(port)), timeout=5).close()
    except OSError:
        return False
    return True


@contextmanager
def claimed_ports(never: set[str]) -> Iterator[list[str]]:
    """
    Yield ports that nothing listens on, as many as PORTS.

    Until the end no other call of this, in any process, gets the same: each is claimed
    by a UDP socket of the same number, and servers of the pages listen on TCP only.
    """
    found = []
    with ExitStack() as claims:
        for port in random.sample(FREE_PORTS, len(FREE_PORTS)):
            if str(port) in never:
                continue
            claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            claims.enter_context(claim)
            with suppress(OSError):
                claim.bind(("127.0.0.1", port))
                if not is_open(str(port)):
                    found.append(str(port))
            if len(found) == len(PORTS):
                yield found
                return
    raise CannotRun(f"This machine has no free ports in {FREE_PORTS}.")


def play_act(act: Act) -> tuple[list[tuple[Block, list[str]]], list[dict[str, str]]]:
    """
    Run an act in its own copy of the repository.

    Return each transcript with the lines that it should have, and the evidence: what
    was typed and what it printed, without what varies.
    """
    played = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Session(act, Path(folder).resolve()) as session,
    ):
        try:
            session.prepare()
        except CannotRun as problem:
            raise CannotRun(f"{act.page}, before {act.name}: {problem}") from None
        for block in act.blocks:
            try:
                lines = session.play(block)
            except CannotRun as problem:
                raise CannotRun(f"{act.page}:{block.line}: {problem}") from None
            if block.is_transcript:
                played.append((block, lines))
        return played, session.seen


def difference(page: Path, block: Block, lines: list[str]) -> str:
    """Return how a block differs from what happened, or nothing."""
    diff = "\n".join(
        unified_diff(block.lines, lines, "on the page", "now", lineterm="")
    )
    return diff and f"{page}:{block.line}: this is not what happens.\n\n{diff}"


def place_of(block: Block, lines: list[str]) -> int | None:
    """Return where a block's lines stand in a page that may have been edited since."""
    old = [(block.indent + line).rstrip() for line in block.lines]
    places = [
        first
        for first in range(len(lines) - len(old) + 1)
        if [line.rstrip() for line in lines[first : first + len(old)]] == old
    ]
    return min(places, key=lambda first: abs(first - block.line), default=None)


def update(page: Path, names: Sequence[str] = ()) -> None:
    """Rewrite the transcripts of a page, or of some acts, as they are when run."""
    chosen = [act for act in acts(page) if not names or act.name in names]
    if unknown := set(names) - {act.name for act in chosen}:
        raise CannotRun(f"{page} has no act called {', '.join(sorted(unknown))}.")
    played = [pair for act in chosen for pair in play_act(act)[0]]
    lines = page.read_text(encoding="utf-8").splitlines()
    for block, new in reversed(played):
        first = place_of(block, lines)
        if first is None:
            raise CannotRun(f"{page}:{block.line}: this was edited while it ran.")
        indented = [(block.indent + line).rstrip() for line in new]
        lines[first : first + len(block.lines)] = indented
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.docs.console")
    parser.add_argument("--update", type=Path, nargs="+", metavar="PAGE", required=True)
    parser.add_argument("--act", nargs="+", metavar="NAME", default=[])
    arguments = parser.parse_args()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a script's `&` has set it: then no ^C of a page would end anything.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for page in arguments.update:
            update(page.resolve(), arguments.act)
    except CannotRun as problem:
        sys.exit(str(problem))
