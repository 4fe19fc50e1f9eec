"""What config.careful does around Django, Django itself must not do again."""

from config import settings
from config.settings import *  # noqa: F403

MIDDLEWARE = settings.MIDDLEWARE[1:]
ROOT_URLCONF = "config.with_files"

IS_BEHIND_PROXY = hasattr(settings, "SECURE_PROXY_SSL_HEADER")
SECURE_PROXY_SSL_HEADER = None
SESSION_COOKIE_SECURE = False
CSRF_COOKIE_SECURE = False
CSRF_COOKIE_HTTPONLY = False

# It sees no SecurityMiddleware, and no cookie that is secure.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W012", "security.W016"]
