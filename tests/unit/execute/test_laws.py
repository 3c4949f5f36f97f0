"""The laws of design: any state converges, a second run rests, cut anywhere it still converges, others are untouched.

Services have zero to three containers each, and hooks around their lives.

The real planner and the real executor run against the fake engine, on appliances and histories that hypothesis makes.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from boxship.errors import EngineUnreachableError
from boxship.execute.executor import Outcome, execute
from boxship.plan.action import ContainerSpec
from boxship.plan.observed import ContainerState, Observed
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired, resolve
from boxship.plan.verbs import plan_down
from boxship.plan.verdict import Options
from boxship.spec.model import (
    Appliance,
    Attachment,
    Condition,
    Dependency,
    Healthcheck,
    Mount,
    Network,
    Port,
    Service,
)
from boxship.spec.model_boot import Boot
from boxship.spec.model_files import Grant, Hidden, SharedFile
from boxship.spec.model_hooks import LifecycleHook
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance

IMAGES = ("img:1", "img:2")
# Good ones, as a failed one is no convergence; before a stop, a failed one must hinder nothing.
AFTER_START = st.lists(st.sampled_from(("warm", "register")).map(lambda word: LifecycleHook((word,))), max_size=2)
BEFORE_STOP = st.lists(st.sampled_from(("drain", "false")).map(lambda word: LifecycleHook((word,))), max_size=2)
FOREIGN = ("other.web", "app.not-ours", "a-foreign-one")


@st.composite
def services(draw: st.DrawFn) -> tuple[Service, ...]:
    """Up to five services; each may depend on earlier ones, share a namespace, hold data, publish a port, be scaled."""
    count = draw(st.integers(1, 5))
    one_shots = draw(st.sets(st.integers(0, count - 1), max_size=2))
    made: list[Service] = []
    for index in range(count):
        depends_on = {}
        earlier = draw(st.sets(st.integers(0, max(index - 1, 0)), max_size=2 if index else 0))
        for other in earlier:
            healthy = made[other].healthcheck is not None
            plain = Condition.HEALTHY if healthy and draw(st.booleans()) else Condition.STARTED
            condition = Condition.COMPLETED if other in one_shots else plain
            depends_on[f"s{other}"] = Dependency(condition, restart=draw(st.booleans()), required=draw(st.booleans()))
        scale = draw(st.sampled_from((1, 1, 2, 3, 0)))
        ports = (Port(80, str(8000 + draw(st.integers(0, 9)) * 10 + index)),) if draw(st.booleans()) else ()
        service = Service(
            name=f"s{index}",
            image=draw(st.sampled_from(IMAGES)),
            # What a service does follows from its command, so one that turns into a one-shot is another container.
            command=("once",) if index in one_shots else (draw(st.sampled_from(("one", "two"))),),
            networks={"default": Attachment()},
            depends_on=depends_on,
            healthcheck=Healthcheck(("CMD", "ask")) if index not in one_shots and draw(st.booleans()) else None,
            mounts=(Mount("volume", "/data", "data"),) if draw(st.booleans()) else (),
            ports=ports if scale < 2 else (Port(80),) if ports else (),
            scale=scale,
            post_start=tuple(draw(AFTER_START)),
            pre_stop=tuple(draw(BEFORE_STOP)),
            secrets=(Grant("token"),) if draw(st.booleans()) else (),
        )
        sharable = [each for each in depends_on if int(each[1:]) not in one_shots and made[int(each[1:])].scale]
        wants_to_share: bool = draw(st.booleans())
        if sharable and wants_to_share:
            service = replace(service, networks={}, network_mode=f"service:{sharable[0]}", ports=())
        made.append(service)
    # One that ends by itself and that nobody waits for is run again by every `up`, as with docker compose.
    awaited = {name for each in made for name, edge in each.depends_on.items()}
    return tuple(
        each if each.name in awaited else replace(each, command=("one",) if each.command == ("once",) else each.command)
        for each in made
    )


@st.composite
def appliances(draw: st.DrawFn) -> Appliance:
    made = appliance(*draw(services()))
    value = draw(st.sampled_from(("hunter2", "hunter3")))
    token = SharedFile("token", "secret", environment="TOKEN", value=Hidden(value), fingerprint=f"of {value}")
    return replace(
        made,
        networks={"default": Network("default", internal=draw(st.booleans()))},
        secrets={"token": token},
        boot=Boot(timeout_s=5.0),
    )


class Box:
    """A fake engine with a few things of other people's on it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        for image in IMAGES:
            self.engine.add_image(image)
        for name in FOREIGN:
            spec = foreign_container(name)
            asyncio.run(self.engine.create_container(spec))
            asyncio.run(self.engine.start_container(name))

    def up(self, wanted: Appliance, options: Options | None = None) -> tuple[Outcome, Desired]:
        for name in wanted.services:
            is_one_shot = wanted.services[name].command == ("once",)
            self.engine.script(name, Behaviour(exits_after_s=0.5) if is_one_shot else Behaviour(healthy_after_s=0.2))
        desired = resolve(wanted)

        async def run() -> Outcome:
            observed = await self.engine.observe()
            plan = reconcile(desired, observed, options or Options(remove_orphans=True))
            return await execute(plan, self.engine, lambda _: None, self.clock)

        return asyncio.run(run()), desired

    def observe(self) -> Observed:
        return asyncio.run(self.engine.observe())

    def foreign(self) -> Mapping[str, object]:
        return {each.name: (each.id, each.state) for each in self.observe().containers if each.name in FOREIGN}


def foreign_container(name: str) -> ContainerSpec:
    return ContainerSpec(name=name, service=Service(name=name), image="img:1", labels={"theirs": "yes"})


def assert_converged(box: Box, desired: Desired) -> None:
    observed = box.observe()
    mine = observed.containers_of("app")
    assert sorted(each.name for each in mine) == sorted(f"app.{replica.name}" for replica in desired.replicas())
    again = reconcile(desired, observed, Options(remove_orphans=True))
    # A container that Boxship found healthy may still be "starting" for the engine: asking again changes nothing.
    changing = [step for step in again.steps if type(step.action).__name__ != "WaitReady"]
    assert changing == [], str(again)
    for container in mine:
        if container.state is not ContainerState.CREATED:
            assert_has_its_secret(box, desired, desired.everything[container.service], container.id)
        # A one-shot that has completed has nothing left in which a hook could run.
        if container.state is ContainerState.RUNNING:
            assert_hooks_have_run(box, desired.everything[container.service], container.id)


def assert_has_its_secret(box: Box, desired: Desired, service: Service, container_id: str) -> None:
    """No container ever ran without it, and none with an old one."""
    files = box.engine.world.containers[container_id].files
    wanted = {"/run/secrets/token": desired.secrets["token"].value} if service.secrets else {}
    assert {target: file.content for target, file in files.items()} == wanted


def assert_hooks_have_run(box: Box, service: Service, container_id: str) -> None:
    """All of them, in order, since its last start. One that was cut off may have begun more than once."""
    container = box.engine.world.containers[container_id]
    asked = [(found, run, request.argv) for found, run, request in box.engine.sessions]
    ran = [argv for found, run, argv in asked if (found, run) == (container_id, container.run)]
    wanted = [hook.command for hook in service.post_start]
    assert ran[len(ran) - len(wanted) :] == wanted


@given(first=appliances(), second=appliances())
def test_any_appliance_converges_and_a_second_run_rests(first: Appliance, second: Appliance) -> None:
    box = Box()
    foreign = box.foreign()
    for wanted in (first, second):
        outcome, desired = box.up(wanted)
        assert outcome.is_complete, [failure.error.message for failure in outcome.failures]
        assert_converged(box, desired)
    assert box.foreign() == foreign


@given(first=appliances(), second=appliances(), calls=st.integers(0, 60), takes_effect=st.booleans())
def test_cut_anywhere_the_next_run_converges(
    first: Appliance, second: Appliance, calls: int, takes_effect: bool
) -> None:
    box = Box()
    box.up(first)
    foreign = box.foreign()
    box.engine.faults.die_after(calls + 1, takes_effect=takes_effect)
    with suppress(EngineUnreachableError):
        box.up(second)
    box.engine.faults.revive()
    outcome, desired = box.up(second)
    assert outcome.is_complete, [failure.error.message for failure in outcome.failures]
    assert_converged(box, desired)
    assert box.foreign() == foreign


@given(wanted=appliances(), calls=st.integers(0, 60))
def test_down_removes_exactly_what_up_made_also_when_up_was_cut(wanted: Appliance, calls: int) -> None:
    box = Box()
    before = box.observe()
    box.engine.faults.die_after(calls)
    with suppress(EngineUnreachableError):
        box.up(wanted)
    box.engine.faults.revive()
    plan = plan_down("app", box.observe(), {}, volumes=True)
    outcome = asyncio.run(execute(plan, box.engine, lambda _: None, box.clock))
    assert outcome.is_complete
    after = box.observe()
    assert [each.id for each in after.containers] == [each.id for each in before.containers]
    assert after.networks == before.networks
    assert after.volumes == before.volumes


@given(wanted=appliances(), seed=st.integers(0, 9))
def test_the_same_snapshot_in_another_order_gives_the_same_plan(wanted: Appliance, seed: int) -> None:
    box = Box()
    box.up(wanted)
    changed = replace(
        wanted, services={name: replace(each, command=("three",)) for name, each in wanted.services.items()}
    )
    observed = box.observe()
    shuffled = list(observed.containers)
    random.Random(seed).shuffle(shuffled)
    one = str(reconcile(resolve(changed), observed))
    assert str(reconcile(resolve(changed), replace(observed, containers=tuple(shuffled)))) == one
