"""
Serve a project: what `learn.py run` hands over to, when the ports are known to be free.

    python -m tests.checker.serve stage01_echo --host 0.0.0.0 --port 8000
"""

import sys

try:
    import argparse
    import hashlib
    import ipaddress
    import json
    import os
    import re
    import ssl
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path
    from typing import NoReturn

    from tests.checker import addresses
    from tests.checker.addresses import Place
    from tests.checker.system import Address, Refusal, become, sentence
except KeyboardInterrupt:
    sys.exit(130)

TLS = Path("deploy", "openssl.cnf")  # In stage 5.
DEMO_USERS = Path("chat", "fixtures", "demo_users.json")  # From stage 4 on.
ANSWER = 30  # Seconds. It takes less than one; a migration may take longer.
ASKED = Path(__file__).parent / "asked"
SERVES_ON = Path(__file__).parent / "serves_on.py"  # Is manage.py, and more.
LOCAL = ["localhost", "127.0.0.1", "[::1]"]

TRUST = """
Other machines warn of this site until they trust your CA:
  1. Give everybody {ca}
     on a stick or in the class's chat. That one file: server.key is secret.
  2. They compare its fingerprint (SHA-256), and trust it as chapter 5 says:
     {fingerprint}
The certificate is for {name}. {change}
"""
STAYS = "As long as the name stays, so do the keys, for some weeks."
MOVES = """With another address this machine
needs another certificate, and may need a new CA, which all must trust anew.
A name that your network knows stays: --name {}."""


def manage(
    project: Path,
    *words: str,
    what: str = "",
    env: Mapping[str, str] | None = None,
    stdout: int | None = None,
) -> str:
    """
    Run a command of a project, and return what it printed, if that was asked for.

    Raises Refusal if it fails: one sentence, and the command that shows all.
    """
    what = what or f"`manage.py {words[0]}` failed"
    try:
        run = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=project,
            env=env,
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=ANSWER if stdout else None,
        )
    except subprocess.TimeoutExpired:
        raise Refusal(f"{what}: no answer came within {ANSWER} seconds.") from None
    if run.returncode:
        program = [sys.executable, str(project / "manage.py"), *words]
        command = " ".join(f'"{word}"' if " " in word else word for word in program)
        raise Refusal(f"{what}{why(run.stderr, project)}\nTo see all: {command}")
    return run.stdout or ""  # What Django only warns of, the server says again.


def why(printed: str, project: Path) -> str:
    """Return what a command that failed has to say, with the project's own line."""
    frames = re.findall(r'^ +File "(.+?)", line (\d+)', printed, re.MULTILINE)
    own = [
        (Path(file).relative_to(project), line)
        for file, line in frames
        if Path(file).is_relative_to(project) and "site-packages" not in file
    ]
    # Each command comes through manage.py: only what is wrong in itself is of interest.
    if frames and frames[-1][0] != str(project / "manage.py"):
        own = [(file, line) for file, line in own if file.name != "manage.py"]
    where = f" in {own[-1][0]}, line {own[-1][1]}" if own else ""
    # The checks of Django tell what is wrong below a headline.
    found = re.search(r"^ERRORS:\n(.+)", printed, re.MULTILINE)
    _, has_traceback, end = printed.rpartition("Traceback (most recent call last):")
    raised = re.findall(r"^[\w.]+: .*", end, re.MULTILINE)
    lines = [*printed.split("\n"), "it printed nothing"]
    said = found[1] if found else next(line for line in lines if line.strip())
    if raised and not found:
        said = raised[0] if has_traceback else raised[-1]
    said = " ".join(said.split())
    if not found:  # An exception, without its module.
        said = re.sub(r"^(?:[a-z_]\w*\.)+(?=[A-Z])", "", said)
    said = said[:300]
    if re.search("no such table|relation .* does not exist", said):
        said += " (for a model without a migration, `manage.py makemigrations`)"
    return f"{where}: {sentence(said)}"


def ask(
    project: Path, hosts: list[str], env: Mapping[str, str], fixture: Path | str = ""
) -> dict:
    """Ask a project which hosts it allows; make the users of a fixture, once."""
    call = f"learn_asks.answer({hosts!r}, {str(fixture)!r})"
    code = f"import sys; sys.path.append({str(ASKED)!r}); import learn_asks"
    printed = manage(
        project,
        *("shell", "--verbosity", "0", "--command", f"{code}; {call}"),
        what="the demo users could not be made",
        env=env,
        stdout=subprocess.PIPE,
    )
    answer = re.search(r"^answer: (.+)", printed, re.MULTILINE)
    if not answer:
        raise Refusal("`manage.py shell` did not do what it was asked.")
    return json.loads(answer[1])


def prepare(project: Path, hosts: list[str], env: Mapping[str, str]) -> dict:
    """
    Make the database of a project that has demo users, and load them, once.

    Returns which hosts the project allows, and whether DEBUG is on.
    """
    if not (project / DEMO_USERS).is_file():
        try:
            return ask(project, hosts, env)
        except Refusal:  # The server will say what is wrong, and wait for the cure.
            return {"allowed": hosts, "debug": True}
    # Quick if there is nothing to do, and it must be done after every new migration.
    manage(project, "migrate", "--verbosity", "0", env=env)
    answer = ask(project, hosts, env, project / DEMO_USERS)
    if answer["users"]:
        *most, last = answer["users"]
        users = f"{', '.join(most)} and {last}" if most else last
        print(f"Making {answer['database']} with the demo users {users}.")
        print("The password of each is open-sesame.", flush=True)
    return answer


def environment(address: Address, places: list[Place]) -> dict[str, str]:
    """Return our environment, with all that others may type in ALLOWED_HOSTS."""
    env = dict(os.environ)
    own = env.get("ALLOWED_HOSTS", "")
    between = "," if "," in own else " "  # As the project reads its own.
    hosts = [each for each in own.split(between) if each] + LOCAL
    hosts += [place.host for place in places]
    if not address.is_loopback:
        hosts += addresses.all_hosts()
    if own or set(hosts) != set(LOCAL):  # Else DEBUG allows more than these.
        env["ALLOWED_HOSTS"] = between.join(dict.fromkeys(hosts))
    return env


def announce(places: list[Place], address: Address, port: int, answer: dict) -> None:
    """Say what to open: no place that the project would answer with 400."""
    good = [place for place in places if place.host in answer["allowed"]]
    bad = [place.host for place in places if place not in good]
    urls = [(f"http://{place.host}:{port}/", place.note) for place in good]
    if address.is_loopback:
        print(*[f"Open {url}" for url, _ in urls[:1]], sep="\n")
    elif not places:
        print(f"Found no network. Open http://127.0.0.1:{port}/ on this machine.")
    elif len(urls) == 1:
        print(f"Open {urls[0][0]} on any machine in this network.")
    elif urls:
        print("Open one of these on any machine in the same network:")
        width = max(len(url) for url, _ in urls)
        print(*[f"  {url:{width}}  {note}".rstrip() for url, note in urls], sep="\n")
    if bad and not (address.is_loopback and good):
        print(f"Not at {', '.join(bad)}: this project's ALLOWED_HOSTS refuses that.")
        print('As os.environ.get("ALLOWED_HOSTS", "").split() it would have it.')
    if places and not address.is_loopback:
        debug = ", and DEBUG is on" if answer["debug"] else ""
        print(f"Everyone in the network can reach it{debug}.")
    sys.stdout.flush()


def fingerprint(ca: Path) -> str:
    """Return what people compare: of SHA-256, as browsers show it."""
    text = ca.read_text(encoding="ascii", errors="replace")
    begin = text.find(ssl.PEM_HEADER)  # What is above it is for people.
    der = ssl.PEM_cert_to_DER_cert(text[begin:].strip())
    return hashlib.sha256(der).digest().hex(":").upper()


def tell_class(
    project: Path, name: str, known: list[str], before: bytes | None
) -> None:
    """Say how others come to trust the CA, and what another address means."""
    ca = project / "keys" / "ca.pem"
    if not ca.is_file():
        return
    if before and ca.read_bytes() != before:
        print("This CA is new: who trusts the old one must trust it anew.")
    try:
        ipaddress.ip_address(name)
        change = MOVES.format([*known, "chat.lan"][0])
    except ValueError:
        change = STAYS
    words = {"ca": ca, "fingerprint": fingerprint(ca), "name": name, "change": change}
    print(TRUST.format(**words).strip(), flush=True)


def serve_tls(
    project: Path, address: Address, port: int, tls_port: int, name: str | None
) -> NoReturn:
    """Serve a project of stage 5: https and wss, and http that leads there."""
    # What is printed, and what the server takes for its own pages, must be one thing.
    places = addresses.places(address)
    found = [place.host for place in places if place.host not in LOCAL]
    host = f"[{name}]" if name and ":" in name else name or [*found, "localhost"][0]
    name = host.strip("[]")
    ca = project / "keys" / "ca.pem"
    before = ca.read_bytes() if ca.is_file() else None
    env = environment(address, places)
    env |= {"OPENSSL_CONF": str(TLS), "SITE": f"{host}:{tls_port}"}
    env.pop("BEHIND_PROXY", None)  # There is none, so a header of it is a forged one.
    manage(project, "make_keys", "--name", name)
    answer = prepare(project, [host], env)
    interface = "interface=" + str(address).replace(":", "\\:")
    keys = "privateKey=keys/server.key:certKey=keys/server.pem"
    https = ["-e", f"ssl:{tls_port}:{interface}:{keys}"]
    http = ["-e", f"tcp:{port}:{interface}"]
    if host not in answer["allowed"]:
        raise Refusal(
            f"{host} would answer 400: this project's ALLOWED_HOSTS refuses it. In the "
            "course it has the name in the variable SITE"
        )
    if not address.is_loopback:
        known = [each for each in found if each in addresses.names()]
        tell_class(project, name, known, before)
        if others := [each for each in found if each != host]:
            print(f"Not at {', '.join(others)}: --name chooses another name.")
    print(f"Open https://{host}:{tls_port}/", flush=True)
    daphne = [sys.executable, "-m", "daphne", *https, *http, "config.asgi:application"]
    become(*daphne, cwd=project, env=env)


def serve(project: Path, address: Address, port: int) -> NoReturn:
    """Serve a project by its runserver."""
    places = addresses.places(address)
    env = environment(address, places)
    if str(address) == "127.0.0.1":
        places.append(Place("localhost"))  # Some projects allow it alone.
    answer = prepare(project, [place.host for place in places], env)
    announce(places, address, port, answer)
    place = f"{addresses.in_url(address)}:{port}"
    become(sys.executable, SERVES_ON, "runserver", place, cwd=project, env=env)


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
    except Refusal as problem:
        print(f"learn.py: {problem}", file=sys.stderr)
        sys.exit(2)
