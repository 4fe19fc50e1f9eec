"""
A `manage.py shell` that goes on: it runs each piece of code that comes, in turn.

`accounts.py` writes the pieces to the standard input, one as JSON on each line. After
each, a line on the standard output says that it is done, or that it has failed.
The process ends with that input, so it ends with the tests.
"""

import json
import sys
import traceback


def serve(mark: str) -> None:
    """Run what comes, and say after each piece whether it went well."""
    for line in sys.stdin:
        word = "done"
        try:
            exec(json.loads(line), {"__name__": "__main__"})  # noqa: S102  # Our own.
        except Exception:
            traceback.print_exc()
            word = "failed"
        sys.stderr.flush()
        print(mark, word, flush=True)
