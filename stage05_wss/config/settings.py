"""Only what differs from https://docs.djangoproject.com/en/stable/ref/settings/"""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).parent.parent

# It signs the sessions. Without the file of make_keys it is a new one each time.
KEY_FILE = BASE_DIR / "keys" / "secret_key"
SECRET_KEY = os.environ.get("SECRET_KEY") or (
    KEY_FILE.read_text() if KEY_FILE.exists() else get_random_secret_key()
)

# Where browsers find this site, name and port: behind a proxy, that of the proxy.
SITE = os.environ.get("SITE", "localhost:8443")
NAME, PORT = SITE.rsplit(":", 1)
ALLOWED_HOSTS = [NAME, "localhost", "127.0.0.1", "[::1]"]

# A page with another scheme, name or port is not ours.
ORIGINS = [f"https://{host}:{PORT}" for host in ALLOWED_HOSTS]

# Who comes over http is sent to https, and learns to go there at once.
SECURE_SSL_REDIRECT = True
SECURE_SSL_HOST = SITE
SECURE_HSTS_SECONDS = 60  # It grows to a year, when all has worked for a while.
SECURE_HSTS_INCLUDE_SUBDOMAINS = True

# A cookie that may travel over http will be read there one day.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True

# Only a proxy that writes this header itself may be believed.
if os.environ.get("BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

SILENCED_SYSTEM_CHECKS = ["security.W021"]  # HSTS preload: a decision for years.

INSTALLED_APPS = [
    "daphne",  # First: replaces runserver with one that speaks ASGI.
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "chat",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",  # Refuses hosts that are not ours.
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
# What `manage.py collectstatic` gathers for nginx.
STATIC_ROOT = BASE_DIR / "collected" / "static"
