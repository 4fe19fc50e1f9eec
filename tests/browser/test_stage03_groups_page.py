"""
Stage 3's room page in a real browser: everyone in the room, and nobody else.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import (
    OpenPage,
    attempts,
    close,
    message,
    note_attempts,
    send_text,
)
from tests.checker.rooms import fresh_room
from tests.checker.servers.redis import RedisServer
from tests.checker.servers.runserver import Server, manage

Enter = Callable[..., Page]
Start = Callable[..., Server]


@pytest.fixture
def enter(open_page: OpenPage, room: str) -> Enter:
    """Open the page of a room, in a tab of its own, and read that it is connected."""

    def enter(server: str, name: str, room: str = room) -> Page:
        page = open_page(f"{server}/rooms/{room}/?{urlencode({'name': name})}")
        status = f"Connected to {room} as {name}."
        expect(page.locator("#status")).to_have_text(status)
        # Our own join tells that we hear the room.
        expect(message(page, f"{name} has joined.")).to_be_visible()
        return page

    return enter


def expect_messages(page: Page, *lines: str) -> None:
    """Fail unless the page comes to show these messages, and no others."""
    expect(page.locator("#messages li")).to_have_text(list(lines))


def test_two_tabs_in_one_room_hear_each_other_come_talk_and_go(
    enter: Enter, url: str
) -> None:
    ana = enter(url, "ana")
    ben = enter(url, "ben")
    send_text(ana, "hi, ben")
    expect(message(ben, "ana: hi, ben")).to_be_visible()
    send_text(ben, "hi, ana")
    expect(message(ana, "ben: hi, ana")).to_be_visible()
    close(ben, 1000)
    talk = ["ben has joined.", "ana: hi, ben", "ben: hi, ana"]
    expect_messages(ana, "ana has joined.", *talk, "ben has left.")
    expect_messages(ben, *talk)
    assert ana.errors == ben.errors == []


def test_tab_that_is_shut_is_seen_to_leave(enter: Enter, url: str) -> None:
    ana = enter(url, "ana")
    enter(url, "ben").close()
    expect_messages(ana, "ana has joined.", "ben has joined.", "ben has left.")


def test_tab_without_network_is_seen_to_leave_and_to_come_back(
    enter: Enter, url: str
) -> None:
    ana, ben = enter(url, "ana"), enter(url, "ben")
    ben.get_by_role("button", name="Drop the network").click()
    expect(message(ana, "ben has left.")).to_be_visible()
    ben.get_by_role("button", name="Restore the network").click()
    expect(message(ana, "ben has joined.")).to_have_count(2)
    send_text(ana, "welcome back")
    expect(message(ben, "ana: welcome back")).to_be_visible()


def test_tab_in_another_room_hears_nothing(enter: Enter, url: str) -> None:
    ana, zoe = enter(url, "ana"), enter(url, "zoe", fresh_room())
    ben = enter(url, "ben")
    send_text(ana, "for the room")
    expect(message(ben, "ana: for the room")).to_be_visible()
    close(ben, 1000)
    expect(message(ana, "ben has left.")).to_be_visible()
    # A join, a message or a leave from the other room would come before this.
    send_text(zoe, "for myself")
    expect_messages(zoe, "zoe has joined.", "zoe: for myself")


@pytest.mark.parametrize("name", ["<b>ben", "<img src=x onerror=alert(1)>", "a&b=c"])
def test_name_of_another_stays_as_it_is(enter: Enter, url: str, name: str) -> None:
    ana, other = enter(url, "ana"), enter(url, name)
    send_text(other, "hi")
    expect(message(ana, f"{name}: hi")).to_be_visible()
    close(other, 1000)
    expect_messages(
        *(ana, "ana has joined."),
        *(f"{name} has joined.", f"{name}: hi", f"{name} has left."),
    )
    expect(ana.locator("b, img")).to_have_count(0)
    assert ana.errors == other.errors == []


def test_tabs_of_two_servers_on_one_redis_hear_each_other_and_an_announcement(
    enter: Enter, start: Start, redis: RedisServer, project: Path, room: str
) -> None:
    ana = enter(start(REDIS_URL=redis.url).url, "ana")
    ben = enter(start(REDIS_URL=redis.url).url, "ben")
    send_text(ben, "from next door")
    expect(message(ana, "ben: from next door")).to_be_visible()
    text = "dinner <b>now</b>"
    assert manage(project, "announce", room, text, REDIS_URL=redis.url).returncode == 0
    for tab in (ana, ben):
        expect(message(tab, f"Announcement: {text}")).to_be_visible()
    assert ana.errors == ben.errors == []


@pytest.mark.usefixtures("redis")  # It skips where there is none.
def test_page_says_that_redis_is_away_and_is_back_when_redis_is(
    enter: Enter, start: Start, tmp_path: Path
) -> None:
    with RedisServer(tmp_path) as own:
        server = start(REDIS_URL=own.url)
        tabs = [enter(server.url, name) for name in ("ana", "ben")]
        for tab in tabs:
            note_attempts(tab)
        own.stop()
        lost = (
            "The server cannot reach what it depends on, so nobody can be heard"
            " (code 4503)."
        )
        for tab in tabs:
            # The second attempt shows that the page goes on trying.
            for number, words in enumerate(attempts(tab, 2), start=1):
                assert words.startswith(f"{lost} Attempt {number} in ")
        own.start()
        for tab in tabs:
            expect(tab.locator("#status")).to_contain_text("Connected to")
        ana, ben = tabs
        # Each also tells the room that it is back; only then both are sure to hear.
        expect(message(ana, "ana has joined.")).to_have_count(2)
        expect(message(ben, "ben has joined.")).to_have_count(2)
        send_text(ana, "here again")
        for tab in tabs:
            expect(message(tab, "ana: here again")).to_be_visible()
    # Autobahn resets the TCP connection as soon as it is closed, and once, on a busy
    # machine, the browser wrote that of an attempt. Nothing else may be there.
    errors = [*ana.errors, *ben.errors]
    assert not [each for each in errors if "ERR_CONNECTION_RESET" not in each]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screenshot_for_the_chapter(
    enter: Enter,
    start: Start,
    take_screenshot: Callable[[Page, str], None],
    scheme: str,
) -> None:
    server = start()  # Nobody else is in this garden.
    ana = enter(server.url, "ana", "garden")
    ben = enter(server.url, "ben", "garden")
    ana.emulate_media(color_scheme=scheme)
    send_text(ben, "hi, ana")
    expect(message(ana, "ben: hi, ana")).to_be_visible()
    ana.bring_to_front()
    send_text(ana, "hi, ben")
    expect(message(ana, "ana: hi, ben")).to_be_visible()
    take_screenshot(ana, f"groups-{scheme}.png")
