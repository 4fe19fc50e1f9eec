"""Show what a stage adds to the stage before, each piece with its reason."""

from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from docs.shown.listings import fence
from docs.shown.repository import CannotShow, before, files, read_toml

CONTEXT = 1  # Lines of a diff around those that changed.


class Piece(NamedTuple):
    """
    What one reason is given for: a file, or one hunk of it, which `key` stands in.

    `hunks` are pieces of a diff, each a list of lines, and `groups` the same as difflib
    has them: what was done to which lines. `verb` says what became of a file that has
    one reason for all.
    """

    path: str
    key: str
    reason: str
    verb: str
    hunks: list[list[str]]
    groups: list[list[tuple]] = ()

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
    reasons = read_toml(source)
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
    verb = "is new" if old is None else "is gone" if new is None else "changed"
    old, new = old or [], new or []
    all_groups = list(groups(old, new))
    if isinstance(reasons, str):
        all_hunks = [hunk_of(old, new, group) for group in all_groups]
        yield Piece(path, "", reasons, verb, all_hunks, all_groups)
        return
    unused = dict(reasons)
    for group in all_groups:
        hunk = hunk_of(old, new, group)
        found = keys_in(hunk, reasons)
        if not found:
            raise CannotShow(
                f"{source}: this piece of {path} has no reason:\n\n{''.join(hunk)}"
            )
        for key, part in zip(
            found, parted(source, path, hunk, group, found), strict=True
        ):
            if key not in unused:
                raise CannotShow(f"{source}: {key!r} is in two pieces of {path}.")
            lines = hunk_of(old, new, part)
            yield Piece(path, key, unused.pop(key), "", [lines], [part])
    for key in unused:
        raise CannotShow(f"{source}: no line of {path} that changed has {key!r} in it.")


def keys_in(hunk, reasons):
    """Return the keys of reasons in a hunk with the line that each stands in first."""
    found = {}
    for key in reasons:
        for place, line in enumerate(hunk):
            if line[0] != " " and key in line[1:]:
                found[key] = place
                break
    return dict(sorted(found.items(), key=lambda each: each[1]))


def parted(source, path, hunk, group, found):
    """
    Return the parts of a hunk that has several reasons, one for each key.

    It is cut at the empty line above the paragraph in which the next key stands.
    """
    parts, done = [], 0
    places = list(found.values())
    for last, place in pairwise(places):
        empty = [at for at in range(last + 1, place) if not hunk[at][1:].strip()]
        if not empty:
            raise CannotShow(
                f"{source}: this piece of {path} has {len(found)} reasons, and no "
                f"empty line between them:\n\n{''.join(hunk)}"
            )
        at = empty[-1]
        while at - 1 in empty:
            at -= 1
        part, group = split(group, at - done)
        parts.append(part)
        done = at
    return [*parts, group]


def split(group, at):
    """Cut what difflib has of a hunk in front of one of its lines."""
    first, rest = [], []
    for tag, old_first, old_last, new_first, new_last in group:
        gone = old_last - old_first
        size = gone if tag == "equal" else gone + new_last - new_first
        if at <= 0 or at >= size:
            (rest if at <= 0 else first).append(
                (tag, old_first, old_last, new_first, new_last)
            )
        else:
            # What goes stands above what comes.
            old_cut = old_first + min(at, gone)
            new_cut = new_first + (at if tag == "equal" else max(at - gone, 0))
            first.append((tag, old_first, old_cut, new_first, new_cut))
            rest.append((tag, old_cut, old_last, new_cut, new_last))
        at -= size
    return first, rest


def hunks(old, new):
    """Yield the pieces of a unified diff, each a list of lines."""
    for group in groups(old, new):
        yield hunk_of(old, new, group)


def groups(old, new):
    """Return the pieces of a diff as difflib has them: what was done to which lines."""
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    matcher.opcodes = list(slid(matcher.get_opcodes(), new))
    return matcher.get_grouped_opcodes(CONTEXT)


def slid(found, new):
    """
    Yield what was done to which lines, with whole statements that come.

    Of two calls that begin alike, difflib may take the first line of the one and the
    rest of the other for what came. Nobody types it so.
    """
    found = [list(each) for each in found]
    for above, each, below in zip(found, found[1:], found[2:], strict=False):
        if each[0] != "insert":
            continue
        _, _, _, first, last = each
        up = 0
        while not is_closed(new[first - up : last - up]):
            if up == above[4] - above[3] or new[first - up - 1] != new[last - up - 1]:
                up = 0
                break
            up += 1
        above[2], above[4] = above[2] - up, above[4] - up
        each[1:] = (number - up for number in each[1:])
        below[1], below[3] = below[1] - up, below[3] - up
    yield from map(tuple, found)


def is_closed(lines):
    """Tell whether each bracket that opens in these lines closes in them, too."""
    open_ones = 0
    for letter in "".join(lines):
        open_ones += (letter in "([{") - (letter in ")]}")
        if open_ones < 0:
            return False
    return not open_ones


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


def codes_of(found):
    """Return what is done to which lines of a file, by the pieces of it."""
    return [
        code
        for piece in found
        for group in piece.groups
        for code in group
        if code[0] != "equal"
    ]


def typed_so_far(old, new, codes):
    """Return a file of which only some pieces have been typed."""
    lines, at = [], 0
    for _, first, last, new_first, new_last in sorted(codes, key=lambda code: code[1:]):
        lines += [*old[at:first], *new[new_first:new_last]]
        at = last
    return lines + old[at:]
