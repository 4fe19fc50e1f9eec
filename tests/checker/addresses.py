"""Under which addresses and names others reach this machine: `learn.py run --host`."""

import ipaddress
import re
import socket
import sys
import threading
from typing import NamedTuple

from tests.checker.system import Address

LOOKED_UP = 2  # Seconds. Without a network, a look-up may hang for many.


class Place(NamedTuple):
    """An address or a name of this machine, as it stands in a URL."""

    host: str
    note: str = ""  # By which interface, where there are several addresses.


def in_url(address: Address) -> str:
    """Write an address as it stands in a URL."""
    return f"[{address}]" if address.version == 6 else str(address)


def default_address() -> str:
    """Return the address from which this machine reaches the rest of the world."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Only chooses the way to a far address: a datagram socket sends nothing.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return probe.getsockname()[0]


def interfaces(are_up: bool = True) -> dict[Address, str]:
    """
    Return this machine's addresses with their interfaces, the likeliest first.

    Of interfaces that are up, or of all: a cable may be plugged in later. A link-local
    address of IPv6 is none of them: browsers refuse it.
    """
    import psutil  # Not above: most runs do without.

    is_up = {name: stats.isup for name, stats in psutil.net_if_stats().items()}
    found = {}
    for name, entries in psutil.net_if_addrs().items():
        for entry in entries:
            if entry.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            address = ipaddress.ip_address(entry.address)
            of_zone = address.version == 6 and address.is_link_local
            if (is_up.get(name) or not are_up) and not (address.is_loopback or of_zone):
                found[address] = name
    first = default_address()
    order = sorted(
        found,
        key=lambda address: (
            str(address) != first,
            address.version,
            address.is_link_local,  # 169.254…: where nobody gives addresses out.
        ),
    )
    return {address: found[address] for address in order}


def all_hosts() -> list[str]:
    """Return what this machine may be called in a URL, now or later."""
    return [*map(in_url, interfaces(are_up=False)), *names()]


def listening(address: Address) -> dict[Address, str]:
    """Return the addresses of others at which a server that listens here is found."""
    if not address.is_unspecified:
        return {address: ""}
    found = interfaces()
    versions = {address.version}
    if address.version == 6 and sys.platform != "win32":
        versions.add(4)  # Elsewhere one socket takes both.
    return {each: name for each, name in found.items() if each.version in versions}


def names() -> list[str]:
    """Return what this machine is called, in small letters, where a URL can hold it."""
    name = socket.gethostname().lower()
    both = [name] if name.endswith(".local") else [name, f"{name}.local"]
    dns = r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})*"
    return [each for each in both if re.fullmatch(dns, each) and each != "localhost"]


def resolved(name: str) -> set[Address]:
    """Return the addresses that a name stands for, as far as they come in time."""
    found: set[Address] = set()

    def look_up() -> None:
        try:
            for *_, place in socket.getaddrinfo(name, None):
                found.add(ipaddress.ip_address(place[0]))
        except (OSError, ValueError):
            return

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(LOOKED_UP)
    return set(found)


def places(address: Address) -> list[Place]:
    """Return what others may type, if a server listens here: addresses, then names."""
    listed = listening(address)
    several = len(listed) > 1
    found = [Place(in_url(each), name * several) for each, name in listed.items()]
    if not address.is_loopback:
        # One that stands for 127.0.1.1 here is not known to others.
        found += [Place(each) for each in names() if resolved(each) & listed.keys()]
    return found
