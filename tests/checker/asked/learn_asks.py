"""
What `learn.py run` asks of a project, and does in it, by the project's own manage.py.

`tests/checker/serve.py` calls `answer` in a `manage.py shell`.
"""

import inspect
import json
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import transaction
from django.db.models import EmailField
from django.http.request import validate_host

USER = "auth.user"  # Django's own, of which the fixture of the course tells.


def allowed(hosts: list[str]) -> list[str]:
    """Return those of these hosts that the project does not answer with 400."""
    names = settings.ALLOWED_HOSTS
    if settings.DEBUG and not names:  # As django.http.HttpRequest.get_host.
        names = [".localhost", "127.0.0.1", "[::1]"]
    return [host for host in hosts if validate_host(host.lower(), names)]


def demo_users(fixture: Path) -> list[str]:
    """
    Load the demo users, if nobody can log in yet, and return as whom one logs in.

    A project may have a user model of its own: then the fixture's users become such.
    """
    User = get_user_model()  # noqa: N806  # As Django's documentation does.
    if User._default_manager.exists():
        return []
    entries = json.loads(fixture.read_text(encoding="utf-8"))
    users = [each["fields"] for each in entries if each["model"] == USER]
    if not users or User._meta.label_lower == USER:
        call_command("loaddata", fixture.name, verbosity=0)
        names = User._default_manager.values_list(User.USERNAME_FIELD, flat=True)
        return sorted(map(str, names))
    is_mail = isinstance(User._meta.get_field(User.USERNAME_FIELD), EmailField)
    names = [each["username"] + "@example.com" * is_mail for each in users]
    with transaction.atomic():
        for name, fields in zip(names, users, strict=True):
            # The password as the fixture has it: only its hash is known.
            User(**{User.USERNAME_FIELD: name, "password": fields["password"]}).save()
    return names


def show_model() -> None:
    """Print where the user model is, as tracebacks do: the next one may not say it."""
    model = get_user_model()
    line = inspect.getsourcelines(model)[1]
    where = f'  File "{inspect.getsourcefile(model)}", line {line}, {model.__name__}'
    print(where, file=sys.stderr, flush=True)


def answer(hosts: list[str], fixture: str) -> None:
    """Print what serve.py wants to know on a line of its own, as JSON."""
    try:
        users = demo_users(Path(fixture)) if fixture else []
    except Exception:
        show_model()
        raise
    answer = {
        "allowed": allowed(hosts),
        "debug": settings.DEBUG,
        "users": users,
        "database": Path(settings.DATABASES["default"]["NAME"]).name if users else "",
    }
    print(f"\nanswer: {json.dumps(answer)}", flush=True)
