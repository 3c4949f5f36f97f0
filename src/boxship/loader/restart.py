"""One service starts again with those that live in its namespaces, and nothing else is touched."""

import asyncio

from msgspec.structs import replace

from boxship.checks.text import redactor_for
from boxship.execute.executor import execute
from boxship.loader.boot import settle
from boxship.loader.deployments import read_wanted
from boxship.loader.failures import failure_of_outcome
from boxship.loader.last_lines import with_last_lines
from boxship.loader.parts import Parts
from boxship.plan.resolve import namespace_sharers
from boxship.plan.verbs import plan_start
from boxship.plan.verdict import is_up
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure


async def restart(parts: Parts, current: Deployment, service: str, interrupt: asyncio.Event) -> Failure | None:
    """Stop and start its containers, and wait until they are ready. Raises: EngineError.

    However it went, what runs of it afterwards is the engine's again to start when it crashes.
    """
    wanted, observed = await read_wanted(parts, current)
    up = {each.service for each in observed.containers_of(parts.appliance) if is_up(each)}
    # A one-shot among them that has ended has nothing to do there any more.
    names = {service} | (namespace_sharers(wanted.desired.services, service) & up)
    services = tuple(each for each in wanted.desired.services if each.name in names)
    narrowed = replace(wanted.desired, services=services, is_whole=False)
    plan = plan_start(narrowed, observed, again=True)
    outcome = await execute(
        plan, parts.engine, parts.feed.publish, parts.clock, interrupt=interrupt, deadlines=parts.heartbeats
    )
    failure = failure_of_outcome(outcome, "restart", redactor_for(wanted.desired))
    await settle(parts, current)
    return await with_last_lines(parts, wanted, failure)
