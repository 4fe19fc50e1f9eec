"""
Cause a failure of a lesson in your own folder, or put it back, in one line.

    python3 docs/teach/cause.py 3                     what there is for stage 3
    python3 docs/teach/cause.py 3 one-group           write it into work/stage03_groups
    python3 docs/teach/cause.py 3 one-group --back    take it out again
"""

import argparse
import sys
import tomllib
from pathlib import Path

BACK = "Pages come back in up to a quarter of a minute, or press “Connect”."
COURSE = Path(__file__).parent.parent.parent


def causes(number, course=COURSE):
    """Return the folder that a stage is typed in, and its failures by their names."""
    [source] = (course / "docs/teach").glob(f"{number:02}-*.toml")
    told = tomllib.loads(source.read_text(encoding="utf-8"))
    found = [each for step in told["type"] for each in step.get("wrong", [])]
    found += told.get("cause", [])
    stage = f"stage{source.stem.replace('-', '_')}"
    return course / "work" / stage, {each["name"]: each for each in found}


def change(folder, told, is_back):
    """Write a failure into the folder of a stage, or take it out, and say so."""
    path = folder / told["file"]
    if not path.is_file():
        return f"There is no {path}. Has `learn.py start` been typed?"
    old, new = told["right"], told["wrong"]
    if is_back:
        old, new = new, old
    text = path.read_bytes().decode()
    if "\r\n" in text:  # On Windows. Each line ends as before.
        old, new = (each.replace("\n", "\r\n") for each in (old, new))
    if new in text and (old not in text or old in new):
        return f"It is so already, in {path}."
    if text.count(old) != 1:
        return f"{path} has not once what would be replaced. Is it typed yet?\n{old}"
    path.write_bytes(text.replace(old, new).encode())
    print(f"{path} has now:\n{new}")
    if is_back:
        print(BACK)
    return None


def main(words=None):
    """Read the command, and return what is said when it cannot be done."""
    parser = argparse.ArgumentParser(description="Cause a failure of a lesson.")
    parser.add_argument("stage", type=int, choices=range(1, 6))
    parser.add_argument("name", nargs="?", help="which; without it, all are listed")
    parser.add_argument("--back", action="store_true", help="put it back")
    chosen = parser.parse_args(words)
    folder, found = causes(chosen.stage)
    if chosen.name in found:
        return change(folder, found[chosen.name], chosen.back)
    for name, told in found.items():
        print(f"{name}\n    {told['file']}: {' '.join(told['wrong'].split())}")
    return f"There is no {chosen.name}." if chosen.name else None


if __name__ == "__main__":
    sys.exit(main())
