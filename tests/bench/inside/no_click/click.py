"""
There is no click here, as for everybody who runs a stage: only MkDocs brings it.

Where it can be imported, autobahn paints what it tells its log in colours, for each
frame, whether anybody reads the log or not. That costs an echo a tenth.
"""

raise ImportError("Not there, as for those who run a stage.")
