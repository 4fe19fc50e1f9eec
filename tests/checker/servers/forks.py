"""
A fork server: a process that has imported the libraries, and forks programs.

    with quick_starts():
        …  # What `launch.start` starts here is forked, if it may be.

It has imported Django, Channels, what Daphne is made of, pytest and the checker, but no
project, and not Twisted's reactor, which belongs to one loop. A program that is forked
from it gets its own folder, arguments, variables and standard files, and imports what
is left: it starts in a tenth of the time. `may_fork` says which programs start cold.

OpenSSL reads its configuration once, when it is loaded. So programs that bring one of
their own are forked from another fork server, which was started with the same.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import random
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.checker.servers.launch import FORKS

ROOT = Path(__file__).parent.parent.parent.parent

# What a server, and the pytest of the checks, import before they begin their work. None
# of it may import Twisted's reactor, or want settings.
LIBRARIES = (
    "channels.auth",
    "channels.generic.http",
    "channels.generic.websocket",
    "channels.routing",
    "channels.security.websocket",
    "channels_redis.core",
    "channels_redis.pubsub",
    "daphne.access",
    "daphne.http_protocol",
    "daphne.ws_protocol",
    "django.conf.urls",
    "django.contrib.auth.hashers",
    "django.contrib.staticfiles.handlers",
    "django.core.asgi",
    "django.core.cache.backends.locmem",
    "django.core.management.commands.migrate",
    "django.core.management.commands.runserver",
    "django.core.management.commands.shell",
    "django.db.backends.dummy.base",
    "django.db.backends.sqlite3.base",
    "django.middleware.common",
    "django.templatetags.l10n",
    "django.templatetags.tz",
    "django.views.csrf",
    "django.views.debug",
    "django.views.defaults",
    "twisted.internet.asyncioreactor",
    "twisted.internet.endpoints",
    "pytest",
    "_pytest.cacheprovider",
    "_pytest.junitxml",
    "_pytest.pastebin",
    "_pytest.stepwise",
    "tests.checker.crowd",
    "tests.checker.explain",
    "tests.checker.report",
    "tests.checker.servers.redis",
    "tests.checker.servers.tls",
)

# What Python reads in its environment when it starts, and what is imitated here.
IMITATED = {
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "PYTHONUTF8",
}

PROGRAMS = (["manage.py"], ["-m", "daphne"], ["-m", "pytest"])
PATIENCE = 30  # Seconds. To start takes one of them, to fork much less.

CONFIGURATION = "OPENSSL_CONF"  # The variable that names the file that OpenSSL reads.
# What makes such a file more than what stands in it.
MORE = (b".include", b"ENV::")
ELSEWHERE = -1000  # The answer that comes before the address of another fork server.


class StartColdError(Exception):
    """This program cannot be forked: a file beside it is called like a library."""


def may_fork(command: Sequence[str | Path], env: Mapping[str, str]) -> bool:
    """
    Tell whether a program is one of those that can be forked.

    It must be of this Python, on a system that forks.
    """
    python, *words = map(str, command)
    is_known = any(words[: len(each)] == each for each in PROGRAMS)
    variables = {name for name in env if name.startswith("PYTHON")}
    return (
        hasattr(os, "fork")
        and python == sys.executable
        and is_known
        and variables <= IMITATED
        and env.get("PYTHONUTF8") == "1"
    )


class Forked:
    """A program that was forked. It is handled like a subprocess.Popen."""

    def __init__(
        self,
        address: str,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        **text: Any,
    ) -> None:
        """
        Ask the fork server at this address. `text` says how to decode a pipe.

        Raises StartColdError if the program cannot be forked.
        """
        self.args = command
        self.returncode: int | None = None
        self.stdin = self.stdout = None
        self.reading = threading.Lock()
        with contextlib.ExitStack() as theirs:
            files = [
                self.open(theirs, 0, stdin, text),
                self.open(theirs, 1, stdout, text),
            ]
            is_one = stderr == subprocess.STDOUT
            files.append(files[1] if is_one else self.open(theirs, 2, stderr, text))
            words = {"command": [*map(str, command)], "cwd": str(cwd), "env": {**env}}
            message = json.dumps(words).encode()
            self.pid = self.ask(address, message, files)
            if self.pid == ELSEWHERE:
                with self.line, self.line.makefile(encoding="utf-8") as said:
                    address = said.read()
                self.pid = self.ask(address, message, files)
        if not self.pid:
            self.line.close()
            for pipe in filter(None, (self.stdin, self.stdout)):
                pipe.close()
            raise StartColdError
        self.line.settimeout(None)

    def ask(self, address: str, message: bytes, files: list[int]) -> int:
        """Ask the fork server at an address. Return what it says first."""
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(PATIENCE)
        self.line.connect(address)
        socket.send_fds(self.line, [len(message).to_bytes(4, "big")], files)
        self.line.sendall(message)
        return self.answer()

    def open(
        self, theirs: contextlib.ExitStack, number: int, wanted: Any, text: dict
    ) -> int:
        """Return the descriptor of a standard file of the program; keep our end."""
        if wanted == subprocess.DEVNULL:
            descriptor = os.open(os.devnull, os.O_RDWR)
            theirs.callback(os.close, descriptor)
        elif wanted == subprocess.PIPE:
            read, write = os.pipe()
            descriptor, ours = (read, write) if number == 0 else (write, read)
            theirs.callback(os.close, descriptor)
            mode = "w" if number == 0 else "r"
            pipe = open(ours, mode if text else f"{mode}b", **text)  # noqa: SIM115, PTH123
            setattr(self, ("stdin", "stdout")[number], pipe)
        elif wanted is None:
            descriptor = number
        else:
            descriptor = wanted if isinstance(wanted, int) else wanted.fileno()
        return descriptor

    def answer(self) -> int:
        """Return the next number that the fork server says."""
        said = b""
        while len(said) < 4:
            chunk = self.line.recv(4 - len(said))
            if not chunk:  # With it, what it has forked has ended, too.
                return -signal.SIGKILL
            said += chunk
        return int.from_bytes(said, "big", signed=True)

    def poll(self) -> int | None:
        """Return the exit status if the program has ended, or None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired."""
        with self.reading:
            if self.returncode is None:
                with selectors.DefaultSelector() as selector:
                    selector.register(self.line, selectors.EVENT_READ)
                    if not selector.select(timeout):
                        raise subprocess.TimeoutExpired(self.args, timeout)
                self.returncode = self.answer()
                self.line.close()
            return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the program has ended."""
        if self.poll() is None:
            # It may be ending now. Its number is not given to others that soon.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the program to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the program."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[Any, None]:
        """Return all that the program prints. Raises subprocess.TimeoutExpired."""
        timer = threading.Timer(timeout, self.kill) if timeout else None
        is_late = False
        if timer:
            timer.start()
        printed = self.stdout.read()
        self.wait()
        if timer:
            is_late = self.returncode == -signal.SIGKILL and not timer.is_alive()
            timer.cancel()
        if is_late:
            raise subprocess.TimeoutExpired(self.args, timeout, printed)
        return printed, None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pipe in filter(None, (self.stdin, self.stdout)):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self.wait()


def begin(folder: Path, configuration: bytes | None = None) -> subprocess.Popen:
    """
    Begin to start a fork server, whose socket will be in a folder.

    Its OpenSSL is configured by the content of a file, or by none. It prints "ready",
    and ends when our end of its standard input is closed.
    """
    ours = ("PYTHON", "PYTEST", "DJANGO", "OPENSSL", "CHECKS")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    if configuration is not None:
        file = folder / "openssl.cnf"
        file.write_bytes(configuration)
        environment[CONFIGURATION] = str(file)
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.checker.servers.forks", folder / "socket"],
            cwd=ROOT,
            env={**environment, "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )


def let_go(process: subprocess.Popen) -> None:
    """Close our ends of a fork server's pipes. It ends when nobody has one any more."""
    process.stdin.close()
    process.stdout.close()


class ForkServer:
    """
    Run a fork server, whose `address` is the path of its socket.

    Raises OSError, with its traceback, if it does not start. It ends with the `with`
    block, and with this process, whatever way that ends. So does all that was forked.
    """

    def __enter__(self) -> Self:
        self.folder = tempfile.TemporaryDirectory(prefix="forks-")
        folder = Path(self.folder.name)
        self.address = str(folder / "socket")
        self.process = begin(folder)
        if self.process.stdout.readline() != b"ready\n":
            words = (folder / "log").read_text(encoding="utf-8")
            self.__exit__(None, None, None)
            raise OSError(f"The fork server did not start:\n{words}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        let_go(self.process)
        self.process.wait(PATIENCE)
        self.folder.cleanup()


@cache
def fork_server() -> ForkServer:
    """Return the fork server of this process. It ends with this process."""
    server = ForkServer().__enter__()
    atexit.register(server.__exit__, None, None, None)
    return server


@contextlib.contextmanager
def quick_starts() -> Iterator[None]:
    """
    Within this block, fork what may be forked, if this system forks.

    Raises OSError if the fork server does not start.
    """
    if not hasattr(os, "fork"):
        yield
        return
    before = os.environ.get(FORKS)
    os.environ[FORKS] = fork_server().address
    try:
        yield
    finally:
        os.environ.pop(FORKS)
        if before:
            os.environ[FORKS] = before


# The fork server itself.


class Others:
    """
    The fork servers of other configurations of OpenSSL, which this one starts.

    Nobody waits for one: the first program with a configuration starts cold, as the
    reader's does, and so do others until it is ready.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: dict[bytes, tuple[Path, subprocess.Popen]] = {}

    def address_for(self, request: dict[str, Any]) -> str | None:
        """Return the address of the one that may fork a program, or None."""
        try:
            file = Path(request["cwd"], request["env"][CONFIGURATION])
            configuration = file.read_bytes()
        except OSError:
            return None
        if any(each in configuration for each in MORE):
            return None
        if configuration not in self.started:
            folder = self.folder / str(len(self.started))
            folder.mkdir()
            self.started[configuration] = folder, begin(folder, configuration)
        folder, process = self.started[configuration]
        has_said, _, _ = select.select([process.stdout], [], [], 0)
        is_ready = has_said and process.poll() is None
        return str(folder / "socket") if is_ready else None

    def let_go(self) -> None:
        """Let them end, or in a child, let them be."""
        for _folder, process in self.started.values():
            let_go(process)


def is_configured(request: dict[str, Any]) -> bool:
    """Tell whether a program brings a configuration that this fork server has not."""
    return CONFIGURATION in request["env"] and CONFIGURATION not in os.environ


def main(address: str) -> Callable[[], object] | None:
    """
    Fork what is asked for, until the standard input ends.

    Returns None then, and in each child the program that it is to run.
    """
    atexit.register(leave)  # The first to be registered is the last to be called.
    hide_click_from_autobahn()
    for name in LIBRARIES:
        importlib.import_module(name)
    if "twisted.internet.reactor" in sys.modules:
        sys.exit("A library has installed Twisted's reactor.")
    gc.freeze()  # What is shared with the children is not touched, so not copied.
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for those who asked.
    wakeup, woken = socket.socketpair()
    for end in (wakeup, woken):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno())
    children: dict[int, socket.socket] = {}
    others = Others(Path(address).parent)
    with (
        socket.socket(socket.AF_UNIX) as listener,
        selectors.DefaultSelector() as selector,
    ):
        listener.bind(address)
        listener.listen(100)
        for source in (0, listener, wakeup):
            selector.register(source, selectors.EVENT_READ)
        os.write(1, b"ready\n")
        while True:
            ready = {key.fileobj for key, _events in selector.select()}
            if wakeup in ready:
                wakeup.recv(4096)
                report_ends(children)
            if 0 in ready:
                for pid in children:
                    os.kill(pid, signal.SIGKILL)
                others.let_go()
                return None
            if listener in ready:
                line, _address = listener.accept()
                request, files = read_request(line)
                pid = 0
                if not request or shadows(Path(request["cwd"])):
                    answer(line, 0)
                elif is_configured(request):
                    other = others.address_for(request)
                    answer(line, ELSEWHERE if other else 0, other or "")
                elif pid := os.fork():
                    children[pid] = line
                    line.sendall(pid.to_bytes(4, "big"))
                else:
                    ends = [listener, selector, wakeup, woken, line, *children.values()]
                    signal.set_wakeup_fd(-1)
                    for end in ends:
                        end.close()
                    others.let_go()
                    return become(request, files)
                for descriptor in files:
                    os.close(descriptor)
                if not pid:
                    line.close()


def hide_click_from_autobahn() -> None:
    """
    Let autobahn log as it does for a learner, in whose environment there is no click.

    Where it finds that library, which builds our pages, it paints what it might log of
    each frame: an eighth of what a server costs in a room of 300.
    """
    sys.modules["click"] = None
    importlib.import_module("autobahn.util")
    del sys.modules["click"]


def read_request(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return what is asked for, and the three standard files of the program."""
    size, files, _flags, _address = socket.recv_fds(line, 4, 3)
    wanted = int.from_bytes(size, "big")
    message = b""
    while len(message) < wanted and (chunk := line.recv(wanted - len(message))):
        message += chunk
    # Whoever was interrupted while it asked wants nothing any more.
    is_whole = wanted and len(message) == wanted
    return (json.loads(message) if is_whole else {}), list(files)


def answer(line: socket.socket, number: int, words: str = "") -> None:
    """Say a number, and perhaps an address, to whoever asked for a program."""
    with contextlib.suppress(OSError):
        line.sendall(number.to_bytes(4, "big", signed=True) + words.encode())


def report_ends(children: dict[int, socket.socket]) -> None:
    """Tell those who asked for a program that it has ended, and how."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            code = os.waitstatus_to_exitcode(status)
            if pid in children:  # And not one of the others.
                with children.pop(pid) as line:
                    answer(line, code)


def shadows(folder: Path) -> bool:
    """Tell whether a folder has a module that is called like one that is imported."""
    imported = {name.partition(".")[0] for name in sys.modules} - {"tests"}
    packages = (file.parent for file in folder.glob("*/__init__.py"))
    return any(each.stem in imported for each in [*folder.glob("*.py"), *packages])


def become(request: dict[str, Any], files: list[int]) -> Callable[[], object]:
    """Turn this process into the one that was asked for, and return its program."""
    for number, descriptor in enumerate(files):
        os.dup2(descriptor, number)
    for descriptor in files:
        os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = request["env"]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(request["cwd"])
    random.seed()  # Or all children would take the same "free" ports.
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    open_standard_files(bool(environment.get("PYTHONUNBUFFERED")))
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = filter(None, folders)
    _python, *words = request["command"]
    if words[:2] == ["-m", "pytest"]:
        sys.path.insert(0, request["cwd"])
        sys.argv = words[1:]
        return lambda: runpy.run_module("pytest", run_name="__main__", alter_sys=True)
    # A program of a project knows nothing of the checks.
    sys.path.remove(str(ROOT))
    for name in [each for each in sys.modules if each.partition(".")[0] == "tests"]:
        del sys.modules[name]
    sys.path.insert(0, request["cwd"])
    importlib.invalidate_caches()
    for folder in filter(None, folders):
        if (customize := Path(folder, "sitecustomize.py")).exists():
            runpy.run_path(str(customize))
    if words[0] == "-m":
        sys.argv = words[1:]
        return lambda: runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    sys.argv = words
    return lambda: run_script(Path(words[0]).resolve())


def open_standard_files(unbuffered: bool) -> None:
    """Open standard input, output and error anew, as a Python that starts does."""
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for number, name in ((1, "stdout"), (2, "stderr")):
        raw = io.FileIO(number, "w", closefd=False)
        stream = io.TextIOWrapper(
            raw if unbuffered else io.BufferedWriter(raw),
            encoding="utf-8",
            errors="backslashreplace" if number == 2 else "surrogateescape",
            line_buffering=number == 2,
            write_through=unbuffered,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run_script(path: Path) -> None:
    """Run a file as Python runs the one that it is given."""
    module = types.ModuleType("__main__")
    module.__file__ = str(path)
    module.__builtins__ = __builtins__
    sys.modules["__main__"] = module
    code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102  # It is what was asked for.


status: int | None = None  # With which a program that was forked ends, if it has.


def run(program: Callable[[], object]) -> None:
    """Run a program, and note how it ends."""
    global status
    try:
        program()
    except SystemExit as end:  # Python says what is no number, and ends with 1.
        is_status = end.code is None or isinstance(end.code, int)
        status = (end.code or 0) & 0xFF if is_status else 1
        raise
    except KeyboardInterrupt:  # It ends by that signal.
        raise
    except BaseException:
        status = 1
        raise
    status = 0


def leave() -> None:
    """
    End at once, when all is done but to take apart what is in memory.

    Most of that is shared with the fork server, and would be copied first: a third of
    what a short program costs. What it would have printed meanwhile is not printed.
    """
    if status is None:
        return
    with contextlib.suppress(OSError, ValueError):  # Python tells that, and how.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


if __name__ == "__main__":
    if program := main(sys.argv[1]):
        run(program)
