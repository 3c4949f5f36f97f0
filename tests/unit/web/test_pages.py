"""The pages without a browser: what is answered to whom."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from msgspec import Struct

from boxship.checks.report import Issue, Level, Report, Result, Severity
from boxship.events import Notice
from boxship.loader.box import ProgressView
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from boxship.state.operation import Progress
from boxship.web.app import make_pages
from boxship.web.asked import Pages
from boxship.web.live import Live
from tests.eventually import DEADLINE_S, eventually_here
from tests.fakes.access import FakeJournal, FakeTokens
from tests.fakes.box import FakeBox
from tests.fakes.clock import FakeClock


class Around(Struct):
    box: FakeBox
    tokens: FakeTokens
    client: httpx.AsyncClient


@pytest.fixture
async def around() -> AsyncIterator[Around]:
    clock = FakeClock()
    box, tokens = FakeBox(clock), FakeTokens(clock)
    pages = make_pages(Pages(box, Gate(tokens, clock, Limiter()), FakeJournal(), clock, Closing()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(pages), base_url="http://box") as client:
        yield Around(box, tokens, client)


HTML = {"Accept": "text/html"}


@pytest.mark.parametrize(
    "path", ["/", "/files", "/a/b?c=d", "/v1/boot", "/boxship", "/boxship/nothing", "/%00", "/../x"]
)
async def test_every_path_of_the_application_is_the_page_and_says_when_to_ask_again(around: Around, path: str) -> None:
    answer = await around.client.get(path, headers=HTML)
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["boxship-page"]) == (503, "3", "1")
    assert "<h1>" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_a_program_gets_a_problem_and_the_same_advice(around: Around, method: str) -> None:
    answer = await around.client.request(method, "/api/files", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_form_that_is_sent_meanwhile_is_refused_and_not_swallowed(around: Around) -> None:
    answer = await around.client.post("/login", data={"password": "x"}, headers=HTML)
    assert (answer.status_code, answer.json()["type"]) == (503, "starting")


PHASES = (
    "starting",
    "pulling",
    "preparing",
    "copying",
    "stopping",
    "starting-services",
    "checking",
    "ready",
    "fallback",
    "maintenance",
    "failed",
    "rolling-back",
    "empty",
    "a-phase-to-come",
)


@pytest.mark.parametrize("phase", PHASES)
async def test_every_phase_has_a_headline_and_only_readiness_is_ready(around: Around, phase: str) -> None:
    around.box.show(phase=phase, is_ready=phase == "ready")
    ready = await around.client.get("/ship-ready")
    assert ready.status_code == (200 if phase == "ready" else 503)
    assert ready.json()["phase"] == phase
    page = (await around.client.get("/", headers=HTML)).text
    assert "<h1></h1>" not in page


async def test_readiness_has_nothing_to_do_with_the_target(around: Around) -> None:
    around.box.show(target="maintenance", phase="maintenance", is_ready=True)
    assert (await around.client.get("/ship-ready")).status_code == 200
    around.box.show(target="default", phase="ready", is_ready=False)
    assert (await around.client.get("/ship-ready")).status_code == 503


async def test_the_progress_tells_nobody_who_asked_and_for_what(around: Around) -> None:
    await around.box.pull("1.1-secret", by="admin-name")
    around.box.advance(Progress(1, 2))
    for path in ("/boxship/progress.json", "/"):
        text = (await around.client.get(path, headers=HTML)).text
        assert "admin-name" not in text
        assert "1.1-secret" not in text
    operation = (await around.client.get("/boxship/progress.json")).json()["operation"]
    assert (operation["kind"], operation["progress"]["done_bytes"]) == ("pull", 1)


async def test_what_a_service_says_is_text_and_never_markup(around: Around) -> None:
    evil = "</pre><script>alert(1)</script>"
    around.box.show(why=evil, appliance=evil, version=evil, log=(evil,), phase=evil)
    page = (await around.client.get("/", headers=HTML)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


async def test_the_policy_allows_what_is_in_the_page_and_each_page_has_its_own_word(around: Around) -> None:
    pages = [await around.client.get("/", headers=HTML) for _ in range(2)]
    policies = [page.headers["content-security-policy"] for page in pages]
    assert policies[0] != policies[1]
    for page, policy in zip(pages, policies, strict=True):
        nonce = policy.partition("script-src 'nonce-")[2].partition("'")[0]
        assert page.text.count(f'nonce="{nonce}"') == 2
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert ' style="' not in page.text


@pytest.mark.parametrize("path", ["/boxship/status", "/boxship/status.json", "/boxship/status/metrics"])
async def test_the_status_needs_a_password_that_may_see_it(around: Around, path: str) -> None:
    stranger = await around.client.get(path)
    assert (stranger.status_code, stranger.headers["www-authenticate"][:5]) == (401, "Basic")
    monitor, other = around.tokens.issue("monitoring", ["status"]), around.tokens.issue("web", ["logs:web"])
    assert (await around.client.get(path, auth=("any", monitor.secret))).status_code == 200
    assert (await around.client.get(path, auth=("any", other.secret))).status_code == 403
    bearer = {"Authorization": f"Bearer {monitor.secret}"}
    assert (await around.client.get(path, headers=bearer)).status_code == 200
    around.tokens.revoke(monitor.token.id)
    assert (await around.client.get(path, auth=("any", monitor.secret))).status_code == 401


@pytest.mark.parametrize("sent", ["Basic", "Basic !", "Basic bm90YWNvbG9u", "Digest x", "Basic /////w=="])
async def test_a_login_that_is_none_is_refused(around: Around, sent: str) -> None:
    assert (await around.client.get("/boxship/status", headers={"Authorization": sent})).status_code == 401


async def test_a_failed_status_is_503_for_monitors_unless_they_ask_softly(around: Around) -> None:
    issue = Issue("check_failed", Severity.ERROR, "web answers 500")
    around.box.report = Report("share", "1.0", 0, 0, (Result("ready", "web", "http", Level.FAIL, issue=issue),))
    login = ("monitor", around.tokens.issue("monitoring", ["status"]).secret)
    assert (await around.client.get("/boxship/status.json", auth=login)).status_code == 503
    assert (await around.client.get("/boxship/status.json?soft=1", auth=login)).status_code == 200
    assert "boxship_status{" in (await around.client.get("/boxship/status/metrics", auth=login)).text
    assert "web answers 500" in (await around.client.get("/boxship/status", auth=login)).text


async def test_an_own_path_answers_only_what_reads(around: Around) -> None:
    answer = await around.client.post("/ship-ready")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


class LookedAtBox(FakeBox):
    """Counts who looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = 0

    def progress(self) -> ProgressView:
        self.looked += 1
        return super().progress()


async def test_everybody_who_looks_gets_the_same_bytes_made_once() -> None:
    box = LookedAtBox()
    live = Live(box, lambda: 0.0)
    readers = [live.follow() for _ in range(50)]
    for reader in readers:
        await anext(reader)
    first = [await anext(reader) for reader in readers]
    assert len(set(first)) == 1
    assert box.looked == 1
    box.show(why="something else")
    second = [await asyncio.wait_for(anext(reader), DEADLINE_S) for reader in readers]
    assert len({id(each) for each in second}) == 1
    assert b"something else" in second[0]
    for reader in readers:
        await reader.aclose()
    assert live._looking is None


async def test_a_slow_reader_is_sent_the_newest_and_nothing_is_kept_for_it() -> None:
    box = FakeBox()
    live = Live(box, lambda: 0.0)
    quick, slow = live.follow(), live.follow()
    for reader in (quick, slow):
        await anext(reader)
        await anext(reader)
    for number in range(3):
        box.show(why=f"look {number}")
        assert f"look {number}".encode() in await asyncio.wait_for(anext(quick), DEADLINE_S)
    assert b"look 2" in await asyncio.wait_for(anext(slow), DEADLINE_S)
    for reader in (quick, slow):
        await reader.aclose()


async def test_events_that_change_nothing_that_is_shown_are_not_sent() -> None:
    box, now_s = LookedAtBox(), 0.0
    box.show(began_at_s=1.0, phase="starting")
    live = Live(box, lambda: now_s)
    reader = live.follow()
    await anext(reader)
    await anext(reader)
    now_s = 100.0
    before = box.looked
    box.publish(Notice("nothing of it is shown"))
    coming = asyncio.ensure_future(anext(reader))
    await eventually_here(lambda: box.looked > before + 1, "it was looked at because of that, and once more")
    assert not coming.done(), "time passes on the page by itself"
    box.show(why="now")
    data = (await asyncio.wait_for(coming, DEADLINE_S)).decode().partition("data: ")[2]
    assert json.loads(data)["isReady"] is True
    await reader.aclose()


async def test_the_page_s_own_port_waits_for_no_application(around: Around) -> None:
    pages = make_pages(
        Pages(around.box, Gate(around.tokens, FakeClock(), Limiter()), FakeJournal(), FakeClock(), Closing(), 8480)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(pages)) as client:
        assert " data-own>" in (await client.get("http://box:8480/", headers=HTML)).text
        assert " data-own>" not in (await client.get("http://box/", headers=HTML)).text
