"""
A reader goes down a page block by block, with servers running: each step works there.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checker import compare, work
from tests.checker.servers.runserver import Server, ServerError
from tests.docs.editor import write
from tests.docs.pages import (
    PREPARED,
    SO_FAR,
    Act,
    Block,
    acts,
    before,
    remembered,
    stages,
    steps,
)
from tests.docs.repository import ROOT

PAGES = sorted(ROOT.glob("docs/0*.md"))
# What goes deeper begins from the finished stage, and saves only mistakes.
PATHS = [page for page in PAGES if not page.stem.endswith("-deeper")]
# What decides whether a server starts after a save.
DEPENDS = (
    *(ROOT / name for name in ("tests/start", *stages().values())),
    *(ROOT / f"tests/docs/{name}.py" for name in ("editor", "pages")),
    ROOT / "tests/checker/servers",
)
# What ends by itself in a terminal that has a title.
ENDS = re.compile(r"(cd|export|unset|mkdir|echo) |python3 manage\.py ")
# These fill a database or make keys, which no start needs.
SLOW = re.compile(r"python3 ")


def servers(
    page: Path,
) -> Iterator[tuple[Act | None, Block | None, dict[str, str]]]:
    """Yield a page's acts, their blocks, and its end, with what runs before each."""
    running: dict[str, str] = {}
    for act in acts(page):
        yield act, None, running
        for block in act.blocks:
            yield act, block, running
            if block.language == "console" and block.title:
                for step in steps(block):
                    if step.source == "^C":
                        assert running.pop(block.title, None), (
                            f"{page.name}:{block.line} stops what does not run."
                        )
                    elif step.source and not ENDS.match(step.source):
                        assert block.title not in running, (
                            f"{page.name}:{block.line} starts what runs already."
                        )
                        running[block.title] = step.source
    yield None, None, running


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_starts_what_it_needs_and_stops_what_it_starts(page: Path) -> None:
    for act, block, running in servers(page):
        if act and not block:
            missing = set(act.running) - set(running)
            assert not missing, f"{act} needs {missing}, which nobody has started."
    assert not running, f"{page.name} leaves {running} running for the next chapter."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_end_in_the_folder_where_they_began(page: Path) -> None:
    for act in acts(page):
        for block in act.blocks:
            if block.language == "console" and not block.title:
                folders = [
                    command
                    for command in remembered([step.source for step in steps(block)])
                    if command.startswith("cd ")
                ]
                assert not folders, f"{page.name}:{block.line} ends in {folders}."


def saves(page: Path, folder: Path) -> Iterator[str]:
    """
    Do what a chapter tells to do with files, save by save.

    Yield the place of each that is saved while a server of the copy runs.
    """
    for act, block, running in servers(page):
        if block is None or act.start != SO_FAR:
            continue
        is_served = f"work/{act.stage}" in running.get("Server", "")
        if block.is_typed or block.language == "include":
            write(block, folder, act.stage)
            if is_served:
                yield f"line {block.line}, {block.title}"
        elif block.language == "console" and not block.title:
            where = folder
            for step in steps(block):
                if step.source.startswith("cd "):
                    where /= step.source.removeprefix("cd ")
                elif PREPARED.match(step.source) and not SLOW.match(step.source):
                    command = ["bash", "-c", step.source]
                    subprocess.run(command, cwd=where, check=True)
                    if is_served:
                        yield f"line {block.line}, {step.source}"


@pytest.mark.recorded(*DEPENDS, *PATHS)
@pytest.mark.posix("the commands are bash's")
@pytest.mark.parametrize("page", PATHS, ids=lambda page: page.name)
def test_each_save_leaves_a_server_that_starts(page: Path, tmp_path: Path) -> None:
    stage = stages()[page.name[:2]]
    for name in ("tests/start", *stages().values()):
        shutil.copytree(ROOT / name, tmp_path / name)
    work = shutil.copytree(ROOT / before(stage), tmp_path / "work" / stage)
    log = tmp_path / "server.log"
    tried, broken = 0, []
    for place in saves(page, tmp_path):
        tried += 1
        try:
            with Server(work, log):
                pass
        except ServerError:
            last = log.read_text(encoding="utf-8").strip().splitlines()[-1]
            broken.append(f"{page.name}, {place}: {last}")
    assert not broken, "\n".join(broken)
    assert (
        tried or stage == "stage05_wss"
    )  # It serves with Daphne, which never reloads.


# What a path leaves otherwise than the finished stage has it, and says so.
OTHERWISE = {
    "stage03_groups": {
        "chat/consumers.py: differs in comments, docstrings, order or layout only",
        "chat/views.py is yours only",  # Only to be read.
    },
    "stage04_auth": {
        "chat/consumers.py: differs in comments, docstrings, order or layout only",
    },
}


@pytest.mark.posix("the commands are bash's")
@pytest.mark.parametrize("page", PATHS, ids=lambda page: page.name)
def test_who_has_typed_a_path_sees_nothing_else_in_diff(
    page: Path, tmp_path: Path
) -> None:
    stage = stages()[page.name[:2]]
    for name in ("tests/start", *stages().values()):
        shutil.copytree(ROOT / name, tmp_path / name)
    mine = tmp_path / "work" / stage
    work.copy(ROOT / before(stage), mine, work.README)
    for _place in saves(page, tmp_path):
        pass
    own, course = work.contents(mine), work.contents(ROOT / stage)
    found = {
        words
        for path in own.keys() | course.keys()
        if own.get(path) != course.get(path)
        and not compare.is_beside_the_chapter(stage, own, path)
        for words in compare.in_words(path, own.get(path), course.get(path))
    }
    assert found == OTHERWISE.get(stage, set())


def test_asgi_that_imports_what_is_not_there_yet_ends_the_server(
    tmp_path: Path,
) -> None:
    work = shutil.copytree(ROOT / "tests/start", tmp_path / "work")
    shutil.copytree(ROOT / "stage01_echo/config", work / "config", dirs_exist_ok=True)
    with pytest.raises(ServerError), Server(work, tmp_path / "server.log"):
        pass
    printed = (tmp_path / "server.log").read_text(encoding="utf-8")
    assert "No module named 'chat.routing'" in printed
