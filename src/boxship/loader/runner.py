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
)
from boxship.loader.boot import boot_current, settle
from boxship.loader.failures import failure_of
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure, Operation, OperationKind, OperationStatus

Work = Callable[[Operation, asyncio.Event], Awaitable[Failure | None]]
"""Does one operation; the event is set when it is to be given up. None: it went well."""

_LOST = (EngineUnreachableError, EngineTimeoutError)
_FOR_EVER = 1_000_000


class Runner:
    """``is_booted``: the current deployment was seen to be well, and nothing has happened to it since that we know of.

    ``changed`` is set when an operation has ended.
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
            raise ConflictError(self.refusal, hint="ask again in a moment")
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
        return await self.count_boot(await boot_current(self._parts, self._journal, interrupt))

    async def count_boot(self, failure: Failure | None) -> Failure | None:
        """A boot's end goes into the state: how often it failed, and whether the fallback's turn has come."""
        current = self._journal.state.current
        if current is None:
            return failure
        self.is_booted = failure is None
        if failure is None:
            await settle(self._parts, current)
            await self._journal.change(transitions.boot_succeeded)
            return None
        attempts, fallback = self._boot_rules(current)
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
        if self._journal.state.trial is not None:
            why = failure.message if failure is not None else "the switch did not come to its end"
            await self._journal.change(lambda state: transitions.abandon_trial(state, why))
            self.is_booted = False
        await self._journal.end(status, failure)
        self.changed.set()

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
            return OperationStatus.FAILED, failure_of(error)
        except Exception as error:  # noqa: BLE001  # the door of all operations: a bug must not take the Loader down
            self.is_booted = False
            return OperationStatus.FAILED, failure_of(BugError(f"{type(error).__name__}: {error}"))
        return (OperationStatus.DONE if failure is None else OperationStatus.FAILED), failure
