"""
A plugin of a pytest that a proof starts: it writes down what each failure was told by.

    pytest -p tests.proofs.witness, with the variable WITNESS naming a file
"""

import json
import os
from pathlib import Path

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a line of JSON to the file for a failure of a check."""
    if failure := getattr(report, "failure", None):
        crash = getattr(report.longrepr, "reprcrash", None)
        message = crash.message if crash else str(report.longrepr)
        failure = {**failure, "message": message}
        with Path(os.environ["WITNESS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(failure) + "\n")
