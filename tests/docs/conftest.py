"""The fixtures of the tests of the site, and of what its pages state."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import browser_type, chromium, quick_chromium
from tests.checker.servers.forks import quick_starts

__all__ = ["browser_type", "chromium", "quick_chromium"]


@pytest.fixture(scope="package", autouse=True)
def forked() -> Iterator[None]:
    """Start servers quickly: each fact has a server of its own."""
    with quick_starts():
        yield
