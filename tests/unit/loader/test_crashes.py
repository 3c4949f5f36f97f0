"""A service that ends again and again is an issue, also while it happens to run; and so is what is mended too often."""

import pytest
from msgspec.structs import replace

from boxship.checks.report import Issue, Verdict
from boxship.engine.port import ContainerDetail, EngineEvent
from boxship.loader.crashes import Crashes
from boxship.loader.supervisor import Supervisor
from boxship.names import LABEL_GENERATION, LABEL_ONE_OFF, LABEL_REPLICA, LABEL_SERVICE
from boxship.plan.observed import ContainerState
from tests.fakes.behaviour import Behaviour
from tests.unit.loader.bench import Bench
from tests.unit.state.given import ONE, TWO

LABELS = {LABEL_SERVICE: "web", LABEL_GENERATION: "1"}
DETAIL = ContainerDetail("c1", "app.web.g1", ContainerState.RESTARTING, labels=LABELS)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def live(bench: Bench, box: Supervisor, seconds: float, exit_code: int, every_s: float) -> list[Issue]:
    """What the status shows after so long of a web front that ends so often; asked while it runs."""
    bench.world.engine.script("web", Behaviour(exits_after_s=every_s, exit_code=exit_code))
    await bench.to(box, "1.0")
    await bench.world.clock.sleep(seconds)
    while "app.web.g1" not in bench.running or not box.boot().is_ready:
        await bench.world.clock.sleep(0.1)
    report = await box.status(fresh=True)
    assert report.verdict is (Verdict.DEGRADED if report.issues else Verdict.OK)
    return list(report.issues)


async def test_a_service_that_the_engine_restarts_again_and_again_is_an_issue_while_it_runs(bench: Bench) -> None:
    async with bench.loader() as box:
        (issue,) = await live(bench, box, 100.0, exit_code=7, every_s=20.0)
        assert (issue.code, issue.context) == ("service.crashing", {"service": "web", "ends": "4"})
        assert issue.text == "web ended 4 times in the last ten minutes, last with status 7"
        assert "boxship box logs --tail 200 web" in issue.suggestion


async def test_two_ends_are_no_crash_loop(bench: Bench) -> None:
    async with bench.loader() as box:
        assert await live(bench, box, 50.0, exit_code=7, every_s=20.0) == []


def test_crashes_are_forgotten_after_a_while() -> None:
    crashes = crashed(3)
    assert crashes.results(ONE, 699.0)
    assert crashes.results(ONE, 701.0) == ()


async def test_a_service_that_ends_every_hour_is_an_issue_after_a_while(bench: Bench) -> None:
    async with bench.loader() as box:
        (issue,) = await live(bench, box, 7 * 3600.0, exit_code=1, every_s=3500.0)
        assert issue.text == "web ended 7 times in the last 24 hours, last with status 1"


async def test_what_the_loader_mends_again_and_again_is_an_issue(bench: Bench) -> None:
    async with bench.loader() as box:
        (issue,) = await live(bench, box, 100.0, exit_code=0, every_s=20.0)
        assert issue.code == "box.mended"
        assert "times in the last ten minutes, last as web: it ended with status 0" in issue.text


async def test_containers_that_an_operation_stops_have_not_crashed(bench: Bench) -> None:
    bench.world.engine.script("web", Behaviour(sigterm_exit_code=143))
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        for _ in range(5):
            await bench.over(box, await box.restart_service("web", by="test"))
        for target in ("maintenance", "default") * 3:
            await bench.over(box, await box.boot_target(target, by="test"))
        assert (await box.status(fresh=True)).issues == ()


def crashed(times: int, detail: ContainerDetail = DETAIL, exit_code: int = 1) -> Crashes:
    crashes = Crashes()
    for number in range(times):
        crashes.ended(replace(detail, restart_count=number + 1), exit_code, ONE, 100.0 + number)
    return crashes


def test_ends_that_nobody_told_of_are_known_by_the_engine_s_count() -> None:
    crashes = crashed(1)
    crashes.ended(replace(DETAIL, restart_count=9), 1, ONE, 200.0)
    (result,) = crashes.results(ONE, 210.0)
    assert result.text == "web ended 9 times in the last ten minutes, last with status 1"
    assert (result.subject, result.labels) == ("web", {"service": "web"})


def test_a_container_that_was_made_anew_counts_from_there() -> None:
    crashes = crashed(2)
    crashes.ended(replace(DETAIL, id="c2", restart_count=90), 1, ONE, 200.0)
    assert crashes.results(ONE, 210.0)[0].text.startswith("web ended 3 times")


def test_a_lack_of_memory_is_said() -> None:
    (result,) = crashed(3, replace(DETAIL, oom_killed=True), exit_code=0).results(ONE, 110.0)
    assert result.text == "web ended 3 times in the last ten minutes, last as it ran out of memory"


def test_each_container_of_a_service_is_counted_by_itself() -> None:
    (result,) = crashed(3, replace(DETAIL, labels={**LABELS, LABEL_REPLICA: "2"})).results(ONE, 110.0)
    assert (result.subject, result.labels) == ("web.2", {"service": "web"})


def test_an_end_that_somebody_wanted_is_no_crash_and_the_next_one_is_again() -> None:
    crashes = crashed(2)
    signal = EngineEvent("kill", "c1", "app.web.g1", "app", "web", None, 0.0)
    crashes.hear(signal)
    crashes.ended(DETAIL, 137, ONE, 110.0)
    assert crashes.results(ONE, 110.0) == ()
    crashes.hear(replace(signal, action="start"))
    crashes.ended(DETAIL, 137, ONE, 120.0)
    assert crashes.results(ONE, 120.0)


@pytest.mark.parametrize(
    ("labels", "exit_code"),
    [
        ({**LABELS, LABEL_GENERATION: "2"}, 1),
        ({**LABELS, LABEL_ONE_OFF: "preflight-1"}, 1),
        ({LABEL_GENERATION: "1"}, 1),
        (LABELS, 0),
    ],
    ids=["generation", "one-off", "foreign", "well"],
)
def test_what_is_no_crash_of_what_is_current_does_not_count(labels: dict[str, str], exit_code: int) -> None:
    assert crashed(5, replace(DETAIL, labels=labels), exit_code).results(ONE, 110.0) == ()


def test_crashes_of_the_deployment_before_are_not_the_new_one_s() -> None:
    crashes = crashed(5)
    assert crashes.results(TWO, 110.0) == ()
    crashes.ended(replace(DETAIL, labels={**LABELS, LABEL_GENERATION: "2"}), 1, TWO, 110.0)
    assert crashes.results(TWO, 110.0) == ()
