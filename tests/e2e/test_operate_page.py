"""Operating a box in a browser: in with a token, maintenance on and off by keys alone, and out again."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from boxship.loader.box import ServiceView
from boxship.state.operation import Failure, OperationStatus, Progress
from boxship.state.state import Boots
from tests.e2e.conftest import ARTIFACTS
from tests.e2e.page_server import PageServer
from tests.fakes.box import FakeBox
from tests.integration.loaders import free_ports

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TIMEOUT_MS = 10_000
HOME = "/boxship/operate"
RUNNING = (
    ServiceView("db", "ready", image="postgres"),
    ServiceView("web", "ready", needs=("db",)),
    ServiceView("nginx", "ready", needs=("web",)),
)


@pytest.fixture
def server() -> Iterator[PageServer]:
    (port,) = free_ports(1)
    made = PageServer(port)
    made.listen()
    made.do(lambda box: box.show(phase="ready", why="all 3 services are well", is_ready=True, services=RUNNING))
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1180, "height": 900})
    made = context.new_page()
    made.set_default_timeout(TIMEOUT_MS)
    yield made
    context.close()


def shoot(page: Page, name: str) -> None:
    """The page in both colours, and on a phone."""
    ARTIFACTS.mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=ARTIFACTS / f"operate-{name}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=ARTIFACTS / f"operate-{name}-phone.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, f"the page is {wide} px wide on a phone"
    page.set_viewport_size({"width": 1180, "height": 900})


def sign_in(server: PageServer, page: Page) -> None:
    secret = server.tokens.issue("ops", ["admin"]).secret
    page.goto(f"{server.url}{HOME}")
    page.get_by_label("Token of an operator").fill(secret)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Signed in as token ops")).to_be_visible()


def test_in_by_a_token_and_not_by_a_wrong_one(server: PageServer, page: Page) -> None:
    page.goto(f"{server.url}{HOME}")
    field = page.get_by_label("Token of an operator")
    expect(field).to_be_focused()
    shoot(page, "sign-in")
    field.fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("this token is not known here")
    shoot(page, "refused")
    sign_in(server, page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token of an operator")).to_be_visible()
    page.go_back()
    page.reload()
    expect(page.get_by_label("Token of an operator")).to_be_visible()


def test_maintenance_on_and_off_without_a_mouse(server: PageServer, page: Page) -> None:
    sign_in(server, page)
    shoot(page, "ready")
    button = page.get_by_role("button", name="Begin maintenance")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("under way")).to_be_visible()
    expect(page.get_by_role("button", name="End maintenance")).to_be_disabled()
    server.do(lambda box: box.advance(Progress(done_items=1, total_items=3), stage="stopping", note="stopping web"))
    expect(page.get_by_text("stopping web").first).to_be_visible()
    shoot(page, "under-way")
    server.do(lambda box: box.end())
    server.do(lambda box: box.show(phase="maintenance", why="for as long as you want", services=()))
    expect(page.get_by_role("heading", level=1)).to_have_text("Down for maintenance")
    page.get_by_role("button", name="End maintenance").press("Enter")
    failure = Failure(
        "precondition", "maintenance stays on: web: check license (and 1 more)", "see what it says", got="it ended"
    )
    server.do(lambda box: refuse(box.end(OperationStatus.FAILED, failure), server))
    expect(page.get_by_text("maintenance stays on: web: check license")).to_be_visible()
    shoot(page, "stays-on")
    done = [(each.action, each.subject) for each in server.journal.entries]
    assert done == [("sign in", ""), ("maintenance", "set=on"), ("maintenance", "set=off")]


def test_going_back_takes_a_tick_that_it_loses_data(server: PageServer, page: Page) -> None:
    failure = Failure(
        "probe.failed", "web not ready after 60 s", service="web", check="ready", got="connection refused"
    )
    server.do(lambda box: box.show(phase="failed", why="1.0 (default) did not boot, 2 times so far", failure=failure))
    server.do(lambda box: give_up(box, failure))
    sign_in(server, page)
    button = page.get_by_role("button", name="Go back to version 0.9")
    button.press("Enter")
    expect(page.get_by_text("Signed in as token ops")).to_be_visible()
    assert server.box.operations() == ()
    shoot(page, "rollback")
    page.get_by_label("I agree to go on without what was written since").press("Space")
    button.press("Enter")
    expect(page.get_by_text("under way")).to_be_visible()
    expect(button).to_be_disabled()
    assert [each.action for each in server.journal.entries] == ["sign in", "rollback"]


def give_up(box: FakeBox, failure: Failure) -> None:
    """What is current doesn't boot."""
    box.kept = replace(box.kept, boots=Boots(2, failure), previous_until_s=box.clock.now().timestamp() - 7_300.0)


def refuse(operation: object, server: PageServer) -> None:
    newest = server.box.operations(1)[0]
    assert newest == operation
    server.box.replace(replace(newest, result={"against.1": "web: check license: it ended", "against.2": "no room"}))
