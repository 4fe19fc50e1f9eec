"""Draw what `python -m tests.bench` has measured, each with a table of the same."""

import re
from html import escape
from math import log10

from docs.shown.numbers import COLUMNS, busy, results
from docs.shown.repository import CannotShow
from docs.shown.text import number

WIDTH = 400  # Units, as all that follows: those of the other drawings.
LONGEST = 320  # A bar. Its number stands behind it.
ROW = 44

LEFT, RIGHT, TOP, BOTTOM = 44, 236, 14, 236  # The field of lines.
LEAST = 17  # Between the names of two lines.

# What a name is called in a drawing, where there is no room for all of it.
SHORT = {
    "Channels' tutorial's style": "the tutorial's style",
    "Channels' tutorial's style, an echo": "the tutorial's style",
    "stage 1, asynchronous consumer": "stage 1",
    "synchronous consumer, as in many tutorials": "synchronous consumer",
    "stage 3 without Channels' closing of old database connections": (
        "stage 3, no closing"
    ),
    "bare ASGI function, a set for each room": "bare ASGI function",
    "autobahn, no ASGI, an event framed once for all": "autobahn, framed once",
    "raw websockets, the limit in Python": "raw websockets",
}

STYLE = """<style>
.chart text { fill: currentColor; font: 14px system-ui, sans-serif; }
.chart .small { font-size: 12px; }
.chart rect { fill: currentColor; opacity: 0.35; }
.chart .fast rect { fill: var(--drawing-out, #0b57d0); opacity: 1; }
.chart .limit rect { fill: var(--drawing-in, #a8360b); opacity: 1; }
.chart path { fill: none; stroke: currentColor; stroke-width: 1.5; }
.chart .fast path { stroke: var(--drawing-out, #0b57d0); stroke-width: 3; }
.chart .limit path { stroke: var(--drawing-in, #a8360b); stroke-width: 3; }
.chart .axis { stroke-width: 1; opacity: 0.3; }
.chart .half { stroke-width: 2; }
</style>"""


def cost_bars(title, name, column, where, *rows):
    """
    Draw one number of some rows of a benchmark, which end with the same words.

    A bar is the median, and half of the rounds lie between the ends of its line.
    """
    found = {each: row_of(name, each, where) for each in rows}
    values = {each: row[column] for each, row in found.items()}
    halves = {each: quartiles(row, column) for each, row in found.items()}
    scale = LONGEST / max(max(half) for half in halves.values())
    parts = []
    for place, (each, value) in enumerate(values.items()):
        y = place * ROW
        low, high = (scale * end for end in halves[each])
        long = scale * value
        line = f'<path class="half" d="M{low:.1f} {y + 29}H{high:.1f}"/>'
        x = max(long, high) + 6
        parts.append(
            f'<g class="{kind(each)}">'
            f'<text x="0" y="{y + 16}">{name_in_drawing(each)}</text>'
            f'<rect x="0" y="{y + 22}" width="{long:.1f}" height="14"/>'
            f"{line if high - low > 2 else ''}"
            f'<text x="{x:.1f}" y="{y + 34}">{number(value)}</text></g>'
        )
    heading = COLUMNS[column]["heading"]
    told = "; ".join(
        f"{name_in_drawing(each)}: {number(value)}" for each, value in values.items()
    )
    table = [
        ["", heading, "half of the rounds"],
        *(
            [each, number(values[each]), " to ".join(map(number, halves[each]))]
            for each in rows
        ),
    ]
    drawn = svg_of(title, f"{heading}. {told}.", ROW * len(rows), parts)
    return figure_of(title, drawn, table)


def cost_lines(title, name, column, *rows):
    """Draw how a number of some rows grows with the members, both by their powers."""
    points = {each: points_of(name, each, column) for each in rows}
    sizes = sorted({size for each in points.values() for size in each})
    highest = max(max(each.values()) for each in points.values())
    lowest = min(min(each.values()) for each in points.values())

    def across(size):
        share = log10(size / sizes[0]) / log10(sizes[-1] / sizes[0])
        return LEFT + share * (RIGHT - LEFT)

    floor, top = log10(lowest / 1.5), log10(highest * 1.5)

    def down(value):
        return BOTTOM - (log10(value) - floor) / (top - floor) * (BOTTOM - TOP)

    parts = []
    for size in sizes:
        parts.append(f'<path class="axis" d="M{across(size):.1f} {TOP}V{BOTTOM}"/>')
        parts.append(
            f'<text class="small" x="{across(size):.1f}" y="{BOTTOM + 16}"'
            f' text-anchor="middle">{size:,}</text>'
        )
    for value in (1, 10, 100, 1000, 10_000):
        if lowest / 1.5 <= value <= highest * 1.5:
            y = down(value)
            parts.append(f'<path class="axis" d="M{LEFT} {y:.1f}H{RIGHT}"/>')
            parts.append(
                f'<text class="small" x="{LEFT - 6}" y="{y + 4:.1f}"'
                f' text-anchor="end">{value:,}</text>'
            )
    ends = spaced({each: down(points[each][max(points[each])]) for each in rows})
    for each in rows:
        steps = sorted(points[each].items())
        line = "L".join(
            f"{across(size):.1f} {down(value):.1f}" for size, value in steps
        )
        parts.append(
            f'<g class="{kind(each)}"><path d="M{line}"/>'
            f'<text x="{RIGHT + 8}" y="{ends[each] + 5:.1f}">'
            f"{name_in_drawing(each)}</text></g>"
        )
    parts.append(
        f'<text class="small" x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 34}"'
        f' text-anchor="middle">members of the room</text>'
    )
    heading = COLUMNS[column]["heading"]
    told = "; ".join(
        f"{name_in_drawing(each)}: "
        + ", ".join(
            f"{number(value)} at {size:,}" for size, value in points[each].items()
        )
        for each in rows
    )
    table = [
        [heading, *(f"{size:,} members" for size in sizes)],
        *([each, *(shown(points[each].get(size)) for size in sizes)] for each in rows),
    ]
    drawn = svg_of(title, f"{heading}, by members. {told}.", BOTTOM + 40, parts)
    return figure_of(title, drawn, table)


def room_bears(*rows):
    """
    Show how many messages a second fill one core, in rooms of sizes that all rows have.

    A message is told to each member, so it costs as many deliveries.
    """
    points, sizes = sized(rows)
    table = [["messages a second", *(f"room of {size:,}" for size in sizes)]]
    for each, costs in points.items():
        found = [a_second(size * costs[size]) for size in sizes]
        table.append([short(each), *found])
    return f'<div class="wide" markdown="0">\n{table_of(table)}\n</div>\n'


def a_second(cost):
    """Return how often a second has room for what costs so many microseconds."""
    return f"{1e6 / cost:,.0f}" if cost < 1e5 else f"{1e6 / cost:.1f}"


def core_share(row, size, a_second):
    """Return which part of a core so many messages a second to a room take: "27 %"."""
    cost = points_of("fanout", row, "cpu_us")[size]
    return f"{100 * a_second * size * cost / 1e6:.0f} %"


def cost_times(name, row, base):
    """Return how many times the CPU time of a row the base takes for the same."""
    cheap, dear = (row_of(name, each, "")["cpu_us"] for each in (row, base))
    return f"{dear / cheap:.2f}"


def delivery(row, size):
    """Return what one delivery of a row costs in a room of a size, in µs."""
    return number(points_of("fanout", row, "cpu_us")[size])


def redis_times(size):
    """Return how many times as much a delivery of stage 3 costs on Redis."""
    where = f"{size} members"
    return cost_times(
        "fanout", f"stage 3, in memory; {where}", f"stage 3, Redis; {where}"
    )


def echo_times(row, in_flight):
    """Return how many times the CPU time of a row a synchronous consumer takes."""
    plural = "s" if in_flight > 1 else ""
    where = f"1 client, {in_flight} message{plural} in flight"
    base = "synchronous consumer, as in many tutorials"
    return cost_times("echo", f"{row}; {where}", f"{base}; {where}")


def cost_table(*rows):
    """Show what one delivery costs, in rooms of sizes that all rows have."""
    points, sizes = sized(rows)
    table = [["CPU of one delivery, µs", *(f"room of {size:,}" for size in sizes)]]
    for each, costs in points.items():
        table.append([short(each), *(number(costs[size]) for size in sizes)])
    return f'<div class="wide" markdown="0">\n{table_of(table)}\n</div>\n'


def sized(rows):
    """Return what a delivery costs by sizes, and the sizes that all rows have."""
    points = {each: points_of("fanout", each, "cpu_us") for each in rows}
    return points, sorted(set.intersection(*(set(each) for each in points.values())))


def cost_growth(row, small, large):
    """Return how many times as much a delivery costs in the larger of two rooms."""
    costs = points_of("fanout", row, "cpu_us")
    return f"{costs[large] / costs[small]:.2f}"


def bench_goals():
    """Show what was asked, what was measured, and whether that is as asked."""
    table = [["goal", "asked", "measured", "half of the rounds", "compared by", "met"]]
    for row in results("goals")["rows"]:
        sign = "≥" if row["at"] == "least" else "≤"
        low, high = row["measured_quartiles"]
        wide = ", a wide spread" if row["is_wide"] else ""
        table.append(
            [
                row["name"],
                f"{sign} {row['asked']:g}",
                number(row["measured"]),
                "" if low == high else f"{number(low)} to {number(high)}{wide}",
                row.get("by", ""),
                "yes" if row["is_met"] else "no",
            ]
        )
    return f'<div class="wide" markdown="0">\n{table_of(table)}\n</div>\n'


def bench_half(name, row, column="ratio"):
    """Return between which numbers half of the rounds lie: "1.10 to 1.30"."""
    for each in results(name)["rows"]:
        if each["name"] == row and f"{column}_quartiles" in each:
            return " to ".join(map(number, each[f"{column}_quartiles"]))
    raise CannotShow(
        f"docs/bench.json has no quartiles of {column} of {row!r} among the results "
        f"of {name}."
    )


def measured_on():
    """Say on what, when, and how quietly the costs were measured."""
    result = results("echo")
    where = ", ".join(f"{key} {value}" for key, value in result["environment"].items())
    return f"Measured on {result['date']} with {where}.{busy(result)}"


def row_of(name, row, where):
    """Return a row of a result, whose name ends with where, if that is said."""
    full = f"{row}; {where}" if where else row
    for each in results(name)["rows"]:
        if each["name"] == full:
            return each
    raise CannotShow(f"docs/bench.json has no {full!r} among the results of {name}.")


def points_of(name, row, column):
    """Return a number of a row in rooms of each size that was measured."""
    points = {}
    for each in results(name)["rows"]:
        found = re.fullmatch(re.escape(row) + r"; (\d+) members", each["name"])
        if found and column in each:
            points[int(found[1])] = each[column]
    if len(points) < 2:
        raise CannotShow(f"docs/bench.json has no two sizes of {row!r} in {name}.")
    return points


def quartiles(row, column):
    """Return between which numbers half of the rounds lie: one, where one is known."""
    return row.get(f"{column}_quartiles", [row[column], row[column]])


def spaced(places):
    """Move names that would stand on each other down, the upper ones first."""
    moved, last = {}, -LEAST
    for each, y in sorted(places.items(), key=lambda place: place[1]):
        last = moved[each] = max(y, last + LEAST)
    return moved


def name_in_drawing(name):
    """Return what a row is called in a drawing."""
    return escape(short(name))


def short(name):
    """Return what a row is called where all are in memory, and there is little room."""
    name = name.removesuffix(", in memory")
    return SHORT.get(name, name)


def kind(name):
    """Return the class of a row: the fast lane and the limit have a colour."""
    if "fast lane" in name:
        return "fast"
    return "limit" if "raw websockets" in name else "other"


def shown(value):
    """Write a number, or that there is none."""
    return "" if value is None else number(value)


def svg_of(title, told, height, parts):
    """Return a drawing that can be read aloud, too."""
    name = re.sub(r"\W+", "-", title).strip("-").lower()
    said = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    box = f'viewBox="0 0 {WIDTH} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {box} {said}>',
            f'<title id="{name}-title">{escape(title)}</title>',
            f'<desc id="{name}-desc">{told}</desc>',
            STYLE,
            '<g class="chart">',
            *parts,
            "</g></svg>",
        ]
    )


def figure_of(title, drawn, table):
    """Put a drawing into the page, with its name above and its numbers below."""
    return (
        f'<figure class="drawing cost" markdown="0">\n'
        f"<figcaption>{escape(title)}</figcaption>\n{drawn}\n"
        f"<details><summary>The same as a table</summary>\n{table_of(table)}\n"
        f"</details>\n</figure>\n"
    )


def table_of(lines):
    """Write a table: the first line is its head, the first cell a row's name."""
    head, *rows = lines
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = [
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for first, *cells in rows
    ]
    return "\n".join(
        [
            '<table class="numbers">',
            f"<thead><tr>{top}</tr></thead>",
            "<tbody>",
            *body,
            "</tbody></table>",
        ]
    )
