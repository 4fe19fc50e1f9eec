"""The settings, with a database for tests that another process can open."""

from config.settings import *  # noqa: F403
from config.settings import BASE_DIR, DATABASES

DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "tests.sqlite3"}
