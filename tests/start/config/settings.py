"""Only what differs from https://docs.djangoproject.com/en/stable/ref/settings/"""

import os

DEBUG = True

# Django's page for "404 Not Found" wants a key. A real site keeps its key secret.
SECRET_KEY = "not a secret: this is a tutorial"

# Names besides localhost. `learn.py run --host` sets this variable in a classroom.
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "chat",
]

MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",  # Refuses hosts that are not ours.
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
    },
]

STATIC_URL = "static/"
