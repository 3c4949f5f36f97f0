"""The progress page in a browser: what a person sees while a box boots, pulls, fails, falls back and gets ready."""

import re
import time
from collections.abc import Iterator
from functools import cache
from typing import Literal

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, Page, expect

from boxship.checks.report import Issue, Level, Report, Result, Severity
from boxship.loader.box import ServiceView
from boxship.state.operation import OperationKind, Progress, PulledImage
from tests.e2e import scenes
from tests.e2e.conftest import ARTIFACTS
from tests.e2e.page_server import PageServer, application
from tests.integration.loaders import free_ports

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TIMEOUT_MS = 10_000
MIB = 1024 * 1024
VIEWS = cache(scenes.play)
"""A scene is played once; what it shows is a value."""
SERVICES = 7


@pytest.fixture
def server() -> Iterator[PageServer]:
    (port,) = free_ports(1)
    made = PageServer(port)
    made.listen()
    yield made
    made.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1180, "height": 900})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    made = context.new_page()
    made.set_default_timeout(TIMEOUT_MS)
    return made


def put(server: PageServer, scene: scenes.Scene, **changes: object) -> None:
    """Show how a scene ends."""
    view = replace(VIEWS(scene), **changes)
    server.do(lambda box: box.put(view))


def booting(server: PageServer) -> None:
    put(server, scenes.booting, began_at_s=time.time() - 72)


def done() -> tuple[ServiceView, ...]:
    return tuple(replace(each, phase="ready", detail="") for each in VIEWS(scenes.booting).services)


def shoot(page: Page, name: str) -> None:
    """The page in both colours, and on a phone."""
    ARTIFACTS.mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=ARTIFACTS / f"progress-{name}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    size = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=ARTIFACTS / f"progress-{name}-phone.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, f"the page is {wide} px wide on a phone"
    assert size is not None
    page.set_viewport_size(size)


def test_booting_shows_what_is_waited_for_and_who_waits_for_whom(server: PageServer, page: Page) -> None:
    booting(server)
    answer = page.goto(f"{server.url}/files?open=1")
    assert answer is not None
    assert (answer.status, answer.headers["retry-after"]) == (503, "3")
    expect(page.get_by_role("heading", level=1)).to_have_text("Starting the services")
    expect(page.locator(".why")).to_contain_text("web is waited for: check exited 1: GET /health answered 503")
    expect(page.get_by_text("5 of 7 ready")).to_be_visible()
    expect(page.locator(".graph .box")).to_have_count(SERVICES)
    expect(page.get_by_text(re.compile(r"\b[1-9] min \d"))).to_be_visible()
    log = page.get_by_role("region", name="The last lines of the log")
    expect(log).to_contain_text("web | connecting to postgres://share:****@db:5432/share")
    expect(log).to_contain_text("db | database system is ready to accept connections")
    assert log.evaluate("log => log.scrollTop > 0"), "the last lines are the ones to see"
    shoot(page, "booting")


def test_a_change_is_seen_without_loading_the_page_again(server: PageServer, page: Page) -> None:
    booting(server)
    page.goto(server.url)
    page.evaluate("window.wasLoadedOnce = true")
    server.do(lambda box: box.show(phase="checking", why="asking every service whether all is well", services=done()))
    expect(page.get_by_role("heading", level=1)).to_have_text("Checking that all is well")
    expect(page.get_by_text("7 of 7 ready")).to_be_visible()
    expect(page.locator("#said")).to_have_text("share: Checking that all is well.")
    expect(page).to_have_title("Checking that all is well · share")
    assert page.evaluate("window.wasLoadedOnce") is True


def test_a_pull_shows_images_and_bytes(server: PageServer, page: Page) -> None:
    nginx, web = PulledImage("nginx", 12 * MIB, 12 * MIB, is_here=True), PulledImage("web", 96 * MIB, 180 * MIB)
    images = (nginx, web, PulledImage("worker", 10 * MIB, 170 * MIB), PulledImage("postgres", 0, 140 * MIB))
    progress = Progress(108 * MIB, 502 * MIB, 2, 5, "web", 96 * MIB, 180 * MIB, images=images)
    server.wait(server.box.pull("1.1", by="admin"))
    server.do(
        lambda box: box.show(
            phase="pulling",
            why="1.1 is fetched",
            is_ready=False,
            version="",
            target="",
            services=(),
            to_version="1.1",
            began_at_s=time.time() - 31,
        )
    )
    server.do(lambda box: box.advance(progress, note="1.1 is fetched"))
    page.goto(server.url)
    expect(page.get_by_text("108 MiB of 502 MiB")).to_be_visible()
    expect(page.get_by_text("1 of 4 images are here")).to_be_visible()
    expect(page.get_by_text("140 MiB, waiting")).to_be_visible()
    bar = page.get_by_role("progressbar", name="1.1 is fetched")
    expect(bar).to_have_js_property("value", 108 * MIB)
    server.do(lambda box: box.advance(replace(progress, done_bytes=200 * MIB)))
    expect(page.get_by_text("200 MiB of 502 MiB")).to_be_visible()
    shoot(page, "pulling")
    assert "admin" not in page.content(), "who asked is nobody's business"


def test_a_failure_shows_what_was_asked_what_came_back_and_the_last_lines(server: PageServer, page: Page) -> None:
    put(server, scenes.failed, next_try_at_s=time.time() + 275)
    page.goto(server.url)
    card = page.get_by_role("region", name="What went wrong")
    expect(card).to_contain_text("web ended with status 1")
    expect(card).to_contain_text("GET /health answered 503")
    expect(card).to_contain_text('ERROR: relation "links" does not exist')
    expect(page.locator(".why")).to_contain_text("did not boot, 2 times so far")
    expect(page.locator(".since")).to_have_text(re.compile(r"tried again in 4 min [0-9]+ s"))
    before = page.locator(".since").inner_text()
    expect(page.locator(".since")).not_to_have_text(before)
    shoot(page, "failed")


def test_a_fallback_says_what_runs_instead_and_that_the_data_is_there(server: PageServer, page: Page) -> None:
    put(server, scenes.fallen_back)
    page.goto(server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Running with limited service")
    fallback = page.get_by_role("region", name="Fallback")
    expect(fallback).to_contain_text("“default” did not start, so “maintenance” runs in its place, on the same data")
    expect(page.get_by_text("tried again")).to_have_count(0)
    shoot(page, "fallback")


def test_a_fallback_that_fails_too_says_so_and_when_it_is_tried_again(server: PageServer, page: Page) -> None:
    put(server, scenes.fallback_failed, next_try_at_s=time.time() + 30)
    page.goto(server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("It could not be started")
    expect(page.get_by_role("region", name="Fallback")).to_contain_text("so “maintenance” is to run in its place")
    expect(page.get_by_role("region", name="What went wrong")).to_contain_text("page ended with status 1")
    expect(page.locator(".since")).to_contain_text("tried again in")
    shoot(page, "fallback-failed")


def test_a_trial_that_fails_says_why_while_the_version_before_is_started_again(server: PageServer, page: Page) -> None:
    put(server, scenes.going_back)
    page.goto(server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Going back to the version before")
    card = page.get_by_role("region", name="What went wrong")
    expect(card).to_contain_text("Version 1.1 was tried and did not work, so version 1.0 is started again")
    expect(card).to_contain_text('ERROR: relation "links" does not exist')
    shoot(page, "going-back")


def test_after_a_failed_trial_the_page_s_own_port_shows_what_failed(server: PageServer, page: Page) -> None:
    put(server, scenes.trial_failed)
    page.goto(server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
    card = page.get_by_role("region", name="What went wrong")
    expect(card).to_contain_text("Version 1.1 was tried and did not work, so version 1.0 runs again, with its data")
    expect(card).to_contain_text("web ended with status 1")
    shoot(page, "trial-failed")


def test_a_box_without_a_deployment_says_so(server: PageServer, page: Page) -> None:
    put(server, scenes.empty)
    page.goto(server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is installed yet")
    expect(page.locator(".why")).to_have_text("nothing is deployed yet: pull a release and switch to it")
    shoot(page, "empty")


def test_the_page_hands_over_as_soon_as_the_application_answers(server: PageServer, page: Page) -> None:
    booting(server)
    page.goto(f"{server.url}/files")
    server.do(lambda box: box.show(phase="ready", why="everything is ready", is_ready=True, services=done()))
    expect(page.get_by_text("Ready. Waiting for the application to answer")).to_be_visible()
    shoot(page, "ready")
    server.stop()
    expect(page.get_by_text("The connection is interrupted for a moment")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ready")
    with application(server.port):
        expect(page.get_by_role("heading", name="Your files")).to_be_visible()


@pytest.mark.parametrize(("path", "shows"), [("/old", "Your files"), ("/gone", "no such page")])
def test_an_application_that_sends_on_or_knows_no_such_page_has_answered(
    server: PageServer, page: Page, path: str, shows: str
) -> None:
    booting(server)
    page.goto(f"{server.url}{path}")
    server.stop()
    with application(server.port):
        expect(page.get_by_text(shows)).to_be_visible()


def test_the_page_survives_the_loaders_own_restart(server: PageServer, page: Page) -> None:
    booting(server)
    page.goto(server.url)
    server.stop()
    expect(page.get_by_text("The connection is interrupted for a moment")).to_be_visible()
    server.listen()
    server.do(lambda box: box.show(phase="checking", why="back again"))
    expect(page.get_by_text("back again")).to_be_visible()
    expect(page.locator("#note")).to_be_hidden()


def test_without_scripts_the_page_says_the_same_and_loads_itself_anew(server: PageServer, browser: Browser) -> None:
    booting(server)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url)
    expect(page.locator(".why")).to_contain_text("web is waited for")
    server.do(lambda box: box.show(why="the second look"))
    expect(page.get_by_text("the second look")).to_be_visible(timeout=TIMEOUT_MS)
    context.close()


def test_nothing_is_loaded_from_elsewhere_and_the_policy_is_kept(server: PageServer, page: Page) -> None:
    booting(server)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.url)
    expect(page.get_by_text("5 of 7 ready")).to_be_visible()
    server.do(lambda box: box.show(why="<img src=x onerror=alert(1)> & more"))
    expect(page.get_by_text("<img src=x onerror=alert(1)> & more")).to_be_visible()
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    # Chromium tells of every answer that isn't 2xx; the page itself is one.
    assert [text for text in complaints if "503" not in text] == []


def test_the_keyboard_reaches_what_scrolls_and_landmarks_are_there(server: PageServer, page: Page) -> None:
    booting(server)
    page.goto(server.url)
    for role in ("banner", "main"):
        expect(page.get_by_role(role)).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.get_by_role("region", name="The last lines of the log")).to_be_focused()
    expect(page.get_by_role("list", name="Steps").locator("[aria-current=step]")).to_have_text("Start, now")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("scene", [scenes.booting, scenes.fallback_failed, scenes.trial_failed])
def test_text_stands_out_from_its_background_as_aa_asks(
    server: PageServer, page: Page, scheme: Literal["light", "dark"], scene: scenes.Scene
) -> None:
    put(server, scene)
    page.emulate_media(color_scheme=scheme)
    page.goto(server.url)
    assert page.evaluate(FAINT_TEXTS) == []


FAINT_TEXTS = """() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { rgb: [r, g, b], a }; };
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
  const behind = (element) => {
    if (element.closest("svg")) {
      const box = element.parentElement.querySelector("rect");
      return parse(getComputedStyle(box).fill).rgb;
    }
    for (let each = element; each; each = each.parentElement) {
      const { rgb, a } = parse(getComputedStyle(each).backgroundColor);
      if (a > .99) return rgb;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.closest(".hidden, script, style, [hidden]")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(parse(element.closest("svg") ? style.fill : style.color).rgb), light(behind(element))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faint.push(`${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


def test_the_status_page_needs_a_login_and_shows_what_wants_attention(server: PageServer, browser: Browser) -> None:
    issue = Issue("disk_full", Severity.WARNING, "the disk with db is 91 % full", {}, "boxship box gc makes room")
    results = (
        Result("ready", "web", "http", Level.OK, "GET /health answered 200 in 12 ms", 0.012),
        Result("disk", "host", "disk", Level.WARN, "91 % of 20 GiB are used", 0.001, issue=issue),
        Result("sql", "db", "sql", Level.SKIPPED, "it has no client", 0.0),
    )
    server.do(lambda box: setattr(box, "report", Report("share", "1.0", time.time() - 3, 0.2, results)))
    password = server.tokens.issue("monitoring", ["status"]).secret
    stranger = browser.new_context()
    answer = stranger.request.get(f"{server.url}/boxship/status")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="monitoring", charset="UTF-8"')
    stranger.close()
    context = browser.new_context(http_credentials={"username": "monitor", "password": password})
    page = context.new_page()
    page.goto(f"{server.url}/boxship/status")
    expect(page.get_by_role("heading", level=1)).to_have_text("It works, with doubts")
    expect(page.get_by_text("boxship box gc makes room")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(4)
    shoot(page, "status")
    context.close()


def test_an_operation_that_ended_leaves_no_bar(server: PageServer, page: Page) -> None:
    server.wait(server.box.gc(by="admin"))
    assert server.box.operations()[0].kind is OperationKind.GC
    server.do(lambda box: box.show(is_ready=False, phase="checking"))
    page.goto(server.url)
    expect(page.get_by_role("progressbar", name="beginning")).to_be_visible()
    server.do(lambda box: box.end())
    expect(page.get_by_role("progressbar")).to_have_count(0)
