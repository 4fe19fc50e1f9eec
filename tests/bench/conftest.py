"""The tests of the benchmarks start servers that nobody measures for long."""

from collections.abc import Iterator

import pytest

from tests.checker.servers.forks import quick_starts


@pytest.fixture(scope="package", autouse=True)
def forked() -> Iterator[None]:
    """Start servers quickly."""
    with quick_starts():
        yield
