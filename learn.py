"""The front door of the course: sets up what a command needs, then hands over to it.

Standard library only, because it runs before anything is installed.
"""

import sys

try:
    import argparse
    import os
    import signal
    from pathlib import Path
    from typing import NoReturn

    # Old Pythons must be able to read this file, or they could not say so.
    if sys.version_info < (3, 11):  # noqa: UP036
        found = "{}.{}".format(*sys.version_info)
        sys.stderr.write(f"learn.py: needs Python 3.11 or newer, this is {found}.\n")
        sys.exit(2)

    from tests.checker import packages, system, work
    from tests.checker.command_line import given, parser, project_of
    from tests.checker.grading.options import words_of
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
    if options.watch and options.json:
        raise Refusal("--watch is for people and --json for machines: not both.")
    if options.login and not options.url:
        raise Refusal(
            "--login goes with --url: in a project, the checks make their own users."
        )
    project = None
    if not options.url:
        project = project_of(options) or system.project_folder(mine.need())
    words = [f"--login={login}" for login in options.login]
    words += ["--all"] * options.all + ["--watch"] * options.watch
    words += ["--all-output"] * options.all_output + given(options, "json")
    words += ["--project", project] if project else ["--url", options.url]
    said = sys.stderr if options.json == "-" else sys.stdout
    where = typed(project) if project else options.url
    print(f"Checking {where}.", file=said, flush=True)
    if project == mine.folder and mine.is_the_other_one():
        print(
            f"{typed(mine.finished)} has changed since `start {mine.number}`, and "
            f"{typed(mine.folder)} has not.\n"
            f"Did you edit the finished stage? These checks look at yours.",
            file=said,
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


def about_mine(module: str, options: argparse.Namespace, *words: str) -> NoReturn:
    """Hand my folder over to a module of the checker."""
    project = project_of(options) or system.project_folder(options.stage.need())
    words += ("--again",) if options.again else ()
    packages.set_up()
    hand_over(f"tests.checker.{module}", options.stage.name, project, *words)


def hint(options: argparse.Namespace) -> NoReturn:
    """Help with the promise that is broken now, a little more each time."""
    about_mine("hint", options, *["--list"] * options.list)


def solution(options: argparse.Namespace) -> NoReturn:
    """Show ours beside yours, for the promise that is broken now."""
    about_mine("solution", options, *["--yes"] * options.yes)


def report(options: argparse.Namespace) -> NoReturn:
    """Write what somebody needs who is to help you, without your secrets."""
    if options.to:
        to = Path(options.to)
        if options.to == "-" or to.is_dir():
            raise Refusal(f"--to needs the name of a file: {typed(to)} is none.")
        if os.path.lexists(to):
            raise Refusal(f"{typed(to)} is there already, and stays as it is.")
    words = given(options, "expected", "came", "to")
    about_mine("report_problem", options, *words)


def doctor(options: argparse.Namespace) -> NoReturn:
    """Look at a server that runs, from outside, and say what is wrong."""
    packages.set_up()
    words = given(options, "ca", "origin", "login")
    hand_over("tests.checker.doctor", options.url, *words)


def grade(options: argparse.Namespace) -> NoReturn:
    """Check what a class has handed in, each within limits, and write a table."""
    packages.set_up()
    words = [options.folder.resolve(), *words_of(options)]
    hand_over("tests.checker.grade", options.stage.name, *words)


def test(options: argparse.Namespace) -> NoReturn:
    """Run all tests of the course. More words go to pytest, --live proves all anew."""
    packages.set_up(everything=True)
    hand_over("tests.proofs", *options.words)


def docs(options: argparse.Namespace) -> NoReturn:
    """Serve the site, which follows every edit."""
    system.need_free_for_the_site(options.port)
    packages.set_up(everything=True)
    print("Building the pages, which takes 10 to 20 s ...", flush=True)
    hand_over("tests.docs.serve", f"127.0.0.1:{options.port}")


# In the order in which the help lists them.
COMMANDS = (
    *(run, start, check, hint, solution, reset, diff),
    *(report, doctor, grade, test, docs),
)


def command(words: list[str]) -> int:
    """Do what was typed, and return the exit code."""
    try:
        top = parser(COMMANDS)
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
