"""Say what a proposal for marks amounts to."""

from docs.shown.listings import fence
from docs.shown.repository import read, read_toml


def marks(chapter):
    """Return how many points the proposal of a stage has in all."""
    return str(sum(weights(chapter).values()))


def weighed(chapter):
    """Show the promises of a stage that have points, as its file of weights does."""
    path = f"docs/teach/weights/{chapter}.toml"
    parts = "".join(read(path)).strip().split("\n\n")
    shown = [part for part in parts if any(counts(line) for line in part.splitlines())]
    none = [value for value in weights(chapter).values() if not value]
    return fence("\n\n".join([*shown, f"# {len(none)} others count 0."]), "toml", path)


def counts(line):
    """Tell whether a line of a file of weights gives points."""
    return " = " in line and not line.endswith(" = 0")


def weights(chapter):
    """Return what each promise of a stage counts, as we propose it."""
    return read_toml(f"docs/teach/weights/{chapter}.toml")
