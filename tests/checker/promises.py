"""A stage keeps what the stage before has promised, but for what it replaces."""

from collections.abc import Mapping
from types import ModuleType

import pytest

FIXTURE = type(pytest.fixture(lambda: None))  # pytest has no public name for it.


def kept(before: ModuleType, replaced: Mapping[str, str]) -> dict[str, object]:
    """
    Return the checks of the stage before, those that it has kept itself, and fixtures.

    `replaced` names the checks that are left out, and says of each what stands in its
    place. A file of checks makes the rest its own: `globals().update(kept(…))`. What it
    defines below that, such as a fixture, takes the place of what has the same name.
    """
    return {
        name: value
        for name, value in sorted(vars(before).items())
        if isinstance(value, FIXTURE)
        or (name.startswith("test_") and callable(value) and name not in replaced)
    }
