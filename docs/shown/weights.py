"""Say what a proposal for marks amounts to."""

from docs.shown.repository import read_toml


def marks(chapter):
    """Return how many points the proposal of a stage has in all."""
    return str(sum(weights(chapter).values()))


def weights(chapter):
    """Return what each promise of a stage counts, as we propose it."""
    return read_toml(f"docs/teach/weights/{chapter}.toml")
