"""Containers that the engine, killed inside their start, can never start again: only a new one helps."""

from msgspec.structs import replace

from boxship.engine.port import Engine
from boxship.errors import EngineTimeoutError, EngineUnreachableError, HalfStartedError
from boxship.events import Notice
from boxship.execute.executor import Outcome, Publish
from boxship.plan.action import Plan
from boxship.plan.containers import image_reference
from boxship.plan.observed import Observed
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired
from boxship.plan.verdict import Options


def half_started(outcome: Outcome) -> frozenset[str]:
    """Replicas that only a new container can start, unless there is a reason to go no further."""
    errors = [failure.error for failure in outcome.failures]
    if outcome.is_interrupted or any(isinstance(each, EngineUnreachableError | EngineTimeoutError) for each in errors):
        return frozenset()
    return frozenset(
        failure.step.subject.partition(":")[2]
        for failure in outcome.failures
        if isinstance(failure.error, HalfStartedError)
    )


async def plan_anew(
    desired: Desired, lost: frozenset[str], engine: Engine, publish: Publish, options: Options
) -> tuple[Plan, Observed]:
    """A plan that makes the ``lost`` ones anew, and says so; and the snapshot that it was made for."""
    observed = await engine.observe(tuple(image_reference(desired.appliance, each) for each in desired.services))
    plan = reconcile(desired, observed, replace(options, force_recreate=False, again={}, half_started=lost))
    publish(Notice(f"the engine died while it started {', '.join(sorted(lost))}: made anew", is_warning=True))
    return plan, observed
