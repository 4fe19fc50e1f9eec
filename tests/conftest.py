"""Loads the checker, whose options and fixtures every test here may use."""

pytest_plugins = ["tests.checker.plugin", "tests.proofs.plugin"]
