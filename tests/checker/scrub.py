r"""
What a reader's report must not tell: removed from any text, wherever it stands.

    >>> scrub = Scrub()
    >>> scrub("redis://ana:secret@chat.example.org:6379")
    'redis://[password 1]@[host 1]:6379'

The same thing is called the same everywhere, so that a helper still sees what belongs
together. Rather too much is removed than too little. Standard library only.
"""

import getpass
import ipaddress
import math
import os
import re
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

SHORT = 6  # Characters. A secret that is shorter is removed only where it is named.
LEAST = 20  # Characters of a word that may be a key.
MIXED = 3.3  # Bits for each character: a name in code has less, where it has digits.

# What is called like this holds a secret, in code, in a header, in a URL.
NAMES = (
    r"(?:(?:pass(?:word|wd|phrase)|(?<![a-z])pass|pwd)\d?|"
    r"secret(?:[_-]?(?:access[_-]?)?key)?|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|"
    r"(?:private|signing|auth|encryption|session)[_-]?key|credentials?|"
    r"session[_-]?id|csrfmiddlewaretoken|\bjwt|\bbearer|\bsid)"
)
QUOTED = (
    r"[rbfuRBFU]{0,2}("
    r"\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"
    r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
)
# Python joins texts that follow each other. In a diff, + or - stands between them, and
# the next may be a key.
JOINED = rf"{QUOTED}(?:[\s\\+-]*{QUOTED}(?!\s*:))*"

# Values that are no secret, whatever they are called.
PLAIN = re.compile(
    r"(?i)(?:true|false|none|null|\d{0,3}|password\d?|passwd|token|secret|username|"
    r"str|bytes|int|bool|any|string|"
    r"sessionid|csrftoken|sec-websocket-key|[A-Z_]+_(?:KEY|TOKEN|PASSWORD|SECRET))?"
)

HEADERS = (
    "cookie|set-cookie|authorization|proxy-authorization|x-csrftoken|x-api-key|"
    "x-auth-token"
)

# Who is named in these is nobody's host.
PUBLIC = re.compile(
    r"(?:docs|www)\.djangoproject\.com|www\.rfc-editor\.org|docs\.python\.org|"
    r"[\w-]+\.readthedocs\.io|(?:[\w-]+\.)*(?:example|invalid|test|localhost)|"
    r"(?:pypi|python)\.org"
)
LOOPBACK = re.compile(r"localhost|127(?:\.\d+){3}|0\.0\.0\.0|::1?|testserver")
ENDINGS = (
    "com|org|net|edu|gov|mil|int|io|dev|app|cloud|info|biz|online|site|xyz|tech|"
    "lan|local|internal|intranet|corp|home|"
    "ac|at|au|be|br|ca|ch|cn|cz|de|dk|es|eu|fi|fr|gr|hu|ie|il|it|jp|kr|mx|nl|no|nz|"
    "pl|pt|ro|ru|se|sg|tr|tw|ua|uk|us|za"
)
# Of these, two words are more often code: `request.app`, `asyncio.io`.
UNSURE = {"app", "dev", "info", "io", "int", "site", "home", "internal", "no"}
UNSURE |= {"it", "at", "be", "es", "se", "net", "us", "ie", "no", "tech", "online"}

CODE = {"self", "cls", "os", "sys", "request", "settings", "scope", "threading"}
CODE |= {"_thread", "threadlocal", "asgiref", "thread"}


class Scrub:
    """
    Removes secrets from texts, and counts what it has removed, by kind.

    `secrets` are known ones: they go wherever they stand. `home`, `user` and `host` are
    those of this machine.
    """

    def __init__(
        self,
        secrets: Iterable[str] = (),
        home: str | None = None,
        user: str | None = None,
        hosts: Iterable[str] | None = None,
    ) -> None:
        self.removed: Counter[str] = Counter()
        self.names: dict[tuple[str, str], str] = {}
        known = {each for each in secrets if len(each) >= SHORT and not is_plain(each)}
        self.secrets = sorted(known, key=lambda each: (-len(each), each))
        self.rooms: dict[str, None] = {}
        self.home = str(Path.home()) if home is None else home
        self.user = user_name() if user is None else user
        self.hosts = [*(machine_names() if hosts is None else hosts)]

    def __call__(self, text: str) -> str:
        """Return a text without what it must not tell."""
        for step in (
            self.known,
            self.keys_in_pem,
            self.headers,
            self.urls,
            self.named,
            self.rooms_of_checks,
            self.tokens,
            self.mail,
            self.places,
            self.machines,
        ):
            text = step(text)
        return text

    def call(self, kind: str, what: str) -> str:
        """Return what stands for something, and count it."""
        self.removed[kind] += 1
        known = sum(each[0] == kind for each in self.names)
        return self.names.setdefault((kind, what), f"[{kind} {known + 1}]")

    # Secrets

    def known(self, text: str) -> str:
        """Remove the secrets that the project is known to have."""
        for secret in self.secrets:
            for form in {secret, repr(secret)[1:-1], secret.replace("\\", "\\\\")}:
                if form in text:
                    text = text.replace(form, self.call("secret", secret))
        return text

    def keys_in_pem(self, text: str) -> str:
        """Remove keys in the form of files: -----BEGIN PRIVATE KEY-----."""
        begin, end = r"-----BEGIN [A-Z ]*(?:KEY|CERTIFICATE)[A-Z ]*-----", r"-----END"
        pattern = rf"{begin}[\s\S]*?(?:{end} [A-Z ]*-----|\Z)"
        return re.sub(pattern, lambda m: self.call("key", m[0]), text)

    def headers(self, text: str) -> str:
        """Remove what cookies and other headers with secrets carry."""

        def plain(match: re.Match[str]) -> str:
            if is_removed(match["value"]):
                return match[0]
            kind = "cookie" if "cookie" in match["name"].lower() else "token"
            return f"{match['name']}{match['between']}{self.call(kind, match['value'])}"

        header = rf"(?:\b|(?<=HTTP_))(?:{HEADERS})"  # Django says HTTP_COOKIE.
        # As Python prints it: (b'cookie', b'…'), {"Cookie": "…"}.
        quoted = (
            rf"(?i)(?P<name>{header})(?P<between>[\"']\s*[,:]\s*(?:\[\s*)?b?"
            rf"(?P<quote>[\"']))(?P<value>(?:\\.|(?!(?P=quote))[^\\\n])*)"
        )
        text = re.sub(quoted, plain, text)
        # And as it is sent: to the end of the line.
        sent = rf"(?i)(?P<name>{header})(?P<between>\s*:\s*)(?P<value>[^\s\"'][^\n]*)"
        return re.sub(sent, plain, text)

    def urls(self, text: str) -> str:
        """Remove what is before the @ of an address."""
        # A password may hold an @, and even a slash. What begins like a port is one.
        return re.sub(
            r"(?i)(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<who>[^\s/\"'<>]+|"
            r"[^\s/:@\[\"'<>]*:(?!\d+[/?#])[^\s@\"'<>]+)@",
            lambda m: f"{m['scheme']}{self.call('password', m['who'])}@",
            text,
        )

    def named(self, text: str) -> str:
        """Remove what has the name of a secret: NAME = "…", "name": "…", ?name=…."""

        def in_quotes(match: re.Match[str]) -> str:
            value = match["value"]
            prefix, quote = re.match(r"(\w*)(\"{3}|'{3}|.)", value).groups()
            inner = value[len(prefix + quote) : -len(quote)]
            if is_plain(inner) or is_removed(inner) or is_shown(inner):
                return match[0]
            shown = f"{prefix}{quote}{self.call(kind_of(match['name']), inner)}{quote}"
            return match[0][: match.start("value") - match.start()] + shown

        # A default counts as well: os.environ.get("SECRET_KEY", "…"). So do the lines
        # of a diff, whose first character is + or -.
        between = (
            r"(?:\s*:\s*\w[\w.\[\], |]*)?[\"']?\]?\s*(?::?=|:|,)\s*[-+]?"
            r"(?:[\w.]+\(\s*(?:[\"']\w+[\"']\s*,\s*)?(?:\w+\s*=\s*)?|\(\s*[-+]?\s*)?"
        )
        text = re.sub(
            rf"(?i)(?P<name>{NAMES})(?P<between>{between})(?P<value>{JOINED})",
            in_quotes,
            text,
        )
        call = r"(?i)(?P<name>set_password|check_password|make_password)\(\s*(?P<value>"
        text = re.sub(rf"{call}{JOINED})", in_quotes, text)

        def bare(match: re.Match[str]) -> str:
            value = match["value"]
            if is_plain(value) or is_removed(value):
                return match[0]
            kind = kind_of(match["name"])
            return f"{match['name']}{match['between']}{self.call(kind, value)}"

        # As JSON in a text in quotes: {\"token\": \"…\"}.
        escaped = (
            rf"(?i)(?P<name>{NAMES})(?P<between>\\+[\"']\s*:\s*\\+[\"'])"
            r"(?P<value>[^\\\"'\n]+)"
        )
        text = re.sub(escaped, bare, text)
        # In a query string, in a cookie, in a file of variables: no quotes, no spaces.
        value = r"(?P<value>[^\s\"'&;,<>()\[\]{}]+)"
        text = re.sub(rf"(?i)(?P<name>{NAMES})(?P<between>=){value}", bare, text)
        text = re.sub(
            r"(?i)(?P<name>[?&](?:key|code|ticket|signature|sig|auth|pw))(?P<between>=)"
            + value,
            bare,
            text,
        )
        # As an option that was typed: --password …, --login ana:…, curl -u ana:….
        text = re.sub(
            rf"(?i)(?P<name>(?<![\w-])--[\w-]*{NAMES}|\brequirepass)"
            rf"(?P<between>[ \t]+)(?![-=:]){value}",
            bare,
            text,
        )
        text = re.sub(
            r"(?P<name>(?<![\w-])(?:--login|--user|-u))"
            rf"(?P<between>[= \t]+[^\s:=]+:){value}",
            lambda m: f"{m['name']}{m['between']}{self.call('password', m['value'])}",
            text,
        )
        # The key of a setting as Django's pages and programs print it, or as YAML.
        text = re.sub(
            rf"(?i)(?P<name>{NAMES})(?P<between>:\s+){value}(?=\s*(?:$|[,;#]))",
            bare,
            text,
            flags=re.MULTILINE,
        )
        # A hidden field of a form.
        field = (
            rf"(?i)(?P<name>name=[\"']{NAMES}[\"'][^>\n]*?)(?P<between>\bvalue=[\"'])"
            r"(?P<value>[^\"']*)"
        )
        return re.sub(field, bare, text)

    def rooms_of_checks(self, text: str) -> str:
        """Give the rooms that the checks have made up names that one can read."""
        found = re.findall(r"(?<=/rooms/)[0-9a-f]{32}\b", text)
        self.rooms |= dict.fromkeys(found)
        for number, room in enumerate(self.rooms, 1):
            # A message on the wire may be cut off in the middle of one.
            text = re.sub(rf"{room}|{room[:8]}[0-9a-f]*(?=…)", f"[room {number}]", text)
        return text

    def tokens(self, text: str) -> str:
        """Remove what looks like a key: long, and made by no human."""

        def word(match: re.Match[str]) -> str:
            before = text[max(0, match.start() - 40) : match.start()].lower()
            # What the client and the server prove to each other is no secret.
            if re.search(
                r"sec-websocket-(?:key|accept)[\"']?\s*[:,]\s*b?[\"']?$", before
            ):
                return match[0]
            parts = match[0].split("/")
            if any(re.fullmatch(r"[a-z_]{2,}|", part) for part in parts):  # A path.
                return "/".join(whole(part) for part in parts)
            return whole(match[0])

        def whole(word: str) -> str:
            found = word.rstrip("-_/+")
            is_one = len(found) >= LEAST and is_token(found)
            return self.call("token", found) + word[len(found) :] if is_one else word

        text = re.sub(
            r"\b(?:sk|pk|rk|gh[pousr]|glpat|xox[abprs]|hf|npm|pypi|AKIA|ASIA|AIza)"
            r"[-_]?[\w-]{12,}",
            word,
            text,
        )
        text = re.sub(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?", word, text)
        text = re.sub(
            r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", word, text
        )
        return re.sub(rf"[A-Za-z0-9_+/=-]{{{LEAST},}}", word, text)

    # Who and where

    def mail(self, text: str) -> str:
        """Remove addresses of mail."""
        pattern = r"\b[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}\b"
        return re.sub(pattern, lambda m: self.call("mail", m[0]), text)

    def places(self, text: str) -> str:
        """Write ~ for home folders, and no user's name in a path."""

        def home(_match: re.Match[str]) -> str:
            self.removed["home"] += 1
            return "~"

        homes = {self.home, self.home.replace("\\", "\\\\")} - {"/", ""}
        for each in sorted(homes, key=len, reverse=True):
            text = re.sub(rf"{re.escape(each)}(?![\w.-])", home, text)
        slash, name = r"(?:\\\\|\\|/)", r"[^\\/\s\"'<>|:,;)]+"
        text = re.sub(
            rf"(?i)(?:[a-z]:|/mnt/[a-z]|/[a-z](?={slash}users))?{slash}"
            # On Windows a name may have spaces. Then its end is the next slash.
            rf"(?:users{slash}{name}(?: {name}){{1,3}}(?={slash})|"
            rf"(?:home|users|export{slash}home){slash}{name})",
            home,
            text,
        )
        text = re.sub(r"/root(?=[/\s\"':,)]|$)", home, text, flags=re.MULTILINE)
        if len(self.user) > 2:
            name = rf"(?<![A-Za-z0-9]){re.escape(self.user)}(?![A-Za-z0-9])"
            if self.user.lower() in USUAL:
                # Such a word stands in code, too: only in a path it is a user.
                name = rf"(?<=/)(?:pytest-of-)?{re.escape(self.user)}(?=[/\s\"']|$)"
            text = re.sub(name, lambda m: self.call("user", m[0]), text)
        return re.sub(
            r"(?<=pytest-of-)(?!\[)[^/\\\s]+", lambda m: self.call("user", m[0]), text
        )

    def machines(self, text: str) -> str:
        """Remove names and addresses of machines, but for this one's own."""

        def host(match: re.Match[str]) -> str:
            name = match["host"]
            plain = name.strip("[]").lower()
            is_ours = LOOPBACK.fullmatch(plain) or PUBLIC.fullmatch(plain)
            if is_ours or is_removed(name) or "{" in name:
                return match[0]
            start = match.start("host") - match.start()
            end = start + len(name)
            return match[0][:start] + self.call("host", plain) + match[0][end:]

        for name in self.hosts:
            pattern = rf"(?i)(?<![\w.-])(?P<host>{re.escape(name)})(?![\w-])"
            text = re.sub(pattern, host, text)
        # In an address, whatever its ending.
        text = re.sub(
            r"(?i)\b[a-z][a-z0-9+.-]*://(?:\[[a-z]+ \d+\]@)?"
            r"(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s/:\"'<>,;)\]}\[]+)",
            host,
            text,
        )
        # Where a project says what it is called: in quotes, or as a variable.
        called = "ALLOWED_HOSTS|CSRF_TRUSTED_ORIGINS|ORIGINS|SITE|HOST|HOSTNAME"
        text = re.sub(
            rf"\b(?:{called}|SERVER_NAME)[\"']?\s*[=,:]\s*"
            r"(?:\[[^\]\n]*\]|[\"'][^\"'\n]*[\"'])",
            lambda m: re.sub(
                r"[\"'](?:\w+://)?\.?(?P<host>\w[\w.-]*)(?=(?::\d+)?[\"'])",
                host,
                m[0],
            ),
            text,
        )
        text = re.sub(
            rf"(?<![\w.])(?:{called})=(?P<host>\w[\w.-]*)(?![\w(])", host, text
        )
        text = re.sub(
            r"(?im)(?P<key>\b(?:host|origin|referer|x-forwarded-(?:for|host))"
            r"(?:[\"']\s*[,:]\s*b?[\"']|\s*:\s*))(?P<host>[\w.-]+(?=[:\"'/\s]|$))",
            lambda m: (
                m["key"] + host(m)[len(m["key"]) :]
                if "." in m["host"] or "-" in m["host"]
                else m[0]
            ),
            text,
        )
        text = re.sub(
            rf"(?i)(?<![\w./@-])(?P<host>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+"
            rf"(?P<end>{ENDINGS}))(?![\w(.-]|\.\w)",
            lambda m: host(m) if is_host(m["host"]) else m[0],
            text,
        )
        text = re.sub(
            r"(?<![\w.])(?P<host>\d{1,3}(?:\.\d{1,3}){3})(?![\w.]|-\d)",
            lambda m: host(m) if is_foreign(m["host"]) else m[0],
            text,
        )
        return re.sub(
            r"(?<![\w:.])(?P<host>(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?:%\w+)?)"
            r"(?![\w:])",
            lambda m: host(m) if is_foreign(m["host"]) else m[0],
            text,
        )


# Names of users that are ordinary words.
USUAL = {"admin", "user", "root", "test", "django", "chat", "python", "ana", "ben"}
USUAL |= {"cleo", "guest", "student", "teacher", "room", "name", "runner", "ubuntu"}

KINDS = {
    "secret": "values of SECRET_KEY and of other settings that are secret",
    "key": "keys and certificates",
    "cookie": "cookies",
    "session": "ids of sessions",
    "token": "what looked like a key or a token",
    "password": "passwords",
    "mail": "addresses of mail",
    "home": "home folders",
    "user": "names of users in paths",
    "host": "names and addresses of machines",
}


def kind_of(name: str) -> str:
    """Return what is behind a name."""
    name = name.lower()
    for kind, words in {
        "session": ("session", "sid"),
        "secret": ("secret",),
        "password": ("pass", "pwd"),
    }.items():
        if any(word in name for word in words):
            return kind
    return "token"


def is_plain(value: str) -> bool:
    """Tell whether a value is no secret, whatever it is called."""
    return PLAIN.fullmatch(value.strip()) is not None


def is_removed(value: str) -> bool:
    """Tell whether this only stands for what was removed before."""
    return bool(re.fullmatch(r"(?:\[[a-z]+ \d+\][\s\"'+-]*)+", value))


def is_shown(value: str) -> bool:
    """Tell whether a value only says where the secret is: {password}, %(token)s."""
    return bool(re.fullmatch(r"\{[\w.!:]*\}|%\(\w+\)s|%s|\$\{?\w+\}?|<\w+>", value))


def is_token(word: str) -> bool:
    """Tell whether a word looks as if a machine had made it."""
    if re.fullmatch(r"[0-9a-fA-F-]{20,}", word):
        return bool(re.search(r"\d", word) and re.search(r"[a-fA-F]", word))
    if re.match(
        r"eyJ|(?:sk|pk|rk|gh[pousr]|glpat|xox[abprs]|hf|npm|pypi)[-_]|A[KS]IA|AIza",
        word,
    ):
        return True
    # Each piece of a name in code is a word, a number, or a word with a number.
    pieces = [piece for piece in re.split(r"[-_/+=]", word) if piece]
    usual = r"(?:[A-Z]?[a-z]+|[A-Z]+)*\d{0,4}|\d{1,10}|v\d+"
    if all(re.fullmatch(usual, piece) for piece in pieces):
        if re.search(r"\d", word) or max(map(len, pieces), default=0) < LEAST:
            return False
        # No digit at all: it changes from small letters to capitals too often.
        letters = re.sub(r"[^A-Za-z]", "", word)
        pairs = [a.isupper() != b.isupper() for a, b in pairwise(letters)]
        return bool(pairs) and sum(pairs) / len(pairs) > 0.4
    return has_all_sorts(word)


def has_all_sorts(word: str) -> bool:
    """Tell whether a word has letters and digits, as mixed as no human writes."""
    if not (re.search(r"\d", word) and re.search(r"[A-Za-z]", word)):
        return False
    shares = [count / len(word) for count in Counter(word).values()]
    return -sum(share * math.log2(share) for share in shares) >= MIXED


def is_host(name: str) -> bool:
    """Tell whether a name with dots is a machine's, and not one in code."""
    labels = name.lower().split(".")
    if labels[0] in CODE:
        return False
    return len(labels) > 2 or "-" in labels[0] or labels[-1] not in UNSURE


def is_foreign(text: str) -> bool:
    """Tell whether this is the address of another machine, or one of the network's."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def user_name() -> str:
    """Return as whom the system knows the reader, or nothing."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return ""


def machine_names() -> list[str]:
    """Return what this machine is called. Nobody is asked over the network."""
    name = socket.gethostname()
    names = {name, name.partition(".")[0], os.environ.get("COMPUTERNAME", "")}
    return sorted(
        (
            each
            for each in names
            if len(each) > 2
            and each.lower() not in USUAL
            and not LOOPBACK.fullmatch(each.lower())
        ),
        key=len,
        reverse=True,
    )


def secrets_of(files: Mapping[str, str], environment: Mapping[str, str]) -> set[str]:
    """Return the secrets that stand in a project's files and in the environment."""
    found = {
        value
        for name, value in environment.items()
        if re.fullmatch(rf"\w*{NAMES}", name, re.IGNORECASE)
        and name not in ("PWD", "OLDPWD")  # Folders.
    }
    assigned = (
        rf"(?i){NAMES}[\"']?\]?\s*[=:,]\s*(?:\(\s*)?"
        rf"(?:[\w.]+\([^()\n]*?,\s*)?(?P<value>{JOINED})"
    )
    for path, text in files.items():
        for match in re.finditer(assigned, text):
            texts = [each[1] for each in re.finditer(QUOTED, match["value"])]
            quotes = [3 if each[:3] in ('"""', "'''") else 1 for each in texts]
            pairs = zip(texts, quotes, strict=True)
            parts = [each[quote:-quote] for each, quote in pairs]
            found |= {*parts, "".join(parts)}
        before, equals = r"(?:export )?", "="
        if not path.endswith((".py", ".js", ".html")):  # There, a name may stand alone.
            before, equals = r"[ \t]*(?:- |export )?", r"[ \t]*[=:][ \t]*"
        bare = rf"(?im)^{before}[\w.-]*{NAMES}{equals}([^\s\"'#]+)[ \t]*(?:#.*)?$"
        found |= {match[1] for match in re.finditer(bare, text)}
    return {each for each in found if len(each) >= SHORT and not is_shown(each)}
