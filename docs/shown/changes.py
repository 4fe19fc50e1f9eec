"""Show what a stage adds to the stage before, each piece with its reason."""

import tomllib
from difflib import SequenceMatcher
from typing import NamedTuple

from docs.shown.listings import fence
from docs.shown.repository import CannotShow, before, files, read

CONTEXT = 1  # Lines of a diff around those that changed.


class Piece(NamedTuple):
    """
    What one reason is given for: a file, or one hunk of it, which `key` stands in.

    `hunks` are pieces of a diff, each a list of lines. `verb` says what became of a
    file that has one reason for all.
    """

    path: str
    key: str
    reason: str
    verb: str
    hunks: list[list[str]]

    @property
    def name(self):
        """Return what the order of a lesson calls it."""
        return f"{self.path}: {self.key}" if self.key else self.path

    def added(self):
        """Return the lines that come, without their sign."""
        return [line[1:] for hunk in self.hunks for line in hunk if line[0] == "+"]

    def removed(self):
        """Return the lines that go, without their sign."""
        return [line[1:] for hunk in self.hunks for line in hunk if line[0] == "-"]


def changes(stage):
    """
    Show what a stage adds to the stage before, each piece with its reason.

    The reasons are in reasons/<stage>.toml, in the order in which they are shown.
    A piece without a reason, or a reason without a piece, fails the build.
    """
    return "\n".join(map(as_change, pieces(stage)))


def as_change(piece):
    """Show a piece: a file by its name only, a hunk with its lines."""
    if piece.verb:
        return f"`{piece.path}` {piece.verb}. {piece.reason}\n{{ .reason }}\n"
    [hunk] = piece.hunks
    code = fence("".join(hunk), "diff", piece.path)
    return f"{piece.reason}\n{{ .reason }}\n\n{code}"


def pieces(stage):
    """Return the pieces of what a stage adds, in the order of their reasons."""
    source = f"docs/reasons/{stage}.toml"
    reasons = tomllib.loads("".join(read(source)))
    old, new = files(before(stage)), files(stage)
    changed = {
        path for path in old.keys() | new.keys() if old.get(path) != new.get(path)
    }
    for path in sorted(changed - reasons.keys()):
        raise CannotShow(f"{source} gives no reason for {path}, which changed.")
    return [
        piece
        for path, reason in reasons.items()
        for piece in explain(source, path, reason, old.get(path), new.get(path))
    ]


def explain(source, path, reasons, old, new):
    """Yield a file with its reason, or each of its hunks with one."""
    if old == new:
        raise CannotShow(f"{source} explains {path}, which did not change.")
    all_hunks = list(hunks(old or [], new or []))
    if isinstance(reasons, str):
        verb = "is new" if old is None else "is gone" if new is None else "changed"
        yield Piece(path, "", reasons, verb, all_hunks)
        return
    unused = dict(reasons)
    for hunk in all_hunks:
        keys = [
            key
            for key in reasons
            if any(key in line[1:] for line in hunk if line[0] != " ")
        ]
        if len(keys) != 1:
            problem = f"has {len(keys)} reasons" if keys else "has no reason"
            raise CannotShow(
                f"{source}: this piece of {path} {problem}:\n\n{''.join(hunk)}"
            )
        if keys[0] not in unused:
            raise CannotShow(f"{source}: {keys[0]!r} is in two pieces of {path}.")
        yield Piece(path, keys[0], unused.pop(keys[0]), "", [hunk])
    for key in unused:
        raise CannotShow(f"{source}: no line of {path} that changed has {key!r} in it.")


def hunks(old, new):
    """Yield the pieces of a unified diff, each a list of lines."""
    for group in groups(old, new):
        yield hunk_of(old, new, group)


def groups(old, new):
    """Return the pieces of a diff as difflib has them: what was done to which lines."""
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return matcher.get_grouped_opcodes(CONTEXT)


def hunk_of(old, new, group):
    """Return the lines of one piece, each with its sign."""
    hunk = []
    for tag, old_first, old_last, new_first, new_last in group:
        if tag == "equal":
            hunk += [f" {line}" for line in old[old_first:old_last]]
        else:
            hunk += [f"-{line}" for line in old[old_first:old_last]]
            hunk += [f"+{line}" for line in new[new_first:new_last]]
    return hunk
