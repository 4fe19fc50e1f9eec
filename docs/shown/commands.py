"""Show commands of bash as each system's shell has them."""

import re

from docs.shown.text import indented


def folder(path):
    """Return a path as commands of Windows want it: xcopy takes / for an option."""
    return path.replace("/", "\\")


# What Windows calls otherwise than bash does.
WINDOWS = [
    (r"^source \.venv/bin/activate$", r".venv\\Scripts\\activate"),
    (r"^\.venv/bin/(\w+)", r".venv\\Scripts\\\1"),
    (r"^python3\b", "py"),
    (r"^ls\b", "dir"),
    (r"^mkdir -p (\S+)$", lambda found: rf"mkdir {folder(found[1])}"),
    (
        # What is in a folder, into another one, over what may be there.
        r"^cp -r (\S+)/\. (\S+)$",
        lambda found: rf"xcopy /e /q /y {folder(found[1])} {folder(found[2])}",
    ),
]
POWERSHELL = [
    (r'^export (\w+)="?([^"]*)"?$', r'$env:\1 = "\2"'),
    (r"^unset (\w+)$", r"Remove-Item Env:\1"),
    *WINDOWS,
    (r"^(\.venv.Scripts.)activate$", r"\1Activate.ps1"),
]
CMD = [
    (r'^export (\w+)="?([^"]*)"?$', r"set \1=\2"),
    (r"^unset (\w+)$", r"set \1="),
    *WINDOWS,
    (r"^(\.venv.Scripts.)activate$", r"\1activate.bat"),
]


def commands(*lines):
    """
    Show commands of bash as each system's shell has them.

    Where cmd and PowerShell differ, which is in variables, each has a tab of its own.
    """
    powershell, cmd = (
        [translated(line, words) for line in lines] for words in (POWERSHELL, CMD)
    )
    shells = [("macOS, Linux", "text", lines)]
    if powershell == cmd:
        shells.append(("Windows", "powershell", powershell))
    else:
        shells.append(("Windows, PowerShell", "powershell", powershell))
        shells.append(("Windows, cmd", "bat", cmd))
    return "\n".join(
        f'=== "{name}"\n\n'
        + indented("\n".join([f"``` {language}", *typed, "```"]))
        + "\n"
        for name, language, typed in shells
    )


def translated(line, words):
    """Return a command of bash as another shell has it."""
    for bash, other in words:
        line = re.sub(bash, other, line)
    return line
