"""Type the pieces of a lesson into a copy of the stage before."""

from pathlib import Path

from docs.shown import changes, repository

# What difflib did to which lines: its tag, and where both begin and end.
Code = tuple[str, int, int, int, int]


def typed_so_far(old: list[str], new: list[str], taken: list[list[Code]]) -> list[str]:
    """Return a file of which only some pieces have been typed."""
    lines, at = [], 0
    for _, first, last, new_first, new_last in sorted(
        (code for group in taken for code in group if code[0] != "equal"),
        key=lambda code: code[1:],
    ):
        lines += [*old[at:first], *new[new_first:new_last]]
        at = last
    return lines + old[at:]


def type_pieces(
    work: Path,
    stage: str,
    pieces: list[changes.Piece],
    taken: dict[str, list[list[Code]]],
) -> None:
    """Type pieces into a copy of the stage before, on top of those taken already."""
    old = repository.files(repository.before(stage))
    new = repository.files(stage)
    for piece in pieces:
        path = work / piece.path
        if piece.verb == "is gone":
            path.unlink()
            continue
        groups = taken.setdefault(piece.path, [])
        groups += piece.groups
        lines = typed_so_far(old.get(piece.path, []), new[piece.path], groups)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8")
