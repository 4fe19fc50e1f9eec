"""
A server that is forked runs this, too: its autobahn was imported where click can be.

A server that is not forked finds no click, because click.py of this folder is first.
"""

import sys

if util := sys.modules.get("autobahn.util"):
    util._HAS_CLICK = False
