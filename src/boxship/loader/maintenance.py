"""Leaving maintenance: what speaks against it is asked first, so that nobody loses the maintenance page for nothing."""

import asyncio

from msgspec.structs import replace

from boxship.checks.text import redactor_for
from boxship.errors import CancelledError, PreconditionError
from boxship.loader.deployments import read_wanted
from boxship.loader.failures import failure_of_report
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.loader.preconditions import lacking, preflight
from boxship.operate.interrupt import unless_interrupted
from boxship.operate.preflight import refusal_of
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, against


async def what_keeps(
    parts: Parts, journal: Journal, deployment: Deployment, interrupt: asyncio.Event
) -> Failure | None:
    """Why ``deployment`` can't be gone back to: the first finding in full, all of them in the operation's result.

    The machine and the vendor are asked what a switch asks. None: nothing speaks against it, and from now on the
    operation can't be cancelled. Until then it can: nothing was changed.
    Raises: CancelledError; EngineError; what reading the release raises.
    """
    await journal.stage("preparing", f"whether {deployment} can be booted again", can_cancel=True)
    kept = await unless_interrupted(_ask(parts, journal, deployment), interrupt, _cancelled())
    if kept is None:
        # A cancel that was accepted until here is obeyed, and none is from here: nothing is awaited in between.
        if interrupt.is_set():
            raise _cancelled()
        await journal.stage("starting", f"{deployment} is brought up", can_cancel=False)
    return kept


def _cancelled() -> CancelledError:
    return CancelledError("leaving maintenance was cancelled", hint="maintenance stays on, and nothing changed")


async def _ask(parts: Parts, journal: Journal, deployment: Deployment) -> Failure | None:
    wanted, observed = await read_wanted(parts, deployment)
    redactor = redactor_for(wanted.desired)
    lacks = [redactor.clean(reason) for reason in await lacking(parts, wanted, observed)]
    report = await preflight(parts, wanted)
    refusal = refusal_of(report)
    reasons = [*lacks, *(refusal.reasons if refusal is not None else ())]
    if not reasons:
        return None
    journal.note_result(**against(map(redactor.clean, reasons)))
    way_out = f"boxship box boot {deployment.target} doesn't ask"
    asked = failure_of_report(report)
    first = Failure(PreconditionError.code, lacks[0]) if lacks or asked is None else asked
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return replace(
        first,
        code=PreconditionError.code,
        message=f"maintenance stays on: {first.message}{more}",
        hint=f"{first.hint}; {way_out}" if first.hint else way_out,
    )
