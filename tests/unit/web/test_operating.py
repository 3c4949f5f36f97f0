"""Operating a box from a browser, without one: who gets in, what is done, what is written down, what is refused."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import httpx
import pytest
from msgspec import Struct
from msgspec.structs import replace

from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import MOST_FAILURES, Limiter
from boxship.state.operation import Failure, OperationKind, OperationStatus
from boxship.state.state import Boots
from boxship.web.app import make_pages
from boxship.web.asked import Pages
from boxship.web.sessions import IDLE_S
from tests.fakes.access import FakeJournal, FakeTokens
from tests.fakes.box import FakeBox
from tests.fakes.clock import FakeClock

HOME = "/boxship/operate"


class Desk(Struct):
    box: FakeBox
    tokens: FakeTokens
    journal: FakeJournal
    clock: FakeClock
    client: httpx.AsyncClient
    secret: str = ""

    async def sign_in(self, secret: str | None = None, **headers: str) -> httpx.Response:
        form = {"token": self.secret if secret is None else secret}
        return await self.client.post(f"{HOME}/sign-in", data=form, headers=headers)

    async def page(self) -> str:
        return (await self.client.get(HOME)).text

    async def proof(self) -> str:
        found = re.search(r'name="proof" value="([^"]+)"', await self.page())
        assert found is not None
        return found[1]

    async def do(self, what: str, fields: Mapping[str, str], **headers: str) -> httpx.Response:
        form = {"proof": await self.proof(), **fields}
        return await self.client.post(f"{HOME}/{what}", data=form, headers=headers)

    @property
    def audit(self) -> list[tuple[str, str, str, str]]:
        return [(each.who, each.action, each.subject, each.outcome) for each in self.journal.entries]


def desk_at(peer: str) -> Desk:
    clock = FakeClock()
    box, tokens, journal = FakeBox(clock), FakeTokens(clock), FakeJournal()
    pages = make_pages(Pages(box, Gate(tokens, clock, Limiter()), journal, clock, Closing()))
    transport = httpx.ASGITransport(pages, client=(peer, 4711))
    secret = tokens.issue("ops", ["admin"]).secret
    return Desk(box, tokens, journal, clock, httpx.AsyncClient(transport=transport, base_url="http://box"), secret)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = desk_at("127.0.0.1")
    async with made.client:
        yield made


async def test_without_a_session_there_is_nothing_but_the_way_in(desk: Desk) -> None:
    answer = await desk.client.get(HOME)
    assert (answer.status_code, "Sign in" in answer.text, "Maintenance" in answer.text) == (200, True, False)
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    for what in ("maintenance", "cancel", "rollback", "sign-out"):
        refused = await desk.client.post(f"{HOME}/{what}", data={"set": "on", "proof": ""})
        assert (refused.status_code, refused.headers["location"]) == (303, HOME)
    assert desk.box.operations() == ()
    assert desk.audit == []


async def test_a_token_of_an_operator_opens_it_and_never_comes_back(desk: Desk) -> None:
    answer = await desk.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, HOME)
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", f"Path={HOME}"))
    assert desk.secret not in cookie
    page = await desk.page()
    assert "Signed in as token ops (t1)" in page
    assert desk.secret not in page
    assert desk.audit == [("token ops (t1)", "sign in", "", "done")]


@pytest.mark.parametrize("secret", ["", " ", "wrong", "secret-2-of-monitoring", "x" * 300])
async def test_what_is_no_token_of_an_operator_is_refused_and_written_down(desk: Desk, secret: str) -> None:
    desk.tokens.issue("monitoring", ["status"])
    answer = await desk.sign_in(secret)
    assert answer.status_code in (401, 403)
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert secret.strip() == "" or secret not in answer.text
    ((who, action, _, outcome),) = desk.audit
    assert (who, action) == ("somebody at 127.0.0.1", "sign in")
    assert outcome.startswith(("access.unknown: refused", "access.denied: token monitoring"))


async def test_who_tries_too_often_waits(desk: Desk) -> None:
    for _ in range(MOST_FAILURES):
        assert (await desk.sign_in("wrong")).status_code == 401
    assert (await desk.sign_in()).status_code == 429
    assert len(desk.audit) == MOST_FAILURES


async def test_a_token_is_not_taken_where_others_could_read_it() -> None:
    far = desk_at("192.0.2.9")
    async with far.client:
        page = await far.page()
        assert ("ssh -L 8480:localhost:8480" in page, 'name="token"' in page) == (True, False)
        assert (await far.sign_in()).status_code == 403
        assert far.tokens.looked_at == 0


async def test_maintenance_begins_and_ends_by_a_button_each_of_which_is_one_line_of_the_command_line(
    desk: Desk,
) -> None:
    await desk.sign_in()
    assert "boxship box maintenance on" in await desk.page()
    answer = await desk.do("maintenance", {"set": "on"})
    assert (answer.status_code, answer.headers["location"]) == (303, HOME)
    (operation,) = desk.box.operations()
    assert (operation.parameters["target"], operation.asked_by) == ("maintenance", "token ops (t1)")
    page = await desk.page()
    assert ('http-equiv="refresh"' in page, "<button disabled>" in page) == (True, True)
    desk.box.end()
    page = await desk.page()
    assert ('http-equiv="refresh"' in page, "boxship box maintenance off" in page) == (False, True)
    await desk.do("maintenance", {"set": "off"})
    assert desk.box.operations()[0].parameters["target"] == "default"
    assert desk.audit[1:] == [
        ("token ops (t1)", "maintenance", "set=on", "operation op-1"),
        ("token ops (t1)", "maintenance", "set=off", "operation op-2"),
    ]


async def test_what_can_not_be_done_now_is_said_on_the_page_and_written_down(desk: Desk) -> None:
    await desk.sign_in()
    await desk.box.pull("1.1", by="somebody")
    answer = await desk.do("maintenance", {"set": "on"})
    assert (answer.status_code, "pull op-1 is running" in answer.text) == (409, True)
    assert desk.audit[-1][1:3] == ("maintenance", "set=on")
    assert desk.audit[-1][3].startswith("busy: ")


async def test_what_is_under_way_can_be_cancelled_where_it_can(desk: Desk) -> None:
    await desk.sign_in()
    await desk.box.pull("1.1", by="somebody")
    assert "boxship box cancel op-1" in await desk.page()
    assert (await desk.do("cancel", {"operation": "op-1"})).status_code == 303
    assert desk.box.operation("op-1").status is OperationStatus.CANCELLED
    assert (await desk.do("cancel", {"operation": "op-7"})).status_code == 404
    await desk.do("maintenance", {"set": "on"})
    assert "boxship box cancel" not in await desk.page()


def fail(desk: Desk) -> None:
    """The box doesn't boot what it was switched to."""
    desk.box.kept = replace(
        desk.box.kept,
        boots=Boots(2, Failure("probe.failed", "web not ready"), next_try_at_s=9.9e9),
        previous_until_s=desk.clock.now().timestamp() - 7_300.0,
    )


async def test_going_back_is_offered_where_what_is_current_does_not_boot_with_what_it_loses(desk: Desk) -> None:
    await desk.sign_in()
    assert "rollback" not in await desk.page()
    fail(desk)
    page = await desk.page()
    assert "0.9 (default) comes back with its own data, which is 2 hours old (of 2025-12-31 21:58 UTC)." in page
    assert "What was written since 1.0 (default) took over isn't in it" in page
    assert ("boxship box rollback" in page, 'type="checkbox" name="agreed" value="yes" required' in page) == (
        True,
        True,
    )
    answer = await desk.do("rollback", {"agreed": "yes", "to": "0"})
    assert (answer.status_code, answer.headers["location"]) == (303, HOME)
    (operation,) = desk.box.operations()
    assert (operation.kind, operation.asked_by) == (OperationKind.ROLLBACK, "token ops (t1)")
    assert desk.audit[-1] == ("token ops (t1)", "rollback", "to=0", "operation op-1")
    assert "<button disabled>Go back to version 0.9</button>" in await desk.page()


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"to": "0"}, 400, "it loses what was written since 1.0 was booted"),
        ({"to": "0", "agreed": "no"}, 400, "nobody agreed to it"),
        ({"to": "7", "agreed": "yes"}, 409, "another one by now"),
        ({"agreed": "yes"}, 409, "another one by now"),
    ],
)
async def test_nobody_goes_back_without_agreeing_to_just_what_is_lost(
    desk: Desk, fields: Mapping[str, str], status: int, said: str
) -> None:
    await desk.sign_in()
    fail(desk)
    answer = await desk.do("rollback", fields)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert desk.box.operations() == ()
    assert desk.audit[-1][1] == "rollback", "what is refused is written down as well"


async def test_why_the_last_one_failed_is_told_with_all_that_spoke_against_it(desk: Desk) -> None:
    await desk.sign_in()
    await desk.do("maintenance", {"set": "off"})
    failure = Failure("precondition", "maintenance stays on: <b>license</b>", "see it", got="it ended yesterday")
    ended = desk.box.end(OperationStatus.FAILED, failure)
    page = await desk.page()
    assert "maintenance stays on: &lt;b&gt;license&lt;/b&gt; (it ended yesterday)" in page
    desk.box.replace(replace(ended, result={"against.1": "no license", "against.2": "no room"}))
    page = await desk.page()
    assert "<li>no license</li><li>no room</li>" in page


@pytest.mark.parametrize("what", ["maintenance", "cancel", "rollback", "sign-out"])
async def test_a_form_without_the_word_of_its_session_changes_nothing(desk: Desk, what: str) -> None:
    await desk.sign_in()
    other = httpx.Cookies(desk.client.cookies)
    await desk.sign_in()
    theirs = await desk.proof()
    desk.client.cookies = other
    for proof in ("", "wrong", theirs):
        answer = await desk.client.post(
            f"{HOME}/{what}", data={"proof": proof, "set": "on", "to": "0", "agreed": "yes"}
        )
        assert answer.status_code == 403
    assert desk.box.operations() == ()
    assert "Signed in" in await desk.page()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Origin": "http://box"}, 303),
        ({"Origin": "null"}, 303),
        ({}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://box:80"}, 403),
        ({"Origin": "https://box"}, 403),
    ],
)
async def test_a_form_of_another_site_is_refused_before_it_is_read(
    desk: Desk, headers: dict[str, str], status: int
) -> None:
    await desk.sign_in()
    assert (await desk.do("maintenance", {"set": "on"}, **headers)).status_code == status
    assert (await desk.sign_in(**headers)).status_code == status


async def test_a_session_ends_with_its_token_with_signing_out_and_by_itself(desk: Desk) -> None:
    await desk.sign_in()
    assert (await desk.do("sign-out", {})).status_code == 303
    assert "Signed in" not in await desk.page()
    await desk.sign_in()
    await desk.clock.sleep(IDLE_S + 1)
    assert "Signed in" not in await desk.page()
    await desk.sign_in()
    desk.tokens.revoke("t1")
    assert "Signed in" not in await desk.page()
    soon = desk.tokens.issue("soon", ["admin"], expires_at=desk.clock.now() + timedelta(seconds=5))
    await desk.sign_in(soon.secret)
    assert "Signed in as token soon" in await desk.page()
    await desk.clock.sleep(6)
    assert "Signed in" not in await desk.page()


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"proof=a&proof=b", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"f%d=1" % each for each in range(20)), "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * 5000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_is_no_form_is_refused(desk: Desk, content: bytes, kind: str, status: int) -> None:
    await desk.sign_in()
    for what in ("maintenance", "sign-in", "sign-out", "cancel", "rollback"):
        answer = await desk.client.post(f"{HOME}/{what}", content=content, headers={"Content-Type": kind})
        assert answer.status_code == status


async def test_its_paths_know_one_way_to_be_asked(desk: Desk) -> None:
    assert (await desk.client.post(HOME)).status_code == 405
    answer = await desk.client.get(f"{HOME}/maintenance")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_when_it_can_not_be_written_down_it_is_done_all_the_same(desk: Desk) -> None:
    desk.journal.is_full = True
    assert (await desk.sign_in()).status_code == 303
    assert (await desk.do("maintenance", {"set": "on"})).status_code == 303
    assert len(desk.box.operations()) == 1
