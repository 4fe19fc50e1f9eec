"""The checks of one hand-in: a process with limits, and the end of all it starts."""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import psutil

from tests.checker.grading import checks, sandbox
from tests.checker.grading.hand_ins import HandIn, fingerprint
from tests.checker.grading.inside import FILES
from tests.checker.grading.options import Limits
from tests.checker.grading.sandbox import Sandbox
from tests.checker.grading.tree import Tree
from tests.checker.grading.unpack import Unusable, project_in
from tests.checker.system import ROOT

MB = 1_000_000
END = 10  # Seconds that the process with the limits has to end everything.
THREADS = 100  # What Python and Redis may have beside the processes.
OUTPUT = 2_000  # Bytes of what a run printed that are kept.
HEAD = 100_000  # Bytes of a report that are read.
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}  # For the copy. No hand-in is at fault.

RUNNING: set[int] = set()  # Processes that hold the limits of a run.

STOPPED = {
    "time": "it took longer than {seconds} s",
    "memory": "it took more than {memory} MB of memory",
    "disk": "it filled the {disk} MB of disk that it may have",
    "files": f"it made more than {FILES} files",
    "output": "it printed, or wrote to one file, more than {output} MB",
    "processes": "it started more than {processes} processes",
}


class Ended(NamedTuple):
    """What is known of a hand-in, once its checks have ended."""

    lines: list[dict[str, Any]]
    why_not: str = ""  # It could not be graded.
    stopped: str = ""  # It was graded until then.
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    seconds: float = 0
    peak: Mapping[str, int] = MappingProxyType({})


class Run:
    """
    The checks of one hand-in. They begin when this is made. Raises OSError where there
    is no room for the copy.

    `poll` tells whether they have ended, `end` what came of it. Everything is gone
    after that: the processes, and the copy.
    """

    def __init__(
        self,
        hand_in: HandIn,
        stage: str,
        limits: Limits,
        walls: Sandbox,
        hidden: list[str],
    ) -> None:
        self.hand_in = hand_in
        self.limits = limits
        self.walls = walls
        self.mark = uuid.uuid4().hex
        self.begun = time.monotonic()
        self.process: subprocess.Popen | None = None
        self.group: Path | None = None
        self.fingerprint = ""
        self.why_not = hand_in.unusable
        self.too_long = False
        self.scratch = Path(tempfile.mkdtemp(prefix="grade-")).resolve()
        try:
            if not self.why_not:
                self.start(stage, hidden)
        except Unusable as problem:
            self.why_not = str(problem)
        except OSError as problem:
            if problem.errno in NO_ROOM:
                self.close()
                raise
            self.why_not = f"it could not be copied: {problem.strerror or problem}"
        except BaseException:
            self.close()
            raise

    def start(self, stage: str, hidden: list[str]) -> None:
        """Copy the hand-in, and start its checks. Raises Unusable and OSError."""
        sandbox.prepare(self.scratch)
        copy = self.scratch / "submission"
        project = project_in(self.hand_in.path, copy)
        self.fingerprint = fingerprint(project)
        place = sandbox.place_of(self.scratch, self.walls)
        results = self.scratch / "results"
        where, measured = copy, self.scratch
        if self.walls.words:
            where, results = place / "submission", place / "results"
            measured = place
        else:
            (place / "home").mkdir()
        limits, most = self.limits, self.limits.processes * 2 + THREADS
        spec = {
            "sandbox": bool(self.walls.words),
            "mark": self.mark,
            "command": checks.command(
                stage, where / project.relative_to(copy), results
            ),
            "cwd": str(ROOT),
            "environment": sandbox.environment(place) | {"GRADE_RUN": self.mark},
            "source": str(copy),
            "results": str(self.scratch / "results"),
            "scratch": str(self.scratch),
            "place": str(measured),
            "hidden": hidden,
            "memory": limits.memory * MB,
            "disk": limits.disk * MB,
            "output": limits.output * MB,
            "processes": limits.processes,
            "tasks": most + (0 if self.walls.words else own_tasks()),
        }
        if self.walls.counts_tasks:
            self.group = sandbox.control_group(most)
        with self.report.open("wb") as report, self.output.open("wb") as output:
            self.process = subprocess.Popen(
                sandbox.command(self.walls, spec, self.group),
                cwd=ROOT,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.PIPE,  # Its end says that we are gone.
                stdout=report,
                stderr=output,
                start_new_session=True,  # Ctrl-C is ours to handle.
            )
            RUNNING.add(self.process.pid)

    @property
    def report(self) -> Path:
        """Where the process with the limits says how it ended."""
        return self.scratch / "report"

    @property
    def output(self) -> Path:
        """What the run itself printed."""
        return self.scratch / "output"

    def poll(self) -> bool:
        """Tell whether the checks have ended, or must end now."""
        if self.process is None or self.process.poll() is not None:
            return True
        self.too_long = time.monotonic() - self.begun > self.limits.seconds
        return self.too_long

    def end(self) -> Ended:
        """End everything, and return what is known."""
        try:
            self.kill()
            seconds = round(time.monotonic() - self.begun, 2)
            if self.process is None:
                why = self.why_not
                return Ended([], why, fingerprint=self.fingerprint, seconds=seconds)
            return self.known()._replace(seconds=seconds)
        finally:
            self.close()

    def known(self) -> Ended:
        """Return what the files of the run tell."""
        lines, are_whole = checks.read(self.scratch / "results")
        try:
            with self.report.open("rb") as file:
                report = json.loads(file.read(HEAD).splitlines()[-1])
        except (OSError, ValueError, IndexError):
            report = {}
        reached = "time" if self.too_long else report.get("reached", "")
        stopped = why_not = ""
        notes = []
        if reached:
            stopped = STOPPED[reached].format(**self.limits._asdict())
        elif not report:
            stopped = "something ended the process that held its limits"
        elif report["code"] < 0:
            stopped = f"something ended its checks (signal {-report['code']})"
        # 0 and 1 are pytest's words for passed and failed. 1 is also Python's own for
        # an end that nobody has expected.
        elif report["code"] not in (0, 1) or not are_whole:
            stopped = "its checks ended before they were through"
            if not lines:
                stopped, why_not = "", f"its checks did not run: {self.last_words()}"
        if report.get("left"):
            many = f"{report['left']} process{'es' * (report['left'] != 1)}"
            notes.append(f"left {many} running, ended by the grader")
        if report.get("lives"):
            notes.append(f"{report['lives']} of its processes could not be ended")
        peak = report.get("peak", {})
        return Ended(lines, why_not, stopped, tuple(notes), self.fingerprint, 0, peak)

    def last_words(self) -> str:
        """Return the end of what the run printed."""
        with self.output.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - OUTPUT))
            lines = file.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "they said nothing"

    def kill(self) -> None:
        """End the process with the limits, and all that is below it."""
        if self.process is None:
            return
        self.process.stdin.close()  # It ends, and everything below it.
        try:
            self.process.wait(END)
        except subprocess.TimeoutExpired:
            # Process 1 of a namespace: the system ends all others with it.
            with contextlib.suppress(psutil.Error):
                for first in psutil.Process(self.process.pid).children():
                    first.kill()
            self.process.kill()
            self.process.wait()
        RUNNING.discard(self.process.pid)
        if not self.walls.words:
            # It may have been killed itself. Then all that it had is ours.
            Tree(in_namespace=False, mark=self.mark, others=RUNNING).end()

    def close(self) -> None:
        """Remove the copy."""
        self.kill()
        if self.group:
            sandbox.leave(self.group)
            self.group = None
        # A hand-in may have taken away the right to list a folder of its own.
        for folder, names, _ in os.walk(self.scratch):
            for name in names:
                path = Path(folder, name)
                if not path.is_symlink():
                    with contextlib.suppress(OSError):
                        path.chmod(0o700)
        shutil.rmtree(self.scratch, ignore_errors=True)


def own_tasks() -> int:
    """Return how many tasks the user has: the system counts these, too."""
    total = 0
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, AttributeError):
            if each.uids().real == os.getuid():
                total += each.num_threads()
    return total


def adopt() -> None:
    """Become the parent of what is left if a hand-in kills what holds its limits."""
    if sys.platform == "linux":
        from tests.checker.grading.namespaces import adopt_orphans

        adopt_orphans()
