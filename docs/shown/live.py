"""Show the order in which to type a stage live, with what is typed, and where."""

from pathlib import Path, PurePosixPath

from docs.shown.listings import LANGUAGES, fence
from docs.shown.places import code, is_whole, places
from docs.shown.repository import before, files
from docs.shown.slides import joined
from docs.shown.teach import once, order, saves, stage_of, words
from docs.shown.text import indented


def live(chapter):
    """
    Show the order in which to type a stage live, piece by piece.

    Each piece says where its lines stand, has them folded below it, and says what is
    typed wrong on purpose. After each step stands what is seen.
    """
    steps, copied, skipped = order(chapter)
    typed = [piece for _, found in steps for piece in found]
    total = sum(len(words(piece.added())) for piece in typed)
    shown = [f"**Type** {counted(total, 'line')}, in {counted(len(typed), 'piece')}:\n"]
    items = []
    for step, found in steps:
        with_next = {name for each in saves(step) for name in each[:-1]}
        of_step = [as_item(chapter, piece, piece.name in with_next) for piece in found]
        if step.get("copies"):
            of_step.append(copying(chapter, copied))
        paths = [piece.path for piece in found]
        for mistake in step.get("wrong", []):
            # Below its file, where it is typed; or last, if that is typed already.
            place = paths.index(mistake["file"]) if mistake["file"] in paths else -1
            of_step[place] += f"\n{wrong(chapter, mistake)}\n"
        of_step[-1] += f"\n{now(chapter, step)}\n"
        items += of_step
    for number, item in enumerate(items, start=1):
        first, *rest = item.splitlines()
        body = "\n".join([f"{number}. {first}", indented("\n".join(rest))])
        shown.append(f"{body.rstrip()}\n")
    if skipped:
        names = ", ".join(f"`{piece.path}`" for piece in once(skipped))
        shown.append(f"**Leave out** {names}.\n")
    return "\n".join(shown)


def as_item(chapter, piece, is_saved_later):
    """Write a piece: its file, where its lines stand, its reason, and the lines."""
    stage = stage_of(chapter)
    later = " **Save it with the next one.**" if is_saved_later else ""
    if piece.verb == "is gone":
        return f"`{piece.path}`: delete it. {piece.reason}{later}\n"
    total = counted(len(words(piece.added())), "line")
    if is_whole(stage, piece):
        what = "a new file" if piece.verb else "write the file anew"
        where = f", {what}, {total}. {piece.reason}{later}\n"
    elif len(found := places(stage, piece)) == 1:
        where = f", {found[0].where}: {size(found[0])}. {piece.reason}{later}\n"
    else:
        rows = "".join(f"- {each.where}: {size(each)}\n" for each in found)
        where = f", {total} in {len(found)} places. {piece.reason}{later}\n\n{rows}"
    return f"`{piece.path}`{where}\n{folded(stage, piece, total)}"


def folded(stage, piece, total):
    """Write the lines of a piece, folded: a file as it is, or a diff."""
    if is_whole(stage, piece):
        lines = files(stage)[piece.path]
        language = LANGUAGES.get(Path(piece.path).suffix, "text")
    else:
        language, lines = "diff", joined(piece.hunks)
    # Highlighted lines would be folded once more: all of it is new.
    shown = fence("".join(lines), language, piece.path)
    if piece.verb or is_whole(stage, piece):
        shown += f"\nOr copy ours: `{copy_of(stage, piece.path)}`\n"
    return f'??? example "What you type: {total}"\n\n{indented(shown)}\n'


def copying(chapter, copied):
    """Write how to copy what is not typed."""
    stage = stage_of(chapter)
    rows = dict.fromkeys(copy_of(stage, piece.path) for piece in copied)
    code = fence("\n".join(rows), "text", "Commands")
    return f"**Copy** the rest, in the folder of the course:\n\n{code}"


def copy_of(stage, path):
    """Return the command that copies a file, or the new folder that it is in."""
    known = {
        folder
        for each in files(before(stage))
        for folder in PurePosixPath(each).parents
    }
    path = PurePosixPath(path)
    new = [each for each in path.parents if each not in known]
    what, how = (new[-1], "cp -r") if new else (path, "cp")
    into = "" if what.parent == PurePosixPath(".") else f"{what.parent}/"
    return f"{how} {stage}/{what} work/{stage}/{into}"


def wrong(chapter, mistake):
    """Say what is typed wrong on purpose, and what is seen of it after the step."""
    return (
        f"**Wrong on purpose:** in `{mistake['file']}` write {code(mistake['wrong'])} "
        f"in place of {code(mistake['right'])}. After this step "
        f"{stops(chapter, mistake)} {mistake['then']} Then put it right."
    )


def now(chapter, step):
    """Say what is seen after a step, and where the chapter has it."""
    seen = f"{stops(chapter, step)} " if "fails" in step else ""
    return f"**Now:** {seen}{step['then']} ([{step['title']}]({step['link']}))"


def stops(chapter, told):
    """Say at which check the checks of a chapter stop."""
    return f"`check {int(chapter[:2])}` stops at “{told['fails']}”:"


def size(place):
    """Say how much stands at a place, and how it begins."""
    new = words(place.added)
    if not new:
        return "it goes"
    # The quotation marks of a docstring are no code that one knows a piece by.
    first = next((line for line in new if not line.startswith('"""')), new[0])
    if len(new) == 1:
        return f"1 line, {code(new[0])}"
    return f"{len(new)} lines from {code(first)}"


def counted(number, word):
    """Write a number with its word."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
