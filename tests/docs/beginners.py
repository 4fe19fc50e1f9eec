"""What somebody hands in who has understood a stage's idea, and not all of it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from docs.shown import repository, teach
from tests.docs.order import type_pieces
from tests.docs.repository import ROOT
from tests.proofs.runs import RESIDUE, replace


@dataclass(frozen=True)
class Beginner:
    """How many steps of a lesson were typed, and what was then left out again."""

    chapter: str
    steps: int
    left_out: tuple[tuple[str, str, str], ...] = ()  # A file, ours, and theirs.

    def hand_in(self, folder: Path) -> Path:
        """Make the project in a folder."""
        stage = teach.stage_of(self.chapter)
        old = ROOT / repository.before(stage)
        work = Path(shutil.copytree(old, folder / stage, ignore=RESIDUE))
        steps, copied, _ = teach.order(self.chapter)
        typed = [piece for _, pieces in steps[: self.steps] for piece in pieces]
        type_pieces(work, stage, [*typed, *copied], {})
        for file, ours, theirs in self.left_out:
            replace(work / file, ours, theirs)
        return work


BEGINNERS = (
    Beginner(  # Bytes are forgotten.
        "01-echo",
        2,
        (("chat/consumers.py", ", bytes_data=bytes_data)", ")"),),
    ),
    Beginner(  # A good message is answered, a bad one is not.
        "02-routing",
        3,
        (
            ("chat/consumers.py", "(ValueError, RecursionError)", "KeyError"),
            ("chat/consumers.py", "not 1 <= len(self.name) <= LONGEST_NAME", "False"),
            ("chat/consumers.py", "len(text) > LONGEST_TEXT", "False"),
        ),
    ),
    Beginner("03-groups", 3),  # Nothing of Redis.
    Beginner("04-auth", 2),  # Strangers are refused, and nobody is closed.
    Beginner("05-wss", 2),  # Keys and settings, but asgi.py as before.
)
