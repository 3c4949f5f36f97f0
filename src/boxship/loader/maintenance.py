"""Leaving maintenance: what speaks against it is asked first, so that nobody loses the maintenance page for nothing."""

from msgspec.structs import replace

from boxship.checks.text import redactor_for
from boxship.errors import PreconditionError
from boxship.loader.deployments import read_wanted
from boxship.loader.failures import failure_of_report
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.loader.preconditions import against, lacking, preflight
from boxship.operate.preflight import refusal_of
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure


async def what_keeps(parts: Parts, journal: Journal, deployment: Deployment) -> Failure | None:
    """Why ``deployment`` can't be gone back to: the first finding in full, all of them in the operation's result.

    The machine and the vendor are asked what a switch asks. None: nothing speaks against it. Nothing was changed.
    Raises: EngineError; what reading the release raises.
    """
    await journal.stage("preparing", f"whether {deployment} can be booted again")
    wanted, observed = await read_wanted(parts, deployment)
    redactor = redactor_for(wanted.desired)
    lacks = [redactor.clean(reason) for reason in await lacking(parts, wanted, observed)]
    report = await preflight(parts, wanted)
    refusal = refusal_of(report)
    reasons = [*lacks, *(refusal.reasons if refusal is not None else ())]
    if not reasons:
        return None
    journal.note_result(**against(reasons, redactor))
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
