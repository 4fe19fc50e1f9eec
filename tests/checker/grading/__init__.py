"""How `learn.py grade` reads hand-ins, runs their checks, and notes what it saw."""
