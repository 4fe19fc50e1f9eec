"""
The settings of the project under test, but with a database of the checks.

The checks log in, log out and lock people out. None of that may reach the database that
a learner works with. `tests/checker/accounts.py` sets the two variables.
"""

import os
from importlib import import_module

own = import_module(os.environ["CHECKS_SETTINGS"])
globals().update({name: getattr(own, name) for name in dir(own) if name.isupper()})

default = globals().get("DATABASES", {}).get("default", {})
if default.get("ENGINE") and default.get("NAME"):  # What is missing must be missed.
    sqlite = "django.db.backends.sqlite3"
    options = default if default["ENGINE"] == sqlite else {}
    name = os.environ["CHECKS_DATABASE"]
    DATABASES = {"default": {**options, "ENGINE": sqlite, "NAME": name}}

# Django's own takes a good part of a second for each login, on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
