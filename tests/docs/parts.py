"""Parts of the site on pages of their own, for tests that need nothing around them."""

import shutil
from pathlib import Path

import material

from docs.shown import sessions
from tests.docs.repository import ROOT
from tests.docs.sessions import SCRIPTS

PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width">'
    "<title>{title}</title>{head}</head>"
    '<body dir="ltr" data-md-color-scheme="default"><main class="md-typeset">'
    "<h1>{title}</h1>{body}</main></body></html>"
)
KNOWS_NO_PAGE = ("workbench-sha1.js", "workbench-frames.js")


def build_parts(folder: Path) -> None:
    """
    Write pages of parts into a new folder, with the site's assets beside them.

    sessions.html has a figure of each session, with the looks of the site,
    workbench.html nothing but the scripts that know no page.
    """
    shutil.copytree(ROOT / "docs/assets", folder / "assets")
    [theme] = [Path(path) for path in material.__path__]
    sheets = [*theme.glob("templates/assets/stylesheets/*.min.css")]
    assert sheets, "Where are the theme's stylesheets?"
    for sheet in sheets:
        shutil.copy(sheet, folder / "assets")
    names = [*sorted(sheet.name for sheet in sheets), "extra.css"]
    links = "".join(f'<link rel="stylesheet" href="assets/{name}">' for name in names)
    figures = "".join(map(sessions.session, SCRIPTS))
    page = PAGE.format(title="Figures", head=links, body=figures)
    (folder / "sessions.html").write_text(page, encoding="utf-8")
    scripts = "".join(f'<script src="assets/{e}"></script>' for e in KNOWS_NO_PAGE)
    page = PAGE.format(title="Scripts", head=scripts, body="")
    (folder / "workbench.html").write_text(page, encoding="utf-8")
