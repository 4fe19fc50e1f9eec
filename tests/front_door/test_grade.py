"""`learn.py grade`: what a class has handed in, with limits and in a sandbox."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.checker.grading import checks, hand_ins, rows, running, sandbox
from tests.checker.grading.hand_ins import HandIn, fingerprint
from tests.checker.grading.results import Results, cell, new_folder
from tests.checker.grading.rows import Row, in_line, row_of, weights_of
from tests.checker.grading.running import Ended, Limits, Run
from tests.checker.grading.sandbox import Sandbox
from tests.checker.grading.summary import plain
from tests.checker.grading.unpack import Unusable, project_in
from tests.checker.system import Refusal
from tests.front_door.checkout import PATIENCE, ROOT
from tests.proofs.hand_ins import digest, odd_folders, project, zips
from tests.proofs.nasty import NAMES

STAGE = "stage01_echo"
ONE, TWO = "test_message_comes_back", "test_close_is_answered"
PROMISES = {ONE: 2, TWO: 1}
WEIGHTS = {ONE: 1.0, TWO: 1.0}
ABOUT = {"stage": STAGE, "folder": "/in", "sandbox": "unshare"}
NO_REDIS = "No redis-server was found. Install it."


# Copies


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of hand-ins in every shape."""
    into = tmp_path_factory.mktemp("hand-ins")
    right = project(tmp_path_factory.mktemp("right") / "project")
    zips(into, right)
    odd_folders(into, right)
    return into


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("empty", "it is empty"),
        ("empty folders", "it is empty"),
        ("two projects", "more than one project: 'first', 'second'"),
        ("too large", "more than 50 MB"),
        ("very deep", "more than 20 folders in folders"),
        ("z bomb.zip", "more than 50 MB"),
        ("z bomb in a zip.zip", "more than 50 MB"),
        ("z many.zip", "more than 5000 files"),
        ("z path up.zip", "its path '../../evil.py' leads outside"),
        ("z path from the root.zip", "leads outside"),
        ("z path with a drive.zip", "leads outside"),
        ("z broken.zip", "a broken one"),
        ("z no zip.zip", "it is no ZIP file"),
        ("z of nothing.zip", "it is empty"),
    ],
)
def test_what_cannot_be_graded_says_why(
    handed_in: Path, tmp_path: Path, name: str, why: str
) -> None:
    before = digest(handed_in)
    with pytest.raises(Unusable) as refused:
        project_in(handed_in / name, tmp_path / "copy")
    assert why in str(refused.value)
    assert digest(handed_in) == before
    assert {path.name for path in tmp_path.iterdir()} <= {"copy"}


@pytest.mark.parametrize(
    "name",
    [
        "two deep",
        "with an environment",
        "with links",
        "with a pipe",
        "moodle_123_file",
        "z right.zip",
        "z in a folder.ZIP",
        "z in a zip.zip",
    ],
)
def test_a_project_is_found_and_copied(
    handed_in: Path, tmp_path: Path, name: str
) -> None:
    if not (handed_in / name).exists():
        pytest.skip("this system has no named pipes")
    before = digest(handed_in)
    found = project_in(handed_in / name, tmp_path / "copy")
    assert fingerprint(found) == fingerprint(ROOT / STAGE)
    names = {path.name for path in found.rglob("*")}
    assert not names & {"venv", "node_modules", "loop", "passwd", "pipe"}
    assert digest(handed_in) == before


def test_a_link_in_a_zip_is_left_out(handed_in: Path, tmp_path: Path) -> None:
    found = project_in(handed_in / "z link.zip", tmp_path / "copy")
    assert [path.name for path in found.iterdir()] == ["manage.py"]


def test_other_files_and_links_are_told_by_name(handed_in: Path) -> None:
    found = {each.name: each.unusable for each in hand_ins.found_in(handed_in)}
    assert found["a link"] == "it is a link, which is not followed"
    assert found["archive.rar"].startswith("it is a .rar file: only folders and ZIP")
    assert found["two deep"] == found["z in a folder.ZIP"] == ""


def test_a_folder_that_is_one_project_is_refused(tmp_path: Path) -> None:
    for folder, why in {
        ROOT / STAGE: "is one project",
        tmp_path: "is empty",
        tmp_path / "no": "does not exist",
    }.items():
        with pytest.raises(Refusal, match=why):
            hand_ins.found_in(folder)


def test_what_is_unchanged_is_known(tmp_path: Path) -> None:
    known = hand_ins.known(1)
    same = project(tmp_path / "same")
    for path in same.rglob("*.py"):  # From Windows, and with what a run leaves.
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (same / "db.sqlite3").touch()
    (same / ".idea").mkdir()
    (same / ".idea" / "x").touch()
    assert known[fingerprint(same)] == "the course's own stage"
    assert known[fingerprint(ROOT / "tests" / "start")] == "as at the start"
    (same / "manage.py").write_text("")
    assert fingerprint(same) not in known


# Verdicts


def line(promise: str, verdict: str, **more: object) -> dict[str, object]:
    """Return what the checks say of one of them."""
    more = {"sentence": promise, "seen": "", "diagnosis": None, "reason": ""} | more
    return {"check": f"tests/test_a.py::{promise}[x]", "verdict": verdict} | more


def row(lines: list[dict], name: str = "ana", **more: object) -> Row:
    """Return the row of a hand-in whose checks said this."""
    return row_of(name, Ended(lines, **more), PROMISES, WEIGHTS, {})


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        (["kept", "kept"], "kept"),
        (["kept", "broken"], "broken"),
        (["could not be checked", "broken"], "broken"),
        (["kept", "could not be checked"], "could not be checked"),
        (["kept", "not reached"], "not reached"),
        (["kept"], "not reached"),  # Half checked: it was stopped.
        ([], "not reached"),
    ],
)
def test_a_promise_is_kept_if_all_its_checks_are(
    verdicts: list[str], whole: str
) -> None:
    found = row([line(ONE, each) for each in verdicts])
    assert found.promises == {ONE: whole, TWO: "not reached"}
    assert found.result == (0.5 if whole == "kept" else 0)


def test_what_the_machine_lacks_counts_for_nobody() -> None:
    kept = line(TWO, "kept")
    lacks = [line(ONE, "could not be checked", reason=NO_REDIS)] * 2
    assert row([*lacks, kept]).result == 1
    fault = [line(ONE, "could not be checked", reason="hand-in did not start: …")] * 2
    assert row([*fault, kept]).result == 0.5
    assert row(lacks).result == 0  # `TWO` was not reached.
    assert row([*lacks, line(TWO, "could not be checked", reason=NO_REDIS)]).result is (
        None
    )


def test_the_first_diagnosis_is_noted() -> None:
    told = {"id": "no-accept", "witness": "wire", "sentence": "Call accept()."}
    lines = [
        line(ONE, "broken", seen="nothing came"),
        line(ONE, "broken", diagnosis=told),
        line(TWO, "broken", diagnosis=told | {"id": "later"}),
    ]
    found = row(lines)
    assert (found.diagnosis, found.sentence) == ("no-accept", "Call accept().")
    assert (found.seen, found.at) == ("nothing came", ONE)


def test_weights_change_the_share(tmp_path: Path) -> None:
    file = tmp_path / "weights.toml"
    file.write_text("message_comes_back = 3\n", encoding="utf-8")
    weights = weights_of(file, PROMISES)
    assert weights == {ONE: 3, TWO: 1}
    ended = Ended([line(ONE, "kept"), line(ONE, "kept"), line(TWO, "broken")])
    assert row_of("ana", ended, PROMISES, weights, {}).result == 0.75


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mesage_comes_back = 1", "did you mean message_comes_back?"),
        ("zzz = 1", "names 'zzz', and no promise is so"),
        ("message_comes_back = -1", "no number from 0 on"),
        ("message_comes_back = nan", "no number from 0 on"),
        ("message_comes_back = true", "no number from 0 on"),
        ("message_comes_back = 0\nclose_is_answered = 0", "no promise that counts"),
        ("message", "is no TOML"),
    ],
)
def test_weights_that_cannot_be_are_refused(
    tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "weights.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        weights_of(file, PROMISES)
    assert why in str(refused.value)


def test_lines_of_the_checks_are_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "results"
    good = json.dumps(line(ONE, "kept"))
    file.write_bytes(b'{"a": 1}\n[]\nno\n\xff\n' + good.encode() + b"\n" + b"[" * 10**6)
    assert checks.read(file) == [line(ONE, "kept")]


def test_each_promise_of_a_stage_is_one() -> None:
    found = checks.promises(STAGE)
    assert all(each.startswith("test_") and "[" not in each for each in found)
    assert max(found.values()) > 1  # Some have several checks.


# Results


def test_odd_names_do_nothing_in_tables_and_pages(tmp_path: Path) -> None:
    results = Results(tmp_path / "out", ABOUT, PROMISES)
    names = [*NAMES, os.fsdecode(b"not \xff text")]
    for name in names:
        results.add(row([], name, stopped="a|b\n=c"))
    again = Results(tmp_path / "out", ABOUT, PROMISES)
    assert list(again.rows) == names
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8-sig") as file:
        table = list(csv.reader(file))
    assert len(table) == len(names) + 1
    for each in table:
        assert not each[0].startswith(("=", "+", "-", "@"))
        assert each[0].isprintable()
    page = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "![](" not in page
    assert r"a\|b\|c" in page


@pytest.mark.parametrize(
    ("value", "shown"),
    [("=1", "'=1"), (" @a", "' @a"), ("a=1", "a=1"), (-0.5, -0.5), (None, "")],
)
def test_a_cell_is_never_a_formula(value: object, shown: object) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("Ä☃", "Ä☃"), ("\u202e", "\\u202e")],
)
def test_what_is_shown_stays_in_its_line(text: str, shown: str) -> None:
    assert in_line(text) == shown


def test_names_begin_nothing_in_markdown() -> None:
    assert [plain(each) for each in ("# a", "1. b", "-c", "d-e.zip")] == [
        r"\# a",
        r"1\. b",
        r"\-c",
        "d-e.zip",
    ]


def test_a_run_goes_on_where_it_was_cut_short(tmp_path: Path) -> None:
    out = tmp_path / "out"
    Results(out, ABOUT, PROMISES).add(row([]))
    with (out / "results.json").open("a") as file:
        file.write('{"name": "ben", "sta')
    (out / "results.csv").write_text("half")
    again = Results(out, ABOUT, PROMISES)
    assert list(again.rows) == ["ana"]
    again.add(row([], "ben"))
    assert len((out / "results.json").read_text().splitlines()) == 2
    table = (out / "results.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [each.partition(",")[0] for each in table] == ["submission", "ana", "ben"]


def test_results_of_others_are_never_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(Refusal, match="holds no results of grade"):
        Results(mine, ABOUT, PROMISES)
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]
    out = tmp_path / "out"
    Results(out, ABOUT, PROMISES).add(row([]))
    before = digest(out)
    with pytest.raises(Refusal, match="another run, which differs in its stage"):
        Results(out, ABOUT | {"stage": "stage02_routing"}, PROMISES)
    assert digest(out) == before
    assert new_folder(tmp_path / "in", STAGE) == tmp_path / f"in-{STAGE}-results"
    (tmp_path / f"in-{STAGE}-results").mkdir()
    assert new_folder(tmp_path / "in", STAGE).name == f"in-{STAGE}-results-2"


def test_the_summary_says_what_a_teacher_asks(tmp_path: Path) -> None:
    told = {"id": "no-accept", "witness": "wire", "sentence": "Call accept()."}
    results = Results(tmp_path / "out", ABOUT, PROMISES)
    for name in "ana", "ben":
        results.add(row([line(ONE, "broken", diagnosis=told)], name, fingerprint="1"))
    results.add(row([line(ONE, "broken", seen="odd\nthings")], "cleo"))
    results.add(row([], "dan", why_not="it is empty"))
    results.add(row([], "eve", stopped="it took longer than 9 s"))
    ended = Ended([line(ONE, "kept")], fingerprint="2", notes=("left a server",))
    known = {"2": "as at the start"}
    results.add(row_of("finn", ended, PROMISES, WEIGHTS, known))
    page = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    for words in (
        "6 submissions: 4 graded, 1 stopped, 1 could not be graded",
        "- **2**, no-accept: Call accept().\n    - ana, ben",
        f"- cleo, at “{plain(ONE)}”:\n\n        odd\n        things",
        "- dan: it is empty",
        "- eve: it took longer than 9 s",
        "- Unchanged, as at the start: finn",
        "- The same, byte by byte: ana, ben",
        "- finn: left a server",
        "| message comes back | 0 | 3 | 2 | 0 |",
    ):
        assert words in page, page


# Processes: only they show what a limit ends


@pytest.fixture(scope="module")
def found_sandbox() -> Sandbox:
    """The sandbox of this system."""
    return sandbox.find()


@pytest.fixture(params=["in a sandbox", "without"])
def walls(request: pytest.FixtureRequest, found_sandbox: Sandbox) -> Sandbox:
    """Both ways in which hand-ins run."""
    if request.param == "without":
        running.adopt()
        return sandbox.none("a test")
    if not found_sandbox.words:
        pytest.skip(f"this system has no sandbox: {found_sandbox.why_not}")
    return found_sandbox


LIMITS = Limits(seconds=15, memory=300, disk=40, output=8, processes=12)


@pytest.fixture
def ended(
    tmp_path: Path, walls: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Ended]]:
    """Run a program in the place of the checks, and return how it ended."""

    def command(_stage: str, project: Path, results: Path) -> list[str]:
        return [sys.executable, str(project / "manage.py"), str(results)]

    monkeypatch.setattr(checks, "command", command)

    def ended(code: str, **limits: float) -> Ended:
        folder = tmp_path / "ana"
        folder.mkdir()
        (folder / "manage.py").write_text(code, encoding="utf-8")
        hand_in = HandIn("ana", folder)
        run = Run(hand_in, STAGE, LIMITS._replace(**limits), walls, [])
        try:
            while not run.poll():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    run.process.wait(0.05)
            found = run.end()
        finally:
            run.close()
        assert not run.scratch.exists()
        assert [path.name for path in folder.iterdir()] == ["manage.py"]
        return found

    yield ended
    assert not running.RUNNING


def sleepers() -> list[int]:
    """Return who sleeps as the hand-ins of these tests do."""
    found = psutil.process_iter(["cmdline"])
    return [each.pid for each in found if "86421" in (each.info["cmdline"] or [])]


def test_a_program_that_ends_is_graded(ended: Callable[..., Ended]) -> None:
    """The positive twin of all below."""
    said = json.dumps(line(ONE, "kept"))
    found = ended(f"import sys\nopen(sys.argv[1], 'w').write({said!r})\n")
    assert found.lines == [line(ONE, "kept")]
    assert (found.stopped, found.why_not, found.notes) == ("", "", ())


NO_END = "import os, signal, sys, time\n"
ALL_MEMORY = (
    "try: kept = b'x' * 400_000_000\n"
    "except MemoryError:\n"
    "    print('MemoryError')\n"
    "    sys.exit(3)\n"
)
MANY_FILES = (
    "for n in range(99):\n"
    "    with open(f'{os.environ[\"TMPDIR\"]}/{n}', 'wb') as file:\n"
    "        file.write(bytes(10**6))\n"
    "time.sleep(60)"
)
DAEMON = (
    f"{NO_END}"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        os.closerange(0, 100)\n"
    "        os.chdir('/')\n"
    "        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "        os.execve('/bin/sleep', ['nobody', '86421'], {})\n"
    "    os._exit(0)\n"
    "os.wait()\n"
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")
@pytest.mark.parametrize(
    ("code", "stopped"),
    [
        ("print('again ' * 10**7)", "more than 8 MB"),
        ("while True: os.fork()", "more than 12 processes"),
        (ALL_MEMORY, "MemoryError"),
        (
            "for _ in range(3): os.fork()\nkept = b'x' * 60_000_000\ntime.sleep(60)",
            "more than 300 MB of memory",
        ),
        (MANY_FILES, "the 40 MB of disk"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
    ],
    ids=["output", "processes", "memory", "memory of many", "disk", "killed"],
)
def test_a_limit_ends_it(
    ended: Callable[..., Ended], code: str, stopped: str, walls: Sandbox
) -> None:
    if "fork()" in code and os.getuid() == 0 and not walls.counts_tasks:
        pytest.skip("nothing bounds what root forks on this system")
    found = ended(f"{NO_END}{code}\n")
    assert stopped in found.stopped + found.why_not, found


def test_time_ends_it(ended: Callable[..., Ended]) -> None:
    found = ended(f"{NO_END}time.sleep(60)\n", seconds=1)
    assert found.stopped == "it took longer than 1 s"
    assert found.seconds < 15


@pytest.mark.skipif(sys.platform != "linux", reason="it can get away elsewhere")
def test_a_daemon_is_ended(ended: Callable[..., Ended]) -> None:
    found = ended(DAEMON)
    assert found.notes == ("left 1 processes running, which were ended",)
    assert sleepers() == []


@pytest.mark.skipif(sys.platform != "linux", reason="it can get away elsewhere")
def test_a_daemon_is_ended_whose_guard_was_killed(
    ended: Callable[..., Ended], walls: Sandbox
) -> None:
    guard = "1" if walls.words else "os.getppid()"
    found = ended(
        f"{DAEMON}os.kill({guard}, signal.SIGKILL)\ntime.sleep(60)\n", seconds=2
    )
    # Process 1 of a namespace cannot be killed from inside.
    assert ("longer than" if walls.words else "held its limits") in found.stopped
    assert sleepers() == []


def test_a_sandbox_holds(
    found_sandbox: Sandbox, ended: Callable[..., Ended], walls: Sandbox, tmp_path: Path
) -> None:
    if not walls.words:
        pytest.skip("this is about a sandbox")
    secret = tmp_path / "secret"
    secret.write_text("")
    found = ended(
        "import os, socket, sys\n"
        f"for path in ({str(ROOT / 'learn.py')!r}, {str(secret)!r}, '/etc/hostname'):\n"
        "    try: open(path, 'a').close()\n"
        "    except OSError: pass\n"
        "    else: sys.exit(f'{path} can be written')\n"
        "if set(os.listdir('/dev')) & {'sda', 'vda', 'mem'}: sys.exit('a disk')\n"
        "if len([each for each in os.listdir('/proc') if each.isdecimal()]) > 2:\n"
        "    sys.exit('others are seen')\n"
        "if [name for _, name in socket.if_nameindex()] != ['lo']:\n"
        "    sys.exit('a network')\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\n"
        "for name in os.environ:\n"
        "    if 'TOKEN' in name: sys.exit(name)\n"
        "sys.exit(0)\n"
    )
    assert (found.stopped, found.why_not) == ("", "")


# All of it


def grade(*words: str | Path) -> subprocess.Popen[str]:
    """Start it as learn.py does."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.checker.grade", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def test_a_class_is_graded(tmp_path: Path) -> None:
    """Only whole runs show that checks work within limits, and that rows are right."""
    folder = tmp_path / "in"
    project(folder / "Änne Müller")
    wrong = project(folder / "=ben")
    (wrong / "config" / "settings.py").write_text("raise RuntimeError('no')\n")
    (folder / "cleo").mkdir()
    before = digest(folder)
    with grade("1", folder, "--jobs", "2", "--out", tmp_path / "out") as process:
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed
    first, *_, last = printed.splitlines()
    assert first.startswith("This runs other people's code with your rights, ")
    assert "summary.md" in last
    found = {}
    for each in (tmp_path / "out" / "results.json").read_text().splitlines():
        made = rows.from_json(each)
        found[made.name] = made
    right = found["Änne Müller"]
    assert (right.result, right.unchanged) == (1, "the course's own stage"), right
    assert (found["=ben"].result, found["=ben"].diagnosis) == (0, "crash")
    assert (found["cleo"].result, found["cleo"].why) == (None, "it is empty")
    assert digest(folder) == before


def test_ctrl_c_keeps_what_is_there_and_a_second_run_goes_on(tmp_path: Path) -> None:
    """Only a process shows what Ctrl-C does."""
    folder = tmp_path / "in"
    (folder / "a").mkdir(parents=True)
    shutil.copytree(ROOT / STAGE, folder / "b")
    (folder / "b" / "config" / "settings.py").write_text("import time; time.sleep(99)")
    words = ("1", folder, "--out", tmp_path / "out", "--seconds", "3")
    with grade(*words) as process:
        for each in process.stdout:
            if each.startswith("1 of 2"):
                break
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, printed
    assert "Interrupted. What is done is kept. To go on: " in printed
    assert "Traceback" not in printed
    assert len((tmp_path / "out" / "results.json").read_text().splitlines()) == 1
    assert (tmp_path / "out" / "summary.md").exists()
    with grade(*words) as process:
        printed, _ = process.communicate(timeout=PATIENCE)
    assert "1 of 2" not in printed
    assert "2 of 2  b: 0 of " in printed
    assert "it took longer than 3 s" in printed
    names = (tmp_path / "out" / "results.json").read_text().splitlines()
    assert [json.loads(each)["name"] for each in names] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["9", "."], "there is no stage 9 in this checkout"),
        (["1", "stage01_echo"], "stage01_echo is one project"),
        (["1", "docs", "--seconds", "0"], "--seconds is a number above 0"),
        (["1", "docs", "--out", "docs/out"], "is among the hand-ins"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], why: str) -> None:
    with grade(*words, "--no-sandbox") as process:
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert why in printed.splitlines()[-1]
    assert not (ROOT / "docs" / "out").exists()
