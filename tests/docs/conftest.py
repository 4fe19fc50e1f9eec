"""The fixtures of the tests of the site."""

from tests.browser.chromium import chromium

__all__ = ["chromium"]
