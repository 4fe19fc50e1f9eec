"""
What the user types after learn.py: stages, folders, and mistakes in between.

Standard library only: learn.py imports it before anything is installed.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from tests.checker import system, work
from tests.checker.grading import options
from tests.checker.system import Refusal, learn, typed

MINE = object()  # `--project` without a folder: the one in work/.


def stage(text: str) -> work.Work:
    """Read the number of a stage that is in this checkout."""
    stages = work.folders()
    if text not in map(str, stages):
        names = ", ".join(f"{number} ({path.name})" for number, path in stages.items())
        raise Refusal(f"there is no stage {text} in this checkout, which has: {names}.")
    return work.of(int(text))


def project_of(options: argparse.Namespace) -> Path | None:
    """Return the folder that --project names, or None if it is not there."""
    if options.project is None:
        return None
    if options.project is MINE:
        return system.project_folder(options.stage.need())
    named = Path(options.project).resolve()
    for mine in map(work.of, work.folders()):
        if named == mine.folder:
            mine.need()
    return system.project_folder(named)


def from_here(text: str) -> str:
    """Read a path as it is seen from where the user is. `-` is the standard output."""
    return text if text == "-" else str(Path(text).resolve())


def given(options: argparse.Namespace, *names: str) -> list[str]:
    """Return the options that were given, among these, as one types them."""
    found = [(name, getattr(options, name)) for name in names]
    # With =, since a value may begin with a hyphen.
    return [f"--{name}={value}" for name, value in found if value]


class Parser(argparse.ArgumentParser):
    """Answers a mistake with one sentence."""

    def error(self, message: str) -> NoReturn:
        if message.endswith("required: N"):
            raise Refusal(which_stage(self.prog.split()[-1]))
        raise Refusal(f"{message} (`{learn('--help')}` shows how).")


def which_stage(name: str) -> str:
    """Say how a command is told its stage: the newest that the reader has begun."""
    begun = [number for number in work.folders() if work.of(number).folder.exists()]
    words = (
        f"{name} needs the number of a stage: `{learn(f'{name} {[1, *begun][-1]}')}`"
    )
    if begun or name in ("run", "start"):
        return words
    missing = typed(work.of(1).folder)
    return f"{words}. {missing} does not exist yet: `{learn('start 1')}` makes it"


def parser(commands: Sequence[Callable]) -> Parser:
    """
    Return the parser of the command line, which holds the help.

    A command is called what its function is called, and its docstring is its help.
    """
    top = Parser(
        prog="learn.py",
        description="WebSockets with Django Channels. Sets itself up on first use.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    below = top.add_subparsers(metavar="COMMAND")
    for function in commands:
        name, summary = function.__name__, function.__doc__
        command = below.add_parser(
            name, help=summary, description=summary, allow_abbrev=False
        )
        command.set_defaults(command=function)
        if name not in ("doctor", "test", "docs"):
            command.add_argument("stage", type=stage, metavar="N", help="1 to 5")
        OPTIONS.get(name, lambda _: None)(command)
    lines = [f"  {learn(f'{e:24}')}{why}".rstrip() for e, why in EXAMPLES.items()]
    top.epilog = "\n".join(["examples:", *lines])
    return top


EXAMPLES = {
    "run 1": "",
    "run 1 --host 0.0.0.0": "for a classroom",
    "start 1": "",
    "check 1 --watch": "",
    "hint 1": "a little help",
    "diff 1": "your folder against the finished stage",
    "reset 1 config/urls.py": "as start made it; yours is kept",
    "doctor localhost:8000": "what is wrong with a server that runs",
    "grade 1 hand-ins": "what a class has handed in",
    "test": "",
    "docs": "",
}
FROM_HERE = {"type": from_here, "metavar": "FILE"}
A_FILE = {"metavar": "FILE", "nargs": "?", "help": "such as chat/consumers.py"}


def add_project(command: argparse.ArgumentParser, what: str) -> None:
    """Add --project, which alone means the folder in work/."""
    what += "; without DIR, yours in work/"
    command.add_argument("--project", nargs="?", const=MINE, metavar="DIR", help=what)


def run(command: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    option, port = command.add_argument, system.port_number
    option("--port", type=port, default=8000, help="8000 if not given")
    host = system.host_address
    option("--host", type=host, default="127.0.0.1", help="0.0.0.0: classroom")
    add_project(command, "serve this folder")
    option("--tls-port", type=port, default=8443, help="of stage 5, for https")
    option("--name", help="of stage 5: what this machine is called, such as chat.lan")


def check(command: argparse.ArgumentParser) -> None:
    """Add the options of `check`."""
    either = command.add_mutually_exclusive_group()
    add_project(either, "check this folder")
    url = system.server_url
    either.add_argument("--url", type=url, help="of a server that runs: ws://...")
    option = command.add_argument
    login = {"action": "append", "default": [], "metavar": "NAME:PASSWORD"}
    option("--login", **login, help="with --url, who may log in: ana, ben and cleo")
    option("--exercise", metavar="K", help="check an exercise of the chapter")
    watch = "check again on every save; WATCH_POLL=1 looks itself, in network folders"
    option("--watch", action="store_true", help=watch)
    option("--all", action="store_true", help="do not stop at the first failure")
    whole = "cut nothing of what the server printed"
    option("--all-output", action="store_true", help=whole)
    lines = "write a line of JSON for each check; - is the standard output"
    option("--json", **FROM_HERE, help=lines)


def reset(command: argparse.ArgumentParser) -> None:
    """Add the option of `reset`."""
    command.add_argument("file", **A_FILE)


def diff(command: argparse.ArgumentParser) -> None:
    """Add the options of `diff`."""
    command.add_argument("file", **A_FILE)
    add_project(command, "compare this folder")
    command.add_argument("--yes", action="store_true", help="ask nothing")


def hint(command: argparse.ArgumentParser) -> None:
    """Add the options of `hint`."""
    again(command)
    command.add_argument("--list", action="store_true", help="all that you were given")


def solution(command: argparse.ArgumentParser) -> None:
    """Add the options of `solution`."""
    again(command)
    command.add_argument("--yes", action="store_true", help="ask nothing")


def report(command: argparse.ArgumentParser) -> None:
    """Add the options of `report`."""
    again(command)
    option = command.add_argument
    option("--expected", metavar="TEXT", help="what you expected")
    option("--came", metavar="TEXT", help="what came instead")
    option("--to", **FROM_HERE, help="work/report_0N.md if not given")


def again(command: argparse.ArgumentParser) -> None:
    """Add what a command has that looks at the promise that is broken now."""
    add_project(command, "look at this folder")
    command.add_argument("--again", action="store_true", help="run the checks anew")


def doctor(command: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    option = command.add_argument
    option("url", metavar="URL", help="such as http://127.0.0.1:8000/rooms/garden/")
    option("--ca", **FROM_HERE, help="the CA's certificate, such as keys/ca.pem")
    option("--origin", help="the Origin to send, in place of the page's own")
    option("--login", metavar="NAME:PASSWORD", help="log in with these")


def grade(command: argparse.ArgumentParser) -> None:
    """Add the options of `grade`."""
    words = "each folder or ZIP file in it is a submission"
    command.add_argument("folder", type=Path, metavar="FOLDER", help=words)
    options.add_options(command)


def docs(command: argparse.ArgumentParser) -> None:
    """Add the option of `docs`."""
    port = system.port_number
    words = f"{system.OF_THE_SITE} if not given"
    command.add_argument("--port", type=port, default=system.OF_THE_SITE, help=words)


OPTIONS = {
    function.__name__: function
    for function in (
        *(run, check, hint, solution, reset, diff, report, doctor, grade, docs),
    )
}
