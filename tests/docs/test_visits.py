"""A look at the built site is taken from its record while all it saw is the same."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.docs import visits
from tests.docs.visits import Visit, Watched, address, hash_of_built, imported
from tests.proofs import records
from tests.proofs.records import Proof

PAGE, SCRIPT = "mkdocs/a.html", "mkdocs/assets/a.js"


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    """Two built sites of a page and a script."""
    for name in (PAGE, SCRIPT, "zensical/a.html", "mkdocs/b.html"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name, encoding="utf-8")
    return tmp_path


@pytest.fixture
def recorded(
    sites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], bool]:
    """Record a visit of the page and the script; return what says if it stands."""
    test = Path(__file__)
    asked = [PAGE, SCRIPT]
    monkeypatch.setattr(records, "EVIDENCE", tmp_path / "evidence")
    records.records.cache_clear()
    visit = Visit("visits/x", "test_it", (*visits.SHARED, test), sites, tuple(asked))
    records.write(
        "visits/x", {"test_it": {"depends": visit.hash(), "seen": {"asked": asked}}}
    )

    def stands() -> bool:
        hash_of_built.cache_clear()
        visit = Visit("visits/x", "test_it", ()).at(sites, test)
        return Proof.record(visit) is not None

    monkeypatch.setattr(visits, "imported", lambda test: (test,))
    yield stands
    records.records.cache_clear()
    hash_of_built.cache_clear()


@pytest.mark.parametrize("changed", [PAGE, SCRIPT])
def test_visit_is_made_anew_when_a_file_that_it_saw_has_changed(
    recorded: Callable[[], bool], sites: Path, changed: str
) -> None:
    assert recorded()
    (sites / "mkdocs/b.html").write_text("Nobody has asked for it.", encoding="utf-8")
    assert recorded()
    with (sites / changed).open("a", encoding="utf-8") as file:
        file.write(" ")
    assert not recorded()


def test_visit_is_made_anew_when_a_file_is_gone(
    recorded: Callable[[], bool], sites: Path
) -> None:
    assert recorded()
    (sites / SCRIPT).unlink()
    assert not recorded()


def test_visit_that_was_never_made_has_no_record(
    recorded: Callable[[], bool], sites: Path
) -> None:
    assert recorded()
    unknown = Visit("visits/x", "test_another", ()).at(sites, Path(__file__))
    assert Proof.record(unknown) is None


@pytest.mark.parametrize(
    ("name", "noted"),
    [
        ("test_a_figure[zensical]", ("zensical/a.html",)),
        ("test_search_works[zensical]", ("zensical/a.html", visits.INDEX)),
    ],
)
def test_index_of_all_words_concerns_who_searches_only(
    name: str, noted: tuple[str, ...]
) -> None:
    visit = Visit("visits/x", name, ()).having_asked({visits.INDEX, "zensical/a.html"})
    assert visit.asked == noted


@pytest.mark.parametrize(
    ("name", "spared"),
    [("test_a_figure[zensical]", [visits.INDEX]), ("test_search_works[zensical]", [])],
)
def test_index_of_all_words_is_read_where_one_searches(
    sites: Path, name: str, spared: list[str]
) -> None:
    routed = []
    tabs = SimpleNamespace(
        on=lambda *_: None, route=lambda url, _: routed.append(url.removeprefix("**/"))
    )
    Watched(SimpleNamespace(new_page=lambda: tabs), sites, name).new_page()
    assert routed == spared


def test_browser_notes_the_files_of_the_site(sites: Path) -> None:
    watched = Watched(None, sites, "test_it")
    for url in (
        f"{(sites / PAGE).as_uri()}?q=1#part",
        f"{address(sites / 'zensical')}a.html?h=word",
        "data:image/svg+xml,x",
        "about:blank",
        "file:///elsewhere/b.html",
    ):
        watched.note(SimpleNamespace(url=url))
    assert watched.asked == {PAGE, "zensical/a.html"}


def test_what_is_not_there_is_the_page_that_says_so(sites: Path) -> None:
    watched = Watched(None, sites, "test_it")
    watched.note(SimpleNamespace(url=f"{address(sites / 'mkdocs')}no/such/page"))
    assert watched.asked == {"mkdocs/no/such/page", "mkdocs/404.html"}


def test_visit_depends_on_what_its_test_imports() -> None:
    names = {file.name for file in imported(Path(__file__))}
    assert names == {"test_visits.py", "visits.py", "records.py"}
