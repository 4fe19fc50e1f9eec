"""
Serve a project: what `learn.py run` hands over to, when the ports are known to be free.

    python -m tests.checker.serve stage01_echo --host 0.0.0.0 --port 8000
"""

import sys

try:
    import argparse
    import ipaddress
    import os
    import socket
    import sqlite3
    import subprocess
    from contextlib import closing
    from pathlib import Path
    from typing import NoReturn

    from tests.checker.system import Address, become
except KeyboardInterrupt:
    sys.exit(130)

TLS = Path("deploy", "openssl.cnf")  # In stage 5.
DEMO_USERS = Path("chat", "fixtures", "demo_users.json")  # From stage 4 on.


def manage(project: Path, *words: str) -> None:
    """Run a command of a project. If it fails, exit with its code."""
    code = subprocess.run([sys.executable, "manage.py", *words], cwd=project).returncode
    if code:
        sys.exit(code)


def lan_address() -> str:
    """Return this machine's address in its network, or "" if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Only chooses the way to a far address: a datagram socket sends nothing.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return probe.getsockname()[0]


def has_users(database: Path) -> bool:
    """Tell whether somebody can log in to a project."""
    if not database.exists():  # To look would make it.
        return False
    with closing(sqlite3.connect(database)) as connection:
        try:
            return bool(connection.execute("SELECT 1 FROM auth_user").fetchone())
        except sqlite3.OperationalError:  # A server that was started makes no tables.
            return False


def prepare(project: Path) -> None:
    """Make the database of a project that has demo users, and load them, once."""
    if not (project / DEMO_USERS).is_file():
        return
    # Quick if there is nothing to do, and it must be done after every new migration.
    manage(project, "migrate", "--verbosity", "0")
    if not has_users(project / "db.sqlite3"):
        print("Making db.sqlite3 with the demo users ana, ben and cleo.")
        print("The password of each is open-sesame.", flush=True)
        manage(project, "loaddata", "--verbosity", "0", DEMO_USERS.name)


def serve_tls(
    project: Path, address: Address, port: int, tls_port: int, name: str | None
) -> NoReturn:
    """Serve a project of stage 5: https and wss, and http that leads there."""
    # What is printed, and what the server takes for its own pages, must be one thing.
    lan = lan_address() if address.is_unspecified else str(address)
    local = lan in ("", "127.0.0.1", "::1")
    name = name or ("localhost" if local else lan)
    manage(project, "make_keys", "--name", name)
    prepare(project)
    host = f"[{name}]" if ":" in name else name
    env = {**os.environ, "OPENSSL_CONF": str(TLS), "SITE": f"{host}:{tls_port}"}
    env.pop("BEHIND_PROXY", None)  # There is none, so a header of it is a forged one.
    interface = "interface=" + str(address).replace(":", "\\:")
    keys = "privateKey=keys/server.key:certKey=keys/server.pem"
    https = ["-e", f"ssl:{tls_port}:{interface}:{keys}"]
    http = ["-e", f"tcp:{port}:{interface}"]
    print(f"Open https://{host}:{tls_port}/", flush=True)
    daphne = [sys.executable, "-m", "daphne", *https, *http, "config.asgi:application"]
    become(*daphne, cwd=project, env=env)


def serve(project: Path, address: Address, port: int) -> NoReturn:
    """Serve a project by its runserver."""
    prepare(project)
    env = dict(os.environ)
    host = f"[{address}]" if address.version == 6 else str(address)
    if address.is_loopback:
        print(f"Open http://{host}:{port}/", flush=True)
    else:
        lan = lan_address() if address.is_unspecified else host
        if lan:
            print(f"Open http://{lan}:{port}/ on any machine in this network.")
        else:
            print(f"Found no network. Open http://127.0.0.1:{port}/ on this machine.")
        print("Everyone in the network can reach it, and DEBUG is on.", flush=True)
        env["ALLOWED_HOSTS"] = f"localhost 127.0.0.1 [::1] {lan}".strip()
    runserver = [sys.executable, "manage.py", "runserver", f"{host}:{port}"]
    become(*runserver, cwd=project, env=env)


def main() -> NoReturn:
    """Prepare what the project needs, say where it is served, and serve it."""
    parser = argparse.ArgumentParser(prog="python -m tests.checker.serve")
    parser.add_argument("project", type=Path)
    parser.add_argument("--host", type=ipaddress.ip_address, default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--tls-port", type=int, default=8443)
    parser.add_argument("--name")
    options = parser.parse_args()
    project, address, port = options.project.resolve(), options.host, options.port
    if (project / TLS).is_file():
        serve_tls(project, address, port, options.tls_port, options.name)
    serve(project, address, port)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
