"""A pull that the end of its Loader cut off goes on by itself with the next one: what was fetched is kept."""

from collections.abc import Awaitable, Callable

from boxship.errors import BoxshipError, ConflictError
from boxship.events import Notice
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.state.operation import OperationKind, OperationStatus

MOST_IN_A_ROW = 3
"""A pull that takes its Loader down each time, as by the memory it needs, must not do so for ever."""
_LOOK_S = 1.0
_LOOKED_BACK = 50


def pull_to_resume(journal: Journal) -> str:
    """The version of the newest pull, if that was cut off, and not too often in a row; "" otherwise."""
    pulls = [each for each in journal.operations(_LOOKED_BACK) if each.kind is OperationKind.PULL]
    version = pulls[0].parameters.get("version", "") if pulls else ""
    row = 0
    for each in pulls:
        if each.status is not OperationStatus.INTERRUPTED or each.parameters.get("version") != version:
            break
        row += 1
    return version if 0 < row < MOST_IN_A_ROW else ""


async def resume_pull(
    parts: Parts, journal: Journal, is_at_rest: Callable[[], bool], pull: Callable[[str], Awaitable[object]]
) -> None:
    """Once the box is at rest. Whoever pulls something meanwhile knows better."""
    while version := pull_to_resume(journal):
        if journal.running is None and is_at_rest():
            try:
                await pull(version)
            except ConflictError:
                pass
            except BoxshipError as error:
                parts.feed.publish(Notice(f"the pull of {version} doesn't go on: {error.message}", is_warning=True))
                return
        await parts.clock.sleep(_LOOK_S)
