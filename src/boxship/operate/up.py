"""``up``: make it so, and wait until it is. The whole way from an appliance to a running box, step by step."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.errors import BoxshipError
from boxship.events import Notice
from boxship.execute.executor import Outcome, Publish, execute
from boxship.host.needs import unmet_needs
from boxship.host.sysctl import PROC_SYS, apply_settings
from boxship.operate.bring import Brought, bring_about, cut_off, refuse_absent_sources
from boxship.operate.build_hooks import run_build_hooks
from boxship.operate.interrupt import unless_interrupted
from boxship.operate.request import (
    UpRequest,
    asked_to_pull,
    desired_of,
    holders_to_pull,
    orphans_notice,
    references,
    to_build,
    to_pull,
)
from boxship.plan.action import Plan, PullImage
from boxship.plan.containers import image_reference
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import Observed
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired
from boxship.plan.status import ServiceStatus, browser_addresses, service_status
from boxship.spec.model import Appliance


class UpResult(Struct, frozen=True):
    """How it ended: the outcome of the plan, every service as it now is, and where to point the browser."""

    plan: Plan
    outcome: Outcome
    status: tuple[ServiceStatus, ...] = ()
    addresses: tuple[str, ...] = ()


class Ahead(Struct, frozen=True):
    """What ``up`` would do: reference -> cause of the images that come first, and the plan as it is without them."""

    plan: Plan
    builds: Mapping[str, str] = field(default_factory=dict)
    pulls: Mapping[str, str] = field(default_factory=dict)


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

    Raises: BuildError, ImageMissingError, ConflictError, NotFoundError, SpecError, EngineError before anything was
    changed on the engine's containers. A failed step is no exception: it is in the result's outcome.
    """
    desired = desired_of(appliance, request)
    _prepare_host(appliance, publish, sysctl_root)
    wanted = references(desired)
    observed = await engine.observe(wanted)
    providing = _provide_images(appliance, desired, observed, engine, publish, clock, request)
    if await unless_interrupted(providing, interrupt, cut_off()):
        observed = await engine.observe(wanted)
    notice = orphans_notice(desired, observed, request)
    if notice is not None:
        publish(notice)
    brought = await bring_about(desired, observed, engine, publish, clock, request.options, interrupt)
    return await _result(desired, brought, engine)


async def plan_up(appliance: Appliance, engine: Engine, request: UpRequest) -> Ahead:
    """What ``bring_up`` would do now."""
    desired = desired_of(appliance, request)
    observed = await engine.observe(references(desired))
    builds = {
        reference: "not built yet" if observed.image(reference) is None else "asked for with --build"
        for reference in (image_reference(appliance.name, each) for each in to_build(desired, observed, request))
    }
    asked = asked_to_pull(desired, request)
    pulls = dict.fromkeys(asked, "asked for with --pull" if request.pull == "always" else "its pull_policy is always")
    pulls |= dict.fromkeys(holders_to_pull(desired, observed, request), "others take volumes from it")
    plan = reconcile(desired, observed, request.options)
    await refuse_absent_sources(plan, desired, engine)
    return Ahead(plan, builds, pulls)


def _prepare_host(appliance: Appliance, publish: Publish, sysctl_root: Path) -> None:
    """Kernel settings, where allowed; what the host lacks is said, not refused: a laptop may be smaller than a box."""
    for setting in apply_settings(appliance.host.sysctl, sysctl_root):
        if setting.before != setting.wanted:
            publish(Notice(f"host: {setting}", is_warning=not setting.is_as_wanted))
    for need in unmet_needs(appliance.host):
        publish(Notice(f"host: {need}", is_warning=True))


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
    names = tuple(service.name for service in to_build(desired, observed, request))
    if names:
        # Imported here, as a run that builds nothing must not pay for it: a third of what `up` imports.
        from boxship.build.images import build_images  # noqa: PLC0415 (see above)

        await run_build_hooks(appliance, names, "pre-build", publish)
        await build_images(appliance, names, engine, publish, only_missing=request.build is None)
        await run_build_hooks(appliance, names, "post-build", publish)
    pulling = to_pull(desired, observed, request)
    await _pull(appliance.name, pulling, engine, publish, clock)
    return bool(names or pulling)


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


async def _result(desired: Desired, brought: Brought, engine: Engine) -> UpResult:
    try:
        observed = await engine.observe(())
    except BoxshipError:
        if brought.outcome.is_complete:
            raise
        return UpResult(brought.plan, brought.outcome)
    status = service_status(desired, observed, found_ready=brought.found_ready)
    return UpResult(brought.plan, brought.outcome, status, browser_addresses(desired, observed))
