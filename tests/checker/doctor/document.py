"""What a page holds: scripts, files, and the elements that a script may read."""

import contextlib
from html.parser import HTMLParser

NO_END = {"input", "link", "meta", "img", "br", "hr"}


class Document(HTMLParser):
    """An HTML page, read as far as a script of it needs."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[str] = []  # Of the page itself.
        self.sources: list[str] = []  # Of files of scripts.
        self.styles: list[str] = []
        self.links: list[str] = []
        self.generator = ""
        self.has_password = False
        self.attributes: dict[str, dict[str, str]] = {}  # By id; "body" has none.
        self.texts: dict[str, str] = {}
        self.within: list[tuple[str, str]] = []
        self.is_script = False
        with contextlib.suppress(AssertionError):  # So it ends at some broken pages.
            self.feed(text)
            self.close()

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        """Note a tag."""
        has = {name: value or "" for name, value in attributes}
        name = has.get("id") or (tag if tag in ("body", "html") else "")
        if name:
            self.attributes[name] = has
        if tag == "script":
            is_code = "javascript" in has.get("type", "javascript")
            is_code = is_code or has.get("type") in ("", "module")
            if has.get("src"):
                self.sources.append(has["src"])
            elif is_code:
                self.scripts.append("")
                self.is_script = True
        elif tag == "link" and "stylesheet" in has.get("rel", "").lower():
            self.styles.append(has.get("href", ""))
        elif tag == "meta" and has.get("name", "").lower() == "generator":
            self.generator = has.get("content", "")
        elif tag == "input" and has.get("type", "").lower() == "password":
            self.has_password = True
        self.links += [has[each] for each in ("href", "formaction") if has.get(each)]
        if tag not in NO_END:
            self.within.append((tag, name))

    def handle_endtag(self, tag: str) -> None:
        """Note the end of an element."""
        if tag == "script":
            self.is_script = False
        while tag in [each for each, _ in self.within]:
            if self.within.pop()[0] == tag:
                break

    def handle_data(self, text: str) -> None:
        """Note a text."""
        if self.is_script:
            self.scripts[-1] += text
        for _, name in self.within[-3:]:
            if name:
                self.texts[name] = self.texts.get(name, "") + text
