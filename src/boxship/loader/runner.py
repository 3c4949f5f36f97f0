"""One operation at a time: it is written down before it begins, and after it ended, however it ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from boxship.errors import (
    BoxshipError,
    BugError,
    CancelledError,
    ConflictError,
    EngineTimeoutError,
    EngineUnreachableError,
    PreconditionError,
)
from boxship.loader.boot import boot_current, settle
from boxship.loader.failures import failure_of
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.operation import AGAINST, Failure, Operation, OperationKind, OperationStatus, against

Work = Callable[[Operation, asyncio.Event], Awaitable[Failure | None]]
"""Does one operation; the event is set when it is to be given up. None: it went well."""

_LOST = (EngineUnreachableError, EngineTimeoutError)
_FOR_EVER = 1_000_000
WRITE_AGAIN_S = 5.0
"""After the end of an operation could not be written down."""


class Runner:
    """``is_booted``: the current deployment was seen to be well, and nothing has happened to it since that we know of.

    ``changed`` is set when an operation has ended, or was refused before it began.
    """

    def __init__(self, parts: Parts, journal: Journal) -> None:
        self._parts = parts
        self._journal = journal
        self._work: asyncio.Task[None] | None = None
        self._interrupt = asyncio.Event()
        self.is_booted = False
        self.changed = asyncio.Event()
        self.refusal = ""
        """Why nothing may begin now; "" when it may."""

    async def begin(
        self, kind: OperationKind, by: str, parameters: Mapping[str, str], work: Work, *, can_cancel: bool = False
    ) -> Operation:
        """Raises: ConflictError with the id of the operation that is under way, or as this Loader is about to leave."""
        if self.refusal:
            raise ConflictError(
                f"a handover is under way: {self.refusal}, and nothing begins until then",
                hint="ask again in a moment",
                fields={"handover": self.refusal},
            )
        operation = await self._journal.begin(kind, by, parameters, can_cancel=can_cancel)
        self._interrupt = asyncio.Event()
        self._work = asyncio.ensure_future(self._perform(operation, work, self._interrupt))
        return operation

    def interrupt(self) -> None:
        """Have what runs now give up."""
        self._interrupt.set()

    async def close(self) -> None:
        """End in the middle of whatever runs, as a power cut would; the next Loader goes on from what is written."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    async def boot(self, _operation: Operation, interrupt: asyncio.Event) -> Failure | None:
        """The work of a boot."""
        return await self.count_boot(boot_current(self._parts, self._journal, interrupt))

    async def count_boot(self, booting: Awaitable[Failure | None]) -> Failure | None:
        """A boot's end goes into the state: how often it failed, and whether the fallback's turn has come.

        What the host or the engine refuses is no fault of the target: it is counted, so that there are pauses between
        the attempts, and no fallback is entered, which would fare no better.
        """
        current = self._journal.state.current
        self.is_booted = False
        try:
            failure = await booting
            current = self._journal.state.current
            if failure is None and current is not None:
                await settle(self._parts, current)
        except (CancelledError, *_LOST):
            raise
        except BoxshipError as error:
            if self._journal.state.current is None:
                raise
            return await self._count_failure(failure_of(error), _FOR_EVER, "")
        except Exception as error:
            if self._journal.state.current is None:
                raise
            # As in _outcome: and a bug must not be met without a pause either.
            return await self._count_failure(failure_of(_bug(error)), _FOR_EVER, "")
        if failure is not None:
            return failure if current is None else await self._count_failure(failure, *self._boot_rules(current))
        self.is_booted = current is not None
        await self.count_success()
        return None

    async def count_success(self) -> None:
        """What is current is well."""
        if self._journal.state.current is not None:
            await self._journal.change(transitions.boot_succeeded)

    async def _count_failure(self, failure: Failure, attempts: int, fallback: str) -> Failure:
        now_s = self._parts.clock.now().timestamp()
        await self._journal.change(
            lambda state: transitions.boot_failed(state, failure, now_s, attempts=attempts, fallback=fallback)
        )
        return failure

    def _boot_rules(self, current: Deployment) -> tuple[int, str]:
        """How many attempts, and the fallback; where the release can't be read: for ever, and none."""
        try:
            boot = self._parts.releases.appliance(current.release_id).boot
        except BoxshipError:
            return _FOR_EVER, ""
        return boot.attempts, boot.fallback or ""

    async def _perform(self, operation: Operation, work: Work, interrupt: asyncio.Event) -> None:
        status, failure = await self._outcome(operation, work, interrupt)
        while not await self._write_end(status, failure):
            await self._parts.clock.sleep(WRITE_AGAIN_S)
        self.changed.set()

    async def _write_end(self, status: OperationStatus, failure: Failure | None) -> bool:
        """False when it can't be written: a disk that is full for a while must not leave the box busy for ever."""
        try:
            if self._journal.state.trial is not None:
                why = failure.message if failure is not None else "the switch did not come to its end"
                await self._journal.change(lambda state: transitions.abandon_trial(state, why))
                self.is_booted = False
            await self._journal.end(status, failure)
        except BoxshipError as error:
            self._journal.remark(error.message)
            return False
        return True

    def _tell_reasons(self, error: PreconditionError) -> None:
        """Unless whoever found them has told them already."""
        running = self._journal.running
        if running is not None and f"{AGAINST}1" not in running.result:
            self._journal.note_result(**against(error.reasons))

    async def _outcome(
        self, operation: Operation, work: Work, interrupt: asyncio.Event
    ) -> tuple[OperationStatus, Failure | None]:
        try:
            failure = await work(operation, interrupt)
        except CancelledError as error:
            return OperationStatus.CANCELLED, failure_of(error)
        except BoxshipError as error:
            if isinstance(error, _LOST):
                # Nobody knows what became of the containers: the next boot finds out.
                self.is_booted = False
            if isinstance(error, PreconditionError):
                self._tell_reasons(error)
            return OperationStatus.FAILED, failure_of(error)
        except Exception as error:  # noqa: BLE001  # the door of all operations: a bug must not take the Loader down
            self.is_booted = False
            return OperationStatus.FAILED, failure_of(_bug(error))
        return (OperationStatus.DONE if failure is None else OperationStatus.FAILED), failure


def _bug(error: Exception) -> BugError:
    return BugError(f"{type(error).__name__}: {error}")
