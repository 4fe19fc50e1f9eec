"""What the tests do on a page, and what they look at: the same in every stage."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page

OpenPage = Callable[..., Page]


def send_text(page: Page, text: str) -> None:
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def send_raw(page: Page, text: str) -> None:
    """Send a text as it is, from stage 2 on."""
    page.get_by_label("Raw").fill(text)
    page.get_by_role("button", name="Send without JSON around it").click()


def send_file(page: Page, file: Path, content: bytes) -> None:
    """Send the bytes of a file, which is written first."""
    file.write_bytes(content)
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Send its bytes").click()


def close(page: Page, code: int, reason: str = "") -> None:
    page.get_by_label("Code").fill(str(code))
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Close").click()


def message(page: Page, words: str) -> Locator:
    """Return the one line among the messages that reads so."""
    return page.locator("#messages").get_by_text(words, exact=True)


def unanswered(page: Page) -> Locator:
    """Return the lines of what was sent and has no answer."""
    return page.locator("#outbox li")


def note_attempts(page: Page) -> None:
    """Take down from now on what the page says of its attempts: nothing stands long."""
    page.evaluate(
        """() => {
          window.reports = [];
          window.announced = []; // What a screen reader reads out.
          const status = document.querySelector("#status");
          const countdown = document.querySelector("#countdown");
          const note = () => {
            const attempt = countdown.textContent.match(/Attempt \\d+/)?.[0];
            const isNoted = reports.some((words) => words.includes(`${attempt} `));
            if (!attempt || isNoted) return;
            reports.push(`${status.textContent} ${countdown.textContent}`);
          };
          new MutationObserver(note).observe(countdown, { childList: true });
          const hear = () => announced.push(status.textContent);
          new MutationObserver(hear).observe(status, { childList: true });
        }"""
    )


def attempts(page: Page, number: int) -> list[str]:
    """Wait for an attempt to connect, and return what the page said up to it."""
    page.wait_for_function("number => reports.length >= number", arg=number)
    return page.evaluate("reports")[:number]


def wire(page: Page) -> list[list[str]]:
    """Return the rows of the wire log, without the time."""
    rows = page.locator("#wire tr").all()
    return [row.locator("td").all_inner_texts()[1:] for row in rows]
