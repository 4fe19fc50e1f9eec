"""
Every stage stands alone: copied out, with only its own requirements installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.checker import client
from tests.checker.accounts import PASSWORD, Accounts, Visitors
from tests.checker.servers.runserver import Server
from tests.checker.servers.tls import TlsServer
from tests.checker.stages import STAGES
from tests.proofs.records import Proof, Recorded, Seen
from tests.proofs.runs import CHECKER, HARNESS, ROOT, copy_of

BIN = "Scripts" if os.name == "nt" else "bin"

# To install takes longest. Stages that ask for the same, byte for byte, share it.
ALIKE: dict[bytes, list[str]] = {}
for file in sorted(ROOT.glob("stage*/requirements.txt")):
    ALIKE.setdefault(file.read_bytes(), []).append(file.parent.name)


@contextmanager
def alone(stages: list[str], tmp_path: Path) -> Iterator[tuple[list[Path], Path]]:
    """Stages in empty folders, and the Python that has what they ask for."""
    projects = [copy_of(ROOT / stage, tmp_path / stage) for stage in stages]
    environment = tmp_path / ".venv"
    python = environment / BIN / "python"
    # Bytecode for all that is installed would take longer than all the rest.
    if uv := shutil.which("uv"):
        run(uv, "venv", "--quiet", "--python", sys.executable, environment)
        install = (uv, "pip", "install", "--quiet", "--python", python)
    else:
        run(sys.executable, "-m", "venv", "--without-pip", environment)
        pip = (sys.executable, "-m", "pip", "--python", python)
        install = (*pip, "install", "--quiet", "--no-compile")
    run(*install, "-r", projects[0] / "requirements.txt")
    yield projects, python
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


@pytest.mark.parametrize(
    ("proof", "stages"),
    [
        pytest.param(
            Proof(
                "alone",
                name := " and ".join(stages),
                (
                    *(ROOT / stage for stage in stages),
                    Path(__file__),
                    *CHECKER,
                    *HARNESS,
                ),
            ),
            stages,
            id=name,
        )
        for stages in ALIKE.values()
    ],
)
def test_stage_stands_alone(
    proof: Proof, stages: list[str], tmp_path: Path, recorded: Recorded
) -> None:
    def prove() -> Seen:
        with alone(stages, tmp_path) as (projects, python):
            return {
                project.name: stands(project, python, tmp_path) for project in projects
            }

    for stage, printed in recorded(proof, prove).items():
        assert stage in stages
        assert " passed" in printed


def stands(project: Path, python: Path, tmp_path: Path) -> str:
    """Run the tests of a stage and let a client in. Return what pytest said last."""
    printed = run(python, "-m", "pytest", folder=project)
    stage = STAGES[project.name]
    log = tmp_path / f"{project.name}.log"
    kind, environment, visitors = Server, {}, None
    if stage.has_login:
        folder = tmp_path / f"{project.name}-database"
        folder.mkdir()
        environment = Accounts(project, folder).environment
        visitors = Visitors({"ana": PASSWORD})
    if stage.has_tls:
        run(python, "manage.py", "make_keys", folder=project)
        kind = TlsServer
    with kind(project, log, environment=environment, python=python) as server:
        server.visitors = visitors
        with client.connect(server, stage.path) as ana:
            ana.expect_open()
    return printed.splitlines()[-1]
