"""The first deployment of a box that came with a release: what refuses it is told, and asked again after each pause.

An attempt that is refused leaves one operation, not one for each time that it is asked again: nobody waits for those,
and they would push out the records of what people did.
"""

from collections.abc import Awaitable

from boxship.errors import BoxshipError, BugError, CancelledError
from boxship.loader.deployments import read_wanted
from boxship.loader.failures import failure_of
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.loader.preconditions import refuse_unmet
from boxship.loader.switch import SwitchRequest
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure


async def refusal_again(parts: Parts, journal: Journal, request: SwitchRequest) -> BoxshipError | None:
    """What still speaks against a first release that was refused before; then the next try is put off.

    None: nothing does, or it wasn't asked yet, or a person asks, who shall have an operation that says it.
    """
    boots = journal.state.boots
    if request.is_asked_for or journal.state.current is not None or boots.refused_version != request.version:
        return None
    first = Deployment(request.release_id, request.version, request.target, journal.state.next_generation)
    try:
        wanted, observed = await read_wanted(parts, first)
        await refuse_unmet(parts, None, wanted, observed, (), request.objections)
    except Exception as error:  # noqa: BLE001  # as of an operation: a bug must not take the Loader down
        return await _put_off(parts, journal, request.version, error)
    return None


async def deploy(
    parts: Parts, journal: Journal, request: SwitchRequest, switching: Awaitable[Failure | None]
) -> Failure | None:
    """Do it. What goes wrong before anything is deployed puts the Loader's next try off. Raises: as ``switching``."""
    try:
        return await switching
    except CancelledError:
        raise
    except Exception as error:
        if not request.is_asked_for:
            await _put_off(parts, journal, request.version, error)
        raise


async def _put_off(parts: Parts, journal: Journal, version: str, error: Exception) -> BoxshipError:
    known = error if isinstance(error, BoxshipError) else BugError(f"{type(error).__name__}: {error}")
    failure = failure_of(known)
    now_s = parts.clock.now().timestamp()
    await journal.change(lambda state: transitions.refuse_first(state, version, failure, now_s))
    return known
