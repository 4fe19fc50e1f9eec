"""The fixtures of the tests of the site."""

from tests.chromium import chromium

__all__ = ["chromium"]
