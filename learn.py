"""The front door of the course: sets up what a command needs, then hands over to it.

Standard library only, because it runs before anything is installed.
"""

import sys

try:
    import argparse
    import os
    import signal
    from collections.abc import Callable
    from pathlib import Path
    from typing import NoReturn

    # Old Pythons must be able to read this file, or they could not say so.
    if sys.version_info < (3, 11):  # noqa: UP036
        found = "{}.{}".format(*sys.version_info)
        sys.stderr.write(f"learn.py: needs Python 3.11 or newer, this is {found}.\n")
        sys.exit(2)

    from tests.checker import packages, system, work
    from tests.checker.system import ROOT, Refusal, learn, sentence, typed
except KeyboardInterrupt:
    sys.exit(130)
except ModuleNotFoundError as error:
    sys.stderr.write(f"learn.py: works only in the folder of the course: {error}.\n")
    sys.exit(2)


def hand_over(*words: str | Path, **environment: str) -> NoReturn:
    """Become a module of .venv."""
    environment = {**os.environ, **environment}
    system.become(packages.PYTHON, "-m", *words, cwd=ROOT, env=environment)


# What the user types

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


# The commands


def run(options: argparse.Namespace) -> NoReturn:
    """Serve a stage, or a project of your own."""
    project = project_of(options) or options.stage.finished
    ports = {"--port": options.port}
    if (project / "deploy" / "openssl.cnf").is_file():  # From stage 5 on.
        ports["--tls-port"] = options.tls_port
        if options.port == options.tls_port:
            raise Refusal(f"{options.port} cannot be both: --port is for http only.")
    system.need_free(options.host, ports)
    print(f"Serving {typed(project)}.", flush=True)
    packages.set_up()
    words = ["--host", str(options.host), "--port", str(options.port)]
    words += ["--tls-port", str(options.tls_port)]
    words += ["--name", options.name] if options.name else []
    hand_over("tests.checker.serve", project, *words)


def start(options: argparse.Namespace) -> int:
    """Make work/stage..., your copy of the stage before."""
    mine = options.stage
    source = work.start(mine)
    print(f"{typed(mine.folder)} is now a copy of {typed(source)}.")
    print("  edit it   as the chapter says")
    print(f"  run it    {learn(f'run {mine.number} --project {typed(mine.folder)}')}")
    print(f"  check it  {learn(f'check {mine.number}')}")
    return 0


def check(options: argparse.Namespace) -> NoReturn:
    """Tell whether your project does what the stage promises."""
    mine = options.stage
    checks = f"tests/test_{mine.name}.py"
    if options.exercise:
        checks = f"tests/exercises/{mine.name}_{options.exercise}.py"
        found = sorted((ROOT / "tests" / "exercises").glob(f"{mine.name}_*.py"))
        if ROOT / checks not in found:
            numbers = ", ".join(path.stem.rpartition("_")[2] for path in found)
            raise Refusal(
                f"exercise {options.exercise} of stage {mine.number} has no checks "
                f"of its own. These have: {numbers}."
            )
    if options.watch and options.url:
        raise Refusal("--watch watches a folder, so it does not go with --url.")
    if options.login and not options.url:
        raise Refusal(
            "--login goes with --url: in a project, the checks make their own users."
        )
    project = None
    if not options.url:
        project = project_of(options) or system.project_folder(mine.need())
    words = [f"--login={login}" for login in options.login]
    words += ["--all"] * options.all + ["--watch"] * options.watch
    words += ["--project", project] if project else ["--url", options.url]
    print(f"Checking {typed(project) if project else options.url}.", flush=True)
    if project == mine.folder and mine.is_the_other_one():
        print(
            f"{typed(mine.finished)} has changed since `start {mine.number}`, and "
            f"{typed(mine.folder)} has not.\n"
            f"Did you edit the finished stage? These checks look at yours.",
            flush=True,
        )
    packages.set_up()
    hand_over("tests.checker", checks, *words)


def reset(options: argparse.Namespace) -> int:
    """Give a file, or your whole folder, back as start made it, and keep a backup."""
    print(work.reset(options.stage, options.file))
    return 0


def diff(options: argparse.Namespace) -> NoReturn:
    """Show your folder against the finished stage, in words and as a diff."""
    mine = options.stage
    project = project_of(options) or mine.need()
    words = ["--yes"] * options.yes
    if options.file:  # From where the user is: what we hand over to is elsewhere.
        there = [*work.contents(project), *work.contents(mine.finished)]
        words += ["--file", work.place(options.file, project, there)]
    packages.set_up()
    hand_over("tests.checker.compare", mine.name, project, *words)


def test(options: argparse.Namespace) -> NoReturn:
    """Run all tests of the course. More words go to pytest, --live proves all anew."""
    packages.set_up(everything=True)
    hand_over("tests.proofs", *options.words)


def docs(options: argparse.Namespace) -> NoReturn:
    """Serve the site, which follows every edit."""
    system.need_free(system.host_address("127.0.0.1"), {"--port": options.port})
    packages.set_up(everything=True)
    print("Building the site ...", flush=True)
    hand_over("tests.docs.serve", f"127.0.0.1:{options.port}")


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

    def mine(option: Callable, what: str) -> None:
        what += "; without DIR, yours in work/"
        option("--project", nargs="?", const=MINE, metavar="DIR", help=what)

    command = add(run)
    option = command.add_argument
    port, host = system.port_number, system.host_address
    option("--port", type=port, default=8000, help="8000 if not given")
    option("--host", type=host, default="127.0.0.1", help="0.0.0.0: classroom")
    mine(option, "serve this folder")
    option("--tls-port", type=port, default=8443, help="of stage 5, for https")
    option("--name", help="of stage 5: what this machine is called, such as chat.lan")
    add(start)
    command = add(check)
    option = command.add_mutually_exclusive_group().add_argument
    mine(option, "check this folder")
    url = system.server_url
    option("--url", type=url, help="of a server that runs already: ws://...")
    option = command.add_argument
    login = {"action": "append", "default": [], "metavar": "NAME:PASSWORD"}
    option("--login", **login, help="with --url, who may log in: ana, ben and cleo")
    option("--exercise", metavar="K", help="check an exercise of the chapter")
    option("--watch", action="store_true", help="check again on every save")
    option("--all", action="store_true", help="do not stop at the first failure")
    file = {"metavar": "FILE", "nargs": "?", "help": "such as chat/consumers.py"}
    add(reset).add_argument("file", **file)
    option = add(diff).add_argument
    option("file", **file)
    mine(option, "compare this folder")
    option("--yes", action="store_true", help="ask nothing")
    add(test, number=False)
    option = add(docs, number=False).add_argument
    option("--port", type=port, default=8001, help="8001 if not given")
    examples = {
        "run 1": "",
        "run 1 --host 0.0.0.0": "for a classroom",
        "start 1": "",
        "check 1 --watch": "",
        "diff 1": "your folder against the finished stage",
        "reset 1 config/urls.py": "as start made it; yours is kept",
        "test": "",
        "docs": "",
    }
    lines = [f"  {learn(f'{e:24}')}{why}".rstrip() for e, why in examples.items()]
    top.epilog = "\n".join(["examples:", *lines])
    return top


def command(words: list[str]) -> int:
    """Do what was typed, and return the exit code."""
    try:
        top = parser()
    except FileNotFoundError:
        words = "the folder that you are in is gone: change to another one."
        raise Refusal(words) from None
    options, rest = top.parse_known_args(words)
    if "command" not in options:
        top.print_help()
        return 0
    if options.command is test:
        options.words = words[words.index("test") + 1 :]  # As they came.
    elif rest:
        top.error(f"unknown: {' '.join(rest)}")
    return options.command(options)


def main() -> int:
    """Run the command line, and return the exit code: 2 for what the user can mend."""
    try:
        for stream in sys.stdout, sys.stderr:
            stream.reconfigure(errors="replace")  # A console may lack a letter.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        try:
            return command(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `learn.py --help | head -1`: who read it has left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (Refusal, OSError) as problem:
        print(f"learn.py: {sentence(str(problem))}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
