"""
The report's grammar: four verdicts, what was seen, and the diagnosis at the end.

Most of it is shown on results that no server has to make.
"""

import errno
import io
import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unicodedata import east_asian_width

import pytest

from tests.checker import report, verdict
from tests.checker.client import WireError, compare_json
from tests.checker.explain.source import Source
from tests.checker.plugin import explain_failure
from tests.checker.printed import telling
from tests.checker.servers.runserver import ServerError, free_port
from tests.checker.show import another_message, facts
from tests.checker.system import learn
from tests.checker.verdict import (
    BROKEN,
    COULD_NOT,
    KEPT,
    NOT_REACHED,
    Diagnosis,
    Judge,
    Result,
    reason_of,
)
from tests.proofs.runs import ROOT, check, copy_of
from tests.proofs.runs import replace as mistake

FILE = "tests/test_stage02_routing.py"
SENTENCE = "An `await` is missing in chat/consumers.py, line 18. " * 4
PLAIN = Diagnosis("no-await", "output", SENTENCE, is_plain=True)
GUESS = Diagnosis("silent", "wire", "Nothing was sent to this client.")
PLACED = Diagnosis(*("silent", "wire", "Nothing was sent."), place="receive() in a.py")
WIRE = tuple(f"  0.{n:03} s  ana  → text {'x' * 80}" for n in range(8))
COMINGS = "".join(
    f"WebSocket {word} /ws/rooms/garden/ [127.0.0.1:{port}]\n"
    for port in range(40_000, 40_040)
    for word in ("HANDSHAKING", "CONNECT", "DISCONNECT")
)
TRACEBACK = (
    "Exception inside application: oops\n"
    "Traceback (most recent call last):\n"
    '  File "chat/consumers.py", line 18, in receive\n'
    "    raise RuntimeError\n"
    "RuntimeError: oops\n"
)


def broken(told: Diagnosis = PLAIN, **fields: object) -> Result:
    """Return what a check has shown that fails."""
    given = {"seen": "The connection is open, but no message came.", **fields}
    return Result(f"{FILE}::test_messages", BROKEN, diagnosis=told, **given)


def lines_of(result: Result, most: int = report.LINES - 1) -> list[str]:
    """Return the lines that are printed below a failure."""
    lines = []
    for block in report.failure(result, most, learn("hint 2")):
        lines.append("")
        if block.heading:
            lines.append(f"{report.INDENT}{block.heading}:")
        lines += [f"{report.INDENT}{line}" for line in block.lines]
    return lines


LONG_OUTPUT = COMINGS + TRACEBACK + "words " * 90 + "\n" + "some line\nanother\n" * 200


def columns(line: str) -> int:
    """Return how many columns a terminal needs: Chinese has two for a sign."""
    return sum(1 + (east_asian_width(sign) in ("W", "F")) for sign in line)


@pytest.mark.parametrize("told", [PLAIN, GUESS, PLACED, Diagnosis()], ids=str)
@pytest.mark.parametrize("printed", ["", TRACEBACK, LONG_OUTPUT], ids=len)
@pytest.mark.parametrize("seen", ["short", "a long line of words " * 60, "line\n" * 60])
def test_failure_fits_a_screen_and_its_diagnosis_comes_last_and_whole(
    told: Diagnosis, printed: str, seen: str
) -> None:
    lines = lines_of(broken(told, printed=printed, wire=WIRE, seen=seen))
    # The check itself, an empty line and the counts make 25.
    assert 1 + len(lines) + 2 <= 25
    assert max(map(len, lines)) <= 80
    last = " ".join(" ".join(lines).split())
    end = told.sentence or "Nothing here is known to the checks."
    words = " ".join(end.split())
    if told.sentence:
        assert last.endswith(words)
    else:
        assert words in last
        assert last.endswith("learn.py hint 2")


@pytest.mark.parametrize("words", ["x" * 99_999, "错误" * 999, "错 " * 999, "🎉" * 99])
@pytest.mark.parametrize("told", [Diagnosis("crash", "crash", "", True), GUESS])
def test_what_an_exception_says_fits_a_screen_however_long_and_wide(
    told: Diagnosis, words: str
) -> None:
    sentence = f"receive() raised an exception, in a.py, line 7: KeyError: {words}"
    told = replace(told, sentence=f"{sentence}. It was called by x(), in b.py")
    wire = (f"  0.001 s  ana  → text {words}",) * 8
    result = broken(told, seen=words, printed=f"{words}\n" * 99, wire=wire)
    lines = lines_of(result)
    assert 1 + len(lines) + 2 <= 25
    assert max(map(columns, lines)) <= 80
    said = " ".join(" ".join(lines).split())
    assert "receive() raised an exception, in a.py, line 7: KeyError" in said
    assert said.endswith("It was called by x(), in b.py")


def test_all_output_of_much_that_is_long_takes_no_minutes() -> None:
    result = broken(
        Diagnosis(), printed="".join(f"{n} {'w ' * 90}\n" for n in range(2_500))
    )
    begun = time.process_time()
    lines = lines_of(result, report.TALE)
    assert time.process_time() - begun < 20
    assert report.TALE - 20 < len(lines) <= report.TALE


def test_hint_is_offered_for_the_folder_that_was_checked(tmp_path: Path) -> None:
    options: dict[str, object] = {}
    reporter = SimpleNamespace(config=SimpleNamespace(getoption=options.get))

    def command(check: str = f"{FILE}::test_messages") -> str:
        return report.LearnerReporter.hint_command(reporter, check)

    assert command().endswith("learn.py hint 2")
    options["project"] = tmp_path
    assert command().endswith(f"learn.py hint 2 --project {tmp_path}")
    assert command("tests/exercises/stage02_routing_1.py::test_x") == ""
    # Of somebody's server there is no folder to give a hint for.
    options["url"] = "ws://127.0.0.1:8000"
    assert command() == ""
    (last,) = report.advice(broken(Diagnosis()), "").lines
    assert last == "Nothing here is known to the checks."


def test_wire_is_shown_only_where_nobody_else_speaks() -> None:
    assert "On the wire" not in str(lines_of(broken(PLAIN, wire=WIRE)))
    for told in (GUESS, Diagnosis()):
        assert "On the wire" in str(lines_of(broken(told, wire=WIRE)))


def test_guess_says_perhaps_and_where_to_look() -> None:
    assert f"{report.INDENT}The likely mistake:" in lines_of(broken(PLAIN))
    assert f"{report.INDENT}Perhaps:" in lines_of(broken(GUESS))
    placed = f"{report.INDENT}Perhaps (look at receive() in a.py):"
    assert placed in lines_of(broken(PLACED))


def test_what_is_cut_is_counted_and_all_output_shows_it() -> None:
    many = "".join(f"line {number}\n" for number in range(100))
    result = broken(printed=TRACEBACK + many)
    printed = "\n".join(lines_of(result))
    # What the learner has written is kept before all other lines.
    assert "RuntimeError: oops" in printed
    assert "line 7\n" not in printed
    out = re.search(r"… (\d+) lines left out: --all-output shows all", printed)
    assert int(out[1]) == 100
    whole = "\n".join(lines_of(result, report.TALE))
    assert "left out" not in whole
    assert "line 7\n" in whole


def test_comings_and_goings_are_no_news() -> None:
    assert telling(COMINGS + TRACEBACK + COMINGS + TRACEBACK) == TRACEBACK.splitlines()
    assert telling("hello\nhello\n") == ["hello (2 times)"]
    daphne = '127.0.0.1:5 - - [29/Nov/2026:19:46:37] "{} /ws/" - -\n'
    words = ("WSCONNECTING", "WSCONNECT", "WSDISCONNECT", "WSREJECT", "GET")
    [kept] = telling("".join(map(daphne.format, words)))
    assert "GET" in kept


def test_what_is_printed_cannot_command_the_terminal() -> None:
    assert telling("\x1b[31mred\x1b[0m \x1b]0;title\x07and \x07bell") == [
        "red and �bell"
    ]
    told = Diagnosis("crash", "crash", "It raised \x1b[31mKeyError\x1b[0m", True)
    for result in (broken(told), broken(seen="\x1b[2J", reason="\x1b[2Jnot yet")):
        assert "\x1b" not in "".join(lines_of(result))


@pytest.mark.parametrize(
    "printed",
    [
        "ImportError: cannot import name 'a' from 'redis' ({0}redis/__init__.py)",
        "Application instance <Task coro=<A.b() running at {0}a/b.py:1>> was killed.",
    ],
    ids=["an import", "a task"],
)
def test_report_does_not_say_where_libraries_are(printed: str) -> None:
    folder = "/home/ana maria/course/.venv/lib/python3.11/site-packages/"
    assert telling(printed.format(folder)) == [printed.format("")]


@pytest.mark.parametrize(
    ("results", "untried", "words"),
    [
        ([KEPT] * 24, 0, "All 24 checks pass."),
        ([KEPT], 0, "The check passes."),
        ([KEPT, BROKEN], 0, "1 check passed, 1 failed: mend this one."),
        (
            [KEPT] * 3 + [BROKEN],
            20,
            "3 checks passed, 1 failed, 20 not tried yet: mend this one first.",
        ),
        (
            [KEPT] * 2 + [BROKEN] + [NOT_REACHED] * 15 + [COULD_NOT] * 2,
            0,
            (
                "2 checks passed, 1 failed, 15 failed for the reason above, 2 could "
                "not be checked: mend this one."
            ),
        ),
        ([KEPT, BROKEN, BROKEN], 0, "1 check passed, 2 failed."),
        (["skip", KEPT, "skip"], 0, "1 check passes, 2 could not be tried."),
        (
            [COULD_NOT],
            23,
            "0 checks passed, 1 could not be checked, 23 not tried yet.",
        ),
        ([KEPT] * 2, 3, "2 checks passed, 3 not tried."),
    ],
)
def test_each_verdict_is_counted_in_words(
    results: list[str], untried: int, words: str
) -> None:
    made = [
        Result("a", COULD_NOT, reason="no Redis")
        if each == "skip"
        else Result("a", each, seen="" if each == KEPT else "seen")
        for each in results
    ]
    assert report.in_words(made, untried)[0] == words


def heard(judge: Judge, name: str, told: Diagnosis = PLAIN, reason: str = "") -> Result:
    """Let a judge hear of a check that fails."""
    longrepr = SimpleNamespace(reprcrash=SimpleNamespace(message="WireError: silence"))
    failed = SimpleNamespace(
        nodeid=name,
        duration=0.5,
        longrepr=longrepr,
        failed=True,
        skipped=False,
        told=told,
        reason=reason,
    )
    setup = SimpleNamespace(nodeid=name, duration=1, failed=False, skipped=False)
    judge.hear(setup)
    judge.hear(failed)
    return judge.judge(name)


def test_one_cause_is_told_once() -> None:
    judge = Judge()
    first = heard(judge, "a.py::test_first")
    assert (first.verdict, first.above, first.seconds) == (BROKEN, "", 1.5)
    again = heard(judge, "a.py::test_again")
    assert (again.verdict, again.above) == (NOT_REACHED, "first")
    other = heard(judge, "a.py::test_other", Diagnosis("other", "crash", "x", True))
    assert other.verdict == BROKEN


def test_same_mistake_in_another_room_is_the_same_cause() -> None:
    judge = Judge()
    for name, room in (("test_first", "a" * 32), ("test_again", "b" * 32)):
        told = Diagnosis("no-route", "output", f"No route for {room}", True)
        verdict = heard(judge, f"a.py::{name}", told).verdict
    assert verdict == NOT_REACHED


def test_same_guess_is_told_once_but_each_promise_is_broken() -> None:
    judge = Judge()
    heard(judge, "a.py::test_first", GUESS)
    again = heard(judge, "a.py::test_again", GUESS)
    assert (again.verdict, again.above) == (BROKEN, "first")
    # Where nobody knows anything, each is told.
    for name in ("test_unknown", "test_unknown_too"):
        assert heard(judge, f"a.py::{name}", Diagnosis()).above == ""


def test_server_that_does_not_start_breaks_no_promise() -> None:
    result = heard(Judge(), "a.py::test_first", reason="it did not start")
    assert result.verdict == COULD_NOT
    assert not result.is_skipped
    assert result.record()["reason"] == "it did not start"


def test_check_that_is_skipped_says_why() -> None:
    judge = Judge()
    longrepr = ("file", 1, "Skipped: No redis-server was found.")
    judge.hear(
        SimpleNamespace(
            nodeid="a", duration=0, failed=False, skipped=True, longrepr=longrepr
        )
    )
    result = judge.judge("a")
    assert (result.verdict, result.is_skipped) == (COULD_NOT, True)
    assert result.reason == "No redis-server was found."


def cannot_open() -> Exception:
    """Return what a check fails with when the system opens no more files."""
    error = WireError("no answer", "no answer")
    error.__cause__ = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return error


@pytest.mark.parametrize(
    ("error", "symptom", "words"),
    [
        (ServerError("project did not start"), "no start", "project did not start"),
        (WireError("nobody listens", "Nobody"), "nobody listens", "Nobody"),
        (WireError("too slow here", "too slow"), "too slow here", "too slow"),
        (cannot_open(), "no answer", "ulimit -n 4096"),
        (
            RuntimeError("unknown command 'HELLO'"),
            "",
            "older than version 6",
        ),
        (pytest.fail.Exception("Timeout (>180.0s)"), "", "too long on this machine"),
        (WireError("silence", "No message"), "silence", ""),
        (AssertionError("The server left it open."), "", ""),
    ],
    ids=lambda value: str(value)[:20],
)
def test_only_what_the_server_did_is_a_broken_promise(
    monkeypatch: pytest.MonkeyPatch, error: Exception, symptom: str, words: str
) -> None:
    monkeypatch.setattr(verdict, "files_allowed", lambda: 256)
    reason = reason_of(error, symptom, "")
    assert words in reason
    assert bool(reason) == bool(words)


@pytest.mark.parametrize(
    ("error", "heading"),
    [
        (pytest.fail.Exception("Timeout (>180.0s)"), None),
        (WireError("too slow here", "too slow"), None),
        (
            WireError("left open", "The server left it open."),
            "Perhaps (look at chat/consumers.py, line 41)",
        ),
    ],
    ids=["stopped", "slow", "broken"],
)
def test_no_place_is_guessed_where_the_machine_was_too_slow(
    tmp_path: Path, error: Exception, heading: str | None
) -> None:
    project = copy_of(ROOT / "stage02_routing", tmp_path / "mine")
    consumers = project / "chat" / "consumers.py"
    mistake(consumers, '{"room": self.room, "name"', '{"room": self.name, "name"')
    item = SimpleNamespace(
        nodeid="tests/test_stage02_routing.py::test_close_is_left_to_the_client",
        path=ROOT / "tests" / "test_stage02_routing.py",
        config=SimpleNamespace(getoption={"url": None, "project": project}.get),
    )
    told = SimpleNamespace(sections=[])
    explain_failure(told, item, error)
    assert bool(told.told.sentence) == bool(heading)
    assert [name for name, _ in told.sections] == ([heading] if heading else [])


def test_server_that_opens_too_many_files_where_many_are_allowed_is_at_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verdict, "files_allowed", lambda: 65_536)
    assert reason_of(cannot_open(), "no answer", "Too many open files") == ""


# What was sent, expected and got


def test_long_texts_are_cut_around_the_first_difference() -> None:
    sentence, around = another_message("x" * 5000 + "abc", "x" * 5000 + "aBc")
    assert "from character 5,002 on" in sentence
    expected, came = facts(**around)
    assert "abc" in expected
    assert "aBc" in came
    assert len(expected) <= 72
    sentence, _ = another_message(b"\xff" * 1000, b"\xff" * 999)
    assert "right up to byte 999, and there is less of it" in sentence


def test_short_texts_stand_in_the_sentence() -> None:
    sentence, around = another_message("hello", b"hello")
    assert sentence == "Expected the text 'hello', but the bytes b'hello' came."
    assert around == {}


@pytest.mark.parametrize(
    ("came", "words"),
    [
        ({"type": "error", "code": "x"}, '"type" is "error", not "message".'),
        ({"type": "message", "text": "hi"}, '"name" is missing.'),
        (
            {"type": "message", "name": "ben", "text": "ho"},
            '"name" is "ben", not "ana" and "text" is "ho", not "hi".',
        ),
        (
            {"type": "message", "name": "x" * 99, "text": "hi"},
            '"name" differs from character 1 on: "xxxxxxxx…", not "ana".',
        ),
    ],
)
def test_keys_that_differ_are_named(came: dict[str, str], words: str) -> None:
    with pytest.raises(WireError) as error:
        compare_json(json.dumps(came), {"type": "message", "name": "ana", "text": "hi"})
    assert error.value.sentence.endswith(f"than was expected: {words}")
    first, expected, *_ = str(error.value).splitlines()
    assert first == error.value.sentence
    assert expected.startswith("expected: {")
    assert "\ncame:     {" in str(error.value)


# For machines


def test_json_is_one_line_for_each_check_and_one_for_all() -> None:
    file = io.StringIO()
    machine = report.Machine(file)
    first = broken(seen="no message", seconds=0.1234)
    machine.write(first.record())
    # As soon as a check has ended.
    assert json.loads(file.getvalue()) == {
        "check": f"{FILE}::test_messages",
        "sentence": "messages",
        "promise": "test_messages",
        "verdict": "broken",
        "seconds": 0.123,
        "seen": "no message",
        "diagnosis": {
            "id": "no-await",
            "witness": "output",
            "sentence": SENTENCE,
            "departs": "",
        },
        "reason": None,
    }
    machine.end([first, Result("a", KEPT)], untried=3)
    last = json.loads(file.getvalue().splitlines()[-1])
    assert last["summary"] == {
        "kept": 1,
        "broken": 1,
        "not reached": 3,
        "could not be checked": 0,
    }
    assert "django" in last["versions"]
    assert last["seconds"] >= 0


NOBODY = ("--url", f"ws://127.0.0.1:{free_port()}")
CHOSEN = ("-k", "handshake and not refused")


@pytest.mark.parametrize("place", ["-", "file"])
def test_json_goes_where_it_should_and_nowhere_else(tmp_path: Path, place: str) -> None:
    # A pytest of its own: what goes to its standard output is the question.
    name = "-" if place == "-" else str(tmp_path / "lines.json")
    run = check("stage01_echo", *NOBODY, *CHOSEN, "--json", name)
    lines = run.stdout if place == "-" else Path(name).read_text(encoding="utf-8")
    *records, last = map(json.loads, lines.splitlines())
    assert [each["verdict"] for each in records] == [COULD_NOT, NOT_REACHED]
    assert "Nobody listens" in records[0]["reason"]
    assert last["summary"]["not reached"] == 1
    assert ("stop  handshake" in run.stdout) == (place == "file")


def test_json_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    run = check("stage01_echo", *NOBODY, "--json", tmp_path / "none" / "file")
    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--json: No such file or directory" in run.stderr


def test_report_without_a_terminal_has_no_colour_and_no_line_is_too_long() -> None:
    run = check("stage01_echo", *NOBODY, *CHOSEN)
    assert "\x1b" not in run.stdout
    assert all(len(line) <= 80 for line in run.stdout.splitlines())


@pytest.mark.posix("Windows has no pty")
@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {}], ids=["NO_COLOR", "none"])
def test_report_on_a_terminal_has_colours_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    # pytest decides, by what it knows of terminals: nothing of ours may go past it.
    for name in ("NO_COLOR", "FORCE_COLOR", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)
    for name, word in {"TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, word)
    screen = io.StringIO()
    screen.isatty = lambda: True
    writer = pytest.importorskip("_pytest._io").TerminalWriter(screen)
    reporter = object.__new__(report.LearnerReporter)
    reporter._tw = writer
    reporter.currentfspath = None
    reporter.config = SimpleNamespace(getoption=lambda _name: False)
    reporter.reasons, reporter.above, reporter.needs_gap = {}, "", False
    reporter.write_result(broken())
    assert ("\x1b[" in screen.getvalue()) == (not variables)
    assert "  FAIL  " in re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())


# Where a guess leads


SOURCE = Source(
    {
        "chat/consumers.py": (
            "class ChatConsumer(AsyncWebsocketConsumer):\n"
            "    async def connect(self):\n"
            "        await self.accept()\n"
            "\n"
            "    async def receive(self, text_data=None, bytes_data=None):\n"
            "        pass\n"
        ),
        "config/settings.py": "DEBUG = True\n\nCHANNEL_LAYERS = {}\n",
    }
)


@pytest.mark.parametrize(
    ("check_name", "sentence", "place"),
    [
        (
            "test_message_x",
            "Nothing was sent.",
            "receive() in chat/consumers.py, line 5",
        ),
        ("test_handshake_x", "No name.", "connect() in chat/consumers.py, line 2"),
        (
            "test_message_x",
            "connect() joins nobody.",
            "connect() in chat/consumers.py, line 2",
        ),
        ("test_message_x", "See CHANNEL_LAYERS.", "config/settings.py, line 3"),
        # There is no such method, and no such setting.
        ("test_close_x", "Who has left is told to nobody.", ""),
        ("test_message_x", "Redis keeps it.", ""),
        ("test_handshake_x", "No route matches.", ""),
    ],
)
def test_guess_names_the_place_that_it_is_about(
    check_name: str, sentence: str, place: str
) -> None:
    assert verdict.place_of(f"{FILE}::{check_name}", sentence, SOURCE) == place
