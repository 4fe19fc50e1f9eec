"""
Each sentence that names a mistake is earned by evidence, and each evidence earns it.

The evidence is what live proofs have recorded: test_mistakes.py, test_solutions.py, and
here what is told from outside, where nobody sees what the server prints.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.checker.explain import SOURCE, SURE, Told, diagnose, explain, fitting
from tests.checker.explain.catalogue import COMMON, Entry, entries
from tests.checker.explain.source import Source, findings
from tests.checker.servers.forks import quick_starts
from tests.checker.servers.output import SAYS_SO
from tests.checker.servers.runserver import Server, free_port
from tests.proofs.records import EVIDENCE, Proof, Recorded, Seen, records
from tests.proofs.runs import (
    ROOT,
    check,
    copy_of,
    diagnosis,
    evidence_of,
    proof_of,
    replace,
    solution,
)
from tests.proofs.test_mistakes import CASES as MISTAKES
from tests.proofs.test_mistakes import NEWCOMERS, source_of

# The stage, an edit of a file, and the words: where --url shows only the wire.
FROM_OUTSIDE = [
    ("stage01_echo", "tests/start", "", "", "An ordinary web server answers here"),
    (
        *("stage01_echo", "stage01_echo", "await self.send(", "await self.sent("),
        "1011 is the server's word for an exception",
    ),
    (
        *("stage02_routing", "stage02_routing"),
        *('    re_path(r"", refuse),\n', ""),
        "or for a path without a route",
    ),
]


@pytest.mark.parametrize(
    ("proof", "stage", "start", "right", "wrong", "words"),
    [
        pytest.param(
            proof_of("outside", f"{start} {wrong}", stage, ROOT / start, right),
            *(stage, start, right, wrong, words),
            id=words,
        )
        for stage, start, right, wrong, words in FROM_OUTSIDE
    ],
)
def test_mistake_is_recognised_from_outside(
    tmp_path: Path,
    proof: Proof,
    stage: str,
    start: str,
    right: str,
    wrong: str,
    words: str,
    recorded: Recorded,
) -> None:
    def prove() -> Seen:
        project = copy_of(ROOT / start, tmp_path / "project")
        if right:
            [file] = (
                file
                for file in (project / "chat").glob("*.py")
                if right in file.read_text(encoding="utf-8")
            )
            replace(file, right, wrong)
        with quick_starts(), Server(project, tmp_path / "server.log") as server:
            return check(stage, "--url", server.url).failed()

    assert words in diagnosis(recorded(proof, prove))


@pytest.mark.parametrize(
    "proof", [proof_of("outside", "nobody listens", "stage01_echo")], ids=str
)
def test_server_that_does_not_run_is_told(proof: Proof, recorded: Recorded) -> None:
    def prove() -> Seen:
        return check("stage01_echo", "--url", f"ws://127.0.0.1:{free_port()}").failed()

    assert "Start the server first" in diagnosis(recorded(proof, prove))


# A report shows what these are about, and the rest of what the server printed is cut.
CAUGHT = "with suppress(OSError, Disconnected)"
NOT_CAUGHT = "with suppress(KeyError)"


@pytest.mark.parametrize(
    "proof",
    [
        proof_of(
            *("reports", "hundreds of clients", "stage02_routing"),
            *(ROOT / "tests/checker" / name for name in ("report.py", "printed.py")),
            *(CAUGHT, NOT_CAUGHT),
        )
    ],
    ids=str,
)
def test_traceback_is_shown_among_what_hundreds_of_clients_leave_in_the_log(
    tmp_path: Path, proof: Proof, recorded: Recorded
) -> None:
    def prove() -> Seen:
        project = copy_of(ROOT / "stage02_routing", tmp_path / "project")
        replace(project / "chat" / "faults.py", CAUGHT, NOT_CAUGHT)
        run = check("stage02_routing", "--project", project, "-k", "right_after")
        return {"report": run.stdout}

    report = recorded(proof, prove)["report"]
    assert "autobahn.exception.Disconnected: Attempt to send" in report
    assert "WebSocket CONNECT" not in report


JSON_CONSUMER = ROOT / "tests/proofs/right/stage02_json_consumer"


@pytest.mark.parametrize(
    ("proof", "caught", "words"),
    [
        pytest.param(
            proof_of("mistakes", name, "stage02_routing", JSON_CONSUMER, caught),
            *(caught, words),
            id=caught,
        )
        for name, caught, words in (
            (
                "a JSON consumer that does not catch ValueError",
                *("RecursionError", "In a JSON consumer of Channels, catch it in a"),
            ),
            (
                "a JSON consumer that catches JSONDecodeError only",
                *("json.JSONDecodeError", "raises for a binary frame, and for an"),
            ),
        )
    ],
)
def test_what_a_json_consumer_raises_is_explained(
    tmp_path: Path, proof: Proof, caught: str, words: str, recorded: Recorded
) -> None:
    def prove() -> Seen:
        project = solution(JSON_CONSUMER.name, tmp_path / "project")
        consumers = project / "chat" / "consumers.py"
        replace(consumers, "except (ValueError, RecursionError)", f"except {caught}")
        imports = "from channels.exceptions"
        replace(consumers, imports, f"import json\n\n{imports}")
        return check("stage02_routing", "--project", project).failed()

    assert words in diagnosis(recorded(proof, prove))


# What no program of ours shows, on our machines: symptom, output, check, and words.
ELSEWHERE = [
    # It depends on the moment whether the client has sent more by then.
    (
        *("close 1000", "Disconnected: Attempt to send on a closed protocol", ""),
        "The contract leaves the close to the client",
    ),
    (
        *("no start", "ModuleNotFoundError: No module named 'channels'\n", ""),
        "has no package channels",
    ),
    # The checks give each server a free port. test_pitfalls.py has these words live.
    (
        "no start",
        "Error: That port is already in use.\n",
        "",
        "Another program listens",
    ),
    # It waits for half a minute, for somebody who types.
    ("no start", "Enter PEM pass phrase:", "", "nobody is there to type a password"),
    ("no start", f"and again{SAYS_SO}", "", "A loop prints, and never ends"),
    ("flood", "", "", "A loop in the consumer sends, and never ends"),
    ("close 1006", "", "test_stage02_routing.py::test_x", "dropped the connection"),
    ("close 1006", "", "test_stage05_wss.py::test_x", "or nginx did, in front of it"),
    ("close 1005", "", "", "leaves the close to the client"),
    # Servers with a limit of their own.
    (
        *("close 1009", "", "test_stage01_echo.py::test_message_of_1_mib_comes_back"),
        "exactly so many are still allowed",
    ),
    # --url, and a server with a CA that this machine does not know.
    (
        *("TLS: unable to get local issuer certificate", "", "test_stage03_groups.py"),
        "Name the CA in the variable SSL_CERT_FILE",
    ),
    ("not refused", "", "test_stage05_wss.py::test_a_foreign_origin", "somebody else"),
    # Redis 5, in its own words.
    ("close 4503", "unknown command 'HELLO'", "", "is older than version 6"),
]


@pytest.mark.parametrize(("symptom", "printed", "check_id", "words"), ELSEWHERE)
def test_what_this_machine_does_not_show_is_explained(
    symptom: str, printed: str, check_id: str, words: str
) -> None:
    assert words in diagnose(symptom, printed, check_id)


IN_EXCEPT = """\
Traceback (most recent call last):
  File "chat/consumers.py", line 33, in receive
    message = json.loads(text_data)
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "chat/consumers.py", line 35, in {function}
    await self.send_error("bad-json")
  File "chat/consumers.py", line 49, in send_error
    self.missing
AttributeError: no attribute missing
"""


def test_exception_that_the_project_has_caught_is_not_the_mistake() -> None:
    said = diagnose("close 1011", IN_EXCEPT.format(function="receive"))
    assert said.startswith("send_error() raised an exception")
    # Elsewhere, what comes while one is under way has been set off by it.
    said = diagnose("close 1011", IN_EXCEPT.format(function="disconnect"))
    assert "JSONDecodeError" in said


LATER = """

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "chat/faults.py", line 36, in guarded
    await application(scope, receive, answer)
OSError: gone

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "chat/faults.py", line 41, in guarded
    await answer(refusal)
RuntimeError: too late
"""


def test_what_had_led_to_a_caught_exception_was_caught_with_it() -> None:
    chain = IN_EXCEPT.format(function="disconnect").rstrip() + LATER
    assert diagnose("close 1011", chain).endswith("RuntimeError: too late")
    # A traceback of its own stays, whatever is caught below it.
    alone = IN_EXCEPT.format(function="receive") + LATER.partition("occurred:\n")[2]
    said = diagnose("close 1011", alone)
    assert said.startswith("send_error() raised an exception")


@cache
def evidence() -> list[Seen]:
    """Return all evidence of failures that was recorded, of our own stages or not."""
    files = sorted(EVIDENCE.rglob("*.json"))
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    seen = [record.get("seen", {}) for each in found for record in each.values()]
    return [each for each in seen if {"symptom", "printed"} <= each.keys()]


class Fits(NamedTuple):
    """What is said of a mistake, and which entries speak plainly of it."""

    proof: Proof
    said: str
    plain: tuple[str, ...]


@cache
def fits_of_mistakes() -> list[Fits]:
    """Look at each mistake once, for all tests."""
    proofs = [case.values[0] for case in (*MISTAKES, *NEWCOMERS)]
    if missing := [str(proof) for proof in proofs if not proof.record()]:
        pytest.skip(f"{len(missing)} mistakes have no record yet: run the tests again")
    found = []
    for proof, stage, mistake in (case.values for case in (*MISTAKES, *NEWCOMERS)):
        seen, source = proof.record()["seen"], source_of(stage, mistake)
        told = sorted(fitting(**evidence_of(seen), source=source), key=witness_of)
        plain = tuple(each.id for each in told if each.witness <= SURE)
        found.append(Fits(proof, diagnosis(seen, source), plain))
    return found


def witness_of(told: Told) -> int:
    return told.witness


@cache
def finished(stage: str) -> Source:
    """Return the files of a stage of ours."""
    return Source.of(ROOT / stage)


def test_every_sentence_is_earned_by_evidence() -> None:
    told = {diagnosis(each) for each in evidence()}
    told |= {each.said for each in fits_of_mistakes()}
    # Of who begins: test_solutions.py has the proofs.
    told |= {diagnosis(each, finished("stage01_echo")) for each in evidence()}
    # What stands in the source alone has its proofs in test_source.py.
    told |= {diagnose(*seen) for *seen, _words in ELSEWHERE}
    unearned = []
    for mistake in entries():
        if mistake.source:
            continue
        # What stands in braces was filled in.
        parts = re.split(r"(?<!\{)\{\w+\}(?!\})", mistake.sentence)
        literal = [re.escape(part.format()) for part in parts]
        pattern = re.compile("(?s:.*)".join(literal))
        is_earned = any(map(pattern.fullmatch, told))
        if not is_earned and not any(map(pattern.fullmatch, told_of(mistake))):
            unearned.append(mistake.sentence)
    assert unearned == []


def told_of(entry: Entry) -> set[str]:
    """Return what is told of evidence, where an entry asks what stands in the code."""
    if not entry.needs:
        return set()
    found = set()
    for each in evidence():
        stage = re.search(r"test_(stage\d\d_\w+)\.py", each["check"])
        if stage and re.search(entry.printed, each["printed"]):
            found.add(diagnosis(each, finished(stage[1])))
    return found


# Of a mistake of the first entry, the second is true as well, and less exact.
ALSO_TRUE = {
    ("as-asgi-of-a-route", "no-as-asgi"),
    ("async-def-in-sync-consumer", "async-in-sync"),
    ("await-in-plain-def", "sync-in-async"),
    ("await-in-plain-def", "unreadable-python"),
    ("converter-string", "unknown-converter"),
    ("event-half-a-character", "json-half-a-character"),
    ("host-not-allowed", "host-with-scheme"),
    ("json-consumer-for-echo", "json-not-caught"),
    ("logout-needs-redis", "redis-elsewhere"),
    ("nginx-asks-no-other", "nginx-reaches-nobody"),
    ("nginx-directive-elsewhere", "nginx-does-not-start"),
    ("nginx-directive-elsewhere", "nginx-refuses-to-start"),
    ("nginx-does-not-start", "nginx-refuses-to-start"),
    ("nginx-port-taken", "nginx-refuses-to-start"),
    ("nginx-unknown-directive", "nginx-does-not-start"),
    ("nginx-unknown-directive", "nginx-refuses-to-start"),
    ("no-session-middleware", "middleware-order"),
    ("no-websocket-entry", "protocol-name"),
    ("print-half-a-character", "json-half-a-character"),
    ("query-in-coroutine", "wrapped-call"),
    ("redis-without-url", "redis-elsewhere"),
    ("route-names-another-key", "kwargs-elsewhere"),
    ("route-pattern-unreadable", "route-pattern-broken"),
    ("variable-left-out", "variable-missing"),
    ("wrapper-gives-coroutine", "wrapper-is-async"),
    ("wrapper-gives-none", "wrapper-returns-nothing"),
    ("wsgi-runserver", "no-daphne"),
}


def test_neighbours_of_a_mistake_do_not_claim_it() -> None:
    # An entry that speaks plainly has witnesses that no other mistake has. So if the
    # catalogue did not know a mistake, it would guess, or be silent.
    claimed: dict[tuple[str, str], str] = {}
    for proof, _said, plain in fits_of_mistakes():
        for other in plain[1:]:
            if other != plain[0]:
                claimed.setdefault((plain[0], other), str(proof))
    assert {pair: why for pair, why in claimed.items() if pair not in ALSO_TRUE} == {}
    assert {*claimed} == ALSO_TRUE, "Some of these are told of no mistake any more."


class Made(NamedTuple):
    """A mistake that was made: its source, what is found there, and what was seen."""

    source: Source
    found: frozenset[str]
    seen: Seen


@cache
def made() -> dict[str, list[Made]]:
    """Return the mistakes of each stage. Records that are old do, too."""
    found: dict[str, list[Made]] = {}
    for proof, stage, mistake in (case.values for case in (*MISTAKES, *NEWCOMERS)):
        if record := records(proof.file).get(proof.name):
            source = source_of(stage, mistake)
            ids = frozenset(each.id for each in findings(source))
            found.setdefault(stage, []).append(Made(source, ids, record["seen"]))
    return found


# A finding and how it can be seen, though no proof has seen it so. Where Channels finds
# no route, for one, it raises, or else the last route says 403.
PLAUSIBLE = {
    ("async-in-sync", "not refused"),
    ("async-in-sync", "silence"),
    ("consumer-instance", "another message"),
    ("converter-in-re-path", "HTTP 403"),
    ("goes-on-after-close", ""),
    ("goes-on-after-close", "not refused"),
    ("goes-on-after-close", "refused with 500"),
    ("host-with-scheme", "HTTP 403"),
    ("middleware-order", "HTTP 500"),
    ("middleware-order", "refused with 500"),
    ("missing-await", "left open"),
    ("missing-await", "lost"),
    ("missing-await", "not in Redis"),
    ("missing-parentheses", "no answer"),
    ("no-trailing-slash", "HTTP 403"),
    ("query-in-route", "HTTP 403"),
    ("regex-in-path", "HTTP 403"),
    ("true-user", "join for message"),
    ("wrapped-call", "refused with 500"),
}


def test_what_is_found_first_can_look_like_the_failure() -> None:
    # One mistake stands in the source, and another one was seen: what is told first of
    # it must have been seen so, or else it stands behind, as "Also: …".
    names = {entry.id: entry.source for entry in entries() if entry.source}
    wrong: dict[tuple[str, str], int] = {}
    pairs = 0
    known: dict[str, set[str]] = {}
    for _source, found, seen in (each for all_of in made().values() for each in all_of):
        for name in found:
            known.setdefault(name, set()).add(seen["symptom"])
    for mistakes in made().values():
        sources = {each.found: each.source for each in mistakes if each.found}
        seens = {(m.seen["symptom"], m.seen["check"]): m for m in mistakes}
        for found, source in sources.items():
            for each in seens.values():
                if found & each.found:
                    continue
                pairs += 1
                evidence = evidence_of(each.seen)
                told = explain(**evidence, source=source)
                symptom = evidence["symptom"]
                if told.witness == SOURCE and symptom not in known[names[told.id]]:
                    pair = names[told.id], symptom
                    wrong[pair] = wrong.get(pair, 0) + 1
    assert pairs > 1_000
    claimed = {pair: number for pair, number in wrong.items() if pair not in PLAUSIBLE}
    assert claimed == {}, f"Of {pairs} pairs, these blame what does not fail so."
    assert {*wrong} == PLAUSIBLE, "Some of these are told of no pair any more."


# What a newcomer had: both mistakes in one file.
OUTSIDE = """

async def receive(self, text_data=None, bytes_data=None):
    await self.send_json(json.loads(text_data))
"""


def test_a_mistake_that_does_not_cause_the_failure_comes_last() -> None:
    files = dict(finished("stage02_routing").files)
    files["chat/consumers.py"] += OUTSIDE
    check_id = "test_stage02_routing.py::test_{}[alone]"
    outside = "line 55: receive() stands outside of the class"
    name = check_id.format("handshake_takes_the_name_from_the_query_string")
    said = diagnose("another name", "", name, False, Source(files)).splitlines()
    assert len(said) == 2
    assert outside not in said[0]
    assert said[1].startswith("Also: chat/consumers.py")
    assert outside in said[1]
    # Where it is the cause, it comes first, and nothing else is said.
    answer = check_id.format("message_is_answered_with_room_name_and_text")
    said = diagnose("silence", "", answer, False, Source(files))
    assert said.startswith(f"chat/consumers.py, {outside}")
    # And where nothing else is known, it is said for what it is.
    told = explain("HTTP 599", "", name, False, Source(files))
    assert told.sentence.startswith("This is wrong, though it may not be what fails")
    assert told.witness > SURE


def test_two_mistakes_that_fit_are_both_told() -> None:
    files = dict(finished("stage02_routing").files)
    consumers = files["chat/consumers.py"]
    consumers = consumers.replace("await self.send(text_data=", "self.send(text_data=")
    files["chat/consumers.py"] = consumers.replace("def receive(", "def recieve(")
    answer = "test_stage02_routing.py::test_message_is_answered_with_room_name_and_text"
    said = diagnose("silence", "", answer, False, Source(files)).splitlines()
    assert "Channels calls no method recieve()" in said[0]
    assert "`await` is missing in" in said[1]
    assert said[1].startswith("Also: ")


def test_what_fits_no_mistake_is_not_explained() -> None:
    assert diagnose("HTTP 599", "") == ""


def test_every_sentence_can_be_filled_in() -> None:
    for mistake in entries():
        if mistake.source:  # Filled in by a finding: test_source.py.
            continue
        # A name that the pattern does not catch would fail only when it is needed.
        groups = re.compile(mistake.printed).groupindex
        assert mistake.sentence.format(**dict.fromkeys(groups, "x"))


def test_every_entry_is_whole() -> None:
    ids = [entry.id for entry in entries()]
    assert sorted(set(ids)) == sorted(ids)
    for entry in entries():
        assert re.fullmatch(r"[a-z0-9-]+", entry.id), entry.id
        assert 0 < len(entry.title) <= 70, entry.id
        assert entry.common in COMMON, entry.id
        assert entry.diagnosis, entry.id
