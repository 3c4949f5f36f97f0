"""Commands inside containers around their lives, on an engine in memory."""

import asyncio
from typing import Literal

import pytest
from msgspec.structs import replace

from boxship.engine.port import ExecResult
from boxship.errors import EngineError, EngineUnreachableError, HookError
from boxship.events import Event, Notice, Phase, StepFailed, SubjectChanged
from boxship.execute.executor import Outcome, execute
from boxship.execute.hooks import HookRunner
from boxship.plan.action import ContainerSpec, RunHook, StopContainer
from boxship.plan.graph import PlanBuilder
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import resolve
from boxship.plan.verbs import plan_down
from boxship.spec.model import Service
from boxship.spec.model_hooks import LifecycleHook
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance, service


class Bench:
    """A fake engine with one container that runs, called web."""

    def __init__(self, behaviour: Behaviour = Behaviour()) -> None:  # noqa: B008 (frozen)
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.add_image("img:1")
        self.engine.script("web", behaviour)
        self.events: list[Event] = []

    async def start(self) -> "Bench":
        await self.engine.create_container(ContainerSpec(name="web", service=Service("web"), image="img:1"))
        await self.engine.start_container("web")
        return self

    async def run(self, *argv: str, within_s: float = 60.0) -> bool:
        return await HookRunner(self.engine, self.clock).run(action(*argv, within_s=within_s))

    async def execute(self, builder: PlanBuilder, interrupt: asyncio.Event | None = None) -> Outcome:
        return await execute(builder.finish(), self.engine, self.events.append, self.clock, interrupt=interrupt)

    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice) and event.is_warning]


def action(*argv: str, within_s: float = 60.0, kind: Literal["post_start", "pre_stop"] = "post_start") -> RunHook:
    return RunHook("web", kind, f"{kind} hook 1 of web", LifecycleHook(argv), within_s)


async def test_a_hook_runs_as_its_file_says() -> None:
    bench = await Bench().start()
    hook = LifecycleHook(("warm", "up"), user="7", privileged=True, working_dir="/srv", environment={"A": "1"})
    assert await HookRunner(bench.engine, bench.clock).run(RunHook("web", "post_start", "it", hook, 60.0))
    ((_, _, request),) = bench.engine.sessions
    assert (request.argv, request.user, request.privileged) == (("warm", "up"), "7", True)
    assert (request.working_dir, request.environment) == ("/srv", {"A": "1"})


async def test_a_hook_that_fails_is_told_with_its_command_and_last_lines() -> None:
    bench = await Bench().start()
    bench.engine.exec_results[("migrate", "--all")] = ExecResult(3, "\n".join(f"line {n}" for n in range(30)))
    with pytest.raises(HookError) as caught:
        await bench.run("migrate", "--all")
    error = caught.value
    assert error.message == "post_start hook 1 of web (migrate --all) exited 3"
    assert error.logs == tuple(f"line {n}" for n in range(10, 30))
    assert error.hint.endswith("boxship logs web")
    assert error.code == "hook.failed"


async def test_a_long_command_is_cut_in_the_sentence() -> None:
    bench = await Bench().start()
    bench.engine.exec_results[("x" * 200,)] = ExecResult(1, "")
    with pytest.raises(HookError, match=r"\(x{57}\.\.\.\) exited 1"):
        await bench.run("x" * 200)


async def test_a_hook_that_never_ends_is_given_up() -> None:
    bench = await Bench().start()
    with pytest.raises(HookError, match="did not end within 60 s"):
        await bench.run("sleep", "1000")
    assert bench.clock.monotonic_s() == 60


async def test_a_hook_that_the_engine_refuses_is_a_failed_hook() -> None:
    bench = await Bench().start()
    await bench.engine.pause_container("web")
    with pytest.raises(HookError, match=r"can't be run: .*not running"):
        await bench.run("warm")


async def test_a_container_that_ended_before_is_no_failure_of_its_hook() -> None:
    bench = await Bench(Behaviour(exits_after_s=0)).start()
    assert not await bench.run("warm")
    await bench.engine.remove_container("web")
    assert not await bench.run("warm")


async def test_an_engine_that_is_gone_is_not_the_hooks_fault() -> None:
    bench = await Bench().start()
    bench.engine.faults.die_after(0)
    with pytest.raises(EngineUnreachableError):
        await bench.run("warm")


async def test_a_failed_hook_before_a_stop_is_a_warning_and_the_stop_goes_on() -> None:
    bench = await Bench().start()
    builder = PlanBuilder("app")
    subject = "service:web"
    builder.add("hook", action("false", kind="pre_stop"), subject=subject, cause="why", best_effort=True)
    builder.add("stop", StopContainer("web"), subject=subject, cause="why", after=["hook"])
    outcome = await bench.execute(builder)
    assert outcome.is_complete
    assert bench.engine.running == {}
    assert bench.notices() == ["pre_stop hook 1 of web (false) exited 1"]
    assert [event.best_effort for event in bench.events if isinstance(event, StepFailed)] == [True]
    phases = [(each.phase, each.detail) for each in bench.events if isinstance(each, SubjectChanged)]
    assert phases == [
        (Phase.STOPPING, "pre_stop hook 1 of web"),
        (Phase.STOPPING, ""),
        (Phase.STOPPED, ""),
    ]


async def test_an_end_before_the_hook_is_told_after_a_start_and_no_news_before_a_stop() -> None:
    bench = await Bench(Behaviour(exits_after_s=0)).start()
    for kind, notices in (("pre_stop", []), ("post_start", ["post_start hook 1 of web: the container ended before"])):
        builder = PlanBuilder("app")
        hook = RunHook("web", kind, f"{kind} hook 1 of web", LifecycleHook(("warm",)), 60.0)  # type: ignore[arg-type]
        builder.add("hook", hook, subject="service:web", cause="why")
        assert (await bench.execute(builder)).is_complete
        assert [text.removesuffix(" it had run") for text in bench.notices()] == notices


async def test_an_interrupt_ends_a_hook_at_once() -> None:
    bench = await Bench().start()
    builder = PlanBuilder("app")
    builder.add("hook", action("sleep", "50"), subject="service:web", cause="why")
    interrupt = asyncio.Event()
    running = asyncio.ensure_future(bench.execute(builder, interrupt))
    await bench.clock.sleep(5)
    interrupt.set()
    assert (await running).is_interrupted
    assert bench.clock.monotonic_s() == 5


async def test_long_hooks_do_not_wait_for_each_other() -> None:
    bench = await Bench().start()
    builder = PlanBuilder("app")
    for number in range(20):
        builder.add(f"hook {number}", action("sleep", "50"), subject=f"service:{number}", cause="why")
    assert (await bench.execute(builder)).is_complete
    assert bench.clock.monotonic_s() == 50


async def test_a_failed_hook_fails_up_again_until_it_is_mended() -> None:
    bench = Bench()
    wanted = resolve(appliance(service("web", post_start=(LifecycleHook(("migrate",)),)), service("page", "web")))

    async def up() -> Outcome:
        plan = reconcile(wanted, await bench.engine.observe())
        return await execute(plan, bench.engine, bench.events.append, bench.clock)

    bench.engine.exec_results[("migrate",)] = ExecResult(1, "no disk")
    for _ in range(2):
        outcome = await up()
        assert [failure.error.message for failure in outcome.failures] == [
            "post_start hook 1 of web (migrate) exited 1"
        ]
        assert list(bench.engine.running.values()) == ["img:1"]
    bench.engine.exec_results[("migrate",)] = ExecResult(0, "")
    assert (await up()).is_complete
    assert sorted(bench.engine.running) == ["app.page", "app.web"]
    assert (await up()).done == ()


@pytest.mark.parametrize("scale", [1, 2])
async def test_without_a_replacement_neither_hook_nor_stop_is_done(scale: int) -> None:
    bench = Bench()
    web = service("web", pre_stop=(LifecycleHook(("drain",)),), scale=scale)

    async def up(wanted: Service) -> Outcome:
        plan = reconcile(resolve(appliance(wanted)), await bench.engine.observe())
        return await execute(plan, bench.engine, bench.events.append, bench.clock)

    assert (await up(web)).is_complete
    last = max(bench.engine.running)
    if scale == 1:
        bench.engine.faults.fail("create_container", EngineError("no space"))
    else:
        # The first one's replacement ends at once, so the second one is not to be touched.
        bench.engine.script("web", Behaviour(exits_after_s=0, exit_code=1))
    assert not (await up(replace(web, command=("new",)))).is_complete
    assert last in bench.engine.running
    assert [request.argv for _, _, request in bench.engine.sessions] == [("drain",)] * (scale - 1)


async def test_down_runs_the_hooks_that_the_containers_were_made_with() -> None:
    bench = Bench()
    wanted = resolve(appliance(service("web", pre_stop=(LifecycleHook(("drain",)),), scale=2)))
    await execute(reconcile(wanted, await bench.engine.observe()), bench.engine, bench.events.append, bench.clock)
    plan = plan_down("app", await bench.engine.observe(), {})
    assert (await execute(plan, bench.engine, bench.events.append, bench.clock)).is_complete
    assert [request.argv for _, _, request in bench.engine.sessions] == [("drain",), ("drain",)]
