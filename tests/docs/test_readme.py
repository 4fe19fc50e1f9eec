"""The README says in figures what the site says, and shows what is there."""

import re

from docs.shown.minutes import minutes
from tests.docs.repository import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SETUP = (ROOT / "docs" / "setup.md").read_text(encoding="utf-8")
HOME = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")


def test_it_begins_as_the_site_does() -> None:
    [said] = re.findall(r"(?m)^(In five .+\n.+)$", HOME)
    assert said in README.split("<img", 1)[0]


def test_hours_are_the_minutes_of_all_chapters() -> None:
    chapters = sorted(path.stem for path in ROOT.glob("docs/0[1-9]-*.md"))
    paths = [each for each in chapters if not each.endswith("-deeper")]
    hours = sum(int(minutes(each)) for each in paths) / 60
    [said] = re.findall(r"about (\d+) hours in all", README)
    # The waits in them were measured, on a machine that is more or less busy.
    assert abs(int(said) - hours) <= 0.5, f"They take {hours:.1f} hours."


def test_megabytes_are_those_that_were_measured() -> None:
    rows = re.findall(r"(?m)^\| .* \| (\d+) MB \| (\d+) MB \| \d+ MB \|$", SETUP)
    [(loaded, kept), (all_loaded, all_kept)] = rows
    assert f"downloads {loaded} MB, which become {kept} MB" in README
    assert f"downloads {int(all_loaded) - int(loaded)} MB more" in README
    assert f"{all_kept} MB on the disk in all" in README


def test_what_it_shows_and_names_is_there() -> None:
    """By a relative path, since it is read on more than one host."""
    shown = re.findall(r'<img src="(.+?)"', README)
    linked = re.findall(r"\]\((.+?)\)", README)
    named = re.findall(r"(?m)^\| `(\w+)` \|", README)
    assert shown
    assert len(named) == len([*ROOT.glob("stage0*")])
    for path in (*shown, *linked, *named):
        assert (ROOT / path).exists(), path
