"""
Offer to the pages what docs/shown/ shows, straight from the repository.

A page calls a macro on a line of its own, at any indentation:

    [[ include("stage01_echo/chat/consumers.py") ]]

Whatever a macro cannot find or explain fails the build.
"""

import sys
from functools import wraps
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent

# What fills lines of its own, by the modules of docs/shown/.
BLOCKS = {
    "changes": ("changes",),
    "commands": ("commands",),
    "costs": ("cost_bars", "cost_lines", "room_bears", "cost_table", "bench_goals"),
    "exercises": ("exercises",),
    "glossary": ("glossary",),
    "handout": ("handout",),
    "listings": ("include",),
    "machines": (
        *("machines_shards", "machines_sentinel", "machines_cluster"),
        *("machines_restart", "machines_scale", "machines_storm"),
        *("machines_measured", "million_needs", "room_bounds", "storms"),
    ),
    "mistakes": ("sights",),
    "numbers": ("bench_table",),
    "pictures": ("svg", "flames", "screenshot"),
    "plans": ("sessions", "plan", "day"),
    "questions": ("questions",),
    "see": ("seen_by_py_spy",),
    "servers": (
        *("servers_started", "servers_checks"),
        *("servers_seen", "servers_measured"),
    ),
    "sessions": ("session",),
    "slides": ("slides",),
    "live": ("live", "cause", "types", "when_asked"),
    "upstream": ("upstream_effect", "upstream_measured"),
    "weights": ("weighed",),
    "workbench": ("experiment", "experiments", "recorded_with"),
}
# What stands in a line.
INLINE = {
    "costs": (
        "bench_half",
        "core_share",
        "cost_growth",
        "cost_times",
        "delivery",
        "echo_times",
        "measured_on",
        "redis_times",
    ),
    "machines": (
        *("carried_times", "cluster_went_on", "daphne_us", "machine", "million"),
        "shards_again",
    ),
    "minutes": ("minutes", "rates"),
    "numbers": ("bench",),
    "pictures": ("flame_share",),
    "teach": ("step",),
    "weights": ("marks",),
    "workbench": ("accept",),
}

# How much a page weighs in MkDocs' search, by the beginning of its name. Who looks
# for a word wants the chapter first that explains it.
WEIGHTS = {"0": 2, "glossary": 1.5} | dict.fromkeys(
    ("setup", "stuck", "workbench", "testing"), 1
)
LESS = 0.5


def on_pre_page_macros(env):
    """Weigh a page for the search. MkDocs calls this; Zensical weighs by itself."""
    name = Path(env.page.file.src_path).stem
    weights = [weight for start, weight in WEIGHTS.items() if name.startswith(start)]
    boost = LESS if name.endswith("-deeper") or not weights else weights[0]
    env.page.meta["search"] = {"boost": boost, **env.page.meta.get("search", {})}


def define_env(env):
    """Offer the macros to the pages. Both builders, MkDocs and Zensical, call this."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))  # Neither builder does.
    calls = import_module("docs.shown.calls")

    def offer(macro, is_block):
        @wraps(macro)
        def on_this_page(*args):
            # MkDocs and Zensical name the page's source differently.
            page = (
                env.page.file.src_path if hasattr(env.page, "file") else env.page.path
            )
            return calls.called(macro, args, page, is_block)

        env.macro(on_this_page, macro.__name__)

    for modules, is_block in ((BLOCKS, True), (INLINE, False)):
        for name, macros in modules.items():
            module = import_module(f"docs.shown.{name}")
            for macro in macros:
                offer(getattr(module, macro), is_block)
