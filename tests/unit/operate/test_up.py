"""``up`` from an appliance to a running box, on the fake engine."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.engine.port import ExecResult
from boxship.errors import CancelledError, EngineUnreachableError, ImageMissingError, NotFoundError, ProbeError
from boxship.events import Event, Notice, PlanMade, SubjectChanged
from boxship.operate.request import Rest, UpRequest, at_rest, desired_of, references
from boxship.operate.up import UpResult, bring_up, plan_up
from boxship.plan.observed import Health
from boxship.plan.verdict import Options
from boxship.spec.model import Appliance, Build, Check, Condition, ExecProbe, Healthcheck, Host, Port, Service
from tests.fakes.behaviour import FOREVER, Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance, service

NO_KERNEL = Path("/nonexistent")
ASKED = Check(ExecProbe(("ask",)))


class Box:
    """A fake engine, and everything that was told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.add_image("img:1")
        self.events: list[Event] = []
        self.interrupt = asyncio.Event()

    async def up(self, wanted: Appliance, request: UpRequest | None = None, kernel: Path = NO_KERNEL) -> UpResult:
        return await bring_up(
            wanted,
            self.engine,
            self.events.append,
            self.clock,
            request or UpRequest(),
            self.interrupt,
            sysctl_root=kernel,
        )

    async def rest(self, wanted: Appliance, request: UpRequest | None = None) -> Rest | None:
        request = request or UpRequest()
        desired = desired_of(wanted, request)
        return at_rest(wanted.host, desired, await self.engine.observe(references(desired)), request)

    def notices(self) -> list[tuple[str, bool]]:
        return [(event.text, event.is_warning) for event in self.events if isinstance(event, Notice)]

    def phases(self, subject: str) -> list[str]:
        return [
            f"{event.phase} {event.detail}".strip()
            for event in self.events
            if isinstance(event, SubjectChanged) and event.subject == subject
        ]


@pytest.fixture
def box() -> Box:
    return Box()


def checked(*services: Service, **checks: Check) -> Appliance:
    return replace(appliance(*services), checks=checks)


async def test_up_makes_it_so_and_a_second_one_has_nothing_to_do(box: Box) -> None:
    shop = appliance(service("db"), service("web", "db"))
    first = await box.up(shop)
    assert first.outcome.is_complete
    assert [(row.service, row.is_ready) for row in first.status] == [("db", True), ("web", True)]
    second = await box.up(shop)
    assert second.plan.steps == ()
    assert second.outcome.is_complete


async def test_what_is_going_to_happen_is_told_first(box: Box) -> None:
    shop = appliance(service("db"), service("cache"), service("web", "db", "cache", condition=Condition.HEALTHY))
    await box.up(appliance(service("cache")))
    box.events.clear()
    await box.up(shop)
    made = box.events[0]
    assert isinstance(made, PlanMade)
    assert made.kept == {"cache": "runs"}
    assert made.waits == {"db": (), "web": ("db",)}
    assert made.lines[0] == "[] -> #1 service:db, CreateContainer, not there yet"


async def test_a_step_that_fails_is_in_the_outcome_with_everything_as_it_is(box: Box) -> None:
    box.engine.script("db", Behaviour(exits_after_s=0, exit_code=1))
    result = await box.up(appliance(service("db"), service("web", "db", condition=Condition.COMPLETED)))
    assert [failure.error.message for failure in result.outcome.failures] == [
        "db should complete, but ended with status 1"
    ]
    assert [(row.service, row.why) for row in result.status] == [
        ("db", "ended with status 1"),
        ("web", "created, waits for db"),
    ]


async def test_what_up_found_healthy_is_ready_though_the_engine_has_not_asked_yet(box: Box) -> None:
    box.engine.exec_results[("ask",)] = ExecResult(0, "")
    asked = service("web", healthcheck=Healthcheck(("CMD", "ask"), interval_s=30))
    result = await box.up(appliance(asked))
    (row,) = result.status
    assert (row.is_ready, row.why) == (True, "")
    assert row.container is not None
    assert row.container.health is Health.STARTING


async def test_a_scale_of_the_request_goes_over_the_files_one_and_each_container_is_asked(box: Box) -> None:
    wanted = checked(service("web"), web=ASKED)
    box.engine.exec_results[("ask",)] = ExecResult(0, "")
    three = UpRequest(scales={"web": 3})
    assert sorted(row.replica for row in (await box.up(wanted, three)).status) == ["web", "web.2", "web.3"]
    box.engine.calls.clear()
    assert (await box.up(wanted, three)).outcome.is_complete
    asked = {call for call in box.engine.calls if call.startswith("run_exec")}
    ids = {each.id for each in (await box.engine.observe()).containers}
    assert asked == {f"run_exec {each}" for each in ids}
    await box.up(wanted)
    assert list(box.engine.running) == ["app.web"]


async def test_one_of_several_that_fails_its_check_is_named(box: Box) -> None:
    wanted = checked(service("web", scale=2), web=replace(ASKED, within_s=3))
    box.engine.exec_results[("ask",)] = ExecResult(1, "no")
    failures = (await box.up(wanted)).outcome.failures
    assert sorted(failure.error.message for failure in failures) == [
        "web not ready after 3 s: ask exited 1: no",
        "web.2 not ready after 3 s: ask exited 1: no",
    ]


async def test_orphans_are_told_unless_they_go(box: Box) -> None:
    await box.up(appliance(service("web"), service("old"), service("older")))
    box.events.clear()
    await box.up(appliance(service("web")))
    ((text, is_warning),) = box.notices()
    assert text.endswith("services that the files no longer have: old, older (remove them with --remove-orphans)")
    assert is_warning
    box.events.clear()
    await box.up(appliance(service("web")), UpRequest(options=Options(remove_orphans=True)))
    assert box.notices() == []
    assert list(box.engine.running) == ["app.web"]


async def test_a_service_that_is_kept_is_asked_its_own_check_again(box: Box) -> None:
    wanted = checked(service("web"), web=ASKED)
    box.engine.exec_results[("ask",)] = ExecResult(0, "")
    await box.up(wanted)
    box.engine.calls.clear()
    box.events.clear()
    assert (await box.up(wanted)).outcome.is_complete
    assert [call.split()[0] for call in box.engine.calls].count("run_exec") == 1
    assert box.phases("service:web") == ["unchanged"]


async def test_a_service_that_is_kept_and_fails_its_check_is_a_failure(box: Box) -> None:
    wanted = checked(service("web"), service("db"), web=replace(ASKED, within_s=3), db=ASKED)
    box.engine.exec_results[("ask",)] = ExecResult(0, "")
    await box.up(wanted)
    box.events.clear()
    wanted = replace(wanted, checks={**wanted.checks, "web": Check(ExecProbe(("other",)), within_s=3)})
    box.engine.exec_results[("other",)] = ExecResult(1, "no disk")
    outcome = (await box.up(wanted)).outcome
    (failure,) = outcome.failures
    assert isinstance(failure.error, ProbeError)
    assert failure.error.message == "web not ready after 3 s: other exited 1: no disk"
    assert failure.step.subject == "service:web"
    assert not outcome.is_complete
    assert box.phases("service:web") == [
        "probing other exited 1: no disk",
        "failed web not ready after 3 s: other exited 1: no disk",
    ]


async def test_a_service_that_is_not_asked_for_is_not_asked(box: Box) -> None:
    wanted = checked(service("web"), service("db"), db=ASKED)
    box.engine.exec_results[("ask",)] = ExecResult(0, "")
    await box.up(wanted)
    box.engine.exec_results[("ask",)] = ExecResult(1, "")
    assert (await box.up(wanted, UpRequest(services=("web",)))).outcome.is_complete


async def test_an_interrupt_while_kept_services_are_asked_ends_it_at_once(box: Box) -> None:
    wanted = checked(service("web"), web=ASKED)
    box.engine.exec_results[("ask",)] = ExecResult(0, "")
    await box.up(wanted)
    box.engine.exec_results[("ask",)] = ExecResult(1, "")
    running = asyncio.ensure_future(box.up(wanted))
    await box.clock.sleep(5)
    box.interrupt.set()
    outcome = (await running).outcome
    assert (outcome.is_interrupted, outcome.failures) == (True, ())
    assert box.clock.monotonic_s() < 10


async def test_a_kept_container_that_gets_its_final_name_only_now_is_asked_under_it(box: Box) -> None:
    wanted = checked(service("web"), web=ASKED)
    box.engine.exec_results[("ask",)] = ExecResult(0, "")
    await box.up(wanted)
    await box.engine.rename_container("app.web", "app.web.next-0")
    assert (await box.up(wanted)).outcome.is_complete
    assert list(box.engine.running) == ["app.web"]


async def test_the_addresses_to_point_a_browser_at_are_told(box: Box) -> None:
    wanted = appliance(service("web", ports=(Port(80, "8080"), Port(443, "8443"))), service("db"))
    assert (await box.up(wanted)).addresses == ("https://localhost:8443/", "http://localhost:8080/")


@pytest.mark.parametrize(
    ("before", "after", "notice"),
    [
        ("60", "10", ("host: vm.swappiness was 60 and is 10 now, until this host reboots", False)),
        ("10", "10", None),
        (
            None,
            None,
            ("host: this host's kernel has no setting vm.swappiness, which should be 10", True),
        ),
    ],
)
async def test_kernel_settings_are_made_and_told(
    box: Box, tmp_path: Path, before: str | None, after: str | None, notice: tuple[str, bool] | None
) -> None:
    setting = tmp_path / "vm" / "swappiness"
    if before is not None:
        setting.parent.mkdir()
        setting.write_text(before)
    wanted = replace(appliance(service("web")), host=Host(sysctl={"vm.swappiness": "10"}))
    await box.up(wanted, kernel=tmp_path)
    assert box.notices() == ([notice] if notice else [])
    assert (setting.read_text() if before is not None else None) == after


async def test_what_the_host_lacks_is_told_and_hinders_nothing(box: Box) -> None:
    result = await box.up(replace(appliance(service("web")), host=Host(cpus=100_000)))
    assert result.outcome.is_complete
    ((text, is_warning),) = box.notices()
    assert text.endswith("the appliance needs 100000")
    assert is_warning


async def test_a_missing_image_is_pulled(box: Box) -> None:
    box.engine.registry.add("img:2")
    assert (await box.up(appliance(service("web", image="img:2")))).outcome.is_complete


async def test_with_pull_never_a_missing_image_is_refused_before_anything_is_made(box: Box) -> None:
    box.engine.registry.add("img:2")
    wanted = appliance(service("web", image="img:2"))
    with pytest.raises(ImageMissingError, match="'img:2' of service 'web'"):
        await box.up(wanted, UpRequest(pull="never"))
    with pytest.raises(ImageMissingError):
        await plan_up(wanted, box.engine, UpRequest(pull="never"))
    assert box.engine.calls == ["observe", "observe"]


@pytest.mark.parametrize("how", [{"pull": "always"}, {}], ids=["asked for", "its policy"])
async def test_an_image_that_is_always_to_be_pulled_is_pulled_once_also_when_it_is_there(
    box: Box, how: Mapping[str, str]
) -> None:
    box.engine.registry.add("img:1")
    services = [service(name, pull_policy=None if how else "always") for name in ("a", "b")]
    await box.up(appliance(*services), UpRequest(**how))  # type: ignore[arg-type]  # pull is its only key
    assert box.engine.calls.count("pull_image img:1") == 1


async def test_a_pull_that_fails_ends_up_before_anything_is_made(box: Box) -> None:
    with pytest.raises(ImageMissingError, match="img:1"):
        await box.up(appliance(service("web")), UpRequest(pull="always"))
    assert not any(call.startswith("create") for call in box.engine.calls)


async def test_an_interrupt_during_a_pull_ends_it_at_once(box: Box) -> None:
    box.engine.registry.add("img:1")
    box.engine.faults.delay_s["pull_image"] = 600
    running = asyncio.ensure_future(box.up(appliance(service("web")), UpRequest(pull="always")))
    await box.clock.sleep(1)
    box.interrupt.set()
    with pytest.raises(CancelledError, match="up was interrupted"):
        await running
    assert box.clock.monotonic_s() == 1


async def test_an_interrupt_leaves_what_is_begun_and_tells_how_everything_is(box: Box) -> None:
    box.engine.script("db", Behaviour(exits_after_s=FOREVER))
    running = asyncio.ensure_future(
        box.up(appliance(service("db"), service("web", "db", condition=Condition.COMPLETED)))
    )
    await box.clock.sleep(5)
    box.interrupt.set()
    result = await running
    assert result.outcome.is_interrupted
    assert [(row.service, row.is_ready) for row in result.status] == [("db", True), ("web", False)]


async def test_when_the_engine_is_gone_the_outcome_is_told_without_a_status(box: Box) -> None:
    box.engine.faults.die_after(2)
    result = await box.up(appliance(service("web")))
    assert isinstance(result.outcome.failures[0].error, EngineUnreachableError)
    assert (result.status, result.addresses) == ((), ())


async def test_an_engine_that_cannot_be_observed_is_an_error(box: Box) -> None:
    box.engine.faults.die_after(0)
    with pytest.raises(EngineUnreachableError):
        await box.up(appliance(service("web")))


async def test_an_unknown_service_is_refused_before_the_engine_is_asked(box: Box) -> None:
    with pytest.raises(NotFoundError):
        await box.up(appliance(service("web")), UpRequest(services=("wbe",)))
    assert box.engine.calls == []


async def test_plan_tells_what_up_would_build_and_do_and_does_nothing(box: Box, tmp_path: Path) -> None:
    wanted = appliance(service("web", image=None, build=Build(tmp_path)), service("db"))
    ahead = await plan_up(wanted, box.engine, UpRequest())
    assert ahead.builds == {"app/web:latest": "not built yet"}
    assert str(ahead.plan).splitlines()[0] == "[] -> #1 network:default, CreateNetwork, not there yet"
    assert box.engine.calls == ["observe"]
    assert (await plan_up(wanted, box.engine, UpRequest(build=False))).builds == {}


async def test_what_is_as_it_should_be_is_known_without_doing_anything(box: Box) -> None:
    shop = appliance(service("db"), service("web", "db"))
    assert await box.rest(shop) is None
    await box.up(shop)
    calls = list(box.engine.calls)
    rest = await box.rest(shop)
    assert rest is not None
    assert (rest.plan.steps, rest.notice) == ((), None)
    assert [(row.service, row.is_ready) for row in rest.status] == [("db", True), ("web", True)]
    assert box.engine.calls == [*calls, "observe"]


async def test_orphans_are_warned_of_while_all_else_rests(box: Box) -> None:
    await box.up(appliance(service("db"), service("web")))
    rest = await box.rest(appliance(service("db")))
    assert rest is not None
    assert rest.notice is not None
    assert "web" in rest.notice.text


@pytest.mark.parametrize(
    ("changed", "request_"),
    [
        (appliance(service("web", image="img:2")), UpRequest()),
        (appliance(service("web")), UpRequest(pull="always")),
        (appliance(service("web", pull_policy="always")), UpRequest()),
        (appliance(service("web")), UpRequest(options=Options(force_recreate=True))),
        (appliance(service("web")), UpRequest(scales={"web": 2})),
        (replace(appliance(service("web")), host=Host(sysctl={"vm.overcommit_memory": "1"})), UpRequest()),
        (checked(service("web"), web=Check(ExecProbe(("ask",)))), UpRequest()),
    ],
    ids=[
        "another image",
        "--pull always",
        "a pull policy",
        "--force-recreate",
        "--scale",
        "kernel settings",
        "a check",
    ],
)
async def test_whatever_has_to_be_done_or_asked_is_no_rest(box: Box, changed: Appliance, request_: UpRequest) -> None:
    box.engine.add_image("img:2")
    await box.up(appliance(service("web")))
    assert await box.rest(changed, request_) is None
