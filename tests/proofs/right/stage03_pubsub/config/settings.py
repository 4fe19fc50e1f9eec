"""Stage 3's settings, with the pub/sub layer of channels-redis."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).parent.parent

DEBUG = True

# Django's page for "404 Not Found" wants a key. A real site keeps its key secret.
SECRET_KEY = "not a secret: this is a tutorial"

# Names besides localhost. `learn.py run --host` sets this variable in a classroom.
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()

INSTALLED_APPS = [
    "daphne",  # First: replaces runserver with one that speaks ASGI.
    "django.contrib.staticfiles",
    "chat",
]

MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",  # Refuses hosts that are not ours.
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

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
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "prefix": BASE_DIR.name,
            "hosts": [{"address": REDIS_URL, "socket_timeout": 4}],
        },
    }

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
    },
]

STATIC_URL = "static/"
