"""
Every stage stands alone: copied out, with only its own requirements installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import client
from tests.checker.runs import ROOT, copy_of
from tests.server import Server

STAGES = sorted(path.name for path in ROOT.glob("stage*"))
BIN = "Scripts" if os.name == "nt" else "bin"


@pytest.fixture(scope="module", params=STAGES)
def alone(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Path]]:
    """A stage in an empty folder, and the Python that has what the stage asks for."""
    folder = tmp_path_factory.mktemp("alone")
    project = copy_of(ROOT / request.param, folder / request.param)
    environment = folder / ".venv"
    python = environment / BIN / "python"
    if uv := shutil.which("uv"):
        run(uv, "venv", "--quiet", "--python", sys.executable, environment)
        install = (uv, "pip", "install", "--quiet", "--python", python)
    else:
        run(sys.executable, "-m", "venv", environment)
        install = (python, "-m", "pip", "install", "--quiet")
    run(*install, "-r", project / "requirements.txt")
    yield project, python
    shutil.rmtree(environment)


def run(*command: str | Path, folder: Path | None = None) -> str:
    """Run a command to its end, within two minutes, and return what it printed."""
    result = subprocess.run(
        command,
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def test_stage_passes_its_own_tests(alone: tuple[Path, Path]) -> None:
    project, python = alone
    assert " passed" in run(python, "-m", "pytest", folder=project)


def test_stage_runs(alone: tuple[Path, Path], tmp_path: Path) -> None:
    project, python = alone
    path = "/ws/echo/" if project.name == "stage01_echo" else "/ws/rooms/garden/"
    server = Server(project, tmp_path / "server.log", python=python)
    with server, client.connect(server.url, path) as ana:
        ana.expect_open()
