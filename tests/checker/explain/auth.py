"""Mistakes that come with sessions, users and origins: stages 4 and 5."""

from tests.checker.explain.diagnosis import ANY, NO_TRACEBACK, Diagnosis

DIAGNOSES = [
    # No database, or no login.
    Diagnosis(
        "no start",
        r"Model class \S+ doesn't declare an explicit app_label|"
        r"cannot import name 'login_not_required'",
        'Django\'s login needs three entries: "django.contrib.auth" in INSTALLED_APPS, '
        'and beside it "django.contrib.contenttypes" and '
        '"django.contrib.sessions" in INSTALLED_APPS, too.',
        check="test_stage0[45]",
    ),
    Diagnosis(
        "no start",
        r"settings\.DATABASES is improperly configured",
        "Sessions and users are kept in a database. settings.py needs DATABASES, with "
        "an ENGINE and a NAME.",
        check="test_stage0[45]",
    ),
    Diagnosis(
        "no start",
        r"cannot import name 'get_user_model'|No installed app with label 'auth'|"
        r"AUTH_USER_MODEL refers to model 'auth\.User' that has not been installed|"
        r"Unknown command: '(migrate|shell)'",
        'Users live in "django.contrib.auth" in INSTALLED_APPS. Put it there, with '
        '"django.contrib.contenttypes" and "django.contrib.sessions".',
    ),
    Diagnosis(
        ANY,
        r"Invalid HTTP_HOST header: '(?P<host>[^']*)'",
        "The server does not want to be called {host}. ALLOWED_HOSTS lists names "
        "without a scheme and without a port. Leave it empty while DEBUG is on: then "
        "localhost and 127.0.0.1 are allowed.",
    ),
    Diagnosis(
        "/login/ 404",
        ANY,
        "The checks log in at /login/, and there is no page. Give Django's LoginView "
        'the path "login/".',
    ),
    Diagnosis(
        "/login/ 200",
        ANY,
        "The form of the login has no token, so Django would refuse it. Write "
        "{{% csrf_token %}} inside the form.",
    ),
    Diagnosis(
        ANY,
        r"no attribute 'session'|requires session middleware to be installed",
        "Django keeps a login in a session. MIDDLEWARE needs SessionMiddleware, and "
        "after it AuthenticationMiddleware.",
        check="test_stage0[45]",
    ),
    Diagnosis(
        "login 403",
        r"CSRF cookie not set",
        "The browser did not send back the cookie that the login page gave it. A "
        "Secure cookie is not sent over http: leave SESSION_COOKIE_SECURE and "
        "CSRF_COOKIE_SECURE for stage 5.",
        check="test_stage04",
    ),
    Diagnosis(
        r"login \d+",
        ANY,
        "The login gave no session cookie that comes back to this host. Is it Django's "
        "LoginView, and is SESSION_COOKIE_DOMAIN left alone?",
    ),
    Diagnosis(
        ANY,
        r"TemplateDoesNotExist: (?P<name>\S+)",
        "There is no template {name}. Django looks in the folder templates of each "
        "app, and its LoginView for registration/login.html, unless template_name "
        "says otherwise.",
    ),
    Diagnosis(
        ANY,
        r"NoReverseMatch: Reverse for '(?P<name>[^']*)' not found",
        "No URL is called {name}. LOGIN_URL, LOGIN_REDIRECT_URL and {{% url %}} take "
        'the name that a path() in urls.py has: name="{name}".',
    ),
    # Nobody in the scope.
    Diagnosis(
        ANY,
        r"AuthMiddleware cannot find session in scope",
        "AuthMiddleware alone finds no session. AuthMiddlewareStack puts the cookies "
        "and the session before it.",
    ),
    Diagnosis(
        ANY,
        r"Cannot find session in scope",
        'get_user() takes a dict with the session in it: {{"session": …}}. The scope '
        "is one, if AuthMiddlewareStack is around the routes.",
    ),
    Diagnosis(
        ANY,
        r"KeyError: 'user'",
        "Nothing has put a user into the scope. In asgi.py, wrap the URLRouter of "
        '"websocket" in AuthMiddlewareStack(…).',
    ),
    Diagnosis(
        ANY,
        r"takes 2 positional arguments but 4 were given",
        "A middleware is called with (scope, receive, send), and awaits the "
        "application that it wraps: `await self.app(scope, receive, send)`.",
    ),
    Diagnosis(
        ANY,
        r"You cannot call this from an async context",
        "In a coroutine, Django refuses: the database waits, and a coroutine may not. "
        "Await the method that begins with a (aget, acount, arefresh_from_db), or put "
        "it all into a function and await database_sync_to_async(function)().",
    ),
    Diagnosis(
        ANY,
        r"Object of type User(LazyObject)? is not JSON serializable|"
        r"Object of type \w*User is not JSON serializable",
        "A user is no text. Take the name: self.user.get_username().",
    ),
    Diagnosis(
        ANY,
        r"invalid close code (?P<code>\d+)",
        "{code} is no code for an application. Daphne lets it close with 1000 and 3000 "
        "to 4999 only.",
    ),
    Diagnosis(
        ANY,
        r"channels\.exceptions\.DenyConnection",
        "DenyConnection refuses a handshake, in connect(). What is open is closed: "
        "`await self.close(4401)`.",
    ),
    Diagnosis(
        ANY,
        rf"django\.db\.utils\.|{NO_TRACEBACK}",
        "The database is away, and the error ends the consumer, without disconnect(): "
        "a ghost stays in the room. Catch DatabaseError where you ask the database, "
        "and close with 4503. Who connects meanwhile meets it in AuthMiddleware: catch "
        "it around that, accept, and close with 4503.",
        check="database_is_away",
        is_sure=True,
    ),
    # Who gets in.
    Diagnosis(
        "not refused",
        ANY,
        "Somebody got in who has not logged in. Who has not logged in is an "
        "AnonymousUser, which is an object, and true. Ask self.user.is_authenticated, "
        "and close before accept(): only that refuses the handshake.",
        check="of_a_stranger|made_up_session",
    ),
    Diagnosis(
        "(join|leave) for message",
        ANY,
        "A stranger was refused, and the room heard of it. Return after close(): it "
        "does not end connect().",
        check="of_a_stranger_is_told",
    ),
    Diagnosis(
        "not refused",
        ANY,
        "A browser sends the cookies along from any page, and only Origin tells from "
        "which. In asgi.py, put AllowedHostsOriginValidator around it all. Note that "
        'ALLOWED_HOSTS = ["*"] switches it off.',
        check="without_an_origin",
    ),
    Diagnosis(
        "not refused",
        ANY,
        "A page of somebody else got in. Take AllowedHostsOriginValidator, or "
        "compare the whole host: what only begins or ends like ours is foreign.",
        check="foreign_origin",
    ),
    Diagnosis(
        "not refused",
        ANY,
        "A session that has ended still opens doors. Ask the database at every "
        "handshake, as AuthMiddlewareStack does.",
        check="after_logging_out|session_that_has_ended",
    ),
    Diagnosis(
        r"HTTP 403",
        r"Session data corrupted",
        "One server cannot read the sessions of the other. SECRET_KEY signs them: it "
        "must be the same in all processes, and stay the same.",
    ),
    Diagnosis(
        "HTTP 403",
        ANY,
        "Everybody is refused, also who has logged in and comes from a page of ours. "
        "Is AuthMiddlewareStack around the routes? Without it there is no user in the "
        "scope. An origin with a scheme wants its port, too: without one, it means 80.",
        check="test_stage0[45](?!.*4503)",
    ),
    Diagnosis(
        "",
        ANY,
        "Django's login is there, but not everything is protected by it. MIDDLEWARE "
        "needs LoginRequiredMiddleware, after AuthenticationMiddleware, and LOGIN_URL "
        "says where the login is.",
        check="leads_to_the_login",
    ),
    Diagnosis(
        r"another name|\w+ for welcome|HTTP 403|no name|close \d+",
        ANY,
        "The name is the user's, whatever the URL says, and as it is: "
        'self.scope["user"].get_username().',
        check="test_stage0[45].*(takes_the_name|our_origin_is_accepted)",
    ),
    Diagnosis(
        "another (name|room)",
        ANY,
        "A client spoke as somebody else. Take the name from self.scope, never from "
        "what a client sends.",
        check="carries_the_name",
    ),
    Diagnosis(
        "silence",
        ANY,
        "A good message was dropped: a session that is still there is no reason to be "
        "silent. What receive() asks first must return True for it.",
        check="carries_the_name",
    ),
    # Who must go.
    Diagnosis(
        r"close \d+ for 4401",
        ANY,
        "The page cannot tell this close from any other. Close with 4401.",
    ),
    Diagnosis(
        "left open",
        ANY,
        "Join first, then ask once more whether the session is still there: a logout "
        "that came between the question and the group was told to nobody.",
        check="whoever_connects_while",
    ),
    Diagnosis(
        "left open",
        ANY,
        "The scope knows what was true at the handshake, and has kept what it once "
        "read. Ask before each message, with a new session of the same kind and key, "
        "session.__class__(session.session_key): channels.auth.get_user() looks at the "
        "session, the user and the password.",
        check="after_the_session_has_ended",
    ),
    Diagnosis(
        "left open",
        ANY,
        "Told in the middle of a transaction, a consumer finds the user as it was. "
        "Tell it in transaction.on_commit().",
        check="known.*transaction",
    ),
    Diagnosis(
        "left open",
        ANY,
        "Nobody tells the consumer that its session has ended, or it asks too early, "
        "or a session that has kept what it once read. Each connection is in a group "
        "of its user; signals of Session and User, connected in AppConfig.ready(), "
        "send to that group when the change is made: user_logged_out comes before it.",
        check="4401",
    ),
    Diagnosis(
        "close 4401",
        ANY,
        "Only the session that has ended is closed. Let each connection of the user "
        "ask for its own.",
        check="spares_the_other|logs_in_a_second_time",
    ),
    Diagnosis(
        "",
        r"redis\.exceptions\.\w+",
        "Nobody may fail to log out because Redis is away. "
        "transaction.on_commit(…, robust=True) logs what goes wrong, and goes on.",
        check="needs_no_redis",
    ),
]
