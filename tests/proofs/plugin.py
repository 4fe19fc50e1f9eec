"""
What the maintainers' runs need, and a learner's never sees.

Long tests begin the share of each worker of pytest-xdist; in CI a skip is a failure.
"""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes a minute or more")


def long_ones_first(
    config: pytest.Config, items: list[pytest.Item]
) -> list[pytest.Item]:
    """
    Begin the share of each worker of pytest-xdist with tests that take minutes.

    At the end of a run, one of them would keep everybody waiting.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    long = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    shares = []
    for worker in range(workers):
        mine = long[worker::workers]
        # As `--dist worksteal` deals: what is left, by how many are left.
        size = (len(items) - len(shares)) // (workers - worker)
        others = max(0, size - len(mine))
        shares += [*mine, *rest[:others]]
        rest = rest[others:]
    return [*shares, *rest]


# Shares are made of what -k and -m have left, in the order that the checker gives it:
# tests/conftest.py names this plugin after the checker's, and the last comes last.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    items[:] = long_ones_first(config, items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> pytest.TestReport:
    """Let nothing pass in CI that was not run."""
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI allows no skip: {report.longrepr[2]}"
    return report
