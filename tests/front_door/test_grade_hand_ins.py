"""What `learn.py grade` finds in a folder, copies, and recognises."""

from pathlib import Path

import pytest

from tests.checker.grading import hand_ins
from tests.checker.grading.hand_ins import fingerprint
from tests.checker.grading.unpack import Unusable, project_in
from tests.checker.system import Refusal
from tests.front_door.checkout import ROOT
from tests.proofs.hand_ins import digest, odd_folders, project, zips

STAGE = "stage01_echo"


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
