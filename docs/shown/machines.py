"""
Show what `python -m tests.bench.machines` has seen, and what paper makes of it.

What the paper takes from measurements stands in COSTS, and nowhere else.
"""

import json
import re
from math import ceil

from docs.shown.numbers import results
from docs.shown.paper import (
    PING_INTERVAL,
    Costs,
    Policy,
    Site,
    arithmetic,
    joins,
    storm,
)
from docs.shown.repository import CannotShow, read
from docs.shown.text import cells, plain

# A number of docs/bench.json: the benchmark, the row, the column.
BENCH = {
    "deliveries_per_s": ("fanout", "stage 3, Redis; 100 members", "deliveries_per_s"),
    "handshakes_per_s": (
        *("handshake", "stage 4, with a session, in memory", "handshakes_per_s"),
    ),
}
# And of docs/machines.json.
SEEN = {
    "process_kib": ("scale", "idle", "Daphne", "kib"),
    "proxy_kib": ("scale", "idle", "nginx", "kib"),
    "proxy_files": ("scale", "idle", "nginx", "files"),
    "redis_us": ("scale", "rows", "4", "Redis_us"),
    "small_us": ("scale", "rows", "1", "Daphne_us"),
    "spread_us": ("scale", "rows", "4", "Daphne_us"),
    "kept_redis_us": ("scale", "rows", "1", "Redis_us"),
}

ROOMS = {
    "room dead, process dead": "their room and their mailbox on the dead Redis",
    "room dead, process alive": "their room on the dead Redis, mailbox on the other",
    "room alive, process dead": "their mailbox on the dead Redis, room on the other",
    "room alive, process alive": (
        "another member's mailbox on the dead Redis, room and own mailbox on the other"
    ),
    "room at home, process alive": "room and all its mailboxes on the other Redis",
}

VARIANTS = (
    "core, guard() tells all",
    "core, guard() tells one",
    "pub/sub, guard() tells one",
)

LONGEST = 64  # Characters of an error.
COMMAND = "python3 -m tests.bench.machines --write"

# Of one process: a full one, and two that are too full.
CROWDS = (500, 2_000, 10_000)
POLICIES = {
    "all at once": Policy(jitter=False),
    "as our page does": Policy(),
}
# So much longer than all handshakes take: a server that is never idle has a queue.
RESERVE = 1.1


# What has just been seen, for as long as it is shown in a terminal.
JUST_SEEN = {}


def machines():
    """Return what was seen, by parts."""
    return JUST_SEEN or json.loads("".join(read("docs/machines.json")))


def found(part, *keys):
    """Return one thing that was seen."""
    try:
        result = machines()[part]
        value = {**result["seen"], "CPUs": result["environment"]["CPUs"]}
        for key in keys:
            if key == "rows":
                value = {str(row["daphnes"]): row for row in value[key]}
            else:
                value = value[key]
    except (KeyError, TypeError):
        words = " ".join(map(repr, keys))
        raise CannotShow(f"docs/machines.json has no {words} in {part}.") from None
    return value


def machine(part, *keys):
    """Write one thing that was seen: a number, or several, in a line."""
    return written(found(part, *keys))


def written(value):
    """Write what was seen in a line."""
    if value is None:
        return "never"
    if isinstance(value, list):
        return ", ".join(map(written, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{plain(str(key))}: {written(value[key])}" for key in value)
    if isinstance(value, int):
        return f"{value:,}" if value >= 10_000 else str(value)  # 4503 is a code.
    if isinstance(value, float):
        return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
    return plain(value)


def share(value):
    """Write a part of one as a percentage."""
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def table(first, *rows):
    """Write a table of rows."""
    head = [cells(*first), cells(*[":--"] * len(first))]
    return "\n".join([*head, *(cells(*row) for row in rows), ""])


def as_text(part, result):
    """Write the page's table of a part that has just been seen, for a terminal."""
    JUST_SEEN[part] = result
    try:
        head, _, *rows = globals()[f"machines_{part}"]().splitlines()
    finally:
        JUST_SEEN.clear()
    _, *columns = cells_of(head)
    width = max(map(len, columns))
    lines = []
    for row in filter(None, rows):
        name, *values = cells_of(row)
        lines.append(name)
        for column, value in zip(columns, values, strict=True):
            first, *more = value.split("<br>")
            lines.append(f"    {column:{width}}  {first}")
            lines += [f"    {'':{width}}  {each}" for each in more]
    return "\n".join([f"{cells_of(head)[0]}:", *lines, ""])


def cells_of(line):
    """Return the cells of a line of a table, without what only Markdown wants."""
    return re.sub(r"\\(?=[\\*_\[\]<>{}|#])|`", "", line).strip("| ").split(" | ")


def machines_shards():
    """Show how long members were connected while one of two Redis was away."""
    rows = []
    for kind, words in ROOMS.items():
        # On pub/sub, a process has no mailbox: each connection has its own.
        each = [found("shards", name, "members", kind) for name in VARIANTS]
        rows.append(
            [
                words,
                *(
                    f"{share(seen['connected'])} connected, "
                    f"{share(min(1, seen['heard']))} heard"
                    for seen in each
                ),
            ]
        )
    asked = found("shards", VARIANTS[0], "newcomers_asked")
    rows.append(
        [
            f"new clients at each process who were let in, of {asked}",
            *(
                " and ".join(
                    str(found("shards", name, "newcomers_let_in", where))
                    for where in ("dead", "alive")
                )
                for name in VARIANTS
            ),
        ]
    )
    return table(["members with", *map(plain, VARIANTS)], *rows)


def shards_again():
    """Write after how many seconds all heard all, in the three tests."""
    *some, last = (written(found("shards", name, "again_s")) for name in VARIANTS)
    return f"{', '.join(some)} and {last}"


def cluster_went_on():
    """Write what arrived in the process whose node of a Cluster was alive."""
    seen = found("cluster", "pub/sub, one node killed", "the_other_process")
    return f"{seen['came']} of {seen['wanted']}"


def machines_sentinel():
    """Show what it took until all heard all again."""
    rows = {
        "the Sentinels chose the replica after": "promoted_s",
        "the pages' connections were closed after": "closed_s",
        "close code": "codes",
        "all members heard each other again after": "again_s",
        "messages sent on an open connection that nobody received": "said_in_vain",
        "deliveries lost after that": None,
    }
    names = list(machines()["sentinel"]["seen"])

    def cell(name, key):
        if key is None:
            after = found("sentinel", name, "after")
            return str(after["wanted"] - after["came"])
        value = found("sentinel", name, key)
        return f"{written(value)} s" if key.endswith("_s") else written(value)

    return table(
        ["the master is", *map(plain, names)],
        *([words, *(cell(name, key) for name in names)] for words, key in rows.items()),
    )


def machines_cluster():
    """Show what each way to use a Cluster comes to."""
    rows = []
    for name, seen in machines()["cluster"]["seen"].items():
        if "members_in" not in seen:
            continue
        errors = dict.fromkeys(map(shortened, seen["errors"]))
        rows.append(
            [
                plain(name),
                f"{seen['members_in']} of {seen['members']}",
                f"{seen['came']:,} of {seen['wanted']:,}" if seen["wanted"] else "none",
                "<br>".join(f"`{error}`" for error in errors) or "none",
            ]
        )
    return table(
        ["layer and `hosts`", "members connected", "deliveries that arrived", "errors"],
        *rows,
    )


def shortened(error):
    """Write an error without what is different each time."""
    words = re.split(r" SLOT| Command #|: ", error)[0]
    return f"{words[:LONGEST].rpartition(' ')[0]} …" if len(words) > LONGEST else words


def machines_restart():
    """Show what a rolling restart loses."""
    rows = {
        "connections that were closed": "closed",
        "close code": "codes",
        "times that nginx answered 502": "refused",
        "time without a connection: median and longest": "away_s",
        "pages that had not come back when the test ended": None,
        "deliveries that arrived, between pages that stayed connected": "came",
        "deliveries that arrived twice": "twice",
        "messages sent while the connection closed": "in_doubt",
        "of these messages, received by somebody": "in_doubt_and_heard",
        "ghosts left in Redis": "ghosts",
    }
    names = list(machines()["restart"]["seen"])

    def cell(name, key):
        seen = found("restart", name)
        if key is None:
            return f"{not_back(seen)} of {seen['members']}"
        if key == "away_s":
            # Who is not back has been away until the end, and is for longer.
            least = "at least " if not_back(seen) else ""
            return least + " and ".join(f"{written(value)} s" for value in seen[key])
        if key == "came":
            return f"{seen['came']:,} of {seen['wanted']:,}"
        return written(seen[key])

    return table(
        ["both Daphnes restarted with", *map(plain, names)],
        *([words, *(cell(name, key) for name in names)] for words, key in rows.items()),
    )


def not_back(seen):
    """Return how many pages had not come back when a test of restarts ended."""
    return seen["members"] - seen["members_in_at_the_end"]


def machines_scale():
    """Show what a delivery costs one, two and four processes, and what they carry."""
    names = ("Daphne", "Redis", "nginx")
    return table(
        [
            "Daphne processes",
            *(f"CPU in {each}" for each in names),
            *("deliveries a second, with a core each", "compared with one process"),
        ],
        *(
            [
                row["daphnes"],
                *(f"{row[f'{name}_us']:,.0f} µs" for name in names),
                rounded(carried(row["daphnes"])),
                f"{carried_times(row['daphnes'])} times",
            ]
            for row in found("scale")["rows"]
        ),
    )


def row_of(daphnes):
    """Return what was seen with so many processes."""
    return found("scale", "rows", str(daphnes))


def daphne_us(daphnes):
    """Write what a delivery costs Daphne if its room is spread over some, in µs."""
    return f"{row_of(daphnes)['Daphne_us']:,.0f}"


def carried(daphnes):
    """
    Return how many deliveries a second processes make if each has a core for itself.

    CPU times say that, whatever cores there are: how fast several processes were on
    two cores, which they share with all else, does not repeat.
    """
    return daphnes * 1e6 / row_of(daphnes)["Daphne_us"]


def carried_times(daphnes):
    """Write how many times as many deliveries as one process those make."""
    return f"{carried(daphnes) / carried(1):.1f}"


def machines_storm():
    """Show a storm that was measured beside the same one simulated."""
    rows = {
        "the server is away for": ("down_s", " s"),
        "failed attempts of each client": ("refused_each", ""),
        "half of the clients are connected, after it is back": ("half_in_s", " s"),
        "all clients are connected, after it is back": ("all_in_s", " s"),
        "the median client waits for its welcome for": ("wait_p50_s", " s"),
        "99 of 100 clients wait at most": ("wait_p99_s", " s"),
    }
    columns = [
        (kind, name)
        for kind in ("no jitter", "jitter")
        for name in ("measured", "simulated")
    ]

    def value(kind, name, key):
        seen = found("storm", name, kind)
        # They were counted from the kill. How long a start takes differs each time.
        return seen[key] - seen["down_s"] * key.endswith("in_s")

    return table(
        ["all clients disconnected", *(f"{kind}, {name}" for kind, name in columns)],
        *(
            [
                words,
                *(f"{written(value(kind, name, key))}{unit}" for kind, name in columns),
            ]
            for words, (key, unit) in rows.items()
        ),
    )


def machines_measured():
    """Say when all parts were seen, by which command, and with what, once for each."""
    parts_of = {}
    for part, result in machines().items():
        where = ", ".join(
            f"{key} {each}" for key, each in result["environment"].items()
        )
        words = f"{result['date']} by `{COMMAND}`, with {where}"
        parts_of.setdefault(words, []).append(part)
    several = len(parts_of) > 1
    return "\n".join(
        f"*{', '.join(some) + ': seen' if several else 'Seen'} on {words}.*\n"
        for words, some in parts_of.items()
    )


# Paper


def costs():
    """Return what the paper takes from measurements."""
    measured = {key: found(*place) for key, place in SEEN.items()}
    for key, (name, wanted, column) in BENCH.items():
        row = next((r for r in results(name)["rows"] if r["name"] == wanted), None)
        if row is None or column not in row:
            raise CannotShow(f"docs/bench.json has no {column} of {wanted!r}: {name}.")
        measured[key] = row[column]
    return Costs(**measured)


def million(key):
    """Write what a site of a million connections needs, or what one process does."""
    known = arithmetic(Site(), costs()) | costs()._asdict()
    if key not in known:
        raise CannotShow(f"The arithmetic has no {key}.")
    return rounded(known[key])


def million_needs():
    """Show what a site of a million connections needs, and why."""
    site = Site()
    kept, spread = "if each room stays on one process", "if rooms are spread"
    rows = [
        (
            "messages a second",
            million("messages_per_s"),
            (
                "each person writes once in 60 seconds, and each message asks the "
                "database for a session"
            ),
        ),
        (
            "deliveries a second",
            million("deliveries"),
            f"each message goes to {site.members} members",
        ),
        (
            f"Daphne processes, {kept}",
            f"{million('processes')} to {million('processes_small')}",
            (
                "a delivery costs what it does in rooms of a hundred, or of "
                f"{found('scale', 'members_each')}"
            ),
        ),
        (
            f"Daphne processes, {spread}",
            f"{million('processes_spread')} or more",
            (
                "it costs what it does in rooms of "
                f"{found('scale', 'members_each')} on four processes"
            ),
        ),
        (
            "connections of each process",
            million("connections_each"),
            (
                f"of {million('processes')} processes; the limit of open files must be "
                "higher"
            ),
        ),
        (f"Redis servers, {kept}", million("redis_kept"), "each uses half of a core"),
        (f"Redis servers, {spread}", million("redis"), "the same, on four processes"),
        (
            "memory of Daphne and nginx",
            f"{million('gib')} GiB",
            "this is for idle connections alone",
        ),
        (
            "open files of nginx",
            million("files_of_nginx"),
            "each connection needs one to the client and one to Daphne",
        ),
        (
            "network while all are silent",
            f"{million('idle_mbit_per_s')} Mbit/s",
            f"Daphne sends a ping every {PING_INTERVAL} seconds",
        ),
        (
            "network while all write",
            f"{million('mbit_per_s')} Mbit/s",
            f"a message has {site.bytes} bytes, and TLS and TCP around it",
        ),
        (
            "time to let everybody in",
            f"{million('all_in_s')} s",
            f"if people come evenly, to all {million('processes')} processes",
        ),
    ]
    return table(["what you need", "how much", "because"], *rows)


def rounded(value):
    """Write a number with two digits that mean something: paper knows no more."""
    digits = 2 - len(str(int(value))) if value >= 1 else 2
    value = round(value, digits)
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def room_bounds():
    """Show how long one message takes in a room, and everybody's coming back."""
    rate = costs().deliveries_per_s
    rows = [
        [
            f"{members:,}",
            f"{rounded(members / rate)} s",
            f"{joins(members):,}",
            f"{rounded(joins(members) / rate)} s",
        ]
        for members in (20, 100, 500, 2_000, 10_000)
    ]
    head = ("members of the room", "one message takes", "joins when all come back")
    return table([*head, "these joins take"], *rows)


def spread_over(crowd, rate):
    """Return how the pages of a crowd come back if they obey the rule of the page."""
    first = ceil(crowd / rate * RESERVE)
    policy = Policy(first=2 * first, longest=2 * first)
    return {f"after {first} to {2 * first} seconds, as the rule says": policy}


def storms():
    """Show how crowds of one process come back, by how their pages try it."""
    rate = costs().handshakes_per_s
    rows = []
    for crowd in CROWDS:
        for name, policy in (POLICIES | spread_over(crowd, rate)).items():
            seen = storm(crowd, rate, policy, down=1.0)
            rows.append(
                [
                    f"{crowd:,}",
                    name,
                    f"{rounded(seen.wait_p50)} s, {rounded(seen.wait_p99)} s",
                    rounded(seen.given_up / crowd),
                    f"{rounded(seen.all_in)} s" if seen.all_in else "more than 5 min",
                ]
            )
    head = (
        *("clients of one process", "the pages come back"),
        "wait: the median, and 99 of 100 at most",
    )
    return table(
        [*head, "attempts given up, each client", "all are connected after"], *rows
    )
