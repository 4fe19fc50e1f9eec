"""Show what `python -m tests.bench` has measured."""

import json
import tomllib
from html import escape
from pathlib import Path

from docs.shown.repository import CannotShow, read
from docs.shown.text import number

# How a result says that its speeds are not to be relied on: tests/bench/record.py.
BUSY = "did something else meanwhile"
COLUMNS = tomllib.loads(
    (Path(__file__).parents[1] / "columns.toml").read_text(encoding="utf-8")
)


def results(name):
    """Return the result of a benchmark, as `python -m tests.bench` wrote it."""
    try:
        return json.loads("".join(read("docs/bench.json")))[name]
    except KeyError:
        raise CannotShow(f"docs/bench.json has no results named {name}.") from None


def bench(name, row, column="ratio"):
    """Return one number of a result: a row's `ratio`, or another of its columns."""
    for each in results(name)["rows"]:
        if each["name"] == row and column in each:
            return number(each[column])
    raise CannotShow(
        f"docs/bench.json has no {column} of {row!r} among the results of {name}."
    )


def bench_table(name, *beginnings):
    """
    Show a benchmark's result, and the machine that it was measured on.

    `beginnings` are those of the names of the rows to show, if it is not all of them.
    Those that start with a semicolon are the ends of names.
    """
    result = results(name)
    ends = tuple(each for each in beginnings if each.startswith(";"))
    starts = tuple(each for each in beginnings if each not in ends)
    shown = [
        row
        for row in result["rows"]
        if row["name"].startswith(starts or "") and row["name"].endswith(ends or "")
    ]
    if not shown:
        raise CannotShow(
            f"docs/bench.json has no {' or '.join(beginnings)} among the results of "
            f"{name}."
        )
    columns = {
        key: column["heading"]
        for key, column in COLUMNS.items()
        if key in result["rows"][0] and "for_us" not in column
    }
    head = "".join(
        f'<th scope="col">{each}</th>' for each in ("server", *columns.values())
    )
    highest = max(row.get("ratio", 0) for row in shown)
    # What comes after a semicolon, such as the size of the room, is said once.
    groups = {}
    for row in shown:
        who, _, where = row["name"].partition("; ")
        groups.setdefault(where, []).append((who, row))
    bodies = [
        table_body(where, rows, columns, highest) for where, rows in groups.items()
    ]
    where = ", ".join(f"{key} {value}" for key, value in result["environment"].items())
    caption = f"<caption>Measured with {where}.{busy(result)}</caption>"
    lines = [f"<thead><tr>{head}</tr></thead>", *bodies]
    table = "\n".join([f'<table class="numbers">{caption}', *lines, "</table>"])
    return f'<div class="wide" markdown="0">\n{table}\n</div>\n'


def busy(result):
    """Say that the machine did something else, if a result does."""
    notes = [note for note in result.get("notes", []) if BUSY in note]
    return f" {escape(notes[0])}" if notes else ""


def table_body(where, rows, columns, highest):
    """Write the rows of a table that have something in common, below its name."""
    lines = []
    if where:
        words = (
            f'<th colspan="{len(columns) + 1}" scope="rowgroup">{escape(where)}</th>'
        )
        lines.append(f"<tr>{words}</tr>")
    for who, row in rows:
        numbers = "".join(
            f"<td>{bar(row, highest) if key == 'ratio' else ''}{number(row[key])}</td>"
            for key in columns
        )
        lines.append(f'<tr><th scope="row">{escape(who)}</th>{numbers}</tr>')
    return "\n".join(["<tbody>", *lines, "</tbody>"])


def bar(row, highest):
    """Draw the ratio of a row as a bar, for the eye."""
    width = f"{100 * row['ratio'] / highest:.0f}"
    return (
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect width="{width}" height="6"/></svg>'
    )
