"""What was typed: the address of a page or of a WebSocket, as a learner has it."""

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from tests.checker.system import Refusal

SCHEMES = {"http": False, "ws": False, "https": True, "wss": True}
COURSE_PORT = 8000
HTTPS_PORTS = (443, 8443)
LONGEST = 2_000  # Characters.
# A scheme without all of its "://", but no host named "http" with a port.
SLIP = r"(https?|wss?)(:/?|//|:\\+|;//)(?=[^/])(?!\d+(/|$))"


class Address(NamedTuple):
    """Where to look. `path` begins with a slash, `host` has no brackets."""

    is_tls: bool
    host: str
    port: int
    path: str
    query: str
    is_socket: bool
    said: str = ""  # What was not typed, and is taken for granted.

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL, and in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.is_tls else 80
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The origin of a page that came from here (RFC 6454)."""
        return f"http{'s' * self.is_tls}://{self.authority}"

    @property
    def socket_origin(self) -> str:
        """What a WebSocket's address begins with here."""
        return f"ws{'s' * self.is_tls}://{self.authority}"

    @property
    def target(self) -> str:
        """The path, with the query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def url(self) -> str:
        """The whole address, as that of a page or of a WebSocket."""
        return (self.socket_origin if self.is_socket else self.origin) + self.target

    @property
    def page_path(self) -> str:
        """The path of the page that belongs to it: a room's socket is below /ws."""
        if not self.is_socket:
            return self.path
        if re.match("/ws/.+", self.path) and not self.path.startswith("/ws/echo"):
            return self.path.removeprefix("/ws")
        return "/"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, by its name or address."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def disk_page(text: str) -> str | None:
    """Return the path of a page on the disk, if that was typed, or None."""
    text = text.strip().strip("\"'<>")
    if text.lower().startswith("file:"):
        path = unquote(text[5:].split("?")[0].split("#")[0])
        path = "/" + path.lstrip("/")
        return path[1:] if re.match("/[A-Za-z]:", path) else path
    if re.match(r"[A-Za-z]:[\\/]", text):
        return text
    is_path = re.match(r"/(?!/)|\.{1,2}/|~", text)
    is_host = re.match(r"(localhost|[^/]+\.[^/]+)/", text)
    is_page = re.fullmatch(r"[^:?#]+\.html?", text, re.IGNORECASE)
    return text if is_path or (is_page and not is_host) else None


def read(text: str) -> Address:
    """Read an address. Raises Refusal, in one sentence, if it is none."""
    text = text.strip().strip("\"'<>").strip()
    if not text:
        raise Refusal("say which address to look at, such as http://127.0.0.1:8000/")
    if len(text) > LONGEST:
        raise Refusal(f"that address has {len(text):,} characters, too many for one")
    if re.search(r"\s", text):
        raise Refusal(f"there is a space inside {text!r}: give one address, without it")
    if re.search("[\ud800-\udfff]", text):  # Python's way to keep a byte.
        raise Refusal("that address has a character that is none: type it anew")
    if re.match(r":?\d+(/|$)", text):
        text = f"127.0.0.1:{text.lstrip(':')}"
    scheme, rest = split_scheme(text)
    said = ""
    if "://" in rest.partition("?")[0]:
        raise Refusal(f"{text} has two schemes: which of the two addresses is it?")
    place = place_in(rest)
    if ("::" in place or place.count(":") > 2) and not place.startswith("["):
        words = f"an IPv6 address stands in brackets in a URL, as in {scheme or 'http'}"
        raise Refusal(f"{words}://[::1]:8000/")
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refusal(wrong_place(place)) from None
    if parts.username is not None:
        raise Refusal("leave name and password out of the address: --login has them")
    host = readable(host, text)
    if port == 0:
        raise Refusal("0 is no port to knock at: it is a number from 1 to 65535")
    if not scheme:
        port = port or (COURSE_PORT if is_loopback(host) else 80)
        is_socket_path = parts.path.startswith("/ws/")
        scheme = "ws" if is_socket_path else "http"
        scheme += "s" if port in HTTPS_PORTS else ""
        said = f"you gave no scheme, so I take {scheme}://{rest}"
        if not parts.port and port == COURSE_PORT:
            said = f"you gave no scheme and no port, so I take {scheme}:// and 8000"
    is_tls = SCHEMES[scheme]
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return Address(
        is_tls,
        host,
        port or (443 if is_tls else 80),
        path,
        query,
        scheme.startswith("ws") or path.startswith("/ws/"),
        said,
    )


def split_scheme(text: str) -> tuple[str, str]:
    """Return the scheme, or "", and what follows. Raises Refusal for another one."""
    scheme, separator, rest = text.partition("://")
    if separator and re.fullmatch(r"[A-Za-z][\w+.-]*", scheme):
        if scheme.lower() in SCHEMES:
            return scheme.lower(), rest.lstrip("/")
        near = "http:// or https:// for a page, ws:// or wss:// for a WebSocket"
        raise Refusal(f"{scheme}:// is not a scheme that I know: {near}")
    if slip := re.match(SLIP, text, re.IGNORECASE):
        rest = text[slip.end() :].lstrip("\\/")
        raise Refusal(f"{text}: do you mean {slip[1].lower()}://{rest}?")
    if re.fullmatch("(https?|wss?):/?", text, re.IGNORECASE):
        return text.partition(":")[0].lower(), ""
    if "\\" in text:
        raise Refusal(f"{text} has backslashes: an address has / in their place")
    return "", text.lstrip("/")


def place_in(rest: str) -> str:
    """Return host and port, which stand before the path."""
    return re.split("[/?#]", rest, maxsplit=1)[0]


def wrong_place(place: str) -> str:
    """Say what is wrong with host and port."""
    place = place.rpartition("@")[2]  # A password is not repeated.
    if place.startswith("[") != ("]" in place):
        return f"{place} has one bracket only: an IPv6 address stands in two, [::1]"
    host, colon, port = place.partition("]:" if "]" in place else ":")
    is_port = port.isascii() and port.isdecimal() and int(port) <= 65535
    if not colon or is_port:
        return f"{host + colon.rstrip(':')!r} cannot be the name of a host"
    return f"{port!r} is not a port, which is a number from 1 to 65535"


def readable(host: str, text: str) -> str:
    """Return a host as it is asked for. Raises Refusal if nobody can be called so."""
    if not host:
        raise Refusal(f"{text} names no host, such as 127.0.0.1 or localhost")
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    else:
        return host
    try:
        name = host.encode("idna").decode("ascii").rstrip(".")
    except UnicodeError:
        name = ""
    if not name or not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise Refusal(f"{host!r} cannot be the name of a host")
    if re.fullmatch(r"[\d.]+", name):
        raise Refusal(f"{host} is not an address: it has four numbers up to 255")
    return name
