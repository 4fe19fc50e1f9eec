"""
What a check has shown: one of four verdicts, why, and what most likely is the mistake.

Only a broken promise is the learner's fault.
"""

import errno
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.checker import explain
from tests.checker.explain.catalogue import entries
from tests.checker.explain.source import Source
from tests.checker.explain.suspects import spot
from tests.checker.wire import RANDOM

KEPT = "kept"
BROKEN = "broken"
NOT_REACHED = "not reached"  # Not checked until another promise is kept.
COULD_NOT = "could not be checked"
VERDICTS = (KEPT, BROKEN, NOT_REACHED, COULD_NOT)

TOO_SLOW = "too slow here"

# What a client sees where there is no server, or none that can be judged.
NO_FAULT = {"nobody listens", "no such host", TOO_SLOW}

FEW_FILES = "Too many open files"
ENOUGH_FILES = 1024  # A crowd of 300 needs fewer: whoever needs more leaves them open.
FILES = (
    "This machine lets a program open too few files at once. `ulimit -n 4096`, typed "
    "in this terminal before the checks, allows more."
)
OLD_REDIS = re.compile("unknown command .HELLO")  # In the words of Redis 5.
NEWER_REDIS = (
    "The Redis on this machine is older than version 6, and redis-py 8 speaks to no "
    "older one. Install a newer one, or name one in the variable REDIS_SERVER."
)
TOO_LONG = "It took too long on this machine to judge: {}"

# Where a guess leads: to a method that Channels calls, unless it is about other files.
METHOD = re.compile(r"\b(connect|receive|receive_json|disconnect)\(\)")
SECTIONS = {"handshake": ("connect",), "close": ("disconnect",)}
ELSEWHERE = re.compile(
    r"settings|[Rr]edis|rout(e|ing)|asgi|nginx|[Dd]aphne|certificate|middleware|proxy|"
    r"urls\.py|\bpages?\b|template|--url|layer|Origin|cookie|session|[Ee]vent|"
    r"make_keys|\[A-Za-z|\\w|Start the server"
)
CONSUMERS = ("01-", "02-", "03-")  # The chapters that are about consumers.

MOST_SEEN = 20_000  # Characters. A command of a project may print anything.


@dataclass(frozen=True)
class Diagnosis:
    """What most likely is the mistake, and who says so."""

    id: str = ""
    witness: str = ""  # "wire", "output", "source", "crash", or nobody.
    sentence: str = ""
    is_plain: bool = False  # It is more than a guess from the wire.
    place: str = ""  # Where a guess would have to be looked for.
    general: str = ""  # The sentence without the places where the project departs.
    departs: str = ""  # These places.

    @property
    def heading(self) -> str:
        """How the sentence is introduced."""
        if self.is_plain:
            return "The likely mistake"
        return f"Perhaps (look at {self.place})" if self.place else "Perhaps"

    @property
    def cause(self) -> tuple[str, str]:
        """What is the same for the same mistake."""
        return self.id, RANDOM.sub("…", self.sentence)


@dataclass(frozen=True)
class Result:
    """A check that has ended, or has never begun."""

    check: str  # As pytest names it.
    verdict: str
    seconds: float = 0
    seen: str = ""
    diagnosis: Diagnosis = field(default_factory=Diagnosis)
    reason: str = ""  # Why it could not be checked.
    above: str = ""  # The check at which the same cause was told.
    symptom: str = ""
    printed: str = ""
    wire: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The promise, and its variant, in words."""
        return check_sentence(self.check)

    @property
    def promise(self) -> str:
        """The name of the check's function."""
        return self.check.rpartition("::")[2].partition("[")[0]

    @property
    def is_skipped(self) -> bool:
        """Whether nothing failed: it was left out for a reason."""
        return self.verdict == COULD_NOT and not self.seen

    def record(self) -> dict[str, Any]:
        """Return what is written for machines."""
        told, above = self.diagnosis, self.above
        return {
            "check": self.check,
            "sentence": self.sentence,
            "promise": self.promise,
            "verdict": self.verdict,
            "seconds": round(self.seconds, 3),
            "seen": self.seen,
            "diagnosis": {
                "id": told.id,
                "witness": told.witness,
                "sentence": told.general if told.departs else told.sentence,
                "departs": told.departs,
            }
            if told.sentence
            else None,
            "reason": self.reason or (f"as above: {above}" if above else None),
        }


class Judge:
    """Makes a result of the reports of a check, and knows what was told before."""

    def __init__(self) -> None:
        self.reports: dict[str, list[pytest.TestReport]] = {}
        self.told: dict[tuple[str, str], str] = {}

    def hear(self, report: pytest.TestReport) -> None:
        """Take one of the three reports of a check: setup, call, teardown."""
        self.reports.setdefault(report.nodeid, []).append(report)

    def judge(self, nodeid: str) -> Result | None:
        """Return what a check that has ended has shown, or None if it was not run."""
        reports = self.reports.pop(nodeid, [])
        if not reports:
            return None
        seconds = sum(report.duration for report in reports)
        for report in reports:
            if report.failed:
                return self.failed(report, seconds)
        for report in reports:
            if report.skipped:
                reason = str(report.longrepr[2]).removeprefix("Skipped: ")
                return Result(nodeid, COULD_NOT, seconds, reason=reason)
        return Result(nodeid, KEPT, seconds)

    def failed(self, report: pytest.TestReport, seconds: float) -> Result:
        """Return what a failure has shown. One cause is told once."""
        told = getattr(report, "told", Diagnosis())
        reason = getattr(report, "reason", "")
        cause = told.cause if told.sentence else ("", reason)
        above = self.told.get(cause, "") if any(cause) else ""
        self.told.setdefault(cause, check_sentence(report.nodeid))
        verdict = COULD_NOT if reason else BROKEN
        failure = getattr(report, "failure", {})
        # A guess may be another one each time, though its words are the same.
        if above and told.is_plain and not reason:
            verdict = NOT_REACHED
        return Result(
            report.nodeid,
            verdict,
            seconds,
            seen=seen_of(report),
            diagnosis=told,
            reason=reason,
            above=above,
            symptom=failure.get("symptom", ""),
            printed=failure.get("printed", ""),
            wire=getattr(report, "wire", ()),
        )


def seen_of(report: pytest.TestReport) -> str:
    """Return what a failed check says that it saw."""
    crash = getattr(report.longrepr, "reprcrash", None)
    seen = crash.message if crash else str(report.longrepr)
    seen = re.sub(r"^[\w.]*(?:Error|Exception|Failed): ", "", seen)
    # Below a sentence of ours, what pytest knows of the comparison is noise.
    return re.sub(r"(?s)(?<=.)\nassert .*", "", seen)[:MOST_SEEN]


def diagnosis_of(told: explain.Told, check: str, source: Source | None) -> Diagnosis:
    """Return a diagnosis as reports give it."""
    if not told.sentence:
        return Diagnosis()
    entry = next((each for each in entries() if each.id == told.id), None)
    names = {
        explain.OUTPUT: "output",
        explain.SOURCE: "source",
        explain.SURE: "wire",  # Nothing else looks like it.
        explain.CRASH: "crash",
        explain.HINT: "source",
        explain.WIRE: "wire",
    }
    witness = names[told.witness]
    is_plain = told.witness <= explain.CRASH
    is_guess = told.witness == explain.WIRE
    is_of_consumers = entry is not None and entry.chapter.startswith(CONSUMERS)
    place = ""
    if told.departed and not is_plain:
        place = spot(told.departed)
    elif is_guess and source:
        place = place_of(check if is_of_consumers else "", told.first, source)
    return Diagnosis(
        *(told.id, witness, told.sentence, is_plain, place),
        general=told.general,
        departs=told.departs,
    )


def place_of(check: str, sentence: str, source: Source) -> str:
    """
    Return the place in the source that a guess is about, or nothing if none is known.

    It is what the sentence names: a setting, or a method. Where it names neither, it is
    the method that answers for the check, if one is named, unless the sentence is about
    other files.
    """
    for name in re.findall(r"\b[A-Z][A-Z_]{3,}\b", sentence):
        if found := setting_of(name, source):
            return found
    if found := METHOD.search(sentence):
        names = (found[1],)
    elif not check or ELSEWHERE.search(sentence):
        return ""
    else:
        section = check_sentence(check).split()[0]
        names = SECTIONS.get(section, ("receive", "receive_json"))
    for consumer in source.consumers:
        for name in names:
            method = consumer.methods.get(name)
            if method in consumer.tree.body:
                return f"{name}() in {consumer.file}, line {method.lineno}"
    return ""


def setting_of(name: str, source: Source) -> str:
    """Return where the settings name this first, or nothing."""
    if source.settings is None:
        return ""
    file, _tree = source.settings
    lines = source.files[file].splitlines()
    found = [n for n, line in enumerate(lines, 1) if re.search(rf"\b{name}\b", line)]
    return f"{file}, line {found[0]}" if found else ""


def reason_of(error: BaseException, symptom: str, printed: str) -> str:
    """Return why a promise could not be checked, or nothing if it is broken."""
    is_short = any(map(is_about_files, chain_of(error))) or FEW_FILES in printed
    if is_short and files_allowed() < ENOUGH_FILES:
        return FILES
    words = getattr(error, "sentence", str(error))
    if OLD_REDIS.search(words):
        return NEWER_REDIS
    if symptom in NO_FAULT or symptom == "no start":
        return words
    if isinstance(error, pytest.fail.Exception) and words.startswith("Timeout"):
        return TOO_LONG.format(words.splitlines()[0])
    return ""


def is_of_the_machine(symptom: str, reason: str) -> bool:
    """Tell whether it is this machine that let a promise not be checked."""
    begin = TOO_LONG.partition("{")[0]
    is_known = reason in (FILES, NEWER_REDIS) or reason.startswith(begin)
    return symptom == TOO_SLOW or is_known


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, and those that have led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def is_about_files(error: BaseException) -> bool:
    """Tell whether the system refused to open one more file."""
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)


def files_allowed() -> float:
    """Return how many files a program may have open on this system, at once."""
    try:
        import resource  # Not on Windows, where there is no such limit.
    except ImportError:
        return math.inf
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def check_sentence(nodeid: str) -> str:
    """Turn `…::test_message_comes_back[text]` into `message comes back (text)`."""
    name = nodeid.rpartition("::")[2].removeprefix("test_")
    name, _, variant = name.partition("[")
    words = name.replace("_", " ").replace(" mib", " MiB").replace("redis", "Redis")
    words = words.replace("websocket", "WebSocket").replace("utf 8", "UTF-8")
    words = re.sub(r"\b(https?|tls|ca|ec)\b", lambda word: word[0].upper(), words)
    words = words.replace("TLS 1 2", "TLS 1.2")
    return f"{words} ({variant.rstrip(']')})" if variant else words
