"""From what is observed to what is desired, in one go: plan, carry out, and ask what was left alone whether it is well.

What ``up`` does once the images are there, and what the Loader does with a deployment.
"""

import asyncio
import socket

from msgspec import Struct
from msgspec.structs import replace

from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.errors import BoxshipError, CancelledError
from boxship.events import Phase, SubjectChanged
from boxship.execute.deadlines import Deadlines
from boxship.execute.executor import Failure, Outcome, Publish, execute
from boxship.execute.readiness import Readiness
from boxship.host.files import is_there
from boxship.operate.half_started import half_started, plan_anew
from boxship.operate.interrupt import unless_interrupted
from boxship.operate.request import plan_made, running_checked
from boxship.plan.action import Plan, Ready, Step, WaitReady
from boxship.plan.observed import Observed
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired
from boxship.plan.sources import absent, host_sources
from boxship.plan.verdict import Options


class Brought(Struct, frozen=True):
    """The plan that was carried out last, how it ended, and the replicas that answered well."""

    plan: Plan
    outcome: Outcome
    found_ready: frozenset[str]


async def bring_about(
    desired: Desired,
    observed: Observed,
    engine: Engine,
    publish: Publish,
    clock: Clock,
    options: Options,
    interrupt: asyncio.Event,
    deadlines: Deadlines | None = None,
) -> Brought:
    """Raises: as ``reconcile`` and ``refuse_absent_sources``, before anything was changed.

    A failed step is no exception: it is in the outcome.
    """
    plan = reconcile(desired, observed, options)
    await refuse_absent_sources(plan, desired, engine)
    publish(plan_made(plan))
    outcome = await execute(plan, engine, publish, clock, interrupt=interrupt, deadlines=deadlines)
    if lost := half_started(outcome):
        plan, observed = await plan_anew(desired, lost, engine, publish, options)
        publish(plan_made(plan))
        outcome = await execute(plan, engine, publish, clock, interrupt=interrupt, deadlines=deadlines)
    found_ready = {step.subject.partition(":")[2] for step in outcome.done if isinstance(step.action, WaitReady)}
    if outcome.is_complete:
        asking = _ask_kept(desired, plan, observed, engine, publish, clock, deadlines)
        try:
            outcome = replace(outcome, failures=await unless_interrupted(asking, interrupt, cut_off()))
        except CancelledError:
            outcome = replace(outcome, is_interrupted=True)
    return Brought(plan, outcome, frozenset(found_ready))


async def refuse_absent_sources(plan: Plan, desired: Desired, engine: Engine) -> None:
    """Raises: SpecError with every file and folder that containers are to be given and that isn't on this host.

    On another host than the engine's nobody can know, and then the engine itself says so of the first.
    """
    missing = [source for source in host_sources(plan, desired) if not is_there(source.path)]
    if missing and await engine.host_name() == socket.gethostname():
        raise absent(missing)


async def _ask_kept(
    desired: Desired,
    plan: Plan,
    observed: Observed,
    engine: Engine,
    publish: Publish,
    clock: Clock,
    deadlines: Deadlines | None,
) -> tuple[Failure, ...]:
    """``up`` says ready only of what is: services left untouched are asked their own checks once more."""
    awaited = {step.subject for step in plan.steps if isinstance(step.action, WaitReady)}
    checked = running_checked(desired, observed)
    running = {name: each for name, each in checked.items() if name in plan.kept}
    readiness = Readiness(engine, clock, deadlines)

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

    names = [name for name in running if f"service:{name}" not in awaited]
    return tuple(failure for failure in await asyncio.gather(*(ask(name) for name in names)) if failure)


def cut_off() -> CancelledError:
    return CancelledError("up was interrupted", hint="what was begun is finished; run it again to go on")
