"""
The Python of the `pycon` blocks: sources come in, what they print goes out.

Each is a line of JSON. All sources share one session, as at a prompt.
"""

import json
import sys
from code import InteractiveConsole
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

sys.path[0] = ""  # As at a prompt: modules of the current folder can be imported.

console = InteractiveConsole()
for line in sys.stdin:
    with StringIO() as printed:
        with redirect_stdout(printed), redirect_stderr(printed):
            console.runsource(json.loads(line), "<stdin>", "single")
        print(json.dumps(printed.getvalue()), flush=True)
