"""Only what differs from https://docs.djangoproject.com/en/stable/ref/settings/"""

import os
from pathlib import Path

BASE_DIR = Path(__file__).parent.parent

DEBUG = True

# It signs the sessions. A real site keeps its key secret.
SECRET_KEY = "not a secret: this is a tutorial"

# Names besides localhost. `learn.py run --host` sets this variable in a classroom.
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()
CSRF_TRUSTED_ORIGINS = os.environ.get("TRUSTED_ORIGINS", "").split()  # Of tunnels.

INSTALLED_APPS = [
    "daphne",  # First: replaces runserver with one that speaks ASGI.
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "chat",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",  # Refuses hosts that are not ours.
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]

LOGIN_URL = LOGOUT_REDIRECT_URL = "login"
LOGIN_REDIRECT_URL = "index"

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
    },
}

# In memory, a group reaches the clients of this one process.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels.layers.InMemoryChannelLayer",
        # Of the events that wait for a client, all after the 100th would be dropped.
        "CONFIG": {"capacity": 10_000},
    },
}

# Through Redis, it reaches those of every process that uses the same one.
REDIS_URL = os.environ.get("REDIS_URL")
if REDIS_URL:
    CHANNEL_LAYERS["default"]["BACKEND"] = "channels_redis.core.RedisChannelLayer"
    CHANNEL_LAYERS["default"]["CONFIG"] |= {
        "prefix": BASE_DIR.name,  # What others keep in the same Redis stays theirs.
        "hosts": [
            {
                "address": REDIS_URL,
                # The layer waits 5 s for news, so redis-py 8 must not give up after 5.
                "socket_timeout": 8,
                # A crowd that leaves at once needs more than redis-py 8's 100.
                "max_connections": 10_000,
            },
        ],
    }

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
    },
]

STATIC_URL = "static/"
