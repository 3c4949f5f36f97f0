"""One look at the box, for ``decide``: is the engine there, does what should run run, and who mends what doesn't."""

from collections.abc import Sequence

from boxship.errors import (
    BoxshipError,
    EngineError,
    EngineTimeoutError,
    EngineUnreachableError,
    NotFoundError,
    StateError,
)
from boxship.loader.decide import Look
from boxship.loader.deployments import other_generations, read_wanted
from boxship.loader.engine_start import STARTED_ANEW, is_another_start
from boxship.loader.parts import Parts
from boxship.plan.action import WaitReady
from boxship.plan.observed import ContainerState, Health
from boxship.plan.reconcile import reconcile
from boxship.plan.verdict import Options
from boxship.spec.release import Release
from boxship.spec.versions import newest
from boxship.state.operation import OperationKind, OperationStatus
from boxship.state.state import State


async def look_at(parts: Parts, state: State, mends_s: Sequence[float], *, is_booted: bool) -> Look:
    """Never raises: what can't be seen is in the look, as a sentence. ``mends_s`` as in ``Look``."""
    try:
        if state.current is None:
            return Look(first_version=await _first_version(parts, state), since_boot_s=parts.machine.boot()[1])
        return await _look_at_current(parts, state, tuple(mends_s), is_booted=is_booted)
    except (EngineUnreachableError, EngineTimeoutError) as error:
        return Look(engine=error.message)
    except EngineError as error:
        return Look(engine=error.message, is_booted=is_booted)
    except BoxshipError:
        # The release can't be read: a boot says so, and counts it.
        return Look(is_booted=False)


async def _look_at_current(parts: Parts, state: State, mends_s: tuple[float, ...], *, is_booted: bool) -> Look:
    current = state.current
    if current is None or not is_booted:
        await parts.engine.observe(())
        return Look(is_booted=is_booted)
    wanted, observed = await read_wanted(parts, current)
    everything = await parts.engine.observe(())
    strays = other_generations(everything, parts.appliance, [current.generation])
    running_strays = {
        each.generation
        for each in everything.containers_of(parts.appliance)
        if each.generation in strays and each.state is ContainerState.RUNNING
    }
    plan = reconcile(wanted.desired, observed, Options(remove_orphans=True))
    # The engine asks a health check once every half minute: to boot again wouldn't make it ask earlier.
    young = {each.replica for each in observed.containers_of(parts.appliance) if each.health is Health.STARTING}
    named = [(step.subject.partition(":")[2], step) for step in plan.steps]
    astray = [
        f"{name}: {step.cause}" for name, step in named if not (name in young and isinstance(step.action, WaitReady))
    ]
    if is_another_start(parts, state, everything):
        astray.append(STARTED_ANEW)
    astray += [f"containers of generation {generation} run, and must not" for generation in sorted(running_strays)]
    restarting = sorted(
        each.replica for each in observed.containers_of(parts.appliance) if each.state is ContainerState.RESTARTING
    )
    return Look(is_booted=True, astray=tuple(dict.fromkeys(astray)), restarting=tuple(restarting), mends_s=mends_s)


async def _first_version(parts: Parts, state: State) -> str:
    """The newest release that came whole with the box; "" when there is none.

    What a person pulled, a person switches to, also when the pull was cut off: that leaves files first, without images.
    Raises: EngineError.
    """
    cut_off = {
        each.parameters.get("version")
        for each in parts.store.operations()
        if each.kind is OperationKind.PULL and each.status is OperationStatus.INTERRUPTED
    }
    came = [
        release
        for release_id in sorted(parts.releases.ids())
        # By their versions, as one that was pulled again has another id.
        if (release := _whole_files(parts, release_id)) is not None
        and release.version not in cut_off
        and release.version not in state.pulled
    ]
    wanted = {image.id for release in came for image in release.images().values()}
    observed = await parts.engine.observe(tuple(sorted(wanted)))
    versions = {
        release.version
        for release in came
        if all(observed.image(image.id) is not None for image in release.images().values())
    }
    return newest(versions) if versions else ""


def _whole_files(parts: Parts, release_id: str) -> Release | None:
    try:
        return parts.releases.release(release_id)
    except (NotFoundError, StateError):
        # A damaged one must not hide the others.
        return None
