"""What the page's script asks for, against what the server has."""

import re

from tests.checker.doctor.address import Address, is_loopback, read
from tests.checker.doctor.handshake import knock
from tests.checker.doctor.javascript import TOKEN
from tests.checker.doctor.pages import Seen, joined
from tests.checker.doctor.reach import find_ips
from tests.checker.doctor.report import Report
from tests.checker.doctor.script import COMMENT, Asked, asked
from tests.checker.doctor.site import Site
from tests.checker.system import Refusal

LONGEST_SCRIPT = 30_000  # Characters.
LONGEST_LINE = 300


def look(site: Site, page: Seen, report: Report) -> None:
    """Say what keeps a page from opening any WebSocket at all."""
    code = "".join(page.scripts)
    is_missing = any(each.id == "files-missing" for each in report.findings)
    is_page = page.answer.status == 200 and page.answer.text and not page.leads_to_login
    # What a module imports is not read here.
    may_open = re.search(r"WebSocket|\bio\(|^\s*import\b", code, re.MULTILINE)
    if is_page and not is_missing and not may_open:
        report.step("?", "no script of the page opens a WebSocket")
        report.find("no-script", path=page.path)
    rules = page.answer.headers.get("Content-Security-Policy", "")
    if rule := forbids(rules, site.address.socket_origin):
        report.step("!!", f"the page's Content-Security-Policy says: {rule}")
        report.find("policy", rule=rule, origin=site.address.socket_origin)
    for script in page.scripts:
        if line := unbalanced(script):
            report.step("?", f"brackets of the page's script do not match: {line}")
            report.find("brackets", line=line)
            break


def forbids(policy: str, origin: str) -> str:
    """Return the rule of a Content-Security-Policy that forbids a WebSocket, or ""."""
    rules = {}
    for each in policy.lower().split(";"):
        name, _, sources = each.strip().partition(" ")
        rules.setdefault(name, sources.split())
    name = "connect-src" if "connect-src" in rules else "default-src"
    if name not in rules:
        return ""
    scheme = origin.partition(":")[0]
    host = origin.partition("://")[2]
    good = {"*", "'self'", f"{scheme}:", "ws:", host, origin, host.partition(":")[0]}
    fits = good & set(rules[name]) or any("*" in each for each in rules[name])
    return "" if fits else f"{name} {' '.join(rules[name])}"


def unbalanced(script: str) -> str:
    """Return the line of a short script where a bracket has no partner, or ""."""
    if len(script) > LONGEST_SCRIPT or max(map(len, script.split("\n"))) > LONGEST_LINE:
        return ""  # A library, which somebody else has tried.
    partners = {")": "(", "]": "[", "}": "{"}
    is_value = False  # What a slash behind divides.
    code = COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), script)
    opened: list[tuple[str, int]] = []
    at = 0
    while at < len(code):
        found = TOKEN.match(code, at)
        if not found:
            return ""  # Something that this reader does not know.
        if found.lastgroup == "regex" and is_value:
            is_value, at = False, at + 1
            continue
        if found.lastgroup == "mark" and found[0] in "([{":
            opened.append((found[0], at))
        elif found.lastgroup == "mark" and found[0] in partners:
            last = opened.pop()[0] if opened else ""
            if last != partners[found[0]]:
                return line_of(script, at)
        if found.lastgroup:
            is_value = found.lastgroup != "mark" or found[0] in ")]"
            is_value = is_value and found[0] not in ("return", "typeof", "case")
        at = found.end()
    return line_of(script, opened[-1][1]) if opened else ""


def line_of(script: str, at: int) -> str:
    """Return the line at an offset, with its number."""
    number = script.count("\n", 0, at)
    return f"line {number + 1}, {script.split(chr(10))[number].strip()}"


def wish(site: Site, seen: Seen, report: Report) -> Asked | None:
    """Return what the scripts of a page ask for, if it can be known; say what."""
    source = "\n".join(seen.scripts)
    if re.search(r"socket\.io|\bio\(", source + " ".join(seen.document.sources)):
        report.step("?", "the page's script uses socket.io")
        report.find("socket-io")
    found = asked(seen.url(site), seen.document, seen.scripts)
    known = [each for each in found if each.is_known]
    for each in known[:1]:
        report.step("ok", f"the page's script asks for {each.url}")
        return each
    for each in found[:1]:
        report.step("?", f"the page's script asks for {each.url}: I cannot read it all")
    return None


def judge(site: Site, seen: Seen, wanted: Asked, report: Report) -> Address | None:
    """
    Say what is wrong with an address in a page's script, but not with its path.

    Returns it if it is worth knocking there: at this server, with this page's origin.
    """
    page = site.address
    words = {"url": wanted.url, "code": wanted.code, "page": page.origin}
    words["right"] = f"{page.socket_origin}{joined('', wanted.url).path or '/'}"
    if wanted.url.partition("?")[0].count("://") > 1:
        words["right"] = f"{page.socket_origin}/ws{page.page_path}"
        report.step("!!", "a whole address stands inside another one")
        report.find("address-in-address", **words)
        return None
    if "#" in wanted.url:
        report.find("fragment", **words)
        return None
    if not re.match(r"wss?://[^/]", wanted.url, re.IGNORECASE):
        report.find("no-address", **words)
        return None
    try:
        target = read(wanted.url.replace(" ", "%20"))  # As a browser does.
    except Refusal as refusal:
        report.find("bad-address", **words, why=str(refusal))
        return None
    if target.origin == page.origin:
        if wanted.is_fixed:
            report.find("hard-coded", **words, host=target.authority)
        return target
    words |= {"host": target.host, "port": target.port, "mine": page.port}
    if page.is_tls and not target.is_tls:
        # A browser makes an exception for this machine, and no port speaks both.
        name = "clear-port" if is_loopback(target.host) else "mixed-content"
        if target.port == page.port or name == "mixed-content":
            report.find(name, **words)
            return None
    if target.is_tls and not page.is_tls and target.port == page.port:
        report.find("tls-from-plain-page", **words)
        return None
    if target.host != page.host:
        return another_host(site, target, words, report)
    return another_port(site, target, words, report)


def another_port(
    site: Site, target: Address, words: dict[str, object], report: Report
) -> Address | None:
    """The script names another port: is there a WebSocket?"""
    there = knock(site.at(target), target.target, site.address.origin)
    there.close()
    report.step("ok" if there.is_open else "!!", f"{words['url']}: {there.shown}")
    if there.is_open:
        report.find("another-port-works", **words)
        return None
    report.find("another-port", **words, seen=there.shown)
    return target._replace(port=site.address.port, is_tls=site.address.is_tls)


def another_host(
    site: Site, target: Address, words: dict[str, object], report: Report
) -> Address | None:
    """The script names another host: this machine by another name, or not."""
    page = site.address
    here = target._replace(host=page.host, port=page.port, is_tls=page.is_tls)
    if target.host in ("0.0.0.0", "::"):  # noqa: S104  # Nothing listens because of us.
        report.find("script-all-addresses", **words)
        return here
    if not (is_loopback(target.host) and page.is_loopback):
        report.step("?", f"{target.host} is another host: I do not knock there")
        name = "own-machine" if is_loopback(target.host) else "another-host"
        report.find(name, **words)
        return here
    [ip, *_] = find_ips(target, report) or [site.ip]
    there = knock(site.at(target, ip), target.target, page.origin)
    there.close()
    mark = "?" if there.is_open else "!!"
    report.step(mark, f"{words['url']}: {there.shown}")
    if there.kind == "no way" and target.port != page.port:
        report.find("another-port", **words, seen=there.shown)
    else:
        name = "another-name-works" if there.is_open else "another-name"
        report.find(name, **words, here=page.host, seen=there.shown)
    return here
