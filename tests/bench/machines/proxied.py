"""An nginx without TLS in front of some Daphnes, and what all of them cost."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.bench.machines.redises import wait
from tests.checker.servers.effort import effort_of
from tests.checker.servers.launch import ROOT
from tests.checker.servers.runserver import ServerError, free_port
from tests.checker.servers.tls import AS_ROOT, MISSING, find_nginx

SITE = """
upstream of_{name} {{
    {servers}
}}
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://of_{name};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
        proxy_set_header Host $http_host;
    }}
}}
"""


class Nginx:
    """An nginx that runs: its process, and a port for each site."""

    def __init__(self, pid: int, ports: Mapping[int, int]) -> None:
        self.pid = pid
        self.ports = ports


@contextmanager
def nginx(folder: Path, sites: Mapping[int, list[int]]) -> Iterator[Nginx]:
    """Run an nginx: for each site, a port in front of the ports of its Daphnes."""
    if (program := find_nginx()) is None:
        raise ServerError(MISSING)
    folder.mkdir()
    ports = {name: free_port() for name in sites}
    text = "".join(
        SITE.format(
            name=name,
            port=ports[name],
            servers="\n    ".join(f"server 127.0.0.1:{port};" for port in behind),
        )
        for name, behind in sites.items()
    )
    (folder / "sites.conf").write_text(text, encoding="utf-8")
    source = Path(__file__).with_name("nginx.conf")
    (folder / "nginx.conf").write_bytes(source.read_bytes())
    lifeline = (sys.executable, "-m", "tests.checker.servers.lifeline", program)
    words = ("-p", folder, "-c", "nginx.conf", "-e", "stderr")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*lifeline, *words, "-g", f"daemon off; {AS_ROOT}"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait(lambda: all(map(listens, ports.values())), "nginx listens")
        yield Nginx(process.pid, ports)
    finally:
        process.stdin.close()
        process.wait(10)


def listens(port: int) -> bool:
    """Tell whether somebody takes connections at a port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def worked(pid: int) -> float:
    """Return the seconds that a process and its children have computed so far."""
    return effort_of(pid).worked


def memory(pid: int) -> int:
    """Return the bytes that only a process and its children have."""
    process = psutil.Process(pid)
    everyone = (process, *process.children(recursive=True))
    return sum(each.memory_full_info().uss for each in everyone)


def files(pid: int) -> int:
    """Return how many files a process and its children have open."""
    process = psutil.Process(pid)
    return sum(each.num_fds() for each in (process, *process.children(recursive=True)))
