"""``up``: make it so, and wait until it is. The whole way from an appliance to a running box, step by step."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.errors import BoxshipError, CancelledError
from boxship.events import Notice, Phase, PlanMade, SubjectChanged
from boxship.execute.executor import Failure, Outcome, Publish, execute
from boxship.execute.readiness import Readiness
from boxship.host.fingerprints import fingerprinted
from boxship.host.needs import unmet_needs
from boxship.host.sysctl import PROC_SYS, apply_settings
from boxship.operate.build_hooks import run_build_hooks
from boxship.operate.half_started import half_started, plan_anew
from boxship.operate.interrupt import unless_interrupted
from boxship.plan.action import Plan, PullImage, Ready, StartContainer, Step, WaitReady
from boxship.plan.containers import image_reference, shown_images
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import ContainerState, Observed
from boxship.plan.reconcile import orphans, reconcile
from boxship.plan.resolve import Desired, resolve, with_scales
from boxship.plan.sharing import volume_holders
from boxship.plan.status import ServiceStatus, browser_addresses, service_status
from boxship.plan.verdict import Options
from boxship.spec.model import Appliance, Service


class UpRequest(Struct, frozen=True):
    """What a person asked for. ``build``: True builds all, False none, None what is missing."""

    target: str | None = None
    profiles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    with_dependencies: bool = True
    build: bool | None = None
    pull: str = "missing"
    """missing, always or never."""
    scales: Mapping[str, int] = field(default_factory=dict)
    """Service -> how many containers, instead of what the files say."""
    options: Options = field(default_factory=Options)


class UpResult(Struct, frozen=True):
    """How it ended: the outcome of the plan, every service as it now is, and where to point the browser."""

    plan: Plan
    outcome: Outcome
    status: tuple[ServiceStatus, ...] = ()
    addresses: tuple[str, ...] = ()


async def bring_up(
    appliance: Appliance,
    engine: Engine,
    publish: Publish,
    clock: Clock,
    request: UpRequest,
    interrupt: asyncio.Event,
    *,
    sysctl_root: Path = PROC_SYS,
) -> UpResult:
    """Build what is missing, reconcile, execute, and ask what was left alone whether it is ready.

    Raises: BuildError, ImageMissingError, ConflictError, NotFoundError, EngineError before anything was changed on the
    engine's containers. A failed step is no exception: it is in the result's outcome.
    """
    desired = desired_of(appliance, request)
    _prepare_host(appliance, publish, sysctl_root)
    references = _references(desired)
    observed = await engine.observe(references)
    providing = _provide_images(appliance, desired, observed, engine, publish, clock, request)
    if await unless_interrupted(providing, interrupt, _cut_off()):
        observed = await engine.observe(references)
    _warn_of_orphans(desired, observed, request, publish)
    plan = reconcile(desired, observed, request.options)
    publish(_plan_made(plan))
    outcome = await execute(plan, engine, publish, clock, interrupt=interrupt)
    if lost := half_started(outcome):
        plan, observed = await plan_anew(desired, lost, engine, publish, request.options)
        publish(_plan_made(plan))
        outcome = await execute(plan, engine, publish, clock, interrupt=interrupt)
    found_ready = {step.subject.partition(":")[2] for step in outcome.done if isinstance(step.action, WaitReady)}
    if outcome.is_complete:
        asking = _ask_kept(desired, plan, observed, engine, publish, clock)
        try:
            outcome = replace(outcome, failures=await unless_interrupted(asking, interrupt, _cut_off()))
        except CancelledError:
            outcome = replace(outcome, is_interrupted=True)
    return await _result(desired, plan, outcome, engine, frozenset(found_ready))


async def plan_up(appliance: Appliance, engine: Engine, request: UpRequest) -> tuple[Plan, tuple[str, ...]]:
    """What ``bring_up`` would do now: the plan, and the images it would build first."""
    desired = desired_of(appliance, request)
    observed = await engine.observe(_references(desired))
    to_build = tuple(image_reference(appliance.name, service) for service in _to_build(desired, observed, request))
    return reconcile(desired, observed, request.options), to_build


def desired_of(appliance: Appliance, request: UpRequest) -> Desired:
    """Raises: NotFoundError for a name that the files don't have, SpecError for a scale that can't be, HostError."""
    desired = resolve(
        fingerprinted(with_scales(appliance, request.scales)),
        target=request.target,
        profiles=request.profiles,
        names=request.services,
        with_dependencies=request.with_dependencies,
    )
    if request.pull != "never":
        return desired
    return replace(desired, services=tuple(replace(each, pull_policy="never") for each in desired.services))


def _prepare_host(appliance: Appliance, publish: Publish, sysctl_root: Path) -> None:
    """Kernel settings, where allowed; what the host lacks is said, not refused: a laptop may be smaller than a box."""
    for setting in apply_settings(appliance.host.sysctl, sysctl_root):
        if setting.before != setting.wanted:
            publish(Notice(f"host: {setting}", is_warning=not setting.is_as_wanted))
    for need in unmet_needs(appliance.host):
        publish(Notice(f"host: {need}", is_warning=True))


def _references(desired: Desired) -> tuple[str, ...]:
    run = (image_reference(desired.appliance, service) for service in desired.services)
    shown = (reference for service in desired.services for reference in shown_images(service))
    return (*run, *shown)


def _to_build(desired: Desired, observed: Observed, request: UpRequest) -> tuple[Service, ...]:
    built = tuple(service for service in desired.services if service.build)
    if request.build is not None:
        return built if request.build else ()
    return tuple(each for each in built if observed.image(image_reference(desired.appliance, each)) is None)


async def _provide_images(
    appliance: Appliance,
    desired: Desired,
    observed: Observed,
    engine: Engine,
    publish: Publish,
    clock: Clock,
    request: UpRequest,
) -> bool:
    """Build and pull what has to be; whether there was anything."""
    to_build = tuple(service.name for service in _to_build(desired, observed, request))
    if to_build:
        # Imported here, as a run that builds nothing must not pay for it: a third of what `up` imports.
        from boxship.build.images import build_images  # noqa: PLC0415 (see above)

        await run_build_hooks(appliance, to_build, "pre-build", publish)
        await build_images(appliance, to_build, engine, publish, only_missing=request.build is None)
        await run_build_hooks(appliance, to_build, "post-build", publish)
    to_pull = {
        image_reference(appliance.name, service): service.platform
        for service in desired.services
        if not service.build and (request.pull == "always" or service.pull_policy == "always")
    } | _holders_to_pull(desired, observed, request)
    await _pull(appliance.name, to_pull, engine, publish, clock)
    return bool(to_build or to_pull)


def _holders_to_pull(desired: Desired, observed: Observed, request: UpRequest) -> dict[str, str | None]:
    """Missing images of services that others take volumes from: the plan needs to know which they declare."""
    if request.pull == "never":
        return {}
    holders = volume_holders(desired.everything)
    wanted = (service for service in desired.services if service.name in holders and not service.build)
    references = {image_reference(desired.appliance, service): service.platform for service in wanted}
    return {name: platform for name, platform in references.items() if observed.image(name) is None}


async def _pull(
    appliance: str, references: Mapping[str, str | None], engine: Engine, publish: Publish, clock: Clock
) -> None:
    builder = PlanBuilder(appliance)
    for reference, platform in references.items():
        builder.add(
            reference, PullImage(reference, platform), subject=f"image:{reference}", cause="asked for with --pull"
        )
    outcome = await execute(builder.finish(), engine, publish, clock)
    if outcome.failures:
        raise outcome.failures[0].error


def _warn_of_orphans(desired: Desired, observed: Observed, request: UpRequest, publish: Publish) -> None:
    names = sorted({container.service for container in orphans(desired, observed)})
    if names and not request.options.remove_orphans:
        publish(
            Notice(
                f"{desired.appliance} has containers of services that the files no longer have: {', '.join(names)} "
                "(remove them with --remove-orphans)",
                is_warning=True,
            )
        )


def _plan_made(plan: Plan) -> PlanMade:
    by_id = {step.id: step for step in plan.steps}
    waits: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        if isinstance(step.action, StartContainer):
            before = (by_id[step_id] for step_id in (*step.after, *step.after_ended))
            names = {each.subject.partition(":")[2] for each in before if each.subject != step.subject}
            waits[step.subject.partition(":")[2]] = tuple(sorted(names))
    return PlanMade(tuple(str(step) for step in plan.steps), plan.kept, waits)


async def _ask_kept(
    desired: Desired,
    plan: Plan,
    observed: Observed,
    engine: Engine,
    publish: Publish,
    clock: Clock,
) -> tuple[Failure, ...]:
    """``up`` says ready only of what is: services left untouched are asked their own checks once more."""
    awaited = {step.subject for step in plan.steps if isinstance(step.action, WaitReady)}
    running = {
        each.replica: each
        for each in observed.containers_of(desired.appliance)
        if each.state is ContainerState.RUNNING and each.replica in plan.kept
    }
    readiness = Readiness(engine, clock)

    async def ask(name: str) -> Failure | None:
        check = desired.checks[running[name].service]
        # By id, as the plan may just have given it its final name.
        wait = WaitReady(running[name].id, Ready(check), check.within_s or desired.ready_timeout_s, is_fresh=False)
        subject = f"service:{name}"
        step = Step(0, wait, subject, "it was left untouched")
        try:
            await readiness.wait(wait, lambda text: publish(SubjectChanged(subject, Phase.PROBING, text)))
        except BoxshipError as error:
            publish(SubjectChanged(subject, Phase.FAILED, error.message))
            return Failure(step, error)
        publish(SubjectChanged(subject, Phase.KEPT))
        return None

    names = [name for name, each in running.items() if each.service in desired.checks]
    names = [name for name in names if f"service:{name}" not in awaited]
    return tuple(failure for failure in await asyncio.gather(*(ask(name) for name in names)) if failure)


def _cut_off() -> CancelledError:
    return CancelledError("up was interrupted", hint="what was begun is finished; run it again to go on")


async def _result(
    desired: Desired, plan: Plan, outcome: Outcome, engine: Engine, found_ready: frozenset[str]
) -> UpResult:
    try:
        observed = await engine.observe(())
    except BoxshipError:
        if outcome.is_complete:
            raise
        return UpResult(plan, outcome)
    status = service_status(desired, observed, found_ready=found_ready)
    return UpResult(plan, outcome, status, browser_addresses(desired, observed))
