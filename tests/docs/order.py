"""Type the pieces of a lesson into a copy of the stage before."""

from pathlib import Path

from docs.shown import changes, repository


def type_pieces(
    work: Path,
    stage: str,
    pieces: list[changes.Piece],
    taken: dict[str, list[changes.Piece]],
) -> None:
    """Type pieces into a copy of the stage before, on top of those taken already."""
    old = repository.files(repository.before(stage))
    new = repository.files(stage)
    for piece in pieces:
        path = work / piece.path
        if piece.verb == "is gone":
            path.unlink()
            continue
        typed = taken.setdefault(piece.path, [])
        typed.append(piece)
        codes = changes.codes_of(typed)
        lines = changes.typed_so_far(old.get(piece.path, []), new[piece.path], codes)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8")
