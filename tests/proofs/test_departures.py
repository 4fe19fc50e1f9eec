"""Where a project departs from the finished stage: what is named, and what is not."""

import re

import pytest

from tests.checker.explain import explain
from tests.checker.explain.departures import MOST, departures, in_short, in_words
from tests.checker.explain.source import Source
from tests.checker.explain.suspects import Suspects, spot, suspects
from tests.proofs.runs import ROOT
from tests.proofs.test_mistakes import MISTAKES, edits_of, source_of
from tests.proofs.wrong.mistake import newcomers

FILE = "chat/consumers.py"
COURSE = '''\
"""What the server says."""

import json

from channels.generic.websocket import AsyncWebsocketConsumer

LONGEST = 2_000  # Characters.
LIMITS = {
    "name": 30,
    "text": 2_000,
}


class ChatConsumer(AsyncWebsocketConsumer):
    """One for each client."""

    async def connect(self):
        self.count = 0
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        message = json.loads(text_data)
        if len(message["text"]) > LONGEST:
            await self.complain("too-long")
            return
        self.count += 1
        await self.send(text_data=text_data)

    async def complain(self, code):
        await self.send(text_data=json.dumps({"type": "error", "code": code}))
'''


def told(mine: str, **files: str) -> str:
    """Return what is said of a project with these files."""
    others = {name.replace("__", "/") + ".py": text for name, text in files.items()}
    return in_words(departures(Source({FILE: mine, **others}), Source({FILE: COURSE})))


def edited(*pairs: tuple[str, str], course: str = COURSE) -> str:
    """Return the course's file with some texts in place of others."""
    for right, wrong in pairs:
        assert course.count(right) == 1, right
        course = course.replace(right, wrong)
    return course


START = "Your code differs from the chapter's in"


def place(where: str, mine: str, theirs: str) -> str:
    """Return what is said of one place."""
    both = f"  yours    {mine}\n  chapter  {theirs}" if theirs else f"  yours    {mine}"
    return f"{START} one place:\n{FILE}, {where}\n{both}"


@pytest.mark.parametrize(
    ("edits", "where", "mine", "theirs"),
    [
        pytest.param(
            [("self.send(text_data=text_data)", "self.send(text_data)")],
            "line 27",
            "await self.send(text_data)",
            "await self.send(text_data=text_data)",
            id="changed",
        ),
        pytest.param(
            [('            await self.complain("too-long")\n', "")],
            *("after line 23", "nothing", 'await self.complain("too-long")'),
            id="missing",
        ),
        pytest.param(
            [("self.count += 1\n", "self.count += 1\n        return\n")],
            *("line 27", "return", "nothing"),
            id="extra",
        ),
        pytest.param(
            [("        self.count = 0\n", ""), ("accept()\n", "accept()\n" + " " * 8)],
            *("after line 17", "nothing", "self.count = 0"),
            id="spaces alone are no line",
        ),
        pytest.param(
            [
                ("        self.count = 0\n        await self.accept()\n", "@"),
                ("@", "        await self.accept()\n        self.count = 0\n"),
            ],
            "line 19: in the chapter, it stands after line 17",
            *("self.count = 0", ""),
            id="moved",
        ),
        pytest.param(
            [("            return\n", "        return\n")],
            "line 25: indented in another way than in the chapter",
            *("return", ""),
            id="margin",
        ),
        pytest.param(
            [('    "text": 2_000,', '    "text": 1_000,')],
            *("line 10", '"text": 1_000,', '"text": 2_000,'),
            id="the line of a statement that stands on many",
        ),
        pytest.param(
            [('    "text": 2_000,\n', '    "text": 2_000,\n    "room": 100,\n')],
            *("line 11", '"room": 100,', "nothing"),
            id="an entry at the end of a list",
        ),
        pytest.param(
            [('    "text": 2_000,\n', "")],
            *("line 10", "nothing", '"text": 2_000,'),
            id="an entry that is missing at the end of a list",
        ),
        pytest.param(
            [
                (
                    "json.loads(text_data)",
                    "json.loads(\n            str(text_data)\n        )",
                )
            ],
            "line 23",
            "str(text_data)",
            "message = json.loads(text_data)",
            id="an argument on a line of its own",
        ),
        pytest.param(
            [("json.loads(text_data)", "json.loads(\n [\n text_data,\n ][0]\n )")],
            *("line 24", "text_data,", "message = json.loads(text_data)"),
            id="a bracket on a line of its own",
        ),
        pytest.param(
            [("async def connect(", "async def conect(")],
            *("line 17", "async def conect(self):", "async def connect(self):"),
            id="a name that is used once is mistyped",
        ),
        pytest.param(
            [("LONGEST = 2_000  # Characters.", "LONGEST = 2_000,  # A comma.")],
            *("line 7", "LONGEST = 2_000,", "LONGEST = 2_000"),
            id="a comma that makes a tuple",
        ),
        pytest.param(
            [("import json\n\n", "import json\nimport ssl\n\n")],
            *("line 4", "import ssl", "nothing"),
            id="an import alone",
        ),
    ],
)
def test_place_is_named(
    edits: list[tuple[str, str]], where: str, mine: str, theirs: str
) -> None:
    assert told(edited(*edits)) == place(where, mine, theirs)


@pytest.mark.parametrize(
    "mine",
    [
        pytest.param(COURSE, id="the same"),
        pytest.param(re.sub(r' *""".*"""\n|  #.*', "", COURSE), id="comments"),
        pytest.param(COURSE.replace('"', "'").replace("'''", '"""'), id="quotes"),
        pytest.param(COURSE.replace("    ", "\t"), id="tabs"),
        pytest.param(
            edited(
                (
                    "self, text_data=None, bytes_data=None",
                    "\n self, text_data=None,\n@",
                ),
                ("@", " bytes_data=None,\n    "),
                ('    "text": 2_000,\n', '    "text": 2_000\n'),
                ('json.dumps({"type": "error", "code": code})', "json.dumps(\n@\n)"),
                ("\n@\n", '\n{"type": "error", "code": code,},\n'),
            ),
            id="layout",
        ),
        pytest.param(
            COURSE.replace("complain", "send_error").replace("count", "so_far"),
            id="names of one's own",
        ),
    ],
)
def test_what_makes_no_difference_is_no_departure(mine: str) -> None:
    assert told(mine) == ""


# In another order

ROUTES = """\
import os
from chat.consumers import ChatConsumer, refuse
from django.conf import settings
from django.urls import path

LIMIT = 10
MOST = LIMIT * 2
os.environ.setdefault("A", "b")


class Base:
    names = ()
    longest = 3

    @property
    def name(self):
        return self.names[0]

    @name.setter
    def name(self, name):
        self.names = (name,)


class Room(Base):
    def open(self, name="a"):
        return path(name, view=refuse, name="room")


def group_of(room):
    return {"type": "room", "http": lambda a, *b: a, **room, "text": f"{LIMIT:>{MOST}}"}


urlpatterns = [path("a/", ChatConsumer), path("b/", ChatConsumer)]
"""


def swapped(course: str, *pairs: tuple[str, str]) -> str:
    """Return a text in which each two pieces have changed places."""
    for one, other in pairs:
        assert course.count(one) == course.count(other) == 1, (one, other)
        course = course.replace(one, "@@").replace(other, one).replace("@@", other)
    return course


def method(name: str, text: str = COURSE) -> str:
    """Return a method, with what stands before it and inside it."""
    return re.search(rf"(?s)    async def {name}\(.*?(?=\n\n|\Z)", text)[0].rstrip()


def routes(mine: str) -> str:
    """Return what is said of a project with this file beside that of the chapter."""
    return in_words(departures(Source({FILE: mine}), Source({FILE: ROUTES})))


@pytest.mark.parametrize(
    "mine",
    [
        pytest.param(
            swapped(COURSE, (method("connect"), method("complain"))), id="methods"
        ),
        pytest.param(
            swapped(COURSE, (method("connect"), method("complain"))).replace(
                "complain", "send_error"
            ),
            id="methods, one with a name of its own",
        ),
        pytest.param(
            swapped(COURSE, ('    "name": 30,', '    "text": 2_000,')), id="keys"
        ),
        pytest.param(
            swapped(COURSE, ('"type": "error"', '"code": code')), id="keys in a line"
        ),
        pytest.param(
            edited(
                ("LONGEST = 2_000  # Characters.\n", ""),
                ('    "text": 2_000,\n}\n', '    "text": 2_000,\n}\nLONGEST = 2_000\n'),
            ),
            id="values",
        ),
    ],
)
def test_another_order_is_no_departure(mine: str) -> None:
    assert mine != COURSE
    assert told(mine) == ""


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(("import os\n", "from django.urls import path\n"), id="imports"),
        pytest.param(("ChatConsumer, refuse", "(refuse, ChatConsumer)"), id="imported"),
        pytest.param(("    names = ()\n", "    longest = 3\n"), id="of a class"),
        pytest.param(("view=refuse", 'name="room"'), id="arguments with a name"),
        pytest.param(('"type": "room"', '"http": lambda a, *b: a'), id="keys"),
        pytest.param(
            (
                ROUTES[
                    ROUTES.index("def group_of") : ROUTES.index("\n\n\nurlpatterns")
                ],
                ROUTES[ROUTES.index("class Room") : ROUTES.index("\n\n\ndef group_of")],
            ),
            id="functions and classes",
        ),
    ],
)
def test_another_order_of_a_module_is_no_departure(pair: tuple[str, str]) -> None:
    one, other = pair
    mine = ROUTES.replace(one, other) if "(" in other[:1] else swapped(ROUTES, pair)
    assert mine != ROUTES
    assert routes(mine) == ""


@pytest.mark.parametrize(
    ("pair", "line"),
    [
        pytest.param(("LIMIT = 10", "MOST = LIMIT * 2"), 7, id="a name in use"),
        pytest.param(
            ('os.environ.setdefault("A", "b")', "import os"),
            1,
            id="an import that acts",
        ),
        pytest.param(('path("a/"', 'path("b/"'), 33, id="a list has an order"),
        pytest.param(
            ('"http": lambda a, *b: a', '"text": f"{LIMIT:>{MOST}}"'),
            30,
            id="what comes after others wins",
        ),
        pytest.param(('"A"', '"b"'), 8, id="arguments"),
    ],
)
def test_order_that_python_sees_is_a_departure(
    pair: tuple[str, str], line: int
) -> None:
    assert f"{FILE}, line {line}" in routes(swapped(ROUTES, pair))


def test_of_a_method_that_has_moved_only_the_line_is_told_that_differs() -> None:
    mine = swapped(COURSE, (method("connect"), method("complain")))
    mine = mine.replace("self.count = 0", "self.count = 1")
    assert told(mine) == place("line 29", "self.count = 1", "self.count = 0")


def test_of_keys_in_another_order_only_the_one_is_told_that_differs() -> None:
    mine = swapped(COURSE, ('    "name": 30,', '    "text": 2_000,'))
    mine = mine.replace('"name": 30', '"name": 31')
    assert told(mine) == place("line 10", '"name": 31,', '"name": 30,')


def test_lines_that_stand_for_others_are_told_one_by_one() -> None:
    new = "self.count = len(text_data)\n        self.last = text_data\n"
    mine = edited(
        ("self.count += 1\n", new),
        ("self.send(text_data=text_data)", "self.send(text_data)"),
    )
    assert told(mine) == (
        f"{START} two places:\n"
        f"{FILE}, line 26\n"
        "  yours    self.count = len(text_data)\n"
        "           … and 1 more line\n"
        "  chapter  self.count += 1\n"
        f"{FILE}, line 28\n"
        "  yours    await self.send(text_data)\n"
        "  chapter  await self.send(text_data=text_data)"
    )


def test_lines_that_are_added_are_shown_and_those_above_three_counted() -> None:
    more = "".join(f"        step_{number}()\n" for number in range(8))
    said = told(edited(("self.count += 1\n", f"self.count += 1\n{more}")))
    assert said.splitlines()[2:] == [
        "  yours    step_0()",
        *(f"           step_{number}()" for number in range(1, 6)),
        "           … and 2 more lines",
        "  chapter  nothing",
    ]


def test_name_of_a_library_is_none_of_ones_own() -> None:
    twice = COURSE.replace("self.send(", "self.reply(")
    assert "  yours    await self.reply(text_data=text_data)" in told(twice)


def test_imports_follow_from_what_is_done() -> None:
    mine = edited(
        ("import json\n", "import json\nimport time\n"),
        ("self.count = 0", "self.count = time.time()"),
    )
    assert told(mine) == place("line 19", "self.count = time.time()", "self.count = 0")


def test_file_that_is_missing_and_one_of_ones_own_are_named() -> None:
    start = f"{START} one place:\n"
    assert in_words(departures(Source({}), Source({FILE: COURSE}))) == (
        f"{start}{FILE}: no such file"
    )
    assert told(COURSE, chat="x = 1\n") == f"{start}chat.py: a file of your own"
    # Where something else differs, that is no news.
    assert "chat.py" not in told(edited(("30", "31")), chat="x = 1\n")


def test_places_alone_are_named_in_short() -> None:
    changes = [
        ("self.send(text_data=text_data)", "self.send(text_data)"),
        ('            await self.complain("too-long")\n', ""),
    ]
    source = Source({FILE: edited(*changes)})
    course = Source({FILE: COURSE, "chat/apps.py": "x = 1\n"})
    assert in_short(departures(source, course)) == (
        f"{START} chat/apps.py and {FILE}, after line 23 and line 26."
    )
    assert in_short([]) == ""


def test_several_places_are_named_and_many_are_not() -> None:
    lines = [f"value_{number} = {number}\n" for number in range(20)]
    course = Source({FILE: "".join(lines)})

    def with_changes(number: int) -> str:
        mine = lines.copy()
        for each in range(number):
            mine[3 * each] = f"value_{3 * each} = 99\n"
        return in_words(departures(Source({FILE: "".join(mine)}), course))

    assert with_changes(2) == (
        f"{START} two places:\n"
        f"{FILE}, line 1\n  yours    value_0 = 99\n  chapter  value_0 = 0\n"
        f"{FILE}, line 4\n  yours    value_3 = 99\n  chapter  value_3 = 3"
    )
    assert with_changes(MOST).startswith(f"{START} four places:")
    assert with_changes(MOST + 1) == ""


def test_secret_is_neither_compared_nor_told() -> None:
    course = Source({"config/settings.py": 'SECRET_KEY = "for learning only"\n'})
    mine = 'SECRET_KEY = "hunter2"\n'
    assert departures(Source({"config/settings.py": mine}), course) == []
    mine = 'SECRET_KEY = os.environ.get("KEY", "hunter2")\n'
    said = in_words(departures(Source({"config/settings.py": mine}), course))
    assert said.endswith("yours    SECRET_KEY = …\n  chapter  SECRET_KEY = …")


def test_pages_are_looked_at_where_all_else_is_the_chapters() -> None:
    course = Source({"a.py": "x = 1\n", "page.html": "<form>\n  {% csrf_token %}\n"})
    page = {"page.html": "<form>\n"}
    assert in_words(departures(Source({"a.py": "x = 1\n", **page}), course)) == (
        f"{START} one place:\n"
        "page.html, after line 1\n  yours    nothing\n  chapter  {% csrf_token %}"
    )
    assert "page" not in in_words(departures(Source({"a.py": "x=2", **page}), course))


def test_file_that_python_cannot_read_is_compared_by_its_lines() -> None:
    mine = edited(("async def connect(self):", "async def connect(self:"))
    assert told(mine) == place(
        "line 17", "async def connect(self:", "async def connect(self):"
    )


# With the other witnesses

SOURCE = {
    "source": Source({FILE: edited(("text_data=text_data)", "text_data)"))}),
    "course": Source({FILE: COURSE}),
}
PLACES = in_words(departures(*SOURCE.values()))
CHECK = "tests/test_stage01_echo.py::test_messages_come_back"


def test_guess_comes_after_the_places() -> None:
    guess = explain("silence", "", CHECK, source=SOURCE["source"])
    both = explain("silence", "", CHECK, **SOURCE)
    assert PLACES
    assert both.sentence == f"{PLACES}\nMost often it is this: {guess.sentence}"
    assert both.id == guess.id
    assert both.general == guess.sentence


def test_guess_is_short_where_the_places_are_many() -> None:
    mine = edited(("2_000,", "1,"), ("+= 1", "+= 2"), ("count = 0", "count = 1"))
    files = {"source": Source({FILE: mine}), "course": SOURCE["course"]}
    both = explain("silence", "", CHECK, **files)
    assert both.cure == ""
    assert both.sentence.endswith(f"\nMost often it is this: {both.diagnosis}")


def test_where_nobody_speaks_the_places_do() -> None:
    assert explain("HTTP 599", "", CHECK).id == ""
    told = explain("HTTP 599", "", CHECK, **SOURCE)
    assert (told.id, told.sentence) == ("departure", PLACES)


PRINTED = "ModuleNotFoundError: No module named 'daphne'"


def test_places_come_between_what_is_wrong_and_what_to_do() -> None:
    alone = explain("no start", PRINTED, CHECK)
    assert alone.diagnosis
    assert alone.cure
    told = explain("no start", PRINTED, CHECK, **SOURCE)
    assert told.sentence == (f"{alone.diagnosis} {START} {FILE}, line 27. {alone.cure}")


def test_who_was_there_is_not_interrupted_by_many_places() -> None:
    mine = edited(
        ("2_000,", "1,"), ("30", "31"), ("+= 1", "+= 2"), ("count = 0", "count = 1")
    )
    files = {"source": Source({FILE: mine}), "course": SOURCE["course"]}
    assert explain("HTTP 599", "", CHECK, **files).departed
    assert not explain("no start", PRINTED, CHECK, **files).departed


def test_place_that_is_named_already_is_not_named_again() -> None:
    printed = (
        "Traceback (most recent call last):\n"
        f'  File "{FILE}", line 27, in receive\n'
        "    await self.send(text_data)\n"
        "NameError: name 'redis' is not defined\n"
    )
    told = explain("close 1011", printed, CHECK, **SOURCE)
    assert told.id == "name-not-defined"
    assert f"{FILE}, line 27" in told.sentence
    assert not told.departed


def test_exception_ends_its_sentence_before_the_places() -> None:
    printed = (
        "Traceback (most recent call last):\n"
        f'  File "{FILE}", line 26, in receive\n'
        "    await self.send(text_data)\n"
        "Oddity: never seen\n"
    )
    told = explain("close 1011", printed, CHECK, **SOURCE)
    assert told.id == "crash"
    assert told.sentence.endswith(f"Oddity: never seen.\n{PLACES}")


@pytest.mark.parametrize("stage", MISTAKES)
def test_stage_departs_from_itself_nowhere(stage: str) -> None:
    assert departures(Source.of(ROOT / stage), Source.of(ROOT / stage)) == []


def test_each_mistake_is_where_the_project_departs() -> None:
    named = 0
    for stage, mistakes in MISTAKES.items():
        course = Source.of(ROOT / stage)
        for mistake in (*mistakes, *newcomers(stage)):
            found = departures(source_of(stage, mistake), course)
            edited = {edit.file for edit in edits_of(mistake)}
            assert {each.file for each in found} <= edited, mistake.name
            named += bool(found)
    everyone = sum(len(m) + len(newcomers(stage)) for stage, m in MISTAKES.items())
    assert named > 0.9 * everyone


# For a check that has failed

MESSAGE = "tests/test_stage02_routing.py::test_message_is_answered"
CLOSE = "tests/test_stage02_routing.py::test_close_raises_nothing_in_the_server"
ECHO = "    async def receive(self, text_data=None, bytes_data=None):\n"
TRIMMED = f"""\
{ECHO}        if text_data is not None:
            text = text_data.strip()
        else:
            text = None
        await self.send(text_data=text, bytes_data=bytes_data)
"""
PLAIN = f"{ECHO}        await self.send(text_data=text_data, bytes_data=bytes_data)\n"
FAULTS = """\
def guard(application):
    async def guarded(scope, receive, send):
        async def tell(message):
            await send(message)

        await application(scope, receive, tell)

    return guarded
"""
GUARD = """\
def guard(application):
    async def guarded(scope, receive, send):
        await application(scope, receive, send)

    return guarded
"""
URLS = 'urlpatterns = [\n    path("", index),\n    path("rooms/", room),\n]\n'
FINISHED = {FILE: COURSE, "chat/faults.py": FAULTS, "config/urls.py": URLS}
BEFORE = {"config/urls.py": URLS.replace('    path("rooms/", room),\n', "")}


def suspected(check: str, mine: dict[str, str], course: dict[str, str]) -> Suspects:
    """Return which places are told of a project, for a check."""
    both = Source(mine), Source(course)
    both[1].before = Source(BEFORE)
    return suspects(departures(*both), check, *both)


def test_lines_of_one_change_are_named_together_and_keep_their_indentation() -> None:
    found = suspected(MESSAGE, {FILE: TRIMMED}, {FILE: PLAIN})
    assert spot(found.told) == f"{FILE}, lines 2 to 6"
    assert in_words(found.told).splitlines()[2:5] == [
        "  yours    if text_data is not None:",
        "               text = text_data.strip()",
        "           else:",
    ]


def test_what_the_chapter_brings_later_is_not_told_as_wrong() -> None:
    wrong = edited(("self.count += 1", "self.count = 1"))
    mine = {FILE: wrong, "chat/faults.py": GUARD, **BEFORE}
    found = suspected(MESSAGE, mine, FINISHED)
    assert spot(found.told) == f"{FILE}, line 26"
    said = in_words(found.told, found.others)
    assert said.startswith(f"{START} one place:\n{FILE}, line 26\n")
    assert said.endswith(
        "\nLess likely, or not due yet: chat/faults.py and {}.".format("config/urls.py")
    )


def test_what_is_not_there_yet_is_told_where_it_is_all_that_differs() -> None:
    found = suspected(
        CLOSE, {FILE: COURSE, "chat/faults.py": GUARD, **BEFORE}, FINISHED
    )
    assert {each.file for each in found.told} == {"chat/faults.py"}
    assert spot(found.told) == "chat/faults.py, line 3"
    # And what no WebSocket asks for, where nothing else differs at all.
    mine = {FILE: COURSE, "chat/faults.py": FAULTS, **BEFORE}
    assert [each.file for each in suspected(CLOSE, mine, FINISHED).told] == [
        "config/urls.py"
    ]


def test_place_that_a_promise_is_about_comes_first() -> None:
    mine = {FILE: edited(("count = 0", "count = 1"), ("self.count += 1", "pass"))}
    course = {FILE: COURSE}
    handshake = MESSAGE.replace("test_message", "test_handshake")
    assert spot(suspected(MESSAGE, mine, course).told) == f"{FILE}, line 26"
    assert spot(suspected(handshake, mine, course).told) == f"{FILE}, line 18"
    # What receive() calls is asked as well.
    mine = {FILE: edited(("count = 0", "count = 1"), ('"error"', '"fault"'))}
    assert spot(suspected(MESSAGE, mine, course).told) == f"{FILE}, line 30"


def test_no_line_is_named_where_several_are_as_likely() -> None:
    changes = (("json.loads(text_data)", "{}"), ("self.count += 1", "pass"))
    found = suspected(MESSAGE, {FILE: edited(*changes)}, {FILE: COURSE})
    assert spot(found.told) == f"receive() in {FILE}"
    elsewhere = (*changes, ('"error"', '"fault"'))
    found = suspected(MESSAGE, {FILE: edited(*elsewhere)}, {FILE: COURSE})
    assert len(found.told) == 3
    assert spot(found.told) == ""


def test_pages_are_asked_where_a_promise_is_about_them() -> None:
    mine = {
        FILE: edited(("+= 1", "+= 2")),
        "config/urls.py": URLS.replace('"",', '"a",'),
    }
    course = {FILE: COURSE, "config/urls.py": URLS}
    page = MESSAGE.replace("test_message", "test_handshake_page")
    assert len(suspected(page, mine, course).told) == 2
    assert [each.file for each in suspected(MESSAGE, mine, course).told] == [FILE]


def test_lines_that_were_moved_are_looked_for_where_they_are() -> None:
    first, second = "        self.count = 0\n", "        await self.accept()\n"
    mine = {FILE: edited((first + second, second + first))}
    handshake = MESSAGE.replace("test_message", "test_handshake")
    found = suspected(handshake, mine, {FILE: COURSE})
    assert spot(found.told) == f"{FILE}, line 19"
