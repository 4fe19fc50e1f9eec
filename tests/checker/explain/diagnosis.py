"""What a mistake is recognised by."""

from typing import NamedTuple

ANY = ".*"


class Diagnosis(NamedTuple):
    """A mistake is recognised by what three witnesses say: see explain/."""

    symptom: str  # A regular expression that must match the whole symptom.
    printed: str  # One that must match somewhere in the server's output.
    sentence: str  # `{name}` stands for a group of that name in `printed`.
    check: str = ANY  # One that must match somewhere in the id of the check.
    source: str = ""  # The finding that must stand in the source: source/.
    unless: str = ""  # One that must match nowhere in the project's code.
    is_general: bool = False  # What stands in the source says it more exactly.
    is_sure: bool = False  # The wire alone is enough: nothing else looks like this.


# What stands alone in a pattern of output: it printed no traceback.
NO_TRACEBACK = r"\A(?![\s\S]*Traceback)"

# In a traceback, a frame of the project. Frames of libraries are cut from the output.
FRAME = (
    r'File "(?P<file>[^"]*)", line (?P<line>\d+), in (?P<method>[\w<>]+)\n(?:    .*\n)*'
)
