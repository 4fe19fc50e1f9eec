"""What `learn.py grade` finds in a folder, copies, and recognises."""

import os
import zipfile
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


def test_a_name_that_is_no_text_breaks_one_zip_only(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("ä/manage.py", b"")  # Marked as UTF-8.
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace("ä".encode(), b"\xff\xff"))
    with pytest.raises(Unusable, match="it is a broken ZIP file"):
        project_in(tmp_path / "a.zip", tmp_path / "copy")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("manage.py", b"")
        archive.writestr("manage.py", b"")
    with pytest.raises(Unusable, match="two of its files have the same name"):
        project_in(tmp_path / "a.zip", tmp_path / "copy")


@pytest.mark.parametrize(
    "names",
    [
        ("pyvenv.cfg", "lib/a.py", "manage.py"),  # `python -m venv .`
        ("chat\\", "chat\\consumers.py", "manage.py"),  # From Windows.
        pytest.param(
            ("at 10:30.txt", "manage.py"),  # No drive.
            marks=pytest.mark.skipif(os.name == "nt", reason="no name on Windows"),
        ),
    ],
)
def test_a_zip_is_unpacked_as_it_was_meant(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    copy = tmp_path / "copy"
    assert project_in(tmp_path / "a.zip", copy) == copy
    files = [path.relative_to(copy) for path in copy.rglob("*") if path.is_file()]
    wanted = [each.replace("\\", "/") for each in names]
    assert {path.as_posix() for path in files} == {
        each for each in wanted if not each.endswith("/")
    }


def test_what_a_mac_leaves_beside_a_zip_is_not_unpacked(
    handed_in: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ana"
    folder.mkdir()
    content = (handed_in / "z right.zip").read_bytes()
    (folder / "project.zip").write_bytes(content)
    (folder / "._project.zip").write_bytes(b"no ZIP file")
    assert (project_in(folder, tmp_path / "copy") / "manage.py").is_file()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ana.zip")
    (found,) = hand_ins.found_in(tmp_path)
    assert found.unusable == "it is neither a folder nor a file"


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
