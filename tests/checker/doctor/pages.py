"""The page: who serves it, whether it is there, its files, and what it leads to."""

import html
import random
import re
import string
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from tests.checker.doctor import certificates, reach
from tests.checker.doctor.address import is_loopback
from tests.checker.doctor.document import Document
from tests.checker.doctor.report import Report
from tests.checker.doctor.site import Answer, NoAnswerError, Site

HOPS = 5
FILES = 12  # So many of a page are fetched,
AT_ONCE = 6  # and so many at once.
KINDS = {
    "daphne": "Daphne, an ASGI server",
    "WSGIServer": "Django's plain runserver, WSGI",
    "SimpleHTTP": "Python's http.server, which gives out files only",
    "Werkzeug": "Werkzeug, as Flask has",
    "gunicorn": "gunicorn",
    "uvicorn": "uvicorn, an ASGI server",
    "hypercorn-h11": "Hypercorn, an ASGI server",
    "nginx": "nginx, a proxy",
    "Apache": "Apache",
    "Caddy": "Caddy, a proxy",
}
PROXIES = ("nginx", "Apache", "Caddy", "openresty", "cloudflare", "envoy")
URL = "%/:?#[]@!$&'()*+,;=~"  # What stands in an address as it is.
ROOM = re.compile(r"^((?:/ws)?/(?:rooms?|chat)/)([^/]+)(/?)$")


def own_room() -> str:
    """Return a room that nobody is in: short, letters only, so that any route fits."""
    letters = random.choices(string.ascii_lowercase, k=5)  # noqa: S311  # No secret.
    return "doc" + "".join(letters)


class Seen(NamedTuple):
    """A page, when all redirects are followed that stay here."""

    path: str
    answer: Answer
    document: Document
    leads_to_login: bool
    scripts: list[str]

    def url(self, site: Site) -> str:
        """The page's address."""
        return site.address.origin + self.path


def serves(answer: Answer) -> str:
    """Return who answers, in words."""
    name = answer.server
    return KINDS.get(name, name or "a server that does not say its name")


def is_login(path: str, document: Document) -> bool:
    """Tell whether this page asks for a password."""
    return document.has_password or "/login" in path


def fetch(site: Site, target: str, report: Report | None) -> Seen | None:
    """
    Ask for a page, and follow where it leads at this host and port.

    With a report, says what is seen. None means: it leads elsewhere, and that ends the
    visit.
    """
    was_sent = False
    for _hop in range(HOPS):
        answer = site.get(target)
        # The head was read byte by byte.
        where = quote(answer.headers.get("Location", "").encode("latin-1"), URL)
        if answer.status not in (301, 302, 303, 307, 308) or not where:
            break
        url = joined(site.address.origin + target, where)
        here = urlsplit(site.address.origin)
        if (url.scheme, url.netloc) != (here.scheme, here.netloc):
            if report:
                leads_elsewhere(site, answer, url.geturl(), report)
            return None
        target = target_of(url)
        if report:
            report.step("ok", f"page: {answer.status}, leads to {target}")
        was_sent = was_sent or "/login" in target
    else:
        if report:
            report.step("!!", f"page: it leads in a circle, at last to {target}")
            report.find("redirect-circle", path=target)
        return None
    document = Document(answer.text)
    scripts = list(document.scripts)
    path = target.partition("?")[0]
    login = was_sent or (is_login(path, document) and answer.status == 200)
    return Seen(target, answer, document, login, scripts)


def joined(base: str, where: str) -> SplitResult:
    """Return where a link of a page leads; to no host, if it cannot be read."""
    try:
        url = urlsplit(urljoin(base, quote(where, URL)))  # As browsers do.
        _ = url.port
    except ValueError:
        return SplitResult("", "", where, "", "")
    return url


def target_of(url: SplitResult) -> str:
    """Return what is asked for at a host: the path, with the query."""
    path = url.path or "/"
    return f"{path}?{url.query}" if url.query else path


def leads_elsewhere(site: Site, answer: Answer, url: str, report: Report) -> None:
    """A redirect to another host, port or scheme: not followed, but said."""
    report.step("!!", f"page: {answer.status}, leads to {url}; I do not follow there")
    to, here = joined("", url), site.address
    words = {"url": url, "here": here.origin}
    if to.scheme == "https" and not here.is_tls:
        path = here.path if here.is_socket or here.path == "/" else f"/ws{here.path}"
        words["socket"] = f"wss://{to.netloc}{path}"
        port, is_mine = to.port or 443, is_loopback(to.hostname or "")
        if is_mine and reach.knock(site.ip, port, 1) == "refused":
            report.step("!!", f"and nobody listens there, at port {port}")
            report.find("leads-to-nobody", **words, port=port)
        elif is_mine and not reach.speaks_tls(site.ip, port):
            report.step("!!", f"and port {port} does not speak TLS")
            report.find("leads-to-plain", **words, port=port)
        else:
            report.find("leads-to-https", **words)
    else:
        report.find("leads-elsewhere", **words, host=to.netloc or url)


def look_at_page(site: Site, report: Report) -> Seen | None:
    """Look at the page of an address. None ends the visit."""
    path = site.address.page_path
    query = site.address.query
    target = f"{path}?{query}" if query and not site.address.is_socket else path
    seen = fetch(site, target, report)
    if seen is None:
        return None
    answer = seen.answer
    title = f', "{answer.title}"' if answer.title else ""
    is_fine = answer.status < 400
    mark = "ok" if is_fine else "?" if answer.status in (404, 426) else "!!"
    shown = unquote(seen.path)
    report.step(mark, f"page {shown}: {answer.status}{title}, from {serves(answer)}")
    judge(site, seen, report)
    return seen


def judge(site: Site, seen: Seen, report: Report) -> None:
    """Say what is wrong with a page."""
    answer, document, status = seen.answer, seen.document, seen.answer.status
    words = {"path": seen.path, "status": status, "server": serves(answer)}
    text = answer.text
    if status == 400 and re.search("to (an )?HTTPS (port|server)", text):
        # nginx says so, and Go's servers.
        certificates.asked_in_clear(site, report)
    elif status == 400 and not refuses_host(site, answer, report):
        report.find("page-400", **words)
    elif status in (502, 503, 504):
        report.find("bad-gateway" if status == 502 else "gateway-waits", **words)
    elif status >= 500:
        report.find("page-500", **words, said=raised(answer))
    elif "Directory listing for" in answer.title or answer.server == "SimpleHTTP":
        report.find("file-server", **words)
    elif status == 403:
        report.find("page-403", **words)
    elif status == 404 and not site.address.is_socket and site.address.path != "/":
        report.find("page-404", **words)
    elif "mkdocs" in document.generator or "zensical" in document.generator.lower():
        report.find("this-is-the-book", **words, title=answer.title)
    elif "The install worked successfully" in text:
        report.find("django-welcome", **words)
    elif status == 200 and "{% " in text:
        report.find("raw-template", **words)


def raised(answer: Answer) -> str:
    """Return what Django's page of an error says, if DEBUG is on."""
    value = re.search(r'class="exception_value">(.*?)</', answer.text, re.S)
    if not answer.title or not value:
        return "The page does not say what happened."
    said = html.unescape(" ".join(value[1].split()))
    return f"The page says: {answer.title}: {said}"


def refuses_host(site: Site, answer: Answer, report: Report) -> bool:
    """Tell whether 400 is for the name in the address: try another one."""
    host = site.address.host
    says_so = "ALLOWED_HOSTS" in answer.text or "HTTP_HOST" in answer.text
    good = ""
    for other in ("localhost", "127.0.0.1"):
        try:
            tried = site.get("/", {"Host": f"{other}:{site.address.port}"})
        except (NoAnswerError, OSError):
            continue
        if other != host and tried.status != 400:
            good = other
            break
    if good:
        report.step("?", f"as {good} the same server answers {tried.status}")
    if good or says_so:
        also = f"Under the name {good} it answers." if good else ""
        name = f"[{host}]" if ":" in host else host  # As Django writes it.
        allowed = " ".join(dict.fromkeys(["localhost", "127.0.0.1", name]))
        report.find("host-refused", host=name, also=also, allowed=allowed)
    return bool(good or says_so)


def get_or_nothing(site: Site, target: str) -> Answer | None:
    """Return the answer to a request, or None where there is none."""
    try:
        return site.get(target)
    except (NoAnswerError, OSError):
        return None


def look_at_files(site: Site, seen: Seen, report: Report) -> None:
    """Fetch the page's scripts and styles, here only, and say which are missing."""
    page = seen.url(site)
    elsewhere: list[str] = []
    targets: dict[str, bool] = {}  # And whether it is a script.
    sources = [(each, True) for each in seen.document.sources]
    sources += [(each, False) for each in seen.document.styles if each]
    for source, is_script in sources[:FILES]:
        url = joined(page, source)
        if not url.netloc:  # It holds the file itself, or is no address.
            continue
        if f"{url.scheme}://{url.netloc}" != site.address.origin:
            elsewhere.append(url.netloc)
            continue
        targets[target_of(url)] = is_script
    missing, found = [], 0
    with ThreadPoolExecutor(AT_ONCE) as pool:  # As a browser does.
        answers = pool.map(lambda target: get_or_nothing(site, target), targets)
        for (target, is_script), answer in zip(targets.items(), answers, strict=True):
            if why := is_missing(answer):
                missing.append(f"{target.partition('?')[0]} ({why})")
                continue
            found += 1
            if is_script:
                seen.scripts.append(answer.text)
    if missing:
        shown = ", ".join(missing[:3])
        report.step("!!", f"files of the page: {found} are there, not {shown}")
        report.find("files-missing", files=shown, server=serves(seen.answer))
    elif found:
        most = f"; I looked at the first {FILES}" if len(sources) > FILES else ""
        report.step("ok", f"files of the page: {found}, all there{most}")
    if elsewhere:
        hosts = ", ".join(dict.fromkeys(elsewhere))
        report.step("ok", f"files from {hosts}: not looked at, another host")


def is_missing(answer: Answer | None) -> str:
    """Say why this is not a file of a page, or return ""."""
    if answer is None:
        return "no answer"
    if answer.status != 200:
        return str(answer.status)
    is_page = answer.headers.get_content_type() == "text/html"
    return "a page in its place" if is_page else ""


def room_page(site: Site, seen: Seen, room: str) -> Seen | None:
    """Return the page of a room of our own, if this site has rooms."""
    places = [each for each in seen.document.links if ROOM.match(each.split("?")[0])]
    shapes = [ROOM.sub(rf"\g<1>{room}\g<3>", each.split("?")[0]) for each in places]
    for path in dict.fromkeys([*shapes[:1], f"/rooms/{room}/"]):
        try:
            found = fetch(site, path, None)
        except (NoAnswerError, OSError):
            continue
        if found and found.answer.status == 200:
            return found
    return None
