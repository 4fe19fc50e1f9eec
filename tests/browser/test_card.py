"""The picture that other sites show beside a link to this one, and what names it."""

import re
import struct
from collections.abc import Callable
from html import escape

from playwright.sync_api import Browser, Page

from tests.browser.conftest import ASSETS
from tests.proofs.runs import ROOT

SIZE = {"width": 1200, "height": 630}  # Pixels, as most who show such pictures ask for.
STAGES = ("Echo", "Routing", "Groups", "Auth", "WSS")
CARD = """
<!doctype html><html lang="en"><meta charset="utf-8"><title>Card</title>
<style>
  body {{ box-sizing: border-box; width: 1200px; height: 630px; margin: 0;
    padding: 70px 80px; display: flex; flex-direction: column;
    font: 34px/1.4 system-ui, sans-serif;
    color: #15171c; background: #fff; border-top: 16px solid;
    border-image: linear-gradient(to right, #0b57d0 50%, #9c2f07 50%) 1; }}
  svg {{ width: 150px; margin-left: -12px; }}
  h1 {{ margin: 20px 0 10px; font-size: 76px; line-height: 1.15; }}
  p {{ margin: 0; }}
  ol {{ display: flex; gap: 18px; margin: auto 0 0; padding: 0; list-style: none; }}
  li {{ padding: 6px 22px; border: 3px solid #0b57d0; border-radius: 10px; }}
</style>
{logo}<h1>{name}</h1><p>{description}</p><ol>{stages}</ol></html>
"""


def setting(name: str) -> str:
    """Return a line of mkdocs.yml."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    return re.search(rf"^ *{name}: (.+?)(?:  #.*)?$", text, re.MULTILINE)[1]


def test_picture_for_links_is_made_of_the_logo_and_the_name(
    quick_chromium: Browser, take_screenshot: Callable[[Page, str], None]
) -> None:
    page = quick_chromium.new_page(viewport=SIZE)
    page.set_content(
        CARD.format(
            logo=(ASSETS / "logo.svg").read_text(encoding="utf-8"),
            name=escape(setting("site_name")),
            description=escape(setting("site_description")),
            stages="".join(f"<li>{each}</li>" for each in STAGES),
        )
    )
    assert page.evaluate("document.documentElement.scrollHeight") <= SIZE["height"]
    take_screenshot(page, "card.png")
    page.close()


def test_pages_name_a_picture_that_is_there() -> None:
    card = setting("card")
    picture = (ROOT / "docs" / card).read_bytes()
    assert struct.unpack(">II", picture[16:24]) == tuple(SIZE.values())
    assert len(picture) < 200_000  # Some who show such pictures take no larger ones.
