"""
Prove the course: `learn.py test`, with ruff first, then pytest.

    python -m tests.proofs                what has changed live, the rest from records
    python -m tests.proofs --live         everything live
    python -m tests.proofs tests/docs -x  what pytest is told

It says first what it will do, and last, in one line, whether all is well.
"""

import sys

try:
    import io
    import os
    import subprocess
    import time
    from collections import Counter
    from contextlib import redirect_stdout
    from threading import Thread

    import pytest

    from tests.checker.system import exit_with
    from tests.proofs.records import (
        LONG,
        TIMES,
        Proof,
        forget_what_is_gone,
        records,
        versions,
        write,
    )
except KeyboardInterrupt:
    sys.exit(130)

# On two cores a run is bound by the CPU, but tests of servers wait now and then. Each
# worker collects all tests, which takes five seconds of CPU, and starts a browser, a
# Redis and fork servers of its own.
WORKERS = 6
QUIET = 10  # Seconds without news, after which a run says what it is about.


class Plan:
    """A plugin of a pytest that only collects: which proofs will be live?"""

    def __init__(self) -> None:
        self.tests = 0
        self.recorded: list[Proof] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        # Not above: pytest has to be the first to import it.
        from tests.proofs.plugin import proof_of

        self.tests = len(session.items)
        proofs = map(proof_of, session.items)
        self.recorded = [each for each in proofs if each]

    def announce(self, is_live: bool) -> None:
        """Say what will be done, and about how long that takes."""
        # What depends on the built site is known when it is built: most stands.
        known_later = [each for each in self.recorded if not each.depends]
        live = self.recorded
        if not is_live:
            live = [e for e in self.recorded if e.depends and not e.record()]
        seconds = [
            records(each.file).get(each.name, {}).get("seconds") for each in live
        ]
        known = [each for each in seconds if each is not None]
        # Of one that was never proved, all that we know is what others take.
        average = sum(known) / len(known) if known else 5
        total = (
            records(TIMES).get("others", {}).get("seconds", 0)
            + sum(known)
            + average * (len(seconds) - len(known))
        )
        minutes = max(1, round(total / WORKERS / 60))
        print(f"{self.tests:,} tests, in about {minutes} min.")
        if taken := len(self.recorded) - len(live):
            words = f"{taken:,} of them are taken from records"
            if known_later:
                words += f", {len(known_later):,} of these if the site is as it was"
            print(f"{words}. The rest is run now.")
        sys.stdout.flush()


class News:
    """A plugin that says what a run is about when nothing has ended for a while."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()  # Of tests that no record stands for.
        self.running: dict[str, float] = {}
        self.last = time.monotonic()
        self.is_over = False

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.running.pop(nodeid, None)
        self.last = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.user_properties:
            self.seconds[report.nodeid] += report.duration

    def pytest_sessionstart(self) -> None:
        Thread(target=self.tell, daemon=True).start()

    def pytest_sessionfinish(self) -> None:
        self.is_over = True

    def tell(self) -> None:
        """Look once a second whether all is quiet, until the run is over."""
        while not self.is_over:
            time.sleep(1)
            self.tell_once()

    def tell_once(self) -> None:
        """Name the test that has run longest, if nothing has ended for a while."""
        now = time.monotonic()
        running = dict(self.running)
        if running and now - self.last > QUIET:
            nodeid = min(running, key=running.get)
            name = nodeid.partition("::")[2]
            print(f"\n  … {name}, for {now - running[nodeid]:.0f} s", flush=True)
            self.last = now


def main(words: list[str]) -> int:
    """Run everything, or what the words say, and return the exit code."""
    begin = time.monotonic()
    is_live = "--live" in words
    is_whole = not set(words) - {"--live"}
    is_in_ci = bool(os.environ.get("CI"))
    failed = []
    # The chapters' transcripts, which are bash's, run every check. For a crowd of
    # clients, once is enough. When the transcripts are proved now, it is for all.
    chosen = ["-m", "not crowd"] if is_whole and os.name != "nt" else []
    if chosen and is_live:
        chosen.append("--ignore-glob=tests/test_stage*.py")
    if is_whole:
        plan = Plan()
        with redirect_stdout(io.StringIO()):  # What goes wrong here, goes wrong again.
            collect = ["--collect-only", "-q", *chosen]
            is_planned = not pytest.main(collect, plugins=[plan])
        if is_planned:
            plan.announce(is_live)
        if is_planned and sys.platform == "linux":  # Elsewhere some are left out.
            gone = forget_what_is_gone(plan.recorded, is_only_told=is_in_ci)
            for name in gone:
                print(f"A record of no proof: {name}.")
            if gone and is_in_ci:
                failed.append("the records")
    for command in ("ruff check", "ruff format --check"):
        print(f"\n$ {command}", flush=True)
        if subprocess.run(
            [sys.executable, "-m", *command.split()], check=False
        ).returncode:
            failed.append(command)
    # With `worksteal`, who has nothing left takes from who has much.
    arguments = ["-n", str(WORKERS), "--dist", "worksteal", *words, *chosen]
    print("\n$ pytest", *arguments, flush=True)
    news = News()
    code = pytest.main(arguments, plugins=[news])
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code:
        failed.append("pytest")
    elif is_whole and not is_in_ci and (is_live or not records(TIMES)):
        slow = {name: round(s) for name, s in news.seconds.items() if s >= LONG}
        total = round(news.seconds.total())
        took = {"seconds": total, "slow": slow, "with": versions()}
        write(TIMES, {"others": took})
    seconds = round(time.monotonic() - begin)
    took = f"{seconds // 60} min {seconds % 60} s"
    if failed:
        print(f"\nNot all is well: {' and '.join(failed)} failed, after {took}.")
    elif is_whole:
        print(f"\nAll is well: everything passed, in {took}.")
    else:
        print(f"\nAll that was asked for passed, in {took}.")
    return int(code) or bool(failed)


if __name__ == "__main__":
    exit_with(lambda: main(sys.argv[1:]))
