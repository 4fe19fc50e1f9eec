"""The front door of the course: sets up what a command needs, then hands over to it.

Standard library only, because it runs before anything is installed.
"""

import sys

try:
    import argparse
    import os
    import shutil
    import signal
    from collections.abc import Callable
    from pathlib import Path
    from typing import NoReturn

    # Old Pythons must be able to read this file, or they could not say so.
    if sys.version_info < (3, 11):  # noqa: UP036
        found = "{}.{}".format(*sys.version_info)
        sys.stderr.write(f"learn.py: needs Python 3.11 or newer, this is {found}.\n")
        sys.exit(2)

    from tests.checker import packages, system
    from tests.checker.system import Refusal

    ROOT = Path(__file__).resolve().parent
    FOLDERS = sorted(ROOT.glob("stage[0-9][0-9]_*"))
    STAGES = {int(folder.name[5:7]): folder for folder in FOLDERS}
except KeyboardInterrupt:
    sys.exit(130)
except ModuleNotFoundError as error:
    sys.stderr.write(f"learn.py: works only in the folder of the course: {error}.\n")
    sys.exit(2)


def typed(path: Path) -> str:
    """Return a path the way the user would type it in the current folder."""
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f'"{path}"' if " " in str(path) else str(path)


def learn(arguments: str) -> str:
    """Return a command line of this program that the user can copy."""
    python = "py" if os.name == "nt" else "python3"
    return f"{python} {typed(ROOT / 'learn.py')} {arguments}"


def hand_over(*words: str | Path, **environment: str) -> NoReturn:
    """Become a module of .venv."""
    environment = {**os.environ, **environment}
    system.become(packages.PYTHON, "-m", *words, cwd=ROOT, env=environment)


# What the user types


def stage(text: str) -> int:
    """Read the number of a stage that is in this checkout."""
    if text not in map(str, STAGES):
        names = ", ".join(f"{number} ({path.name})" for number, path in STAGES.items())
        raise Refusal(f"there is no stage {text} in this checkout, which has: {names}.")
    return int(text)


def project_folder(text: str) -> Path:
    """Read the folder of a Django project."""
    folder = Path(text).resolve()
    if not (folder / "manage.py").is_file():
        raise Refusal(f"{typed(folder)} is not a Django project: it has no manage.py.")
    return folder


# The commands


def run(options: argparse.Namespace) -> NoReturn:
    """Serve a stage, or a project of your own."""
    project = options.project or project_folder(STAGES[options.stage])
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
    source = STAGES.get(options.stage - 1, ROOT / "tests" / "start")
    target = ROOT / "work" / STAGES[options.stage].name
    if os.path.lexists(target):
        raise Refusal(
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


def check(options: argparse.Namespace) -> NoReturn:
    """Tell whether your project does what the stage promises."""
    name = STAGES[options.stage].name
    mine = ROOT / "work" / name
    checks = f"tests/test_{name}.py"
    if options.exercise:
        checks = f"tests/exercises/{name}_{options.exercise}.py"
        found = sorted((ROOT / "tests" / "exercises").glob(f"{name}_*.py"))
        if ROOT / checks not in found:
            numbers = ", ".join(path.stem.rpartition("_")[2] for path in found)
            raise Refusal(
                f"exercise {options.exercise} of stage {options.stage} has no checks "
                f"of its own. These have: {numbers}."
            )
    if options.watch and options.url:
        raise Refusal("--watch watches a folder, so it does not go with --url.")
    if options.login and not options.url:
        raise Refusal(
            "--login goes with --url: in a project, the checks make their own users."
        )
    if not options.url and not options.project and not mine.exists():
        raise Refusal(
            f"{typed(mine)} does not exist: `{learn(f'start {options.stage}')}` "
            "makes it, or name your folder with --project."
        )
    project = None if options.url else options.project or project_folder(mine)
    words = [f"--login={login}" for login in options.login]
    words += ["--all"] * options.all + ["--watch"] * options.watch
    words += ["--project", project] if project else ["--url", options.url]
    print(f"Checking {typed(project) if project else options.url}.", flush=True)
    packages.set_up()
    hand_over("tests.checker", checks, *words)


def test(options: argparse.Namespace) -> NoReturn:
    """Run all tests of the course. More words go to pytest, --live proves all anew."""
    packages.set_up(everything=True)
    hand_over("tests.proofs", *options.words)


def docs(options: argparse.Namespace) -> NoReturn:
    """Serve the site, which follows every edit."""
    system.need_free(system.host_address("127.0.0.1"), {"--port": options.port})
    packages.set_up(everything=True)
    address = f"127.0.0.1:{options.port}"
    print(f"Open http://{address}/", flush=True)
    # Its banner about MkDocs 2 is for those who maintain a site.
    hand_over("mkdocs", "serve", "--dev-addr", address, NO_MKDOCS_2_WARNING="1")


class Parser(argparse.ArgumentParser):
    """Answers a mistake with one sentence."""

    def error(self, message: str) -> NoReturn:
        raise Refusal(f"{message} (`{learn('--help')}` shows how).")


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
    port, host = system.port_number, system.host_address
    option("--port", type=port, default=8000, help="8000 if not given")
    option("--host", type=host, default="127.0.0.1", help="0.0.0.0: classroom")
    option("--project", type=project_folder, metavar="DIR", help="serve this folder")
    option("--tls-port", type=port, default=8443, help="of stage 5, for https")
    option("--name", help="of stage 5: what this machine is called, such as chat.lan")
    add(start)
    command = add(check)
    option = command.add_mutually_exclusive_group().add_argument
    option("--project", type=project_folder, metavar="DIR", help="not in work/")
    url = system.server_url
    option("--url", type=url, help="of a server that runs already: ws://...")
    option = command.add_argument
    login = {"action": "append", "default": [], "metavar": "NAME:PASSWORD"}
    option("--login", **login, help="with --url, who may log in: ana, ben and cleo")
    option("--exercise", metavar="K", help="check an exercise of the chapter")
    option("--watch", action="store_true", help="check again on every save")
    option("--all", action="store_true", help="do not stop at the first failure")
    add(test, number=False)
    option = add(docs, number=False).add_argument
    option("--port", type=port, default=8001, help="8001 if not given")
    top.epilog = f"""examples:
  {learn("run 1")}
  {learn("run 1 --host 0.0.0.0")}   for a classroom
  {learn("start 1")}
  {learn("check 1 --watch")}
  {learn("test")}
  {learn("docs")}"""
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
        print(f"learn.py: {str(problem).rstrip('.')}.", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
