"""What `learn.py report` must not tell, and what it must not take away."""

import time

import pytest

from tests.checker.scrub import Scrub, secrets_of

KEY = "k3y-9f8A7b6C5d4E3f2A1b0C"
DJANGO = "django-insecure-$x9(q2!ab_r&k#8vw^z=+0lm@4tn*yc6u7s"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
HEX = "9f86d081884c7d659a2feaa0c55ad015"
SESSION = "2v0q5k9x8z7m1n3b4c6d8f0g2h4j6k8l"


def scrub(text: str) -> str:
    """Return a text as it would stand in the report of a certain reader."""
    return Scrub(home="/home/marta", user="marta", hosts=["martas-laptop"])(text)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        # Settings, and the diff of them.
        (f'SECRET_KEY = "{DJANGO}"', DJANGO),
        (f"+SECRET_KEY = '{DJANGO}'", DJANGO),
        (f'SECRET_KEY = (\n    "{DJANGO}"\n)', DJANGO),
        (f'+SECRET_KEY = (\n+    "{DJANGO}"\n+)', DJANGO),
        ('SECRET_KEY = """short"""', "short"),
        (f'SECRET_KEY: str = "{DJANGO}"', DJANGO),
        ('SECRET_KEY = os.environ.get("SECRET_KEY", "my-own")', "my-own"),
        ('SECRET_KEY = config("SECRET_KEY", default="my-own")', "my-own"),
        ("'SECRET_KEY': 'my own words'", "my own words"),
        ('settings["SECRET_KEY"] = "my own words"', "my own words"),
        ('"PASSWORD": "hunter2",', "hunter2"),
        ("DB_PASSWORD=hunter2", "hunter2"),
        ("export DJANGO_SECRET=hunter2", "hunter2"),
        ('EMAIL_HOST_PASSWORD = "hunter2"', "hunter2"),
        ('AWS_SECRET_ACCESS_KEY = "hunter2"', "hunter2"),
        (f'STRIPE = "sk_live_{KEY}"', KEY),
        (f'X = "{HEX}"', HEX),
        ('user.set_password("hunter2")', "hunter2"),
        ('create_user("ana", password="hunter2")', "hunter2"),
        ('{"username": "ana", "password": "hunter2"}', "hunter2"),
        ('hosts = ["redis://:hunter2@127.0.0.1:6379/0"]', "hunter2"),
        ('hosts = ["redis://ana:hunter2@127.0.0.1:6379/0"]', "hunter2"),
        ("postgres://ana:p%40ss@db/chat", "p%40ss"),
        ("redis://:hunt@er2@127.0.0.1:6379/0", "er2"),
        ("redis://:hunt/er2==@127.0.0.1:6379/0", "er2"),
        ("REDIS://:hunter2@127.0.0.1:6379/0", "hunter2"),
        ('SECRET_KEY = "first" "second"', "second"),
        ('+SECRET_KEY = (\n+    "first"\n+    "second"\n+)', "second"),
        ('-    "PASSWORD": "hunter1"\n+    "PASSWORD": "hunter2"', "hunter2"),
        ('if SECRET_KEY := "my own words":', "my own words"),
        ("PGPASSWORD=hunter2", "hunter2"),
        ('dbPassword: "hunter2"', "hunter2"),
        ("  SECRET_KEY: hunter2  # of docker-compose.yml", "hunter2"),
        ("requirepass hunter2", "hunter2"),
        # What a server prints.
        (f"(b'cookie', b'sessionid={SESSION}; csrftoken=abc')", SESSION),
        (f"(b'cookie', b'sessionid={SESSION}; csrftoken=abc')", "abc"),
        (f"Cookie: sessionid={SESSION}; theme=dark", "dark"),
        ("Set-Cookie: sessionid=short; HttpOnly", "short"),
        ("{'Cookie': 'sessionid=short'}", "short"),
        ("'Cookie': ['sessionid=short']", "short"),
        ("'HTTP_COOKIE': 'theme=dark'", "dark"),
        ("'HTTP_AUTHORIZATION': 'Basic c2hvcnQ='", "c2hvcnQ="),
        ("sessionid=short", "short"),
        ("csrftoken=short", "short"),
        ("session_key='shorty'", "shorty"),
        ("csrfmiddlewaretoken=short&x=1", "short"),
        ('<input name="csrfmiddlewaretoken" value="short">', "short"),
        ("Authorization: Bearer short", "short"),
        ("(b'authorization', b'Basic c2hvcnQ=')", "c2hvcnQ="),
        ("Authorization: Token short", "short"),
        ("X-CSRFToken: short", "short"),
        ("GET /login/?token=short HTTP/1.1", "short"),
        ("GET /?access_token=short&room=a", "short"),
        ("GET /?key=short", "short"),
        (f"token {JWT}", JWT.partition(".")[2]),
        (f"got {SESSION} back", SESSION),
        (f"secret_key: {KEY}", KEY),
        ("-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----", "MHc"),
        ("-----BEGIN PRIVATE KEY-----\nMHc", "MHc"),
        # The wire.
        ('ana  → text {"type": "login", "password": "hunter2"}', "hunter2"),
        ('ana  → text {\\"token\\": \\"hunter2\\"}', "hunter2"),
        ("ana  → handshake /ws/rooms/a/?token=short", "short"),
        # What was typed.
        ("learn.py check 4 --url ws://a --login ana:hunter2", "hunter2"),
        ("curl -u ana:hunter2 http://127.0.0.1/", "hunter2"),
        ("redis-server --requirepass hunter2", "hunter2"),
        # Where, and who.
        ('File "/home/marta/course/work/x.py"', "marta"),
        ('File "/home/other/course/work/x.py"', "other"),
        ('File "/Users/other/course/x.py"', "other"),
        (r'File "C:\Users\Other Name\x.py"', "Other"),
        (r'File "C:\Users\Other Name\x.py"', "Name"),
        ("/mnt/c/Users/Other Name/x.py", "Name"),
        (r"'C:\\Users\\Other\\x.py'", "Other"),
        ("/mnt/c/Users/other/x.py", "other"),
        ("/root/course", "root"),
        ("/var/pytest-of-other/pytest-1/x", "other"),
        ("/srv/marta/course", "marta"),
        ("marta@example.org wrote", "marta"),
        ("mail to ann.lee+x@uni-bonn.de", "ann.lee"),
        ("http://martas-laptop:8000/", "martas"),
        ("MARTAS-LAPTOP.local", "MARTAS"),
        ('ALLOWED_HOSTS = ["chat.school.edu", "box"]', "school"),
        ('ALLOWED_HOSTS = ["chat.school.edu", "box"]', "box"),
        ('"HOST": "db-box",', "db-box"),
        ('ALLOWED_HOSTS = ["box", "localhost"]', "box"),
        ("export ALLOWED_HOSTS=box", "box"),
        ('CSRF_TRUSTED_ORIGINS = ["https://box:8443"]', "box"),
        ("Host: chat.school.edu:8000", "school"),
        ("(b'host', b'chat.school.edu')", "school"),
        ("Origin: https://chat.school.edu", "school"),
        ("ws://chat.school.edu/ws/", "school"),
        ("redis://redis-box:6379", "redis-box"),
        ("on anas-mac.local it", "anas-mac"),
        ("on annas.local it", "annas"),
        ("at my-box.home", "my-box"),
        ("to chat.school.edu it went", "school"),
        ("'client': ['192.168.1.17', 41708]", "192.168.1.17"),
        ("[10.0.0.7:49400]", "10.0.0.7"),
        ("http://[fd00::17]:8000/", "fd00::17"),
        ("from fe80::1c2d:3e4f%eth0 it", "1c2d"),
    ],
)
def test_what_is_nobodys_business_is_removed(text: str, gone: str) -> None:
    assert gone in text
    said = scrub(text)
    assert gone not in said, said
    assert scrub(said) == said, "It is not the same the second time."


@pytest.mark.parametrize(
    "text",
    [
        "The handshake of /ws/rooms/garden/?name=ana was answered with HTTP 500.",
        "ws://127.0.0.1:8000/ws/rooms/garden/",
        "http://localhost:8000/ and [::1]:8000 and 0.0.0.0",
        "WebSocket HANDSHAKING /ws/echo/ [127.0.0.1:49400]",
        '"""Only what differs from https://docs.djangoproject.com/en/stable/"""',
        "(b'sec-websocket-key', b'PaJE32H898luqhqo/S/R7A==')",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "channels.layers.InMemoryChannelLayer",
        "channels_redis.core.RedisChannelLayer",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "test_message_after_the_session_has_ended_is_answered_with_4401_and_not_passed",
        "test_handshake_with_tls_1_2_and_a_cipher_of_its_past_fails",
        'File "chat/consumers.py", line 12, in receive',
        "AttributeError: 'ChatConsumer' object has no attribute 'has_joined'",
        "SECRET_KEY = os.environ['SECRET_KEY']",
        "KEY_FILE.read_text() if KEY_FILE.exists() else get_random_secret_key()",
        "SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True",
        'ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "").split()',
        'ALLOWED_HOSTS = [NAME, "localhost", "127.0.0.1", "[::1]"]',
        'ORIGINS = [f"https://{host}:{PORT}" for host in ALLOWED_HOSTS]',
        "def update(self, session_key=None, password=None):",
        "def log_in(name: str, password: str, token: str) -> None:",
        "-token = value\n+token == value",
        "http://127.0.0.1:8000/rooms/garden/?name=ana@home",
        '"django.contrib.auth.password_validation.MinimumLengthValidator"',
        "self.user.get_username(), request.app, sys.path.home, x.id, threading.local",
        "2026-11-29 22:10:08,123 INFO  Listening on TCP address 127.0.0.1:8001",
        "django 5.2.8, channels 4.3.1, daphne 4.2.1, Python 3.11.14",
        '  0.123 s  ana  → text {"type": "message", "text": "hi"}',
        "@@ -12,7 +12,8 @@ class ChatConsumer(AsyncWebsocketConsumer):",
        "from channels.generic.websocket import AsyncJsonWebsocketConsumer",
        "====================================================",
        "--------------------------------------------------------------",
        "std::x is no address, nor is 12:34:56, nor 1.2.3",
    ],
)
def test_what_a_helper_needs_stays(text: str) -> None:
    assert scrub(text) == text


def test_the_same_is_called_the_same_and_is_counted() -> None:
    clean = Scrub(home="/home/marta", user="marta", hosts=[])
    said = clean(f"sessionid={SESSION} and again sessionid={SESSION}, token={KEY}")
    assert (
        said == "sessionid=[session 1] and again sessionid=[session 1], token=[token 1]"
    )
    assert clean.removed == {"session": 2, "token": 1}
    assert clean("token=another-one") == "token=[token 2]"
    assert clean(said) == said, "It is not the same the second time."
    assert clean("KEY_TOKEN = b'short'") == "KEY_TOKEN = b'[token 3]'", "Its quotes."
    # A part that was known before hides no other.
    assert clean("Cookie: [secret 1]; theme=dark") == "Cookie: [cookie 1]"


def test_a_secret_of_the_project_goes_wherever_it_stands() -> None:
    files = {
        "config/settings.py": 'SECRET_KEY = "correct horse"\nAPI_TOKEN = "ab"\n',
        ".env": "DB_PASSWORD=battery-staple\nDEBUG=1\n",
    }
    secrets = secrets_of(files, {"MY_TOKEN": "from-the-shell", "PATH": "/usr/bin:/bin"})
    assert secrets == {"correct horse", "battery-staple", "from-the-shell"}
    # A name without quotes is a value in such files only, and no folder is a secret.
    files = {"db.ini": "password = opensesame\n", "a.py": "password = given_name\n"}
    assert secrets_of(files, {"PWD": "/srv/course"}) == {"opensesame"}
    # Python joins them.
    joined = {"a.py": 'SECRET_KEY = (\n    "correct"\n    " horse"\n)\n'}
    assert "correct horse" in secrets_of(joined, {})
    clean = Scrub(secrets, home="", user="", hosts=[])
    said = clean("It said correct horse, then battery-staple, and from-the-shell: ab.")
    assert said == "It said [secret 3], then [secret 1], and [secret 2]: ab."


def test_rooms_of_the_checks_get_names_that_one_can_read() -> None:
    clean = Scrub(home="", user="", hosts=[])
    said = clean(f"http://127.0.0.1:4567/ws/rooms/{HEX}/?name=ana and room.{HEX}")
    assert said == "http://127.0.0.1:4567/ws/rooms/[room 1]/?name=ana and room.[room 1]"
    assert clean(HEX) == "[room 1]"
    assert clean(f'"room": "{HEX[:25]}… (80 long)') == '"room": "[room 1]… (80 long)'
    assert not clean.removed
    assert clean(f"/static/{HEX[::-1]}/x") == "/static/[token 1]/x"


def test_a_long_text_takes_no_long_time() -> None:
    """Patterns can take for ever: of this much, none may take more than a moment."""
    clean = Scrub(home="/home/marta", user="marta", hosts=[])
    for word in ("a.", "a-", "1:", "x=", "'", "password", "token = (", "ab/", "\\"):
        text = "\n".join([word * (2_000 // len(word))] * 20)
        begun = time.process_time()
        clean(text)
        assert time.process_time() - begun < 5, word


def test_a_machine_that_is_called_like_a_word_spoils_nothing() -> None:
    clean = Scrub(home="/root", user="chat", hosts=[])
    assert clean("chat/consumers.py, import chat") == "chat/consumers.py, import chat"
    assert clean("/srv/chat/x") == "/srv/[user 1]/x"
