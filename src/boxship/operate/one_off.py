"""``run``: what a service needs made and started, then a container of its own beside it."""

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct

from boxship.clock import Clock
from boxship.engine.faults import command_fault
from boxship.engine.port import Engine
from boxship.errors import BoxshipError, EngineError, EngineTimeoutError, EngineUnreachableError
from boxship.events import Event, Phase, PlanMade, SubjectChanged
from boxship.execute.executor import Publish, execute
from boxship.operate.outcome import error_of
from boxship.operate.request import UpRequest, desired_of
from boxship.operate.up import bring_up
from boxship.plan.action import CreateContainer
from boxship.plan.containers import image_reference
from boxship.plan.one_off import OneOff, plan_one_off, with_one_off
from boxship.plan.status import ServiceStatus
from boxship.plan.verdict import Options
from boxship.spec.model import Appliance

_OF_COURSE = frozenset({Phase.CREATING, Phase.CREATED, Phase.STARTING})


class RunRequest(Struct, frozen=True):
    """What a person asked for. ``build`` and ``pull``: as for ``up``."""

    one_off: OneOff
    profiles: tuple[str, ...] = ()
    with_dependencies: bool = True
    build: bool | None = None
    pull: str = "missing"

    def as_up(self) -> UpRequest:
        """What must be there first; the service's own containers stay as they are."""
        return UpRequest(
            profiles=self.profiles,
            services=(self.one_off.service,),
            with_dependencies=self.with_dependencies,
            build=self.build,
            pull=self.pull,
            options=Options(untouched=frozenset({self.one_off.service})),
        )


async def make_one_off(
    appliance: Appliance,
    engine: Engine,
    publish: Publish,
    clock: Clock,
    request: RunRequest,
    interrupt: asyncio.Event,
    remember: Callable[[Sequence[ServiceStatus]], None] = lambda _rows: None,
) -> str:
    """The id of the container, made; it is started only if ``request.one_off`` says so.

    ``remember`` gets what runs once all that the service needs is there.

    Raises: what ``bring_up`` raises, and the error of the first step that failed; the container is gone then.
    """
    changed = with_one_off(appliance, request.one_off)
    wanted = request.as_up()
    publish = _only_news(publish, request.one_off)
    result = await bring_up(changed, engine, publish, clock, wanted, interrupt)
    if error := error_of(result.outcome, "run"):
        raise error
    remember(result.status)
    desired = desired_of(changed, wanted)
    service = changed.services[request.one_off.service]
    observed = await engine.observe((image_reference(changed.name, service),))
    plan = plan_one_off(desired, observed, request.one_off)
    (name,) = (step.action.spec.name for step in plan.steps if isinstance(step.action, CreateContainer))
    outcome = await execute(plan, engine, publish, clock, interrupt=interrupt)
    is_made = any(isinstance(step.action, CreateContainer) for step in outcome.done)
    if error := error_of(outcome, "run"):
        if is_made and not isinstance(error, EngineUnreachableError | EngineTimeoutError):
            await engine.remove_container(name, volumes=True)
        raise not_started(error, request.one_off)
    return (await engine.inspect_container(name)).id if not request.one_off.starts else name


def _only_news(publish: Publish, one_off: OneOff) -> Publish:
    """Nobody who runs something needs to hear that all else is as it was, and that the container is made."""

    def pass_on(event: Event) -> None:
        match event:
            case PlanMade(lines=()):
                pass
            case SubjectChanged(subject, phase) if subject.endswith(f":{one_off.title}") and phase in _OF_COURSE:
                pass
            case _:
                publish(event)

    return pass_on


def not_started(error: BoxshipError, one_off: OneOff) -> BoxshipError:
    """The error of a start; as a shell would tell it where the command is to blame."""
    what = f"run {one_off.service}"
    return (command_fault(what, error.message) or error) if isinstance(error, EngineError) else error
