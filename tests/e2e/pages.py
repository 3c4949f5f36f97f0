"""What a person does with Share's pages, as functions of a Playwright page.

Each waits for the page's own words, so a test needs no pauses. Pages are reached by their links, except the log-in,
whose address the caller knows.
"""

import re
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

TIMEOUT_MS = 20_000
"""How long one step may take; a slow machine draws a thumbnail in a second."""


def new_page(browser: Browser, **options: object) -> Page:
    """A page of a browser that nobody has used yet, and that takes self-signed certificates."""
    return browser.new_context(ignore_https_errors=True, **options).new_page()  # type: ignore[arg-type]  # playwright's own


def sign_up(page: Page, link: str, password: str) -> None:
    """Opens a first user's or an invited person's link and makes the account; ends on the list of files."""
    page.goto(link)
    page.get_by_label("New password").fill(password)
    page.get_by_role("button", name="Make account").click()
    expect(page.get_by_role("heading", name="Your files")).to_be_visible(timeout=TIMEOUT_MS)


def refused_link(page: Page, link: str) -> str:
    """Opens a link that can't be used any more and returns the sentence that says why."""
    page.goto(link)
    expect(page.get_by_role("heading", name="This link can't be used")).to_be_visible(timeout=TIMEOUT_MS)
    return page.locator("main p:not(.code)").first.inner_text()


def log_in(page: Page, base_url: str, email: str, password: str) -> None:
    """Logs in at ``base_url`` (https://host:port); ends on the list of files."""
    page.goto(f"{base_url}/login")
    # Somebody who is logged in is sent on.
    if page.get_by_role("heading", name="Your files").count():
        return
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Your files")).to_be_visible(timeout=TIMEOUT_MS)


def log_out(page: Page) -> None:
    """Logs out; ends on the log-in page."""
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible(timeout=TIMEOUT_MS)


def show_list(page: Page) -> None:
    """Goes to the list of files by the page's own link."""
    page.get_by_role("link", name="Share", exact=True).first.click()
    expect(page.get_by_role("heading", name="Your files")).to_be_visible(timeout=TIMEOUT_MS)


def upload(page: Page, path: Path) -> None:
    """Chooses one file and waits until the list has it and the worker has checked it."""
    show_list(page)
    page.locator("#file").set_input_files(path)
    wait_until_checked(page, path.name)


def wait_until_checked(page: Page, name: str) -> None:
    """Waits, on the list, for the worker's checksum; the page looks for it by itself."""
    ready = _row(page, name).and_(page.locator('[data-state="ready"]'))
    expect(ready.first).to_be_visible(timeout=TIMEOUT_MS)


def names(page: Page) -> list[str]:
    """The names in the list, newest first."""
    show_list(page)
    return [str(row.get_attribute("data-name")) for row in page.locator(".file").all()]


def has_thumbnail(page: Page, name: str) -> bool:
    """Whether the list shows a picture of the file, and the browser could draw it."""
    show_list(page)
    picture = _row(page, name).first.locator(".picture img")
    if not picture.count():
        return False
    expect(picture).to_have_js_property("complete", True, timeout=TIMEOUT_MS)
    return int(picture.evaluate("image => image.naturalWidth")) > 0


def checksum(page: Page, name: str) -> str:
    """The file's SHA-256 in hexadecimal, from its own page."""
    open_file(page, name)
    return page.locator("#sum").inner_text()


def open_file(page: Page, name: str) -> None:
    """Goes from the list to the file's page."""
    show_list(page)
    _row(page, name).first.locator("a.name").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=TIMEOUT_MS)


def make_share_link(page: Page, name: str, lifetime: str = "week") -> str:
    """Makes a link and returns it. ``lifetime``: day, week, month or forever."""
    open_file(page, name)
    page.get_by_label("Works for").select_option(lifetime)
    page.get_by_role("button", name="Make link").click()
    expect(page.get_by_text("whoever has it can download")).to_be_visible(timeout=TIMEOUT_MS)
    return page.get_by_label("Link 1", exact=True).input_value()


def revoke_newest_link(page: Page, name: str) -> None:
    """Revokes the link that was made last."""
    open_file(page, name)
    page.get_by_role("button", name=re.compile("Revoke")).first.click()
    expect(page.get_by_text("The link no longer works.")).to_be_visible(timeout=TIMEOUT_MS)


def download(page: Page, name: str) -> bytes:
    """The file's bytes, saved by the browser from the list."""
    show_list(page)
    return _save(page, _row(page, name).first.get_by_role("link", name=re.compile("^Download")))[1]


def download_shared(page: Page, link: str) -> tuple[str, bytes]:
    """Opens a share link as anybody may; returns the name that the browser saves under, and the bytes."""
    page.goto(link)
    return _save(page, page.get_by_role("link", name="Download"))


def delete(page: Page, name: str) -> None:
    """Deletes the file for good; ends on the list without it."""
    open_file(page, name)
    page.get_by_role("link", name="Delete file").click()
    page.get_by_role("button", name="Delete file").click()
    expect(page.get_by_text("The file and its links are gone.")).to_be_visible(timeout=TIMEOUT_MS)


def invite(page: Page, email: str) -> str:
    """Makes an invitation as an administrator and returns its link."""
    field = page.get_by_label("Invitation link")
    page.get_by_role("link", name="People").click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Make invitation").click()
    expect(field).to_be_visible(timeout=TIMEOUT_MS)
    return field.input_value()


def _row(page: Page, name: str) -> Locator:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return page.locator(f'.file[data-name="{quoted}"]')


def _save(page: Page, link: Locator) -> tuple[str, bytes]:
    with page.expect_download(timeout=TIMEOUT_MS) as saving:
        link.click()
    failure = saving.value.failure()
    assert failure is None, f"the browser could not save the file: {failure}"
    return saving.value.suggested_filename, Path(saving.value.path()).read_bytes()
