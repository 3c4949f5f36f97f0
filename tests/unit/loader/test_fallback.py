"""A box whose target doesn't boot runs its fallback, says so everywhere, and doesn't forget what it stands in for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from boxship.checks.report import Severity, Verdict
from boxship.loader.metrics import metrics_text
from boxship.loader.supervisor import Supervisor
from boxship.loader.troubles import troubles_of
from boxship.loader.way_back import WayBack
from boxship.state.operation import Failure, OperationStatus
from boxship.state.state import Boots, State
from tests.fakes.behaviour import Behaviour
from tests.unit.loader.bench import Bench
from tests.unit.state.given import BOX, FAILURE, NOW_S, ONE, TWO


@pytest.fixture
def bench() -> Bench:
    return Bench()


@asynccontextmanager
async def in_fallback(bench: Bench) -> AsyncIterator[Supervisor]:
    """Release 1.0, whose ``default`` doesn't boot as long as its web front can't start."""
    async with bench.loader() as box:
        await bench.to(box, "1.0")
    await bench.world.engine.stop_container("app.web.g1")
    bench.world.engine.break_start("web", "no such device")
    async with bench.loader() as box:
        await bench.booted(box)
        assert box.boot().target == "maintenance"
        yield box


def mend(bench: Bench) -> None:
    bench.world.engine.script("web", Behaviour())


async def test_a_switch_out_of_a_fallback_goes_to_the_target_that_it_stands_in_for(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        mend(bench)
        assert (await bench.to(box, "1.1")).status is OperationStatus.DONE
        assert (box.boot().version, box.boot().target) == ("1.1", "default")
        assert bench.running == ["app.db.g2", "app.web.g2"]
        assert box.state().boots.fallen_back_from == ""


async def test_a_switch_out_of_a_fallback_goes_to_the_target_that_is_asked_for(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        await bench.pull(box, "1.1")
        operation = await box.switch("1.1", target="maintenance", by="test")
        assert (await bench.over(box, operation)).status is OperationStatus.DONE
        assert (box.boot().version, box.boot().target) == ("1.1", "maintenance")


async def test_a_switch_to_the_release_that_runs_leaves_its_fallback_as_well(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        mend(bench)
        assert (await bench.over(box, await box.switch("1.0", by="test"))).status is OperationStatus.DONE
        assert (box.boot().target, bench.running) == ("default", ["app.db.g1", "app.web.g1"])


async def test_a_switch_out_of_a_fallback_that_fails_leads_back_to_the_fallback(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        assert (await bench.to(box, "1.1")).status is OperationStatus.FAILED
        assert (box.boot().version, box.boot().target) == ("1.0", "maintenance")
        assert box.state().boots.fallen_back_from == "default"
        assert bench.running == ["app.page.g1"]


async def test_booting_what_is_current_again_keeps_what_a_fallback_stands_in_for(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        before = box.state().boots
        for word in ("current", ""):
            assert (await bench.over(box, await box.boot_target(word, by="test"))).status is OperationStatus.DONE
            assert (box.state().boots, box.boot().target) == (replace(before, next_try_at_s=0.0), "maintenance")
            assert box.progress().phase == "fallback"


async def test_a_person_who_names_the_fallback_wants_it(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        await bench.over(box, await box.boot_target("maintenance", by="test"))
        assert (box.state().boots.fallen_back_from, box.progress().phase) == ("", "maintenance")


async def test_a_fallback_degrades_the_box_and_says_what_did_not_boot_and_why(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        report = await box.status()
        (issue,) = report.issues
        assert (report.verdict, issue.code) == (Verdict.DEGRADED, "boot.fallback")
        assert issue.text == (
            "1.0 (maintenance) runs in place of default, which did not boot: cannot start app.web.g1: no such device"
        )
        assert issue.context["fallen_back_from"] == "default"
        assert "boxship box boot default" in issue.suggestion


async def test_a_monitor_sees_a_fallback(bench: Bench) -> None:
    async with in_fallback(bench) as box:
        seen = await metrics(box)
        assert seen["boxship_status"] == 1.0
        assert (seen["boxship_box_ready"], seen["boxship_box_fallback"]) == (0.0, 1.0)
        mend(bench)
        await bench.over(box, await box.boot_target("default", by="test"))
        seen = await metrics(box)
        assert (seen["boxship_status"], seen["boxship_box_ready"], seen["boxship_box_fallback"]) == (0.0, 1.0, 0.0)


async def test_a_target_that_does_not_boot_fails_the_box_and_says_how_often_and_when_it_is_tried_again(
    bench: Bench,
) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
    await bench.world.engine.stop_container("app.web.g1")
    bench.world.engine.break_start("web", "no such device")
    async with bench.loader() as box:
        await bench.world.clock.sleep(1.0)
        report = await box.status()
        (issue,) = [each for each in report.issues if each.code == "boot.failed"]
        assert report.verdict is Verdict.FAILED
        assert issue.text == (
            "1.0 (default) did not boot, once so far: cannot start app.web.g1: no such device; tried again in 9 s"
        )
        assert (issue.context["failures"], issue.context["next_try_at"]) == ("1", "2026-01-01T00:00:10Z")
        assert (await metrics(box))["boxship_box_ready"] == 0.0
        await bench.booted(box)
        assert [each.code for each in (await box.status()).issues] == ["boot.fallback"]


async def test_going_back_is_offered_by_status_and_why_when_a_switch_was_committed_and_does_not_boot(
    bench: Bench,
) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.1")
    await bench.world.engine.stop_container("app.web.g2")
    bench.world.engine.break_start("web", "no such device")
    bench.world.clock.advance(3 * 3600.0)
    async with bench.loader() as box:
        await bench.world.clock.sleep(1.0)
        loses = "boxship box rollback goes back to 1.0 (default), with its data of 2026-01-01 00:00 UTC and without"
        for code in ("boot.failed", "boot.fallback"):
            assert loses in box.why()
            (issue,) = [each for each in (await box.status()).issues if each.code == code]
            assert issue.suggestion.endswith(
                "; or go back to 1.0 (default), whose data is 3 hours old, of 2026-01-01 00:00 UTC: "
                "boxship box rollback (it loses what was written since; that stays here as the previous deployment)"
            )
            await bench.booted(box)
        mend(bench)
        assert (await bench.over(box, await box.rollback(by="test"))).status is OperationStatus.DONE
        assert (box.boot().version, box.boot().target) == ("1.0", "default")
        assert "rollback" not in box.why()


@pytest.mark.parametrize(
    ("age_s", "said"),
    [
        (-5.0, "less than a minute"),
        (59.0, "less than a minute"),
        (119.0, "a minute"),
        (120.0, "2 minutes"),
        (7_199.0, "119 minutes"),
        (7_200.0, "2 hours"),
        (172_799.0, "47 hours"),
        (900_000.0, "10 days"),
    ],
)
def test_the_age_of_data_is_told_as_people_say_it(age_s: float, said: str) -> None:
    assert WayBack(ONE, TWO, NOW_S).age(NOW_S + age_s) == said


def state(**boots: object) -> State:
    return replace(BOX, boots=replace(Boots(last=FAILURE, next_try_at_s=NOW_S + 40.0), **boots))


def test_an_issue_names_the_failing_check_and_what_it_got() -> None:
    last = Failure("check.http", "web: check health is bad", service="web", check="health", got="GET / answered 503")
    (result,) = troubles_of(state(failures=3, last=last), NOW_S)
    assert result.issue is not None
    assert result.issue.text == (
        "1.0 (default) did not boot, 3 times so far: web: check health is bad (GET / answered 503); tried again in 40 s"
    )
    assert result.issue.context == {
        "failures": "3",
        "reason": "check.http",
        "service": "web",
        "check": "health",
        "got": "GET / answered 503",
        "next_try_at": "2026-11-29T12:00:40Z",
        "version": "1.0",
        "target": "default",
    }


def test_a_fallback_that_fails_itself_fails_the_box() -> None:
    (result,) = troubles_of(state(failures=1, fallen_back_from="app", last=None), NOW_S + 60)
    assert result.issue is not None
    assert (result.issue.code, result.issue.severity) == ("boot.failed", Severity.ERROR)
    assert result.issue.text == (
        "1.0 (default), which stands in for app, did not boot, once so far: no reason was kept; tried again now"
    )


def test_a_first_release_that_is_refused_fails_the_box() -> None:
    refused = State(boots=Boots(2, FAILURE, next_try_at_s=NOW_S + 15.0, refused_version="1.4"))
    (result,) = troubles_of(refused, NOW_S)
    assert result.issue is not None
    assert (result.issue.code, result.issue.severity) == ("boot.refused", Severity.ERROR)
    assert result.issue.text == ("1.4 can't be deployed, 2 times so far: web not ready after 60 s; tried again in 15 s")
    assert result.issue.suggestion.endswith("boxship box switch 1.4")


@pytest.mark.parametrize("well", [State(), BOX])
def test_a_box_that_is_well_or_empty_has_no_trouble(well: State) -> None:
    assert troubles_of(well, NOW_S) == ()


async def metrics(box: Supervisor) -> dict[str, float]:
    families = text_string_to_metric_families(await metrics_text(box))
    return {sample.name: sample.value for family in families for sample in family.samples}
