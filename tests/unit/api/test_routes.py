"""What each route means."""

import pytest
from msgspec.structs import replace

from boxship.checks.report import Issue, Level, Report, Result, Severity
from boxship.loader.box import ServiceLine
from boxship.state.operation import OperationStatus, Progress
from boxship.state.verify import Verify
from tests.unit.api.conftest import Around

Admin = dict[str, str]


async def test_boot_tells_id_registry_tag_and_target(around: Around, admin: Admin) -> None:
    boot = (await around.client.get("/v1/boot", headers=admin)).json()
    assert {key: boot[key] for key in ("id", "registry", "tag", "target")} == {
        "id": "boot-1",
        "registry": "registry.example.com/share",
        "tag": "1.0",
        "target": "default",
    }


@pytest.mark.parametrize(("asked", "booted"), [("current", "default"), ("default", "default"), ("maintenance",) * 2])
async def test_booting_a_target_begins_an_operation(around: Around, admin: Admin, asked: str, booted: str) -> None:
    answer = await around.client.post(f"/v1/boot/{asked}", headers=admin)
    assert (answer.status_code, answer.headers["location"]) == (202, "/v1/operations/op-1")
    assert answer.json()["parameters"] == {"target": booted}
    asked_for = (await around.client.get(answer.headers["location"], headers=admin)).json()
    assert (asked_for["status"], asked_for["asked_by"]) == ("running", "token admin (t1)")


async def test_an_unknown_target_changes_nothing(around: Around, admin: Admin) -> None:
    before = around.box.kept
    by_path = await around.client.post("/v1/boot/nowhere", headers=admin)
    by_body = await around.client.post("/v1/boot", headers=admin, json={"target": "nowhere"})
    assert (by_path.status_code, by_body.status_code) == (404, 404)
    assert "its targets: default, maintenance" in by_path.json()["hint"]
    assert (around.box.kept, around.box.operations()) == (before, ())


async def test_a_second_operation_is_told_which_one_runs(around: Around, admin: Admin) -> None:
    await around.client.post("/v1/images/pull", headers=admin)
    answer = await around.client.post("/v1/switch", headers=admin, json={"version": "1.1"})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["location"] == "/v1/operations/op-1"
    assert answer.json() == {
        "type": "busy",
        "title": "Conflict",
        "status": 409,
        "detail": "pull op-1 is running",
        "hint": "",
        "fields": {"operation_id": "op-1"},
    }


async def test_containers_map_real_name_to_image(around: Around, admin: Admin) -> None:
    found = (await around.client.get("/v1/containers", headers=admin)).json()
    assert {name: view["image"] for name, view in found.items()} == {
        "share.db": "registry.example.com/share/db:1.0",
        "share.web": "registry.example.com/share/web:1.0",
    }
    assert found["share.web"].keys() == {"service", "image", "state", "is_wanted"}


async def test_a_registry_is_pending_until_the_switch(around: Around, admin: Admin) -> None:
    body = {"registry": "dir:/media/usb"}
    answer = (await around.client.post("/v1/registry", headers=admin, json=body)).json()
    assert answer == {"registry": "registry.example.com/share", "pending": "dir:/media/usb"}
    assert (await around.client.get("/v1/boot", headers=admin)).json()["registry"] == "registry.example.com/share"


async def test_the_latest_tag_is_the_last_of_all(around: Around, admin: Admin) -> None:
    around.box.releases = {**around.box.releases, "localhost:5000/a/b": ("2.0",)}
    mine = (await around.client.get("/v1/tags/latest", headers=admin)).json()
    other = (await around.client.get("/v1/tags/latest/localhost:5000/a/b", headers=admin)).json()
    assert (mine["tag"], mine["tags"]) == ("1.2", ["0.9", "1.0", "1.1", "1.2"])
    assert other == {"registry": "localhost:5000/a/b", "tag": "2.0", "tags": ["2.0"]}
    assert (await around.client.get("/v1/tags/latest/nowhere", headers=admin)).status_code == 404


async def test_a_pull_can_be_watched_and_cancelled(around: Around, admin: Admin) -> None:
    assert (await around.client.get("/v1/images/pull", headers=admin)).status_code == 404
    await around.client.post("/v1/images/pull", headers=admin, json={"version": "1.2"})
    around.box.advance(Progress(5, 10, 1, 2, "web"), stage="pulling")
    pull = (await around.client.get("/v1/images/pull", headers=admin)).json()
    assert (pull["stage"], pull["progress"]["done_bytes"], pull["progress"]["item"]) == ("pulling", 5, "web")
    cancelled = await around.client.delete("/v1/operations/op-1", headers=admin)
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    assert (await around.client.delete("/v1/operations/op-1", headers=admin)).status_code == 409


async def test_a_switch_and_a_rollback_verify_what_they_are_told_to(around: Around, admin: Admin) -> None:
    around.box.kept = replace(around.box.kept, previous=around.box.kept.current)
    for path, body in (("switch", {"version": "1.1"}), ("rollback", {})):
        for more in ({}, {"verify": "full"}):
            answer = await around.client.post(f"/v1/{path}", headers=admin, json={**body, **more})
            assert answer.status_code == 202
            around.box.end()
    assert around.box.verified == [Verify.TOUCHED, Verify.FULL] * 2
    wrong = await around.client.post("/v1/switch", headers=admin, json={"version": "1.1", "verify": "some"})
    assert wrong.status_code == 400


async def test_a_rollback_says_before_what_it_brings_and_loses(around: Around, admin: Admin) -> None:
    brings = (await around.client.get("/v1/rollback", headers=admin)).json()
    assert (brings["to"]["version"], brings["loses"]) == ("0.9", "what was written since 1.0 was booted")
    assert (brings["data_from_s"], brings["data_age_s"]) == (1_700_000_000, 11_580)
    assert (await around.client.post("/v1/rollback", headers=admin)).json()["kind"] == "rollback"


async def test_gc_only_says_what_would_go_when_that_was_asked(around: Around, admin: Admin) -> None:
    looked = await around.client.get("/v1/gc", headers=admin)
    dry = await around.client.post("/v1/gc", headers=admin, json={"dry_run": True})
    assert looked.json() == dry.json()
    assert (dry.status_code, around.box.operations()) == (200, ())
    assert (await around.client.post("/v1/gc", headers=admin)).status_code == 202


async def test_operations_are_listed_the_newest_first(around: Around, admin: Admin) -> None:
    for _ in range(3):
        await around.client.post("/v1/gc", headers=admin)
        around.box.end(OperationStatus.FAILED)
    listed = (await around.client.get("/v1/operations?limit=2", headers=admin)).json()["operations"]
    assert [(each["id"], each["status"]) for each in listed] == [("op-3", "failed"), ("op-2", "failed")]
    assert (await around.client.get("/v1/operations/nope", headers=admin)).status_code == 404


@pytest.fixture
def failed(around: Around) -> None:
    issue = Issue("check_failed", Severity.ERROR, "web answers 500", {"service": "web"}, "look at its logs")
    result = Result("ready", "web", "http", Level.FAIL, "GET /health answered 500", 0.01, issue=issue)
    around.box.report = Report("share", "1.0", 1.0, 0.1, (result,))


@pytest.mark.usefixtures("failed")
async def test_status_is_strict_unless_it_is_asked_softly(around: Around, admin: Admin) -> None:
    strict = await around.client.get("/v1/status", headers=admin)
    soft = await around.client.get("/v1/status?soft=1", headers=admin)
    assert (strict.status_code, soft.status_code) == (503, 200)
    (result,) = soft.json()["results"]
    assert (result["healthy"], result["message"], result["latency_s"]) == (False, "GET /health answered 500", 0.01)
    assert soft.json()["issues"][0]["suggestion"] == "look at its logs"


@pytest.mark.usefixtures("failed")
async def test_a_check_that_is_ignored_does_not_count(around: Around, admin: Admin) -> None:
    for ignored in ("ready", "disk,ready", "disk, ready"):
        answer = await around.client.get("/v1/status", params={"ignore": ignored}, headers=admin)
        assert (answer.status_code, answer.json()["verdict"], answer.json()["results"]) == (200, "ok", [])
    kept = await around.client.get("/v1/status", params={"ignore": "disk"}, headers=admin)
    assert (kept.status_code, kept.json()["verdict"]) == (503, "failed")


@pytest.mark.usefixtures("failed")
async def test_metrics_are_prometheus_text_whatever_the_verdict(around: Around, admin: Admin) -> None:
    answer = await around.client.get("/v1/status/metrics", headers=admin)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'boxship_status{appliance="share",version="1.0"} 2.0\n' in answer.text


async def test_a_fresh_status_is_asked_anew(around: Around, admin: Admin) -> None:
    await around.client.get("/v1/status?fresh=1", headers=admin)
    assert around.box.asked == ["status fresh=True"]


async def test_why_is_one_sentence(around: Around, admin: Admin) -> None:
    around.box.show(phase="starting-services", why="web is starting, 12 s left", is_ready=False)
    why = (await around.client.get("/v1/why", headers=admin)).json()
    assert (why["why"], why["phase"], why["is_ready"]) == ("web is starting, 12 s left", "starting-services", False)


async def test_a_service_is_restarted_by_its_name(around: Around, admin: Admin) -> None:
    answer = await around.client.post("/v1/services/web/restart", headers=admin)
    assert (answer.status_code, answer.json()["kind"]) == (202, "restart")
    assert (await around.client.post("/v1/services/wbe/restart", headers=admin)).status_code == 404


async def test_maintenance_is_a_target_that_is_booted(around: Around, admin: Admin) -> None:
    assert (await around.client.get("/v1/maintenance", headers=admin)).json() == {"on": False, "target": "default"}
    await around.client.post("/v1/maintenance", headers=admin, json={"on": True})
    assert (await around.client.get("/v1/maintenance", headers=admin)).json() == {"on": True, "target": "maintenance"}


async def test_what_the_machine_cannot_do_is_said_to_be_unsupported(around: Around, admin: Admin) -> None:
    assert (await around.client.post("/v1/host/reboot", headers=admin)).json() == {"accepted": "reboot"}
    refused = await around.client.post("/v1/host/shutdown", headers=admin)
    assert (refused.status_code, refused.json()["type"]) == (501, "unsupported")
    assert around.power.done == ["reboot"]
    assert (await around.client.get("/v1/host", headers=admin)).json()["can"] == ["reboot"]


async def test_the_audit_is_read_in_parts(around: Around, admin: Admin) -> None:
    for _ in range(3):
        await around.client.post("/v1/gc", headers=admin)
    first = (await around.client.get("/v1/audit?limit=2", headers=admin)).json()
    rest = (await around.client.get(f"/v1/audit?after={first['next']}", headers=admin)).json()
    assert [entry["number"] for entry in (*first["entries"], *rest["entries"])] == [1, 2, 3]
    assert (rest["chain"]["newest"], rest["chain"]["first_wrong"]) == (3, 0)


async def test_logs_are_text_and_their_tail_can_be_asked_for(around: Around, admin: Admin) -> None:
    around.box.lines["web"] *= 3
    answer = await around.client.get("/v1/services/web/logs?tail=2", headers=admin)
    assert answer.text == "web says hello\n" * 2
    missing = await around.client.get("/v1/services/nope/logs", headers=admin)
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


async def test_lines_of_several_containers_say_whose_they_are(around: Around, admin: Admin) -> None:
    around.box.lines["web"] = [ServiceLine("stdout", f"of {name}", replica=name) for name in ("web", "web.2")]
    answer = await around.client.get("/v1/services/web/logs", headers=admin)
    assert answer.text == "web | of web\nweb.2 | of web.2\n"


async def test_logs_are_events_for_who_accepts_those(around: Around, admin: Admin) -> None:
    answer = await around.client.get("/v1/services/web/logs", headers={**admin, "Accept": "text/event-stream"})
    line = 'event: line\ndata: {"stream":"stdout","text":"web says hello","at":"","replica":""}\n\n'
    assert answer.text == f"{line}event: end\ndata: {{}}\n\n"
