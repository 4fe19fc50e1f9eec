"""
What a finding of the source can explain, and what it cannot.

A mistake may stand in a file, and another one may be what fails. A receive() outside of
its class is silent, and gives nobody another name. So each entry says which symptoms it
`causes`, and what is printed if it `raises`. And a method that has not run yet has
broken nothing.
"""

import ast
import re

from tests.checker.explain.catalogue import Entry
from tests.checker.explain.source.read import Finding, FunctionDef, Source

__all__ = ["explains"]

# What Channels calls, by when it does.
HOOKS = {
    "connect": "connect",
    "websocket_connect": "connect",
    "receive": "receive",
    "receive_json": "receive",
    "websocket_receive": "receive",
    "disconnect": "disconnect",
    "websocket_disconnect": "disconnect",
}
# What is seen where one of these was not awaited, or not called at all.
CALLS = {
    "accept": "no answer|HTTP 500",
    "close": "not refused|left open.*|HTTP 500",
    "send": "silence|lost.*|close 1011",
    "send_json": "silence|lost.*|close 1011",
    "group_add": "silence|lost.*|not in Redis|left open.*",
    "group_send": "silence|lost.*|left open.*",
    "group_discard": "kept in Redis|silence|lost.*|\\w+ for \\w+",
}
# What is seen of a hook that raises as soon as it is called.
RAISED = {
    "connect": "(HTTP|refused with) 500|no (answer|start)",
    "receive": "close .*|",
    "disconnect": "silence|kept in Redis|consumers that live on|",
}
# What is seen before a client has said anything, and so before it can leave.
EARLY = re.compile(r"HTTP .*|(not )?refused.*|no (answer|start)|TLS.*|/?log_?in.*")
# Promises that are broken before receive() is called.
OF_HANDSHAKES = re.compile(r"::test_handshake(?!.*nobody)")
# What answers no WebSocket.
COMMANDS = re.compile(r"(^|/)management/")
OF_COMMANDS = re.compile(r"announce|command|make_keys")
COMMANDS_ERROR = re.compile(r"announce: \w*Error")
TRACEBACK = "Traceback (most recent call last)"


def explains(
    entry: Entry,
    finding: Finding,
    symptom: str,
    printed: str,
    check: str,
    source: Source | None,
) -> bool:
    """Tell whether a failure may come of what was found in the source."""
    if not re.fullmatch(entry.causes, symptom):
        return False
    raised = symptom if COMMANDS_ERROR.match(symptom) else printed
    is_told = TRACEBACK in printed or raised == symptom
    if entry.raises and is_told and not re.search(entry.raises, raised):
        return False
    called = finding.words.get("call", "").rpartition(".")[2]
    if called in CALLS and not re.fullmatch(CALLS[called], symptom):
        return False
    if COMMANDS.search(finding.file) and not OF_COMMANDS.search(f"{symptom} {check}"):
        return False
    hook = hook_of(finding, source) if source else ""
    if entry.raises and finding.words.get("name") in HOOKS:
        return bool(re.fullmatch(RAISED[hook], symptom))
    if hook == "disconnect" and not may_have_left(symptom, check):
        return False
    if hook not in ("receive", "disconnect"):
        return True
    if EARLY.fullmatch(symptom):
        return False
    # Of a refusal, too, disconnect() is told: it may raise then.
    return not OF_HANDSHAKES.search(check) or (hook == "disconnect" and not symptom)


def may_have_left(symptom: str, check: str) -> bool:
    """Tell whether a client has left before a check has failed."""
    is_of_messages = "::test_message" in check and symptom == "silence"
    return not is_of_messages and not symptom.startswith("close ")


def hook_of(finding: Finding, source: Source) -> str:
    """Return which call of Channels runs a finding, if only one of them does."""
    named = (finding.words.get("right", ""), finding.words.get("name", ""))
    for name in (*named, function_at(finding, source)):
        if name in HOOKS:
            return HOOKS[name]
    return ""


def function_at(finding: Finding, source: Source) -> str:
    """Return the innermost function that a finding stands in, or nothing."""
    name = ""
    tree = source.trees.get(finding.file)
    for node in ast.walk(tree) if tree else ():  # Outer ones come first.
        is_function = isinstance(node, FunctionDef)
        if is_function and node.lineno <= finding.line <= node.end_lineno:
            name = node.name
    return name
