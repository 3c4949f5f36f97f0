"""Nothing below /v1 answers somebody it doesn't know, and what changes something is written down."""

import pytest

from boxship.api.app import ROUTES
from boxship.api.description import plain_path
from boxship.api.route import Route
from tests.unit.api.conftest import Around


def filled(route: Route) -> str:
    path = plain_path(route.path)
    for name in ("target", "registry", "name", "id"):
        path = path.replace(f"{{{name}}}", "web")
    return path


def route_id(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=route_id)
async def test_without_a_token_nothing_is_answered_or_done(around: Around, route: Route) -> None:
    before = around.box.kept
    answer = await around.client.request(route.method, filled(route))
    assert (answer.status_code, answer.json()["type"]) == (401, "access.unknown")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (around.box.kept, around.box.operations(), around.power.done) == (before, (), [])


@pytest.mark.parametrize("route", [route for route in ROUTES if route.scope == "admin"], ids=route_id)
async def test_who_may_read_may_not_change_anything(around: Around, route: Route) -> None:
    answer = await around.client.request(route.method, filled(route), headers=around.as_("read", "status", "logs:web"))
    assert (answer.status_code, answer.json()["type"]) == (403, "access.denied")
    assert (around.box.operations(), around.power.done) == ((), [])


@pytest.mark.parametrize("route", [route for route in ROUTES if route.action], ids=route_id)
async def test_what_was_refused_is_in_the_audit(around: Around, route: Route) -> None:
    await around.client.request(route.method, filled(route))
    await around.client.request(route.method, filled(route), headers=around.as_("read"))
    unknown, denied = around.journal.entries
    assert (unknown.action, denied.action) == (route.action, route.action)
    assert unknown.who.startswith("somebody at ")
    assert unknown.outcome == "access.unknown: refused"
    assert denied.who == "token tester (t1)"
    assert denied.outcome.startswith("access.denied")


@pytest.mark.parametrize("route", ROUTES, ids=route_id)
def test_what_changes_something_needs_admin_and_is_audited(route: Route) -> None:
    assert (route.method != "GET") == bool(route.action)
    assert not route.action or route.scope in ("admin", "heartbeat:{name}")
    # They come every minute, and would push all else out of the audit.
    assert route.is_frequent == (route.name == "heartbeat")


async def test_a_service_tells_of_itself_and_of_no_other(around: Around) -> None:
    mine = around.as_("heartbeat:web")
    said = {"within_s": 120, "note": "table 3 of 9"}
    told = await around.client.post("/v1/services/web/heartbeat", json=said, headers=mine)
    assert (told.status_code, told.json()) == (200, {"limit_s": 7200.0})
    assert around.box.asked == ["heartbeat web 120 table 3 of 9"]
    assert (await around.client.post("/v1/services/db/heartbeat", json=said, headers=mine)).status_code == 403
    reader = around.as_("read")
    assert (await around.client.post("/v1/services/web/heartbeat", json=said, headers=reader)).status_code == 403
    for wrong in ({"within_s": 0}, {"within_s": 3601}, {"within": 5}, {"note": "x" * 301}):
        answer = await around.client.post("/v1/services/web/heartbeat", json=wrong, headers=mine)
        assert answer.status_code == 400


async def test_heartbeats_are_in_the_audit_once_and_what_was_refused_as_well(around: Around) -> None:
    mine = around.as_("heartbeat:web")
    for number in range(5):
        told = {"note": f"table {number} of 9"}
        for service in ("web", "db"):
            await around.client.post(f"/v1/services/{service}/heartbeat", json=told, headers=mine)
    kept = [(each.who, each.action, each.subject, each.outcome.partition(":")[0]) for each in around.journal.entries]
    assert kept == [
        ("token tester (t1)", "heartbeat", "name=web", "done"),
        ("token tester (t1)", "heartbeat", "name=db", "access.denied"),
    ]


async def test_a_service_reads_its_own_logs_and_no_others(around: Around) -> None:
    mine = around.as_("logs:web")
    assert (await around.client.get("/v1/services/web/logs", headers=mine)).text == "web says hello\n"
    assert (await around.client.get("/v1/services/db/logs", headers=mine)).status_code == 403
    assert (await around.client.get("/v1/status", headers=mine)).status_code == 403


async def test_a_monitor_sees_the_status_and_nothing_else(around: Around) -> None:
    monitor = around.as_("status")
    assert (await around.client.get("/v1/status", headers=monitor)).status_code == 200
    assert (await around.client.get("/v1/status/metrics", headers=monitor)).status_code == 200
    assert (await around.client.get("/v1/boot", headers=monitor)).status_code == 403


async def test_a_token_that_is_over_or_revoked_is_unknown(around: Around) -> None:
    issued = around.tokens.issue("brief", ["read"])
    header = {"Authorization": f"Bearer {issued.secret}"}
    assert (await around.client.get("/v1/boot", headers=header)).status_code == 200
    around.tokens.revoke(issued.token.id)
    assert (await around.client.get("/v1/boot", headers=header)).status_code == 401


async def test_a_password_is_not_taken_as_browsers_send_those_by_themselves(around: Around) -> None:
    secret = around.tokens.issue("person", ["admin"]).secret
    assert (await around.client.post("/v1/rollback", auth=("person", secret))).status_code == 401


async def test_wrong_tokens_are_limited_and_so_is_what_they_write(around: Around, admin: dict[str, str]) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    answers = [await around.client.post("/v1/gc", headers=wrong) for _ in range(15)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 5
    assert answers[-1].headers["retry-after"] == "60"
    assert len(around.journal.entries) == 10
    looked_at = around.tokens.looked_at
    assert (await around.client.get("/v1/boot", headers=admin)).status_code == 429, "else guessing would go on"
    assert around.tokens.looked_at == looked_at
    around.clock.advance(60)
    assert (await around.client.get("/v1/boot", headers=admin)).status_code == 200


async def test_the_audit_names_who_what_and_what_came_of_it(around: Around, admin: dict[str, str]) -> None:
    await around.client.post("/v1/switch", headers=admin, json={"version": "1.1"})
    await around.client.post("/v1/switch", headers=admin, json={"version": "1.1"})
    await around.client.post("/v1/boot/nowhere", headers=admin)
    written = [(entry.who, entry.action, entry.subject, entry.outcome) for entry in around.journal.entries]
    assert written == [
        ("token admin (t1)", "switch", "version=1.1 allow_downgrade=False verify=touched", "operation op-1"),
        (
            "token admin (t1)",
            "switch",
            "version=1.1 allow_downgrade=False verify=touched",
            "busy: switch op-1 is running",
        ),
        ("token admin (t1)", "boot", "target=nowhere", "not_found: no target 'nowhere' in release 1.0"),
    ]


async def test_the_audit_holds_no_password_of_a_registry(around: Around, admin: dict[str, str]) -> None:
    await around.client.post("/v1/registry", headers=admin, json={"registry": "me:hush@registry.example.com/share"})
    assert [entry.subject for entry in around.journal.entries] == ["registry=***@registry.example.com/share"]


async def test_a_full_disk_keeps_nobody_from_making_room(around: Around, admin: dict[str, str]) -> None:
    around.journal.is_full = True
    assert (await around.client.post("/v1/gc", headers=admin)).status_code == 202


async def test_a_new_token_tells_its_secret_once_and_replaces_others_of_its_name(
    around: Around, admin: dict[str, str]
) -> None:
    body = {"name": "monitoring", "scopes": ["status"], "replace": True}
    first = (await around.client.post("/v1/tokens", headers=admin, json=body)).json()
    second = (await around.client.post("/v1/tokens", headers=admin, json=body)).json()
    header = {"Authorization": f"Bearer {second['secret']}"}
    assert (await around.client.get("/v1/status", headers=header)).status_code == 200
    listed = (await around.client.get("/v1/tokens", headers=admin)).text
    assert first["secret"] not in listed
    assert "hash" not in listed
    revoked = {token.id for token in around.tokens.tokens() if token.revoked_at is not None}
    assert revoked == {first["token"]["id"]}


@pytest.mark.parametrize("body", [{"name": "x", "scopes": []}, {"name": "", "scopes": ["read"]}])
async def test_a_token_without_a_name_or_a_scope_is_not_made(
    around: Around, admin: dict[str, str], body: dict[str, object]
) -> None:
    assert (await around.client.post("/v1/tokens", headers=admin, json=body)).status_code == 400
    assert len(around.tokens.tokens()) == 1


@pytest.mark.parametrize("scope", ["root", "logs", "logs:", "logs:a/b", "status:web", "admin:x"])
async def test_a_scope_that_means_nothing_is_refused(around: Around, admin: dict[str, str], scope: str) -> None:
    body = {"name": "x", "scopes": [scope]}
    assert (await around.client.post("/v1/tokens", headers=admin, json=body)).status_code == 400
