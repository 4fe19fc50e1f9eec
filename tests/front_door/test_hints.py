"""`learn.py hint`: help with the broken promise, a little at a time."""

import importlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.checker import hint, last, pieces, system, work
from tests.checker.hint import LOGIN, START, Given, candidates, hints_of
from tests.checker.hints import steps
from tests.checker.last import Broken, Last
from tests.checker.recorder import Recorder
from tests.checker.stages import STAGES
from tests.checker.system import Refusal

ROOT = Path(__file__).parent.parent.parent
ECHO, STAGE = "stage01_echo", "stage02_routing"
FIRST = f"tests/test_{STAGE}.py::test_handshake_switches_from_http_to_websocket"
NAME = f"tests/test_{STAGE}.py::test_handshake_with_a_bad_name_is_refused_with_403"
LONGEST = 40  # Lines of a piece. Nobody puts more than that in order.


# What is written


def promises(stage: str) -> dict[str, bool]:
    """Return the promises of a stage, and whether it has made each itself."""
    module = importlib.import_module(f"tests.test_{stage}")
    return {
        name: value.__module__ == module.__name__
        for name, value in vars(module).items()
        if name.startswith("test_") and callable(value)
    }


USED = [
    (stage, each)
    for stage in STAGES
    for promise in promises(stage)
    for each in candidates(stage, promise)
]
SPECIAL = {START, LOGIN}
STARTS = [(s, h) for s in STAGES for each in SPECIAL for h in candidates(s, each)]
REFERENCES = sorted({(s, each.piece) for s, each in [*USED, *STARTS] if each.piece})


@pytest.mark.parametrize("stage", STAGES)
def test_every_promise_has_its_hints_and_none_is_left_over(stage: str) -> None:
    every = promises(stage)
    written = {each.promise for each in hints_of(stage)} - SPECIAL
    own = {name for name, is_own in every.items() if is_own}
    assert own - written == set(), "These promises have no hint."
    assert written - {*every} == set(), "These hints are for no promise."
    for name in every:
        assert candidates(stage, name), name


@pytest.mark.parametrize("stage", STAGES)
def test_a_hint_for_every_case_comes_last(stage: str) -> None:
    for promise in {each.promise for each in hints_of(stage)} - SPECIAL:
        cases = [each.when for each in candidates(stage, promise)]
        assert cases[-1] == "", promise
        assert "" not in cases[:-1], promise
        assert len({*cases}) == len(cases), promise
        [re.compile(each) for each in cases]
    assert not candidates(stage, START)[-1].when


@pytest.mark.parametrize(("stage", "reference"), REFERENCES)
def test_a_piece_is_there_in_every_stage_that_shows_it(
    stage: str, reference: str
) -> None:
    piece = hint.course_piece(stage, reference)
    assert len(piece.lines) <= LONGEST
    shape = pieces.shape(piece)
    assert any(pieces.MORE in line for line in shape)
    lines = pieces.code_lines(piece)
    is_mixed, puzzle = pieces.puzzle(piece)
    assert is_mixed == (len(lines) >= pieces.FEW)
    assert puzzle != lines
    assert puzzle == pieces.puzzle(piece)[1], "Another each time."
    if is_mixed:
        assert sorted(puzzle) == sorted(lines)
    else:
        assert sum(line.count(pieces.BLANK) for line in puzzle) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_a_hint_names_a_section_that_is_there(stage: str) -> None:
    for each in hints_of(stage):
        page, _, anchor = each.chapter.partition("#")
        assert re.fullmatch(r"\d\d-\w+(-deeper)?\.html", page)
        assert anchor in steps.headings(hint.page_of(each.chapter)), each.chapter
        assert page[:2] <= stage[5:7], "A chapter that the reader has not come to."


@pytest.mark.parametrize("stage", STAGES)
def test_the_first_hint_asks_and_gives_nothing_away(stage: str) -> None:
    for each in hints_of(stage):
        assert "?" in each.question, each.promise
        assert each.place.endswith((".", "!")), each.promise
        if not each.piece:
            continue
        # Nothing that only the solution has: no call, no line, no value of it.
        lines = pieces.code_lines(hint.course_piece(stage, each.piece))
        assert not any(
            line.strip(" ,()[]{}") in each.question
            for line in lines
            if len(line.strip(" ,()[]{}")) > 8
        ), each.promise
        calls = set(re.findall(r"\w+\(", "\n".join(lines)))
        known = {"connect(", "receive(", "disconnect(", "send("}
        told = set(re.findall(r"\w+\(", each.question))
        assert not (told & calls) - known - {"close(", "loads("}, each.promise


def later(stage: str, each: hint.Hint) -> list[str]:
    """Return the lines of a hint that its chapter brings only after its section."""
    page = hint.page_of(each.chapter)
    order = [*steps.headings(page)]
    anchor = each.until or each.chapter.partition("#")[2]
    reached = order[: order.index(anchor) + 1]
    piece = hint.piece_by_then(each, stage, each.piece)
    brought: dict[str, str] = {}
    for block in steps.blocks(page):
        for line in block.lines:
            if not (block.is_diff and line.startswith("-")):
                plain = line[1:] if block.is_diff else line
                brought.setdefault(plain.strip(), block.anchor)
    for name in STAGES:
        if name < stage:
            text = hint.text_of(name, piece.file)
            brought |= {line.strip(): anchor for line in text.splitlines()}
    return [
        line
        for line in pieces.code_lines(piece)
        if brought.get(line.strip(), anchor) not in reached
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_no_hint_shows_what_the_chapter_brings_later(stage: str) -> None:
    own = [
        each
        for each in hints_of(stage)
        if each.piece and re.match(rf"{stage[5:7]}-\w+\.html", each.chapter)
    ]
    assert len(own) > 10
    assert {each.promise: found for each in own if (found := later(stage, each))} == {}


def test_a_piece_is_shown_as_its_section_leaves_it() -> None:
    connect = "chat/consumers.py: ChatConsumer.connect"
    lines = {}
    for each in hints_of(STAGE):
        if each.piece == connect:
            piece = hint.piece_by_then(each, STAGE, connect)
            lines[each.until or each.chapter.partition("#")[2]] = piece.text
    assert 'parse_qs(query).get("name", ["guest"])[0]' in lines["say-welcome"]
    assert "LONGEST_NAME" not in lines["say-welcome"]
    assert "keep_blank_values=True" in lines["refuse-a-bad-name"]
    ours = hint.course_piece(STAGE, connect).text
    assert lines["refuse-a-bad-name"] == ours


# What is chosen

EVIDENCE = ROOT / "tests" / "proofs" / "evidence" / "mistakes"
CHOSEN = {
    "no daphne": "config/settings.py: INSTALLED_APPS",
    "receive misspelt": "chat/consumers.py: EchoConsumer.receive",
    "a syntax error": "chat/consumers.py",
    "no DEBUG": "config/settings.py: ALLOWED_HOSTS",
    "another name in asgi.py": "config/asgi.py: application",
    "the last route first": "chat/routing.py: websocket_urlpatterns",
    "self.kwargs": "chat/consumers.py: ChatConsumer.connect",
    "a guard that returns nothing": "chat/faults.py: guard",
    "no channel layer": "config/settings.py: CHANNEL_LAYERS",
    "another key of the event": "chat/consumers.py: ChatConsumer.room_message",
    "a time in an event": "chat/consumers.py: send_to_room",
    "a Redis that goes away is not caught": "chat/faults.py: guard",
    "no AuthMiddlewareStack": "config/asgi.py: application",
    "no page for the login": "config/urls.py: urlpatterns",
    "no database": "config/settings.py: DATABASES",
    "the database in a coroutine": "chat/consumers.py: ChatConsumer.connect",
    "no place for the files": "config/settings.py: STATIC_ROOT",
    "a Host without its port": "deploy/nginx.conf: location / {",
}


def mistakes(stage: str) -> dict[str, Broken]:
    """Return what was recorded of the mistakes in a stage."""
    path = EVIDENCE / f"{stage}.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    seen = {name: record["seen"] for name, record in records.items()}
    return {
        name: Broken(each["check"], each["symptom"], each["message"], each["printed"])
        for name, each in seen.items()
        if "check" in each
    }


@pytest.mark.parametrize("stage", STAGES)
def test_every_mistake_that_was_recorded_has_its_hints(stage: str) -> None:
    known = mistakes(stage)
    assert len(known) > 10
    for name, broken in known.items():
        chosen = hint.hint_for(stage, broken)
        reference = hint.piece_of(chosen, stage, broken, ROOT / stage)
        piece = hint.course_piece(stage, reference)
        assert pieces.shape(piece), name
        assert len(piece.lines) <= LONGEST, name


def test_what_was_seen_chooses_the_piece() -> None:
    found = {}
    for stage in reversed(STAGES):
        for name, broken in mistakes(stage).items():
            chosen = hint.hint_for(stage, broken)
            found[name] = hint.piece_of(chosen, stage, broken, ROOT / stage)
    assert {name: found[name] for name in CHOSEN} == CHOSEN


# What is given


@pytest.fixture
def course(course_of: Callable[..., Path]) -> Path:
    """A course, and copies of its first two stages in work/."""
    course = course_of(STAGES, {ECHO: ECHO, STAGE: STAGE})
    shutil.copytree(
        ROOT / "docs", course / "docs", ignore=shutil.ignore_patterns("assets")
    )
    return course


@pytest.fixture
def mine(course: Path) -> Path:
    """The reader's folder."""
    return course / "work" / STAGE


def seen(check: str = NAME, **details: str) -> Last:
    """Return a run that has met a broken promise."""
    return Last(broken=Broken(check, **details))


def test_each_call_gives_the_next_hint_and_the_last_again(
    course: Path, mine: Path
) -> None:
    said = [hint.hint(STAGE, mine, seen()) for _ in range(5)]
    for number, text in enumerate(said[:4], 1):
        lines = text.splitlines()
        assert lines[0] == "Broken now: handshake with a bad name is refused with 403"
        assert lines[1].startswith(f"Hint {number} of 4, ")
        assert all(len(line) <= 80 for line in lines), text
    assert "An empty name is not the same as no name." in said[0]
    consumers = Path("work", STAGE, "chat", "consumers.py")
    place = f"Yours is ChatConsumer.connect(), in {consumers}, line 15."
    assert place in " ".join(said[1].split())
    told = "Chapter 2 · Routing tells of it in “Refuse a bad name”."
    assert told in " ".join(said[1].split())
    # Where the site shows it. What is in docs/ is only the site's source.
    assert (
        "http://127.0.0.1:8008/02-routing.html#refuse-a-bad-name"
        in said[1].splitlines()
    )
    assert "docs/" not in said[1]
    assert "    if …:" in said[2]
    assert "keep_blank_values" not in "".join(said[:3])
    assert "keep_blank_values" in said[3]
    assert "hint 2`" in said[2]
    assert "solution 2`" in said[3]
    assert said[4] == said[3]


def test_another_promise_begins_at_the_first_hint(course: Path, mine: Path) -> None:
    hint.hint(STAGE, mine, seen())
    assert "Hint 2 of 4" in hint.hint(STAGE, mine, seen())
    assert "Hint 1 of 4" in hint.hint(STAGE, mine, seen(FIRST))
    assert "Hint 2 of 4" in hint.hint(STAGE, mine, seen(FIRST))
    # And so does another way to break the same one.
    other = seen(FIRST, printed="ValueError: No route found for path 'x'.")
    assert "Hint 1 of 4" in hint.hint(STAGE, mine, other)


def test_all_that_was_given_stays_readable_and_stands_there_once(
    course: Path,
    mine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = work.contents(mine)
    for _ in range(6):
        hint.hint(STAGE, mine, seen())
    hint.hint(STAGE, mine, seen(FIRST))
    text = (course / "work" / "hints_02.txt").read_text(encoding="utf-8")
    assert re.findall(r"Hint (\d)", text) == ["1", "2", "3", "4", "1"]
    assert work.contents(mine) == before, "Something was written into the project."
    assert Given(STAGE, mine).all() == text
    monkeypatch.setattr("sys.argv", ["hint", STAGE, str(mine), "--list"])
    assert hint.main() == 0
    assert capsys.readouterr().out == f"{text.rstrip()}\n"


def test_a_damaged_note_begins_anew(course: Path, mine: Path) -> None:
    hint.hint(STAGE, mine, seen())
    state = Given(STAGE, mine).state
    for damaged in ("", "{", "[]", '{"given": "x"}', "\0"):
        state.write_text(damaged)
        assert "Hint 1 of 4" in hint.hint(STAGE, mine, seen())
    content = json.loads(state.read_text())
    state.write_text(json.dumps({**content, "given": 99}))
    assert "Hint 4 of 4" in hint.hint(STAGE, mine, seen())


def test_a_case_has_a_hint_of_its_own(course: Path, mine: Path) -> None:
    bad = f"tests/test_{STAGE}.py::test_message_that_is_bad_is_answered_with_an_error"
    for variant, words in [
        ("words", "What does json.loads() do"),
        ("JSON in bytes", "A binary frame came."),
        ("2001 characters", "How long may a text be"),
        ("list", "JSON can be a list"),
        ("in memory-half", "What does json.loads() do"),
        ("null for text", "JSON can be a list"),
        ("through nginx-bytes", "A binary frame came."),
    ]:
        assert words in hint.hint(STAGE, mine, seen(f"{bad}[{variant}]"))


def test_a_server_that_does_not_start_has_hints_of_its_own(
    course: Path, mine: Path
) -> None:
    printed = (
        "Traceback (most recent call last):\n"
        '  File "chat/routing.py", line 3, in <module>\n'
        "    from chat.consumer import ChatConsumer\n"
        "ModuleNotFoundError: No module named 'chat.consumer'\n"
    )
    said = [
        hint.hint(STAGE, mine, seen(symptom="no start", printed=printed))
        for _ in range(4)
    ]
    assert said[0].startswith("Broken now: the server starts\n")
    assert "the last line that it printed" in " ".join(said[0].split())
    assert str(Path("work", STAGE, "chat", "routing.py")) in said[1]
    assert "websocket_urlpatterns = [" in said[2]


@pytest.mark.parametrize(
    ("file", "line", "function", "first"),
    [
        # In a long file, a piece of it: the function, or the statement.
        ("config/settings.py", '        "prefix": BASE_DIR', "<module>", "if …:"),
        ("config/settings.py", "BASE_DIR = ", "<module>", "BASE_DIR = …"),
        ("chat/consumers.py", "            group = ", "", "async def disconnect("),
        ("chat/consumers.py", "    has_joined", "", "class ChatConsumer("),
    ],
)
def test_a_start_that_ends_in_a_long_file_has_a_piece_of_it(
    course: Path, file: str, line: str, function: str, first: str
) -> None:
    stage = "stage03_groups"
    lines = (course / stage / file).read_text(encoding="utf-8").splitlines()
    number = next(n for n, each in enumerate(lines, 1) if each.startswith(line))
    where = f", in {function}" if function else ""
    printed = (
        "Traceback (most recent call last):\n"
        f'  File "{file}", line {number}{where}\n    x\nNameError: no x\n'
    )
    broken = seen(f"tests/test_{stage}.py::test_x", symptom="no start", printed=printed)
    said = [hint.hint(stage, course / stage, broken) for _ in range(3)]
    assert said[2].split("stand for?\n\n  ")[1].startswith(first)


def test_a_long_comment_goes_on_as_one() -> None:
    line = "    # " + "word " * 20
    first, second = pieces.folded([line], 78)
    assert second.startswith("    # word")
    assert len(first) <= 78


def test_what_is_not_there_yet_is_said_so(course: Path, mine: Path) -> None:
    code = (mine / "chat" / "consumers.py").read_text()
    (mine / "chat" / "consumers.py").write_text(code.replace("def connect", "def x"))
    hint.hint(STAGE, mine, seen())
    said = " ".join(hint.hint(STAGE, mine, seen()).split())
    assert "consumers.py has no ChatConsumer.connect yet." in said
    (mine / "chat" / "converters.py").unlink()
    room = NAME.replace("with_a_bad_name", "of_a_bad_room")
    hint.hint(STAGE, mine, seen(room))
    said = " ".join(hint.hint(STAGE, mine, seen(room)).split())
    assert "converters.py, which is not there yet." in said


def test_a_finished_stage_that_python_cannot_read_is_a_refusal(
    course: Path, mine: Path
) -> None:
    consumers = course / STAGE / "chat" / "consumers.py"
    code = consumers.read_text()
    consumers.write_text(code.replace("await self.accept()", "await self.accept("))
    said = [hint.hint(STAGE, mine, seen()) for _ in range(2)]
    assert "Hint 2 of 4" in said[1]
    for _ in range(2):
        with pytest.raises(Refusal, match="was the finished stage edited"):
            hint.hint(STAGE, mine, seen())


def test_when_all_is_kept_the_next_chapter_is_named(course: Path, mine: Path) -> None:
    said = hint.hint(STAGE, mine, Last())
    assert "All promises of stage 2 are kept" in said
    assert "Chapter 3 · Groups is next." in said
    # Where it is read, and not its source.
    assert "http://127.0.0.1:8008/03-groups.html" in said
    assert ".md" not in said
    assert "start 3`" in said
    assert "It was the last stage." in hint.hint("stage05_wss", mine, Last())
    said = hint.hint(STAGE, mine, Last(skipped=("There is no redis-server.",)))
    assert "All that could be tried is kept" in said
    assert "There is no redis-server." in said
    assert "start 3`" in said


def test_a_long_promise_fits_a_terminal(course: Path, mine: Path) -> None:
    name = "message_after_the_session_has_ended_is_answered_with_4401_and_not_passed_on"
    check = f"tests/test_x.py::test_{name}[in memory-deactivated in bulk]"
    said = hint.hint("stage04_auth", mine, seen(check))
    assert all(len(line) <= 80 for line in said.splitlines()), said


def test_a_part_without_a_name_is_called_by_its_first_line(
    course: Path, mine: Path
) -> None:
    stage, name = "stage03_groups", "test_message_after_8_idle_seconds_on_redis_arrives"
    idle = seen(f"tests/test_{stage}.py::{name}")
    hint.hint(stage, mine, idle)
    said = " ".join(hint.hint(stage, mine, idle).split())
    assert "settings.py has no part that begins with `if REDIS_URL` yet." in said


# The run that it rests on


def test_what_is_known_of_the_same_files_is_not_run_again(
    course: Path, mine: Path
) -> None:
    runs = []

    def run(name: str, project: Path) -> str:
        runs.append(project)
        last.note(last.place_of(name), last.state_of(project), seen(wire=("a", "b")))
        return ""

    found = [last.of(STAGE, mine, run=run) for _ in range(3)]
    assert [each.broken.wire for each in found] == [("a", "b")] * 3
    assert runs == [mine]
    last.of(STAGE, mine, again=True, run=run)
    assert len(runs) == 2
    with (mine / "chat" / "consumers.py").open("a") as file:
        file.write("# Saved.\n")
    last.of(STAGE, mine, run=run)
    assert len(runs) == 3
    last.place_of(STAGE).write_text('{"state"')
    last.of(STAGE, mine, run=run)
    assert len(runs) == 4


def test_checks_that_come_to_no_end_are_a_refusal(course: Path, mine: Path) -> None:
    with pytest.raises(Refusal, match=r"did not come to an end(.|\n)*no such option"):
        last.of(STAGE, mine, run=lambda *_: "usage\nno such option\n")

    def save(name: str, project: Path) -> str:
        (project / "chat" / "new.py").touch()
        return ""

    with pytest.raises(Refusal, match="saved while the checks ran"):
        last.of(STAGE, mine, run=save)


def outcome(check: str, outcome: str, when: str = "call") -> pytest.TestReport:
    """Return a report of pytest, as the recorder gets it."""
    words = ("x.py", 1, "Skipped: no Redis") if outcome == "skipped" else "Failed: no"
    longrepr = None if outcome == "passed" else words
    nodeid = f"tests/test_{STAGE}.py::{check}"
    return pytest.TestReport(nodeid, ("x", 1, ""), {}, outcome, longrepr, when)


def test_the_recorder_keeps_the_first_failure_and_what_was_kept(
    course: Path, mine: Path
) -> None:
    place = course / "last.json"
    recorder = Recorder(mine, place)
    for report in (
        outcome("test_a", "passed", "setup"),
        outcome("test_a[x]", "passed"),
        outcome("test_b[x]", "passed"),
        outcome("test_c", "skipped", "setup"),
        outcome("test_b[y]", "failed"),
        outcome("test_d", "failed"),
    ):
        recorder.pytest_runtest_logreport(report)
    recorder.pytest_sessionfinish(None, pytest.ExitCode.TESTS_FAILED)
    content = last.load(place)
    assert content["kept"] == ["test_a"], "A promise is kept in all of its variants."
    assert content["skipped"] == ["no Redis"]
    assert content["broken"]["check"].endswith("::test_b[y]")
    assert content["broken"]["seen"] == "no"
    assert content["state"] == last.state_of(mine)


def test_the_recorder_takes_nothing_for_broken_that_could_not_be_checked(
    course: Path, mine: Path
) -> None:
    recorder = Recorder(mine, course / "last.json")
    slow = outcome("test_a", "failed")
    slow.failure, slow.reason = {"symptom": "too slow here"}, "The machine is busy."
    recorder.pytest_runtest_logreport(slow)
    recorder.pytest_sessionfinish(None, pytest.ExitCode.TESTS_FAILED)
    assert not (course / "last.json").exists()
    fault = outcome("test_b", "failed")
    fault.failure = {"symptom": "no start", "printed": "SyntaxError"}
    fault.reason = "The server did not start."
    recorder.pytest_runtest_logreport(fault)
    assert recorder.broken.promise == "test_b", "A server that does not start is one."


@pytest.mark.parametrize("status", [pytest.ExitCode.INTERRUPTED, 3, 4])
def test_the_recorder_keeps_no_run_that_was_cut_short(
    course: Path, mine: Path, status: int
) -> None:
    recorder = Recorder(mine, course / "last.json")
    recorder.pytest_runtest_logreport(outcome("test_a", "passed"))
    recorder.pytest_sessionfinish(None, status)
    assert not (course / "last.json").exists()
    recorder.pytest_sessionfinish(None, pytest.ExitCode.OK)
    assert (course / "last.json").exists()


def test_the_recorder_keeps_no_run_of_some_checks(course: Path, mine: Path) -> None:
    recorder = Recorder(mine, course / "last.json")
    recorder.pytest_deselected([])  # On another system than Linux: nothing left out.
    assert recorder.is_whole
    item = SimpleNamespace(get_closest_marker=lambda name: None)
    recorder.pytest_deselected([item])
    recorder.pytest_sessionfinish(None, pytest.ExitCode.OK)
    assert not (course / "last.json").exists()


def test_the_checks_run_quietly_and_what_they_saw_is_kept(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A real run of pytest: only that shows that the recorder hears of a failure."""
    place = mine.parent / "last.json"
    monkeypatch.setattr(system, "ROOT", ROOT)
    monkeypatch.setattr(last, "place_of", lambda name: place)
    consumers = mine.parent / ECHO / "chat" / "consumers.py"
    code = consumers.read_text()
    consumers.write_text(code.replace("text_data=text_data,", "text_data='x',"))
    found = last.of(ECHO, consumers.parent.parent)
    assert found.broken.promise == "test_messages_come_only_after_the_client_speaks"
    assert found.broken.diagnosis
    assert "'x'" in found.broken.seen
    assert any("→ text first" in line for line in found.broken.wire)
    assert found.kept == (
        "test_handshake_switches_from_http_to_websocket",
        "test_handshake_proves_that_the_server_read_the_key",
        "test_handshake_of_any_other_path_is_refused",
    )
    said = capfd.readouterr()
    assert re.fullmatch(r"Checking .*stage01_echo first.\n", said.out), said.out
    assert said.err == ""
