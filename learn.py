"""The front door of the course: sets up what it needs, then runs a command.

Standard library only, because it runs before anything is installed.
"""

import argparse
import contextlib
import errno
import hashlib
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

# Old Pythons must be able to read this file, or they could not say so.
if sys.version_info < (3, 11):  # noqa: UP036
    found = "{}.{}".format(*sys.version_info)
    sys.stderr.write(f"learn.py: needs Python 3.11 or newer, this is {found}.\n")
    sys.exit(2)

ROOT = Path(__file__).resolve().parent
STAGES = {int(path.name[5:7]): path for path in sorted(ROOT.glob("stage[0-9][0-9]_*"))}
REQUIREMENTS = ROOT / "requirements.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "made-by-learn.txt"
IN_PROGRESS = ["in progress"]
TLS = Path("deploy", "openssl.cnf")  # In stage 5.
RENEW = 80 * 24 * 3600  # Seconds. A certificate is valid for 90 days.
DEMO_USERS = Path("chat", "fixtures", "demo_users.json")  # From stage 4 on.

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def refuse(sentence: str) -> NoReturn:
    """Say in one sentence what the user can mend, and exit with status 2."""
    print(f"learn.py: {sentence}", file=sys.stderr)
    raise SystemExit(2)


def typed(path: Path) -> str:
    """Return a path the way the user would type it in the current folder."""
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f'"{path}"' if " " in str(path) else str(path)


def learn(arguments: str) -> str:
    """Return a command line of this program that the user can copy."""
    python = "py" if os.name == "nt" else "python3"
    return f"{python} {typed(ROOT / 'learn.py')} {arguments}"


# Set-up


def recipe() -> list[str]:
    """Return what .venv is made from. Its path counts: a .venv cannot be moved."""
    return [
        hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest(),
        f"Python {sys.version.split()[0]} in {sys.base_prefix!a}",
        f"{str(VENV)!a}",
    ]


def reason_to_set_up() -> str:
    """Return why .venv must be made, or "" when it is as it should be."""
    if not STAMP.is_file():
        if any(VENV.iterdir()) if VENV.is_dir() else os.path.lexists(VENV):
            refuse(f"{VENV} was not made by learn.py: rename or remove it yourself.")
        return "first use"
    made_from = STAMP.read_text(encoding="utf-8").splitlines()
    if made_from == recipe() and PYTHON.exists():
        return ""
    if made_from == IN_PROGRESS:
        return "the last set-up did not finish"
    if made_from[:1] != recipe()[:1]:
        return "requirements.txt has changed"
    return "Python or this folder is not where it was"


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep other learn.py from setting up meanwhile. The lock ends with its process."""
    import sqlite3  # Not above: a warm start does without.

    # Half a second at a time, because Ctrl-C has to wait as long.
    lock = sqlite3.connect(ROOT / ".venv.lock", timeout=0.5, isolation_level=None)
    with contextlib.closing(lock):
        waiting = False
        while not lock.in_transaction:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise OSError(f"{error}: {ROOT / '.venv.lock'}") from error
                if not waiting:
                    print("Waiting for another learn.py ...", flush=True)
                waiting = True
        yield


def installer() -> tuple[str, list[list[str | Path]]]:
    """Return the installer's name, and its commands: make .venv, then fill it."""
    # We may run in .venv itself, which is about to go: take the Python behind it.
    python = getattr(sys, "_base_executable", None) or sys.executable
    uv = shutil.which("uv")
    # Version managers leave a `uv` on the PATH that may not work.
    if uv and subprocess.run([uv, "--version"], capture_output=True).returncode == 0:
        make = [uv, "venv", "--allow-existing", "--python", python, VENV]
        sync = [uv, "pip", "sync", "--python", PYTHON, "--require-hashes", REQUIREMENTS]
        return "uv", [make, sync]

    from importlib.util import find_spec

    if not find_spec("ensurepip"):
        refuse("this Python cannot install packages: sudo apt install python3-venv")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    fill = [*pip, "--progress-bar=off", "--require-hashes", "-r", REQUIREMENTS]
    return "pip", [[python, "-m", "venv", VENV], fill]


def install(command: list[str | Path]) -> int:
    """Run an installer, show a line for each package, and return its exit code."""
    news = ("Collecting", "Processing", "Resolved", "Downloading", "Install")
    lines = []
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1"},
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        for line in child.stdout:
            lines.append(line.rstrip())
            if line.startswith(news):
                print(f"  {line.split(' (from')[0].rstrip():.76}", flush=True)
            elif "Retrying (" in line:
                print("  The network does not answer: trying again.", flush=True)
        code = child.wait()
    except BaseException:  # Ctrl-C, mostly.
        child.terminate()
        child.wait()
        raise
    if code:
        print(*lines[-8:], sep="\n", flush=True)
    return code


def set_up() -> None:
    """Make .venv, unless it is there and was made from what is here now."""
    if not reason_to_set_up():
        return
    with one_at_a_time():
        reason = reason_to_set_up()  # Another learn.py may just have done it.
        if not reason:
            return
        name, commands = installer()
        made_from = recipe()
        duration = "less than a minute" if name == "uv" else "one to three minutes"
        print(f"Setting up .venv with {name}: {reason}.", flush=True)
        print(f"This takes {duration}, once.", flush=True)
        # The stamp comes first and is never removed: a .venv without it is not ours.
        VENV.mkdir(exist_ok=True)
        STAMP.write_text("\n".join(IN_PROGRESS), encoding="utf-8")
        for entry in VENV.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != STAMP:
                entry.unlink()
        for command in commands:
            if install(command):
                refuse(
                    f"{name} failed, as its last lines say: check the network "
                    "connection, then run the same command again."
                )
        STAMP.write_text("\n".join(made_from), encoding="utf-8")


def call(
    *arguments: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> int:
    """Run a Python command in .venv to its end, and return its exit code."""
    child = None
    stopped = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True
        # Ctrl-C has reached the child too, which tidies up; SIGTERM only us.
        if child and number == signal.SIGTERM:
            child.send_signal(signal.SIGINT)

    # First, so that no signal falls in between. It also ends what a script's `&` set
    # and a child would inherit: that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    child = subprocess.Popen([PYTHON, *arguments], cwd=cwd, env=env)
    if stopped:
        child.terminate()
    code = child.wait()
    if code < 0:  # Ended by a signal, which a shell counts like this:
        code = 128 - code
    if stopped:
        raise SystemExit(code)  # No further command after Ctrl-C.
    return code


# Addresses and ports


def output(*command: str) -> str:
    """Return what a program of the system prints: nothing if it is not there."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        run = subprocess.run(command, capture_output=True, timeout=5)
        return run.stdout.decode(errors="replace")
    return ""


def listener(port: int) -> str:
    """Return the name and id of the process that listens on a port, if we can tell."""
    process = name = ""
    if sys.platform == "linux":
        tables = [path.read_text() for path in Path("/proc/net").glob("tcp*")]
        rows = [row.split() for row in "".join(tables).splitlines()]
        ours = [row for row in rows if row[1].endswith(f":{port:04X}")]
        sockets = {f"socket:[{row[9]}]" for row in ours if row[3] == "0A"}  # LISTEN
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):  # Another user's, or just closed.
                if str(link.readlink()) in sockets:
                    process = link.parts[2]
                    name = Path("/proc", process, "comm").read_text().strip()
    elif os.name == "nt":
        rows = [row.split() for row in output("netstat", "-ano").splitlines()]
        for row in rows:
            # What listens has no peer. The word for its state is in any language.
            if row[1:2] and row[1].endswith(f":{port}") and row[2].endswith(":0"):
                process = row[-1]
        task = output("tasklist", "/NH", "/FO", "CSV", "/FI", f"PID eq {process}")
        name = task.split('"')[1] if '"' in task else ""
    else:
        lines = output("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc").split()
        process, name = (line[1:] for line in lines[:2]) if lines else ("", "")
    return f"{name} (process {process})" if name else "another program"


def page_title(host: str, port: int) -> str | None:
    """Return the title of the page that is served here, or None if nobody listens."""
    import html
    import http.client
    import re

    try:
        # The system itself answers at once, however busy the program is.
        socket.create_connection((host, port), timeout=0.1).close()
    except OSError:
        return None
    connection = http.client.HTTPConnection(host, port, timeout=1)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            page = response.read1(65536).decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return ""
    title = re.search("<title>(.*?)</title>", page, re.DOTALL | re.IGNORECASE)
    words = html.unescape(title[1]) if title else response.getheader("Server", "")
    return " ".join(words.split())[:60]


def is_free(address: Address, port: int) -> bool:
    """Tell whether a server can listen here. Raises OSError if it never could."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        # Connections that are over do not count: this sets SO_REUSEADDR where it may.
        socket.create_server((str(address), port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise
    return True


def need_free_port(
    address: Address, port: int, option: str = "--port", taken: int = 0
) -> None:
    """
    Refuse a port that a server cannot have, and say who has it.

    `taken` is another port that the same server is about to have.
    """
    title = None
    try:
        # macOS and Windows let one server hide another: so knock, on this machine only.
        if address.is_loopback or address.is_unspecified:
            local = str(address) if address.is_loopback else "127.0.0.1"
            title = page_title(local, port)
        if title is None and is_free(address, port):
            return
        others = (other for other in range(8000, 9000) if other not in (port, taken))
        free = next(other for other in others if is_free(address, other))
    except PermissionError:
        refuse(f"the system reserves port {port}: choose another with {option}.")
    except OSError:
        refuse(f"cannot listen on {address}: this machine seems not to have it.")
    serving = f", which serves {title!r}" if title else ""
    refuse(
        f"port {port} is in use by {listener(port)}{serving}: "
        f"stop it, or choose another port with {option} {free}."
    )


def lan_address() -> str:
    """Return this machine's address in its network, or "" if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Only chooses the way to a far address: a datagram socket sends nothing.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return probe.getsockname()[0]


# What the user types


def stage(text: str) -> int:
    """Read the number of a stage that is in this checkout."""
    if text not in map(str, STAGES):
        names = ", ".join(f"{number} ({path.name})" for number, path in STAGES.items())
        refuse(f"there is no stage {text} in this checkout, which has: {names}.")
    return int(text)


def port_number(text: str) -> int:
    """Read a TCP port."""
    if text not in map(str, range(1, 65536)):
        refuse(f"{text} is not a port, which is a number from 1 to 65535.")
    return int(text)


def host_address(text: str) -> Address:
    """Read an address to listen on. No names: one name can mean several addresses."""
    try:
        return ipaddress.ip_address("127.0.0.1" if text == "localhost" else text)
    except ValueError:
        refuse(f"{text} is not an address: 127.0.0.1 is, and 0.0.0.0 means all.")


def project_folder(text: str) -> Path:
    """Read the folder of a Django project."""
    folder = Path(text).resolve()
    if not (folder / "manage.py").is_file():
        refuse(f"{typed(folder)} is not a Django project: it has no manage.py.")
    return folder


def server_url(text: str) -> str:
    """Read the address of a server."""
    if not text.startswith(("ws://", "wss://")):
        refuse(f"{text} is not a WebSocket address, which begins with ws:// or wss://.")
    return text


def has_users(database: Path) -> bool:
    """Tell whether somebody can log in to a project."""
    import sqlite3  # Not above: a warm start does without.

    if not database.exists():  # To look would make it.
        return False
    with contextlib.closing(sqlite3.connect(database)) as connection:
        try:
            return bool(connection.execute("SELECT 1 FROM auth_user").fetchone())
        except sqlite3.OperationalError:  # A server that was started makes no tables.
            return False


def prepare(project: Path) -> None:
    """Make the database of a project that has demo users, and load them, once."""
    if not (project / DEMO_USERS).is_file():
        return
    # Quick if there is nothing to do, and it must be done after every new migration.
    steps = [["migrate", "--verbosity", "0"]]
    if not has_users(project / "db.sqlite3"):
        steps.append(["loaddata", "--verbosity", "0", DEMO_USERS.name])
        print("Making db.sqlite3 with the demo users ana, ben and cleo.")
        print("The password of each is open-sesame.", flush=True)
    for step in steps:
        code = call("manage.py", *step, cwd=project)
        if code:
            raise SystemExit(code)


def is_for(certificate: Path, name: str) -> bool:
    """Tell whether a certificate is for a name or address, and will be for a while."""
    import ssl  # Not above: a warm start does without.

    if not certificate.is_file():
        return False
    try:
        tag, value = 0x87, ipaddress.ip_address(name).packed
    except ValueError:
        tag, value = 0x82, name.encode()
    # Each of its names stands in it like this: RFC 5280, section 4.2.1.6.
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    age = time.time() - certificate.stat().st_mtime
    return bytes([tag, len(value)]) + value in der and age < RENEW


def run_tls(project: Path, options: argparse.Namespace) -> int:
    """Serve a project of stage 5: https and wss, and http that leads there."""
    address, port = options.host, options.tls_port
    if port == options.port:
        refuse(f"{port} cannot be --port and --tls-port: one is for http only.")
    need_free_port(address, port, "--tls-port", options.port)
    set_up()
    # What is printed, and what the server takes for its own pages, must be one thing.
    lan = lan_address() if address.is_unspecified else str(address)
    local = lan in ("", "127.0.0.1", "::1")
    name = options.name or ("localhost" if local else lan)
    # A new CA must be trusted anew, so not more often than needed.
    if not is_for(project / "keys" / "server.pem", name):
        code = call("manage.py", "make_keys", "--name", name, cwd=project)
        if code:
            return code
    prepare(project)
    host = f"[{name}]" if ":" in name else name
    env = {**os.environ, "OPENSSL_CONF": str(TLS), "SITE": f"{host}:{port}"}
    env.pop("BEHIND_PROXY", None)  # There is none, so a header of it is a forged one.
    interface = "interface=" + str(address).replace(":", "\\:")
    keys = "privateKey=keys/server.key:certKey=keys/server.pem"
    endpoints = [f"ssl:{port}:{interface}:{keys}", f"tcp:{options.port}:{interface}"]
    print(f"Open https://{host}:{port}/", flush=True)
    arguments = [word for each in endpoints for word in ("-e", each)]
    application = "config.asgi:application"
    return call("-m", "daphne", *arguments, application, cwd=project, env=env)


def run(options: argparse.Namespace) -> int:
    """Serve a stage, or a project of your own."""
    project = options.project or project_folder(STAGES[options.stage])
    address, port = options.host, options.port
    need_free_port(address, port)
    if (project / TLS).is_file():
        return run_tls(project, options)
    set_up()
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
    return call("manage.py", "runserver", f"{host}:{port}", cwd=project, env=env)


def start(options: argparse.Namespace) -> int:
    """Make work/stage..., your copy of the stage before."""
    source = STAGES.get(options.stage - 1, ROOT / "tests" / "start")
    target = ROOT / "work" / STAGES[options.stage].name
    if os.path.lexists(target):
        refuse(
            f"{typed(target)} is there already, and stays as it is: "
            "rename or remove it yourself to begin anew."
        )
    # What git ignores is no part of a stage: caches, databases, keys.
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip("/") for line in lines if line and line[0] != "#"]
    # A copy that was cut short must not look like a whole one.
    unfinished = target.with_name(f".{target.name}.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    shutil.copytree(source, unfinished, ignore=shutil.ignore_patterns(*patterns))
    unfinished.rename(target)
    print(f"{typed(target)} is now a copy of {typed(source)}.")
    print("  edit it   as the chapter says")
    print(f"  run it    {learn(f'run {options.stage} --project {typed(target)}')}")
    print(f"  check it  {learn(f'check {options.stage}')}")
    return 0


def check(options: argparse.Namespace) -> int:
    """Tell whether your project does what the stage promises."""
    name = STAGES[options.stage].name
    mine = ROOT / "work" / name
    checks = f"tests/test_{name}.py"
    if options.exercise:
        checks = f"tests/exercises/{name}_{options.exercise}.py"
        found = sorted((ROOT / "tests" / "exercises").glob(f"{name}_*.py"))
        if ROOT / checks not in found:
            numbers = ", ".join(path.stem.rpartition("_")[2] for path in found)
            refuse(
                f"exercise {options.exercise} of stage {options.stage} has no checks "
                f"of its own. These have: {numbers}."
            )
    if options.watch and options.url:
        refuse("--watch watches a folder, so it does not go with --url.")
    if options.login and not options.url:
        refuse(
            "--login goes with --url: in a project, the checks make their own users."
        )
    if not options.url and not options.project and not mine.exists():
        refuse(
            f"{typed(mine)} does not exist: `{learn(f'start {options.stage}')}` "
            "makes it, or name your folder with --project."
        )
    pytest = [checks, "--learner"]
    pytest += [f"--login={login}" for login in options.login]
    if not options.all:
        pytest.append("--maxfail=1")
    if options.url:
        set_up()
        return call("-m", "pytest", *pytest, "--url", options.url)
    project = options.project or project_folder(mine)
    set_up()
    program = ["tests.checker.watch", project] if options.watch else ["pytest"]
    return call("-m", *program, *pytest, "--project", project)


def test(options: argparse.Namespace) -> int:
    """Run all tests of the course, with more arguments for pytest if you like."""
    set_up()
    commands = ["ruff check", "ruff format --check", "pytest"]
    codes = []
    for command in commands:
        arguments = command.split()
        if command == "pytest":
            # Four at once, also on two cores: tests of servers wait much of the time.
            # With more at once, everybody waits longer.
            arguments += ["-n", "4", "--dist", "worksteal", *options.pytest]
            # The chapters' transcripts, which are bash's, run every check. For a crowd
            # of clients, once is enough.
            if not options.pytest and os.name != "nt":
                arguments += ["-m", "not crowd"]
        print("\n$", *arguments, flush=True)
        codes.append(call("-m", *arguments))
    return max(codes)


def docs(options: argparse.Namespace) -> int:
    """Serve the site, which follows every edit."""
    address = f"127.0.0.1:{options.port}"
    need_free_port(host_address("127.0.0.1"), options.port)
    set_up()
    print(f"Open http://{address}/", flush=True)
    # Its banner about MkDocs 2 is for those who maintain a site.
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return call("-m", "mkdocs", "serve", "--dev-addr", address, env=env)


class Parser(argparse.ArgumentParser):
    """Answers a mistake with one sentence."""

    def error(self, message: str) -> NoReturn:
        refuse(f"{message} (`{learn('--help')}` shows how).")


def parser() -> Parser:
    """Return the parser of the command line, which holds the help."""
    top = Parser(
        prog="learn.py",
        description="WebSockets with Django Channels. Sets itself up on first use.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(metavar="COMMAND")

    def add(function: Callable, number: bool = True) -> argparse.ArgumentParser:
        summary = function.__doc__
        command = commands.add_parser(
            function.__name__, help=summary, description=summary, allow_abbrev=False
        )
        command.set_defaults(command=function)
        if number:
            command.add_argument("stage", type=stage, metavar="N", help="1 to 5")
        return command

    command = add(run)
    option = command.add_argument
    option("--port", type=port_number, default=8000, help="8000 if not given")
    option("--host", type=host_address, default="127.0.0.1", help="0.0.0.0: classroom")
    option("--project", type=project_folder, metavar="DIR", help="serve this folder")
    option("--tls-port", type=port_number, default=8443, help="of stage 5, for https")
    option("--name", help="of stage 5: what this machine is called, such as chat.lan")
    add(start)
    command = add(check)
    option = command.add_mutually_exclusive_group().add_argument
    option("--project", type=project_folder, metavar="DIR", help="not in work/")
    option("--url", type=server_url, help="of a server that runs already: ws://...")
    option = command.add_argument
    login = {"action": "append", "default": [], "metavar": "NAME:PASSWORD"}
    option("--login", **login, help="with --url, who may log in: ana, ben and cleo")
    option("--exercise", metavar="K", help="check an exercise of the chapter")
    option("--watch", action="store_true", help="check again on every save")
    option("--all", action="store_true", help="do not stop at the first failure")
    add(test, number=False)
    option = add(docs, number=False).add_argument
    option("--port", type=port_number, default=8001, help="8001 if not given")
    top.epilog = f"""examples:
  {learn("run 1")}
  {learn("run 1 --host 0.0.0.0")}   for a classroom
  {learn("start 1")}
  {learn("check 1 --watch")}
  {learn("test")}
  {learn("docs")}"""
    return top


def main() -> int:
    """Run the command that was typed, and return its exit code."""
    for stream in sys.stdout, sys.stderr:
        stream.reconfigure(errors="replace")  # A console may lack a letter of a path.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    top = parser()
    options, rest = top.parse_known_args()
    if "command" not in options:
        top.print_help()
        return 0
    if options.command is test:
        options.pytest = rest
    elif rest:
        top.error(f"unknown: {' '.join(rest)}")
    try:
        return options.command(options)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except OSError as error:
        refuse(f"{error}.")


if __name__ == "__main__":
    sys.exit(main())
