"""Mistakes in stage 4, in the order of its checks."""

from tests.proofs.wrong.mistake import ASGI, CONSUMERS, FAULTS, SETTINGS, Mistake

URLS = "config/urls.py"
SIGNALS = "chat/signals.py"
LOGIN = "chat/templates/registration/login.html"

DATABASE_AWAY = "close with 4503 while the database is away and no ghost stays"
STRANGER = "handshake of a stranger is refused with 403 (in memory)"
OURS = "handshake with a session and our origin is accepted (in memory)"
FOREIGN = "handshake from a foreign origin is refused with 403"
NO_ORIGIN = "handshake without an origin is refused with 403 (in memory)"
LEADS = "handshake begins on a page that leads to the login and back (in memory)"
NAME = "handshake takes the name from the user not the url (in memory-?name=ben)"
SPOKEN = "message carries the name of the user (in memory)"
ENDED = (
    "message after the session has ended is answered with 4401 and not passed on "
    "(in memory-{kind})"
)
LOGOUT = "close with 4401 after logging out (in memory)"
AS_SOON = "close with 4401 on Redis as soon as it is known ({kind})"

ONLY_STRANGER = "stranger_is_refused and memory"
ONLY_OURS = "our_origin_is_accepted and memory"
ONLY_LOGOUT = "4401_after_logging_out and memory and not other_server"

STACK = "AuthMiddlewareStack(URLRouter(websocket_urlpatterns))"
VALIDATOR = f"""            AllowedHostsOriginValidator(
                {STACK},
            ),
"""
AUTHENTICATED = "if not self.user.is_authenticated:"
USER = 'self.user = self.scope["user"]'
REFUSES = """            # Before accept(), this refuses the handshake with HTTP 403.
            await self.close()
            return
"""
NAME_OF_USER = "self.name = self.user.get_username()"
ASKS = 'await get_user({"session": then.__class__(then.session_key)})'
RECEIVE = """        if not await self.session_check():
            return
        if text_data"""
CLOSES = """        if user != self.user:
            await self.close(LOGGED_OUT)
"""
AWAY = """        except DatabaseError:
            # An exception would end this connection, too, but never leave its room.
            await self.close(UNAVAILABLE)
            return False
"""
LOGIN_URL = 'LOGIN_URL = LOGOUT_REDIRECT_URL = "login"'


STAGE04 = [
    Mistake(
        "no AuthMiddlewareStack",
        ASGI,
        STACK,
        "URLRouter(websocket_urlpatterns)",
        STRANGER,
        "Nothing has put a user into the scope",
        ONLY_STRANGER,
    ),
    Mistake(
        "no AuthMiddlewareStack, and nobody is asked for",
        CONSUMERS,
        USER,
        'from django.contrib.auth.models import AnonymousUser; del self.scope["user"]'
        '; self.user = self.scope.get("user", AnonymousUser())',
        OURS,
        "A client was refused that has logged in",
        ONLY_OURS,
    ),
    Mistake(
        "AuthMiddleware without a session",
        ASGI,
        STACK,
        "__import__('channels.auth').auth.AuthMiddleware("
        "URLRouter(websocket_urlpatterns))",
        STRANGER,
        "AuthMiddleware alone finds no session",
        ONLY_STRANGER,
    ),
    Mistake(
        "AuthMiddlewareStack around the pages",
        ASGI,
        f"""        "http": django_application,
        # First: is the page that asks one of ours? Then: who is it that asks?
        "websocket": guard(
{VALIDATOR}        ),
""",
        """        "http": AuthMiddlewareStack(django_application),
        "websocket": guard(
            AllowedHostsOriginValidator(URLRouter(websocket_urlpatterns)),
        ),
""",
        STRANGER,
        "AuthMiddlewareStack puts it there",
        ONLY_STRANGER,
    ),
    Mistake(
        "a middleware of Channels 2",
        ASGI,
        STACK,
        """type("Token", (), {
                    "__init__": lambda self, app: setattr(self, "app", app),
                    "__call__": lambda self, scope: self.app(scope),
                })(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))""",
        STRANGER,
        "A middleware is called with (scope, receive, send)",
        ONLY_STRANGER,
    ),
    Mistake(
        "a user looked up without asking whether they may still log in",
        CONSUMERS,
        USER,
        "from django.contrib.auth.models import AnonymousUser, User; "
        'self.user = await User.objects.filter(pk=await self.scope["session"].aget('
        '"_auth_user_id")).afirst() or AnonymousUser()',
        "handshake with a session that has ended is refused with 403 "
        "(in memory-deactivated)",
        "A session that has ended still opens doors",
        "session_that_has_ended_is_refused and memory",
    ),
    Mistake(
        "a user is asked for as if there might be none",
        CONSUMERS,
        AUTHENTICATED,
        "if not self.user:",
        STRANGER,
        "somebody who has not logged in is an AnonymousUser, which is an object",
        ONLY_STRANGER,
    ),
    Mistake(
        "a stranger is let in first",
        CONSUMERS,
        REFUSES,
        """            await self.accept()
            await self.close(LOGGED_OUT)
            return
""",
        STRANGER,
        "close before accept()",
        ONLY_STRANGER,
    ),
    Mistake(
        "no return after the refusal",
        CONSUMERS,
        REFUSES,
        "            await self.close()\n",
        "handshake of a stranger is told to nobody (in memory)",
        "close() does not end connect()",
        "stranger_is_told and memory",
    ),
    Mistake(
        "no Origin check",
        ASGI,
        VALIDATOR,
        f"            {STACK}\n",
        NO_ORIGIN,
        "put AllowedHostsOriginValidator around it all",
        "without_an_origin and memory",
    ),
    Mistake(
        "every host allowed",
        SETTINGS,
        'ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()',
        'ALLOWED_HOSTS = ["*"]',
        NO_ORIGIN,
        'ALLOWED_HOSTS = ["*"] switches it off',
        "without_an_origin and memory",
    ),
    Mistake(
        "an Origin check of one's own that looks for a part",
        ASGI,
        VALIDATOR,
        f"""            type(
                "Own",
                (AllowedHostsOriginValidator("").__class__,),
                {{
                    "valid_origin": lambda self, origin: (
                        origin is not None and "127.0.0.1" in origin.geturl()
                    )
                }},
            )({STACK}, ["127.0.0.1"]),
""",
        f"{FOREIGN} (in memory-our name as its subdomain)",
        "compare the whole host",
        "foreign_origin and memory",
    ),
    Mistake(
        "an Origin with a scheme and without a port",
        ASGI,
        VALIDATOR,
        f"""            AllowedHostsOriginValidator("").__class__(
                {STACK}, ["http://127.0.0.1"]
            ),
""",
        OURS,
        "An origin with a scheme wants its port, too",
        ONLY_OURS,
    ),
    Mistake(
        "our own host not allowed",
        SETTINGS,
        'ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()',
        'ALLOWED_HOSTS = ["www.example.com"]',
        OURS,
        "ALLOWED_HOSTS",
        ONLY_OURS,
    ),
    Mistake(
        "a host with its port allowed",
        SETTINGS,
        'ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()',
        'ALLOWED_HOSTS = ["127.0.0.1:8000"]',
        OURS,
        "ALLOWED_HOSTS",
        ONLY_OURS,
    ),
    Mistake(
        "no token in the login form",
        LOGIN,
        "      {% csrf_token %}\n",
        "",
        OURS,
        "{% csrf_token %}",
        ONLY_OURS,
    ),
    Mistake(
        "no page for the login",
        URLS,
        '"login/"',
        '"accounts/login/"',
        OURS,
        "The checks log in at /login/",
        ONLY_OURS,
    ),
    Mistake(
        "a login page in another folder",
        URLS,
        "LoginView.as_view(",
        'LoginView.as_view(template_name="chat/login.html", ',
        OURS,
        "There is no template chat/login.html",
        ONLY_OURS,
    ),
    Mistake(
        "cookies for https only",
        SETTINGS,
        LOGIN_URL,
        f"SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True\n{LOGIN_URL}",
        OURS,
        "A Secure cookie is not sent over http",
        ONLY_OURS,
    ),
    Mistake(
        "a cookie for another site",
        SETTINGS,
        LOGIN_URL,
        f'SESSION_COOKIE_DOMAIN = ".example.com"\n{LOGIN_URL}',
        OURS,
        "gave no session cookie",
        ONLY_OURS,
    ),
    Mistake(
        "no sessions in INSTALLED_APPS",
        SETTINGS,
        '    "django.contrib.sessions",\n',
        "",
        STRANGER,
        '"django.contrib.sessions" in INSTALLED_APPS',
        ONLY_STRANGER,
    ),
    Mistake(
        "no auth in INSTALLED_APPS",
        SETTINGS,
        '    "django.contrib.auth",\n',
        "",
        STRANGER,
        '"django.contrib.auth" in INSTALLED_APPS',
        ONLY_STRANGER,
    ),
    Mistake(
        "no database",
        SETTINGS,
        "DATABASES = {",
        "UNUSED = {",
        STRANGER,
        "DATABASES",
        ONLY_STRANGER,
    ),
    Mistake(
        "no session middleware",
        SETTINGS,
        '    "django.contrib.sessions.middleware.SessionMiddleware",\n',
        "",
        OURS,
        "SessionMiddleware",
        ONLY_OURS,
    ),
    Mistake(
        "pages for everybody",
        SETTINGS,
        '    "django.contrib.auth.middleware.LoginRequiredMiddleware",\n',
        "",
        LEADS,
        "LoginRequiredMiddleware",
        "leads_to_the_login and memory",
    ),
    Mistake(
        "a login without a name",
        URLS,
        '        name="login",\n',
        "",
        LEADS,
        "No URL is called login",
        "leads_to_the_login and memory",
    ),
    Mistake(
        "a name from the URL",
        CONSUMERS,
        NAME_OF_USER,
        "from urllib.parse import parse_qs\n"
        '        query = parse_qs(self.scope["query_string"].decode())\n'
        '        self.name = query.get("name", [self.user.get_username()])[0]',
        NAME,
        "The name is the user's, whatever the URL says",
        "name_from_the_user and memory",
    ),
    Mistake(
        "a first name",
        CONSUMERS,
        NAME_OF_USER,
        'self.name = self.user.first_name or "guest"',
        OURS,
        "The name is the user's",
        ONLY_OURS,
    ),
    Mistake(
        "a name in small letters",
        CONSUMERS,
        NAME_OF_USER,
        "self.name = self.user.get_username().lower()",
        "handshake takes the name as it is (in memory)",
        "The name is the user's",
        "name_as_it_is and memory",
    ),
    Mistake(
        "a name from the message",
        CONSUMERS,
        'who = {"room": self.room, "name": self.name}',
        'who = {"room": self.room, "name": message.get("name", self.name)}',
        SPOKEN,
        "Take the name from self.scope, never from what a client sends",
        "carries_the_name and memory",
    ),
    Mistake(
        "a user in JSON",
        CONSUMERS,
        NAME_OF_USER,
        "self.name = self.user",
        OURS,
        "A user is no text",
        ONLY_OURS,
    ),
    Mistake(
        "a user in an event",
        CONSUMERS,
        'event = {"type": "room.message", "text": json.dumps(message)}',
        """from django.contrib.auth.models import User
    event = {"type": "room.message", "text": json.dumps(message), "by": User()}""",
        "handshake is told to everyone in the room (on Redis)",
        "Redis carries text, numbers, lists and dicts only",
        "told_to_everyone_in and Redis",
    ),
    Mistake(
        "the database in a coroutine",
        CONSUMERS,
        "self.room = self.scope",
        "self.user.groups.count()\n        self.room = self.scope",
        OURS,
        "the database waits, and a coroutine may not",
        ONLY_OURS,
    ),
    Mistake(
        "a database_sync_to_async that gets an answer and no function",
        CONSUMERS,
        "self.room = self.scope",
        "from channels.db import database_sync_to_async\n        "
        "await database_sync_to_async(self.user.groups.count())()\n        "
        "self.room = self.scope",
        OURS,
        "the database waits, and a coroutine may not",
        ONLY_OURS,
    ),
    Mistake(
        "a key that is new at every start",
        SETTINGS,
        'SECRET_KEY = "not a secret: this is a tutorial"',
        "SECRET_KEY = os.urandom(20).hex()",
        "close with 4401 after logging out at the other server",
        "SECRET_KEY",
        "at_the_other_server",
    ),
    Mistake(
        "the scope is believed for ever",
        CONSUMERS,
        ASKS,
        "self.user",
        ENDED.format(kind="deactivated"),
        "The scope knows what was true at the handshake",
        "session_has_ended_is_answered and memory",
    ),
    Mistake(
        "the session of the scope is asked again",
        CONSUMERS,
        ASKS,
        "await get_user(self.scope)",
        LOGOUT,
        "has kept what it once read",
        ONLY_LOGOUT,
    ),
    Mistake(
        "a session in place of a scope",
        CONSUMERS,
        ASKS,
        "await get_user(then.__class__(then.session_key))",
        SPOKEN,
        'get_user() takes a dict with the session in it: {"session": …}',
        "carries_the_name and memory",
    ),
    Mistake(
        "an answer that is not returned",
        CONSUMERS,
        "        return user == self.user\n",
        "",
        SPOKEN,
        "None is taken for a no",
        "carries_the_name and memory",
    ),
    Mistake(
        "only the session is looked up",
        CONSUMERS,
        ASKS,
        "self.user if await then.aexists(then.session_key) else None",
        ENDED.format(kind="deactivated"),
        "The scope knows what was true at the handshake",
        "session_has_ended_is_answered and memory",
    ),
    Mistake(
        "only the user is looked up",
        CONSUMERS,
        f"user = {ASKS}",
        "await self.user.arefresh_from_db()\n"
        "            user = self.user if self.user.is_active else None",
        ENDED.format(kind="password changed"),
        "The scope knows what was true at the handshake",
        "session_has_ended_is_answered and memory",
    ),
    Mistake(
        "no look at the session when a message comes",
        CONSUMERS,
        RECEIVE,
        "        if text_data",
        ENDED.format(kind="deactivated"),
        "Ask before each message",
        "session_has_ended_is_answered and memory",
    ),
    Mistake(
        "a close without a code",
        CONSUMERS,
        CLOSES,
        CLOSES.replace("LOGGED_OUT", ""),
        LOGOUT,
        "Close with 4401",
        ONLY_LOGOUT,
    ),
    Mistake(
        "a code of HTTP",
        CONSUMERS,
        "LOGGED_OUT = 4401",
        "LOGGED_OUT = 401",
        LOGOUT,
        "1000 and 3000 to 4999",
        ONLY_LOGOUT,
    ),
    Mistake(
        "a code of the protocol",
        CONSUMERS,
        "LOGGED_OUT = 4401",
        "LOGGED_OUT = 1008",
        LOGOUT,
        "1000 and 3000 to 4999",
        ONLY_LOGOUT,
    ),
    Mistake(
        "DenyConnection for an open connection",
        CONSUMERS,
        CLOSES,
        CLOSES.replace(
            "await self.close(LOGGED_OUT)",
            "raise __import__('channels.exceptions').exceptions.DenyConnection",
        ),
        LOGOUT,
        "DenyConnection refuses a handshake",
        ONLY_LOGOUT,
    ),
    Mistake(
        "nobody listens to the signals",
        "chat/apps.py",
        "from chat import signals  # noqa: F401",
        "pass",
        LOGOUT,
        "Nobody tells the consumer that its session has ended",
        ONLY_LOGOUT,
    ),
    Mistake(
        "the consumer is not in the group of its user",
        CONSUMERS,
        '(group_of(self.room), f"user.{self.user.pk}")',
        "(group_of(self.room),)",
        LOGOUT,
        "Nobody tells the consumer that its session has ended",
        ONLY_LOGOUT,
    ),
    Mistake(
        "every session of the user ends with one",
        CONSUMERS,
        CLOSES,
        CLOSES.replace("if ", "if event or "),
        "close after logging out spares the other sessions (in memory)",
        "Only the session that has ended",
        "spares_the_other and memory",
    ),
    Mistake(
        "no word of a user that changes",
        SIGNALS,
        "@receiver([post_save, post_delete], sender=get_user_model())",
        "@receiver([post_delete], sender=get_user_model())",
        AS_SOON.format(kind="deactivated"),
        "Nobody tells the consumer that its session has ended",
        "as_soon_as",
    ),
    Mistake(
        "no word of a session that is deleted",
        SIGNALS,
        "@receiver(post_delete, sender=Session)",
        "@receiver([], sender=Session)",
        LOGOUT,
        "Nobody tells the consumer that its session has ended",
        ONLY_LOGOUT,
    ),
    Mistake(
        "told before the commit",
        SIGNALS,
        'transaction.on_commit(lambda: group_send(f"user.{user_id}", event), '
        "robust=True)",
        'group_send(f"user.{user_id}", event)',
        AS_SOON.format(kind="in a transaction"),
        "transaction.on_commit()",
        "as_soon_as",
    ),
    Mistake(
        "nobody logs out while Redis is away",
        SIGNALS,
        "event), robust=True)",
        "event))",
        "close of a session needs no Redis",
        "robust=True",
        "needs_no_redis",
    ),
    Mistake(
        "who connects while logging out is not asked again",
        CONSUMERS,
        "        await self.session_check()\n",
        "",
        "close with 4401 of whoever connects while logging out (in memory)",
        "Join first, then ask once more",
        "whoever_connects and memory",
    ),
    Mistake(
        "no Redis at all, and so none that is away",
        SETTINGS,
        "if REDIS_URL:",
        "if False:",
        "close of a session needs no Redis",
        "REDIS_URL is set, and the room is not in Redis",
        "needs_no_redis",
    ),
    Mistake(
        "who has left is still in the group of its user",
        CONSUMERS,
        "        for group in self.joined:\n"
        "            await self.channel_layer.group_discard",
        "        for group in self.joined[:1]:\n"
        "            await self.channel_layer.group_discard",
        "close of 5 clients leaves nothing in Redis",
        "Who has left is still in the group",
        "leaves_nothing",
    ),
    Mistake(
        "a database that goes away is not caught at the handshake",
        FAULTS,
        "(redis.RedisError, DatabaseError, TimeoutError)",
        "(redis.RedisError, TimeoutError)",
        DATABASE_AWAY,
        "Who connects meanwhile meets it in AuthMiddleware: catch it around that",
        "database_is_away",
    ),
    Mistake(
        "a guard inside of what asks the database",
        ASGI,
        f"guard(\n{VALIDATOR}        )",
        "AllowedHostsOriginValidator(\n"
        "            AuthMiddlewareStack(guard(URLRouter(websocket_urlpatterns))),\n"
        "        )",
        DATABASE_AWAY,
        "Who connects meanwhile meets it in AuthMiddleware: catch it around that",
        "database_is_away",
    ),
    Mistake(
        "a database that goes away is not caught where it is asked",
        CONSUMERS,
        AWAY,
        "        except ZeroDivisionError:\n            return False\n",
        DATABASE_AWAY,
        "a ghost stays in the room. Catch DatabaseError where you ask",
        "database_is_away",
    ),
    Mistake(
        "no close while the database is away",
        CONSUMERS,
        "            await self.close(UNAVAILABLE)\n",
        "",
        DATABASE_AWAY,
        "Catch DatabaseError where you ask the database, and close with 4503",
        "database_is_away",
    ),
]
