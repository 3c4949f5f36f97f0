"""One look at the box, for ``decide``: is the engine there, does what should run run, and who mends what doesn't."""

from collections.abc import Sequence

from boxship.errors import BoxshipError, EngineError, EngineTimeoutError, EngineUnreachableError
from boxship.loader.decide import Look
from boxship.loader.deployments import other_generations, read_wanted
from boxship.loader.parts import Parts
from boxship.plan.action import WaitReady
from boxship.plan.observed import ContainerState, Health
from boxship.plan.reconcile import reconcile
from boxship.plan.verdict import Options
from boxship.spec.versions import newest
from boxship.state.state import State


async def look_at(parts: Parts, state: State, mends_s: Sequence[float], *, is_booted: bool) -> Look:
    """Never raises: what can't be seen is in the look, as a sentence. ``mends_s`` as in ``Look``."""
    try:
        if state.current is None:
            await parts.engine.observe(())
            return Look(first_version=_first_version(parts, state))
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
    # The engine asks for the first time after a whole interval; whoever was found ready before that is still well.
    starting = {f"service:{each.replica}" for each in observed.containers if each.health is Health.STARTING}
    wrong = [each for each in plan.steps if not (isinstance(each.action, WaitReady) and each.subject in starting)]
    astray = [f"{step.subject.partition(':')[2]}: {step.cause}" for step in wrong]
    astray += [f"containers of generation {generation} run, and must not" for generation in sorted(running_strays)]
    restarting = sorted(
        each.replica for each in observed.containers_of(parts.appliance) if each.state is ContainerState.RESTARTING
    )
    return Look(is_booted=True, astray=tuple(dict.fromkeys(astray)), restarting=tuple(restarting), mends_s=mends_s)


def _first_version(parts: Parts, state: State) -> str:
    """The newest release that came with the box; "" when there is none. What a person pulled, a person switches to."""
    came = set(parts.releases.ids()) - set(state.pulled.values())
    versions = {parts.releases.release(release_id).version for release_id in came}
    return newest(versions) if versions else ""
