"""``start`` and ``restart``: what is there starts, in order, and what can't start any more is made anew."""

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.execute.executor import Outcome, Publish, execute
from boxship.operate.half_started import half_started, plan_anew
from boxship.plan.action import Plan
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired
from boxship.plan.verbs import plan_start
from boxship.plan.verdict import Options


async def start_present(
    desired_of: Callable[[Observed], Desired],
    engine: Engine,
    publish: Publish,
    clock: Clock,
    interrupt: asyncio.Event,
    *,
    again: bool = False,
    grace_s: float | None = None,
) -> tuple[Plan, Outcome]:
    """Start the containers of what is desired that are there; ``again``: stop them first.

    Raises: what ``desired_of`` raises, before anything was changed.
    """
    observed = await engine.observe(())
    desired = desired_of(observed)
    plan = plan_start(desired, observed, again=again, grace_s=grace_s)
    outcome = await execute(plan, engine, publish, clock, interrupt=interrupt)
    lost = half_started(outcome)
    if not lost:
        return plan, outcome
    only_lost = _only(desired, lost, observed)
    anew, _ = await plan_anew(only_lost, lost, engine, publish, Options(no_recreate=True))
    outcome = await execute(anew, engine, publish, clock, interrupt=interrupt)
    if outcome.is_complete:
        # Who depends on them was skipped.
        rest = plan_start(desired, await engine.observe(()))
        outcome = await execute(rest, engine, publish, clock, interrupt=interrupt)
    return plan, outcome


def _only(desired: Desired, lost: frozenset[str], observed: Observed) -> Desired:
    """The services of the lost ones, with as many containers as there are."""
    mine = observed.containers_of(desired.appliance)
    counts = {each.service: max(other.number for other in mine if other.service == each.service) for each in mine}
    services = tuple(
        replace(service, scale=counts[service.name])
        for service in desired.services
        if any(each.service == service.name and each.replica in lost for each in mine)
    )
    return replace(desired, services=services, is_whole=False)
