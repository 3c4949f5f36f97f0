"""Making the current deployment run: at the Loader's start, for another target, after a failed trial, and to mend.

What isn't current is stopped first, so that wherever the Loader before was cut off, two deployments never write the
same data. Where all is well already nothing is touched, and nobody outside notices that the Loader was away.
"""

import asyncio

from boxship.checks.text import redactor_for
from boxship.errors import (
    BoxshipError,
    CancelledError,
    EngineError,
    EngineTimeoutError,
    EngineUnreachableError,
    HostError,
    PortKeptError,
)
from boxship.events import Notice
from boxship.execute.executor import Outcome, execute
from boxship.loader import gc
from boxship.loader.deployments import Wanted, other_generations, read_wanted
from boxship.loader.engine_start import stop_what_came_too_early
from boxship.loader.failures import failure_of, failure_of_outcome
from boxship.loader.health import pass_health_gate
from boxship.loader.journal import Journal
from boxship.loader.kept_ports import raise_if_kept, restart_engine
from boxship.loader.kernel import set_kernel
from boxship.loader.last_lines import with_last_lines
from boxship.loader.parts import Parts
from boxship.operate.bring import bring_about
from boxship.plan.deployed import plan_quiesce, plan_settle
from boxship.plan.observed import Observed
from boxship.plan.verdict import Options, is_up
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure

# What the files no longer have would go on for ever: on a box nobody is asked.
_OPTIONS = Options(remove_orphans=True)


async def boot_current(parts: Parts, journal: Journal, interrupt: asyncio.Event) -> Failure | None:
    """Bring ``current`` up and open its ports; None when it is well.

    Raises: EngineUnreachableError, EngineTimeoutError and other errors of the engine itself; PortKeptError;
    CancelledError.
    """
    current = journal.state.current
    if current is None:
        return None
    await journal.stage("starting", f"{current} is brought up")
    await stop_others_in_any_room(parts, current, cause="it is not current")
    await stop_what_came_too_early(parts, journal, current)
    try:
        failure = await bring_up(parts, current, interrupt)
    except PortKeptError as error:
        await restart_engine(parts, journal, error)
        raise
    if failure is None:
        await open_gate(parts)
    return failure


async def stop_others(parts: Parts, current: Deployment, *, cause: str) -> None:
    """Stop what runs of other generations. Raises: the error of the first that could not be stopped."""
    observed = await parts.engine.observe(())
    for generation in other_generations(observed, parts.appliance, [current.generation]):
        await carry_out_stop(parts, observed, generation, cause=cause)


async def stop_others_in_any_room(parts: Parts, current: Deployment, *, cause: str) -> None:
    """Where a trial's data have filled the disk, an engine can't write its own notes: that trial goes first.

    Generations only grow, so what is newer than ``current`` was never committed. Raises: as ``stop_others``.
    """
    try:
        await stop_others(parts, current, cause=cause)
    except (EngineUnreachableError, EngineTimeoutError):
        raise
    except EngineError:
        observed = await parts.engine.observe(())
        found = {each.generation for each in observed.containers_of(parts.appliance)}
        found |= {each.generation for each in observed.volumes if each.appliance == parts.appliance}
        newer = sorted(number for number in found if number > current.generation)
        if not newer:
            raise
        for generation in newer:
            await gc.discard_generation(parts, generation)
        await stop_others(parts, current, cause=cause)


async def carry_out_stop(parts: Parts, observed: Observed, generation: int, *, cause: str) -> None:
    """Stop one generation. Raises: the error of the first that could not be stopped."""
    plan = plan_quiesce(parts.appliance, observed, generation, cause=cause)
    _raise_failure(await execute(plan, parts.engine, parts.feed.publish, parts.clock))


async def bring_up(parts: Parts, deployment: Deployment, interrupt: asyncio.Event) -> Failure | None:
    """Reconcile, wait until every service is ready, and ask every check; the gate is closed where nothing serves yet.

    Raises: as ``boot_current``.
    """
    try:
        wanted, observed = await read_wanted(parts, deployment)
    except BoxshipError as error:
        if error.code.startswith("engine."):
            raise
        return failure_of(error)
    redactor = redactor_for(wanted.desired)
    if not serves(wanted, observed):
        await close_gate(parts, wanted)
    set_kernel(parts, wanted)
    await provide_tokens(parts, wanted)
    try:
        brought = await bring_about(
            wanted.desired,
            observed,
            parts.engine,
            parts.feed.publish,
            parts.clock,
            _OPTIONS,
            interrupt,
            parts.heartbeats,
        )
    except CancelledError:
        raise
    except BoxshipError as error:
        if error.code.startswith("engine.un") or error.code == "engine.timeout":
            raise
        return failure_of(error, redactor)
    _raise_if_lost(brought.outcome)
    await raise_if_kept(parts, brought.outcome)
    failure = failure_of_outcome(brought.outcome, "boot", redactor) or await pass_health_gate(parts, wanted, interrupt)
    return await with_last_lines(parts, wanted, failure)


async def provide_tokens(parts: Parts, wanted: Wanted) -> None:
    """Before its containers are made or started. Raises: HostError, ConflictError."""
    await parts.aside(parts.service_tokens.provide, wanted.appliance, wanted.deployment.generation)


async def settle(parts: Parts, deployment: Deployment) -> None:
    """Leave crashes to the engine from now on. Raises: EngineError."""
    wanted, observed = await read_wanted(parts, deployment)
    plan = plan_settle(wanted.desired, observed, cause=f"{deployment} is current")
    _raise_failure(await execute(plan, parts.engine, parts.feed.publish, parts.clock))


def serves(wanted: Wanted, observed: Observed) -> bool:
    """Whether what publishes its ports runs already: then closing them would cut people off for nothing."""
    publishing = {service.name for service in wanted.desired.services if service.ports}
    up = {each.service for each in observed.containers_of(wanted.desired.appliance) if is_up(each)}
    return bool(publishing) and publishing <= up


async def close_gate(parts: Parts, *wanted: Wanted) -> None:
    """Nobody from outside reaches the ports of these until the gate is opened; says so where that can't be."""
    ports = frozenset(port for each in wanted for port in each.gated.ports)
    holes = [hole for each in wanted for hole in each.gated.holes]
    try:
        holes += (await parts.gate.close(ports, parts.page_port)).holes
    except HostError as error:
        # Better an upgrade that can be looked at than none.
        holes.append(f"trials are not closed to the outside: {error.message}")
    for hole in dict.fromkeys(holes):
        parts.feed.publish(Notice(hole, is_warning=True))


async def open_gate(parts: Parts) -> None:
    await parts.gate.open()


def _raise_failure(outcome: Outcome) -> None:
    for failure in outcome.failures:
        raise failure.error


def _raise_if_lost(outcome: Outcome) -> None:
    """The engine's absence is no fault of the deployment: nothing is counted against it."""
    if outcome.is_interrupted:
        raise CancelledError("it was interrupted")
    for failure in outcome.failures:
        if failure.error.code in ("engine.unreachable", "engine.timeout"):
            raise failure.error
