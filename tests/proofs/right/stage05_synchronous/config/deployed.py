import os

from config.settings import *  # noqa: F403
from config.settings import BASE_DIR, SECRET_KEY

KEY_FILE = BASE_DIR / "keys" / "django" / "secret_key"
if KEY_FILE.exists() and "SECRET_KEY" not in os.environ:
    SECRET_KEY = KEY_FILE.read_text()
