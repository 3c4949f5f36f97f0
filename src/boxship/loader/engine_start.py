"""After the host's own start, or the engine's: what the engine has started by itself, in no order, starts in order.

The engine goes on mending crashes, also while there is no Loader. The price is that at its own start it starts, all at
once, what had not ended well; so a Loader that finds another start than the one that it has written down stops what
came too early, and boots.
"""

from boxship.errors import BoxshipError
from boxship.execute.executor import execute
from boxship.loader.deployments import read_wanted
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.plan.observed import Observed
from boxship.plan.turns import engine_start, plan_stop_early
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.state import State

STARTED_ANEW = "the engine has started anew, and what it starts by itself it starts in no order"


def is_another_start(parts: Parts, state: State, observed: Observed) -> bool:
    """Whether what runs may have been started by the engine since ``current`` was last brought up."""
    return state.engine_start not in ("", _this_start(parts, observed))


async def stop_what_came_too_early(parts: Parts, journal: Journal, current: Deployment) -> None:
    """Nothing happens under an engine that is known already.

    The start is written down once those are stopped: from then on whoever boots starts in order, however often that
    is cut off. Raises: EngineError; StateError.
    """
    observed = await parts.engine.observe(())
    start = _this_start(parts, observed)
    if start == journal.state.engine_start:
        return
    if journal.state.engine_start:
        await _stop_early(parts, current)
    await journal.change(lambda state: transitions.engine_started(state, start))


async def _stop_early(parts: Parts, current: Deployment) -> None:
    try:
        wanted, observed = await read_wanted(parts, current)
    except BoxshipError as error:
        if error.code.startswith("engine."):
            raise
        # What can't be read can't be booted either, and the boot says so.
        return
    plan = plan_stop_early(wanted.desired, observed, cause=STARTED_ANEW)
    outcome = await execute(plan, parts.engine, parts.feed.publish, parts.clock)
    for failure in outcome.failures:
        raise failure.error


def _this_start(parts: Parts, observed: Observed) -> str:
    return f"{parts.machine.boot()[0]} {engine_start(observed)}".rstrip()
