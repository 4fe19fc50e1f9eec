"""Tickets: a word that opens one connection, within five seconds."""

import secrets
from urllib.parse import parse_qs

from channels.auth import AuthMiddlewareStack
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.cache import cache
from django.http import JsonResponse
from django.views.decorators.http import require_POST

VALID = 5  # Seconds.


def name_of(ticket):
    return f"ticket.{ticket}"


@require_POST
def ticket_view(request):
    # The ticket stands for the session, which itself never leaves the server.
    ticket = secrets.token_urlsafe()
    cache.set(name_of(ticket), request.session.session_key, VALID)
    return JsonResponse({"ticket": ticket})


def redeem(scope):
    """Return the session that a ticket stands for, and forget the ticket."""
    query = parse_qs(scope["query_string"].decode(errors="replace"))
    ticket = query.get("ticket", [""])[0]
    if len(ticket) != len(secrets.token_urlsafe()) or not ticket.isascii():
        return None
    session_key = cache.get(name_of(ticket))
    # Two that come at once: only one of them deletes it.
    return session_key if cache.delete(name_of(ticket)) else None


def tickets_or_cookies(application):
    with_session = AuthMiddlewareStack(application)
    with_cookie = AllowedHostsOriginValidator(with_session)

    async def choose(scope, receive, send):
        session_key = redeem(scope)
        if session_key is None:
            await with_cookie(scope, receive, send)
        else:
            # No page can make a browser send a ticket that it does not know.
            headers = [each for each in scope["headers"] if each[0] != b"cookie"]
            cookie = f"{settings.SESSION_COOKIE_NAME}={session_key}".encode()
            scope = {**scope, "headers": [*headers, (b"cookie", cookie)]}
            await with_session(scope, receive, send)

    return choose
