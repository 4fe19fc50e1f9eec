"""Type the pieces of a lesson into a copy of the stage before."""

from pathlib import Path

from docs.shown import changes, repository


def typed_so_far(old: list[str], new: list[str], taken: list[list[str]]) -> list[str]:
    """Return a file of which only some hunks have been typed."""
    lines, at = [], 0
    for group in changes.groups(old, new):
        first, last = group[0][1], group[-1][2]
        lines += old[at:first]
        is_typed = changes.hunk_of(old, new, group) in taken
        lines += new[group[0][3] : group[-1][4]] if is_typed else old[first:last]
        at = last
    return lines + old[at:]


def type_pieces(
    work: Path,
    stage: str,
    pieces: list[changes.Piece],
    taken: dict[str, list[list[str]]],
) -> None:
    """Type pieces into a copy of the stage before, on top of those taken already."""
    old = repository.files(repository.before(stage))
    new = repository.files(stage)
    for piece in pieces:
        path = work / piece.path
        if piece.verb == "is gone":
            path.unlink()
            continue
        hunks = taken.setdefault(piece.path, [])
        hunks += piece.hunks
        lines = typed_so_far(old.get(piece.path, []), new[piece.path], hunks)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8")
