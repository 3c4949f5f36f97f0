"""A switch: another release takes over, with a copy of the data, or everything stays as it was.

Read top to bottom it is the whole transaction. Nothing that serves is touched before all that can be checked was
checked, made and copied. From ``begin_trial`` to ``commit_trial`` every way out leads back: a failure, a cancel, and
the end of the Loader itself, which the next one finds as a trial that nobody finished. The commit is one write.

Going back by a person's wish is the same transaction, with the previous release and a copy of the previous data; so
today's data becomes what can be gone back to, and the previous generation is never written either.
"""

import asyncio
from collections.abc import Awaitable
from pathlib import Path

from msgspec import Struct

from boxship.checks.text import redactor_for
from boxship.errors import BoxshipError, CancelledError
from boxship.events import Notice
from boxship.execute.executor import execute
from boxship.execute.generations import VolumePair
from boxship.loader import gc
from boxship.loader.boot import (
    boot_current,
    bring_up,
    carry_out_stop,
    close_gate,
    open_gate,
    provide_tokens,
    settle,
    stop_others,
    stop_others_in_any_room,
)
from boxship.loader.deployments import Wanted, read_wanted
from boxship.loader.failures import failure_of
from boxship.loader.happened import Interrupted
from boxship.loader.journal import Journal
from boxship.loader.parts import Copied, Copying, Parts
from boxship.loader.preconditions import pairs_of, refuse_unmet
from boxship.plan.deployed import carried_volumes, preparing
from boxship.plan.observed import Observed
from boxship.plan.reconcile import reconcile
from boxship.plan.verdict import Options
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation
from boxship.state.verify import Verify
from boxship.units import format_size


class SwitchRequest(Struct, frozen=True):
    """What takes over, and whose data it gets (None: that of ``current``).

    ``objections``: what was found to speak against it already. ``is_asked_for``: a person named the release.
    ``verify``: how much of the copies is compared.
    """

    release_id: str
    version: str
    target: str
    data_from: Deployment | None = None
    objections: tuple[str, ...] = ()
    is_asked_for: bool = True
    verify: Verify = Verify.TOUCHED


async def switch(
    parts: Parts, journal: Journal, operation: Operation, request: SwitchRequest, interrupt: asyncio.Event
) -> Failure | None:
    """None when the release is current now; else why it isn't, and the deployment before runs again.

    Raises: PreconditionError and what reading a release raises, with nothing changed; CancelledError when it was
    cancelled, EngineError when the engine is lost: then the caller boots ``current``, whatever that is by then.
    """
    await journal.stage("preparing", f"whether {request.version} can take over", can_cancel=True)
    trial = Deployment(request.release_id, request.version, request.target, journal.state.next_generation)
    wanted, observed = await read_wanted(parts, trial)
    current = journal.state.current
    if current is None:
        await refuse_unmet(parts, journal, wanted, observed, (), request.objections)
        await _allocate(journal)
        await journal.change(lambda state: transitions.deploy_first(state, trial))
        journal.note_result(runs=str(trial))
        await journal.stage("starting", f"{trial} is the first here", can_cancel=False)
        return await boot_current(parts, journal, interrupt)
    pairs = await _pairs(parts, wanted, request.data_from or current)
    await refuse_unmet(parts, journal, wanted, observed, pairs, request.objections)
    await _allocate(journal)
    try:
        copying = await _prepare(parts, journal, wanted, pairs, interrupt)
        # A cut from here on speaks against the release, as nobody can tell it from a release that takes its box down.
        await journal.change(
            lambda state: transitions.begin_trial(state, operation, trial, is_asked_for=request.is_asked_for)
        )
    except BoxshipError:
        # The deployment before never stopped, and knows nothing of all this.
        await gc.discard_generation(parts, trial.generation)
        raise
    await journal.stage("stopping", f"{current} stops")
    began_s = parts.clock.monotonic_s()
    try:
        failure = await _try(parts, journal, wanted, copying, request.verify, interrupt)
        if failure is None:
            await _commit(parts, journal, wanted, interrupt)
    except BoxshipError as error:
        failure = failure_of(error, redactor_for(wanted.desired))
        await _end_downtime(parts, journal, operation, began_s, _go_back(parts, journal, trial, failure))
        if isinstance(error, CancelledError):
            raise
    else:
        ending = _open(parts, wanted) if failure is None else _go_back(parts, journal, trial, failure)
        await _end_downtime(parts, journal, operation, began_s, ending)
    return failure


async def _allocate(journal: Journal) -> None:
    """Take the next generation, before anything is made under its number: what a cut leaves behind is nobody's data."""
    await journal.change(lambda state: transitions.allocate_generation(state).state)


async def _pairs(parts: Parts, wanted: Wanted, data_from: Deployment) -> tuple[VolumePair, ...]:
    before, _ = await read_wanted(parts, data_from)
    observed = await parts.engine.observe(())
    is_return = data_from.release_id == wanted.deployment.release_id
    carried = carried_volumes(before.desired, wanted.desired, observed, is_return=is_return)
    return pairs_of(carried, observed, Path(await parts.engine.data_root()))


async def _prepare(
    parts: Parts, journal: Journal, wanted: Wanted, pairs: tuple[VolumePair, ...], interrupt: asyncio.Event
) -> Copying:
    """All that can be done while the deployment before still runs."""
    await _make(parts, wanted)
    _heed(interrupt)
    await journal.stage("copying", f"data is copied while {journal.state.current} runs")
    copying = await parts.copier.precopy(pairs, journal.tell, interrupt)
    _heed(interrupt)
    return copying


async def _try(
    parts: Parts, journal: Journal, wanted: Wanted, copying: Copying, verify: Verify, interrupt: asyncio.Event
) -> Failure | None:
    """The old one stops, and the new one has to prove itself."""
    trial = wanted.deployment
    await _stop_current(parts, journal, wanted)
    also = ", and all of the copies is compared with its sources" if verify is Verify.FULL else ""
    await journal.stage("last-copy", f"what was written until the stop is copied{also}")
    report = await copying.finish(journal.tell, verify)
    journal.note_result(data=_in_words(report), **{f"volume.{key}": text for key, text in report.volumes.items()})
    _heed(interrupt)
    await journal.stage("checking", f"{trial} starts, and has to answer its checks")
    return await bring_up(parts, trial, interrupt)


async def _make(parts: Parts, wanted: Wanted) -> None:
    """Networks, volumes and containers of the trial, while the deployment before still runs."""
    await provide_tokens(parts, wanted)
    observed = await _observe_again(parts, wanted)
    plan = preparing(reconcile(wanted.desired, observed, Options()))
    outcome = await execute(plan, parts.engine, parts.feed.publish, parts.clock)
    for failure in outcome.failures:
        raise failure.error


async def _observe_again(parts: Parts, wanted: Wanted) -> Observed:
    return (await read_wanted(parts, wanted.deployment))[1]


async def _stop_current(parts: Parts, journal: Journal, wanted: Wanted) -> None:
    current = journal.state.current
    if current is None:
        return
    await close_gate(parts, wanted, (await read_wanted(parts, current))[0])
    observed = await parts.engine.observe(())
    await carry_out_stop(parts, observed, current.generation, cause=f"{wanted.deployment} takes over")
    await stop_others(parts, current, cause=f"{wanted.deployment} takes over")


async def _commit(parts: Parts, journal: Journal, wanted: Wanted, interrupt: asyncio.Event) -> None:
    """The write is the commit: when it can't be made, there was none."""
    now_s = parts.clock.now().timestamp()
    await journal.stage("committing", f"{wanted.deployment} is well", can_cancel=False)
    # Whoever was told until now that it is cancelled was told the truth.
    _heed(interrupt)
    await journal.change(lambda state: transitions.commit_trial(state, now_s))
    journal.note_result(runs=str(wanted.deployment))


async def _open(parts: Parts, wanted: Wanted) -> None:
    """After the commit: what the next boot would do as well."""
    await open_gate(parts)
    await settle(parts, wanted.deployment)


async def _go_back(parts: Parts, journal: Journal, trial: Deployment, failure: Failure) -> None:
    """First the word, then the deeds: cut off anywhere in between, the next Loader boots ``current``.

    The deeds don't depend on the word: a disk that is full keeps nobody from going back, and whoever finds the trial
    still written down goes back from it, too.
    """
    journal.blame(failure)
    try:
        await journal.change(lambda state: transitions.abandon_trial(state, failure.message))
    except BoxshipError as error:
        parts.feed.publish(Notice(error.message, is_warning=True))
    await journal.stage("rolling-back", f"{trial} failed: {failure.message}", can_cancel=False)
    current = journal.state.current
    if current is None:
        return
    await stop_others_in_any_room(parts, current, cause=f"the trial of {trial.version} failed")
    back = await bring_up(parts, current, asyncio.Event())
    if back is None:
        await open_gate(parts)
        await settle(parts, current)
        journal.note_result(runs=str(current))
    else:
        journal.note_result(going_back=back.message)
    await gc.discard_generation(parts, trial.generation)


def _in_words(report: Copied) -> str:
    if not report.volumes:
        return "none"
    whole = (
        f"{format_size(report.size_bytes)}: {_counted(report.files, 'file')}, {_counted(len(report.volumes), 'volume')}"
    )
    return f"{whole}; {format_size(report.last_pass_bytes)} copied after the stop in {report.last_pass_s:.2f} s"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


async def _end_downtime(
    parts: Parts, journal: Journal, operation: Operation, began_s: float, ending: Awaitable[None]
) -> None:
    """``ending`` brings the ports back; where it can't, the next boot will, and it was at least as long until then."""
    try:
        await ending
    except BoxshipError as error:
        journal.note_result(not_served=error.message)
        _tell_downtime(parts, journal, operation, began_s)
        raise
    _tell_downtime(parts, journal, operation, began_s)


def _tell_downtime(parts: Parts, journal: Journal, operation: Operation, began_s: float) -> None:
    downtime_s = parts.clock.monotonic_s() - began_s
    journal.note_result(downtime_s=f"{downtime_s:.3f}")
    parts.feed.publish(Interrupted(operation.id, downtime_s))


def _heed(interrupt: asyncio.Event) -> None:
    if interrupt.is_set():
        raise _cancelled()


def _cancelled() -> CancelledError:
    return CancelledError("the switch was cancelled", hint="the deployment before goes on")


def request_of_rollback(previous: Deployment, verify: Verify) -> SwitchRequest:
    """The previous release with the previous data."""
    return SwitchRequest(previous.release_id, previous.version, previous.target, data_from=previous, verify=verify)
