"""Who listens: names, addresses, ports, and what stands between."""

import contextlib
import ipaddress
import os
import socket
import ssl
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tests.checker import addresses
from tests.checker.doctor.address import Address
from tests.checker.doctor.report import Report
from tests.checker.doctor.site import CONNECT, Clock
from tests.checker.system import OF_THE_SITE, page_title

THE_BOOK = "WebSockets with Django Channels"  # The title of what `docs` serves.
NEAR = (*range(8000, 8011), 8443, 3000, 5000)
OTHER = {"127.0.0.1": "::1", "::1": "127.0.0.1"}
SHORT = 0.3  # Seconds: this machine answers at once.


def knock(ip: str, port: int, seconds: float) -> str:
    """Return "open", "refused", "silent", or in the system's words what else."""
    try:
        socket.create_connection((ip, port), seconds).close()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return error.strerror or str(error)
    return "open"


def unjudged() -> ssl.SSLContext:
    """Return what takes every certificate: nothing may be sent, nothing believed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def speaks_tls(ip: str, port: int) -> bool:
    """Tell whether a server answers TLS. Its certificate is not judged here."""
    try:
        with (
            socket.create_connection((ip, port), CONNECT) as tcp,
            unjudged().wrap_socket(tcp),
        ):
            return True
    except ssl.SSLError as error:
        # An alert is TLS, too: it speaks it, and wants something else.
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


def find_ips(address: Address, report: Report) -> list[str]:
    """Return what a host stands for, the likeliest first, or nothing."""
    host = address.host
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    found = [str(each) for each in addresses.resolved(host)]
    if host == "localhost":
        # Both, whatever the system says: browsers try both.
        found = ["127.0.0.1", *(["::1"] if socket.has_ipv6 else [])]
    elif not found and host.endswith(".localhost"):
        report.step("ok", f"{host}: to a browser this is your own machine, 127.0.0.1")
        return ["127.0.0.1"]
    found.sort(key=lambda ip: (":" in ip, ip))
    if not found:
        report.step("!!", f"no address is known for the name {host}")
        report.find("name-unknown", host=host)
    return found[:4]


def find_open(address: Address, clock: Clock, report: Report) -> list[str]:
    """Return the addresses of a host at which its port is open; say what is not."""
    ips = find_ips(address, report)
    if not ips:
        return []
    with ThreadPoolExecutor(len(ips)) as pool:
        seconds = clock.left(CONNECT)
        answers = list(pool.map(lambda ip: knock(ip, address.port, seconds), ips))
    seen = dict(zip(ips, answers, strict=True))
    is_open = [ip for ip in ips if seen[ip] == "open"]
    if is_open:
        closed = [ip for ip in ips if ip not in is_open]
        report.step("ok", f"somebody listens at {names(is_open)}, port {address.port}")
        if address.host == "localhost":
            look_at_both(address, is_open, closed, report)
        return is_open
    port = address.port
    if "refused" in answers:
        report.step("!!", f"nobody listens at {names(ips)}, port {port}")
        look_elsewhere(address, ips, report)
    elif "silent" in answers:
        report.step("!!", f"{names(ips)}, port {port}: no answer for {CONNECT} s")
        report.find("silent-port", host=address.host, port=port)
    else:
        report.step("!!", f"{names(ips)}: {answers[0]}")
        report.find("no-way-there", host=address.host, words=answers[0])
    return []


def names(ips: list[str]) -> str:
    """Return addresses as they are read."""
    return " and ".join(ips)


def look_at_both(
    address: Address, is_open: list[str], closed: list[str], report: Report
) -> None:
    """Say what localhost, which stands for two addresses, means here."""
    port = address.port
    if closed and is_open == ["::1"]:
        report.step("?", f"at 127.0.0.1, port {port}, nobody listens")
        report.find("localhost-v6-only", port=port)
    if len(is_open) == 2 and not address.is_tls:
        titles = [page_title(ip, port) for ip in is_open]
        if titles[0] != titles[1]:
            shown = [title or "no page" for title in titles]
            report.step("!!", f"two servers: 127.0.0.1 has {shown[0]!r}, ::1 another")
            words = {"port": port, "four": shown[0], "six": shown[1]}
            report.find("two-servers", **words)


def look_elsewhere(address: Address, ips: list[str], report: Report) -> None:
    """Nobody listens: say who does nearby, if this is our own machine."""
    port = address.port
    if not address.is_loopback:
        report.find("refused-elsewhere", host=address.host, port=port)
        return
    for ip in ips:
        other = OTHER.get(ip)
        if other and other not in ips and knock(other, port, SHORT) == "open":
            title = page_title(other, port) or "no page"
            report.step("?", f"but somebody listens at {other}, port {port}: {title}")
            name = "other-family-v6" if ":" in other else "other-family-v4"
            report.find(name, ip=ip, port=port, title=title)
            return
    near = neighbours("127.0.0.1" if address.host == "localhost" else ips[0], port)
    is_book = near.get(OF_THE_SITE, "").startswith(THE_BOOK)
    if is_book:
        del near[OF_THE_SITE]  # It is no server of the reader's.
        report.step("", f"port {OF_THE_SITE} shows the pages of the course")
    if near:
        shown = ", ".join(f"{number} ({title})" for number, title in near.items())
        report.step("?", f"but somebody listens at port {shown}")
        first = next(iter(near))
        is_one = len(near) == 1
        words = f"at port {first}" if is_one else "at one of these ports"
        report.find("other-port-open", port=port, near=shown, words=words)
    else:
        first = "no other server" if is_book else "nor"
        report.step("", f"{first} at 8000 to 8010, 8443, 3000 or 5000")
        report.find("nobody-listens", port=port)


def neighbours(ip: str, port: int) -> dict[int, str]:
    """Return who listens near on this machine, with what is served."""

    def look(number: int) -> tuple[int, str | None]:
        title = page_title(ip, number)
        if title == "" and speaks_tls(ip, number):
            title = "TLS"
        return number, title if title is None else title or "no page"

    others = [number for number in NEAR if number != port]
    with ThreadPoolExecutor(len(others)) as pool:
        found = dict(pool.map(look, others))
    return {number: title for number, title in found.items() if title is not None}


def look_at_proxies(address: Address, report: Report) -> None:
    """Say if the system sends programs to a proxy, also for this address."""
    proxies = urllib.request.getproxies_environment()
    # `websockets` takes the first that there is, in this order, and no ALL_PROXY.
    kinds = ["ws", "socks", "https", "http"]
    if address.is_tls:
        kinds = ["wss", "socks", "https"]
    kind = next((each for each in kinds if proxies.get(each)), None)
    here = f"{address.host}:{address.port}"
    if kind is None or urllib.request.proxy_bypass_environment(here):
        return
    variable = f"{kind}_proxy"
    name = next(each for each in os.environ if each.lower() == variable)
    place = "a proxy"
    with contextlib.suppress(ValueError):  # It may be misspelt.
        parts = urlsplit(proxies[kind])
        if parts.hostname and parts.port:
            place = f"{parts.hostname}:{parts.port}"
    report.step("?", f"the variable {name} sends programs to {place} first; not me")
    report.find("proxy-variable", name=name, place=place, host=address.host)
