"""
The lists of dependencies agree with each other, and name no package index.
"""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.proofs.runs import ROOT

STAGES = sorted(path.name for path in ROOT.glob("stage*"))


def ranges(file: Path) -> list[Requirement]:
    """Return the requirements of a file that a person wrote."""
    lines = file.read_text(encoding="utf-8").splitlines()
    lines = [line.partition("#")[0].strip() for line in lines]
    return [Requirement(line) for line in lines if line]


def pins() -> dict[str, list[str]]:
    """Return the pinned versions of each package: Pythons can differ in them."""
    versions: dict[str, list[str]] = {}
    for pin in entries():
        name, version = re.match(r"([\w.-]+)==([\w.]+)", pin).groups()
        versions.setdefault(name, []).append(version)
    return versions


def entries() -> list[str]:
    """Return the entries of requirements.txt, each with its markers and hashes."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)
    return lines.replace("\\\n", " ").splitlines()


def test_requirements_name_no_index_and_no_url() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index" not in text


def test_every_pin_has_a_hash() -> None:
    assert entries()
    assert [pin for pin in entries() if "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize(
    "file", ["requirements.in", *(f"{stage}/requirements.txt" for stage in STAGES)]
)
def test_pins_fit_the_ranges(file: str) -> None:
    versions = pins()
    for requirement in ranges(ROOT / file):
        assert versions[requirement.name]
        for version in versions[requirement.name]:
            assert requirement.specifier.contains(version), (requirement, version)


def test_one_file_serves_every_python_of_the_course() -> None:
    # Django 6 needs Python 3.12, so 3.11 has a line of its own.
    assert sorted(version[0] for version in pins()["django"]) == ["5", "6"]
