"""The one who writes what the box remembers: every change of the state goes through here, and is told.

Nothing that is written holds a secret: it is shown later, to people who have no login, too.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from boxship.clock import Clock
from boxship.errors import BoxshipError, ConflictError, NotFoundError
from boxship.events import Notice
from boxship.loader.happened import DeploymentChanged, OperationChanged
from boxship.loader.parts import Aside
from boxship.loader.ring import Ring
from boxship.state import transitions
from boxship.state.operation import Failure, Operation, OperationKind, OperationStatus, Progress
from boxship.state.state import State
from boxship.store.port import Store

Transition = Callable[[State], State]


class Journal:
    """State and operations of one box, in memory and in the store. Nobody else writes either."""

    def __init__(self, store: Store, clock: Clock, feed: Ring, aside: Aside) -> None:
        self._store = store
        self._clock = clock
        self._feed = feed
        self._masks = feed.masks
        self._aside = aside
        self._state = State()
        self._running: Operation | None = None
        self._owed: tuple[Operation, ...] = ()
        """Records that could not be written yet: the next write takes them along."""
        self._writing = asyncio.Lock()

    @property
    def state(self) -> State:
        return self._state

    @property
    def running(self) -> Operation | None:
        """The operation that changes the box now, with its newest progress."""
        return self._running

    async def open(self) -> str:
        """Read what is kept, and note that nothing runs any more. Sentences about what was found, "" for nothing.

        Raises: StateError when nothing that is kept can be read.
        """
        loaded = await self._aside(self._store.load)
        self._state = loaded.state
        recovered = transitions.recover(loaded.state)
        if recovered.state != loaded.state:
            was = self._store.operation(loaded.state.operation_id)
            now = self._clock.now()
            ended = () if was is None else (transitions.interrupt(was, now, recovered.sentence),)
            self._state, self._owed = recovered.state, ended
            unwritten = await self._write_recovered()
        else:
            unwritten = ""
        return " ".join(text for text in (loaded.warning, recovered.sentence, unwritten) if text)

    async def _write_recovered(self) -> str:
        """Why it can't be written, "" when it was: to end for a full disk would help nobody."""
        try:
            await self.change(lambda state: state)
        except BoxshipError as error:
            return error.message
        return ""

    async def change(self, transition: Transition, *operations: Operation) -> State:
        """Replace the state, on disk before in memory. Raises: what the transition does, with nothing changed."""
        async with self._writing:
            before = self._state
            after = self._masks.state(transition(before))
            # The disk is waited for elsewhere, and always to its end: half of a cancelled write would be the worst.
            saving = self._aside(self._store.save, after, (*self._owed, *operations))
            self._state = await asyncio.shield(saving)
            self._owed = ()
        if (before.current, before.trial, before.previous) != (after.current, after.trial, after.previous):
            self._feed.publish(DeploymentChanged(after.current, after.trial, after.previous))
        return self._state

    async def begin(
        self, kind: OperationKind, by: str, parameters: Mapping[str, str], *, can_cancel: bool = False
    ) -> Operation:
        """Raises: ConflictError with the id of the operation that is under way."""
        now = self._clock.now()
        operation = Operation(
            id=uuid.uuid4().hex[:12],
            kind=kind,
            asked_by=by,
            began_at=now,
            updated_at=now,
            parameters=dict(parameters),
            can_cancel=can_cancel,
        )
        await self.change(lambda state: transitions.begin_operation(state, operation), operation)
        self._running = operation
        self._feed.publish(OperationChanged(operation))
        return operation

    async def stage(self, stage: str, note: str = "", *, can_cancel: bool | None = None) -> None:
        """The running operation is at another stage now; its progress begins anew.

        Told in any case: what can't be written is for people who look later, and no reason to give up what is done.
        """
        operation = self._require_running()
        note, now = self._masks.clean(note), self._clock.now()
        changed = replace(operation, stage=stage, note=note, progress=Progress(), updated_at=now)
        if can_cancel is not None:
            changed = replace(changed, can_cancel=can_cancel)
        self._running = changed
        self._feed.publish(OperationChanged(changed))
        try:
            await self._aside(self._store.put_operation, changed)
        except BoxshipError as error:
            self._feed.publish(Notice(error.message, is_warning=True))

    def remark(self, note: str) -> None:
        """A sentence about the running operation, for who looks now; not kept."""
        operation = self._require_running()
        self._running = replace(operation, note=self._masks.clean(note), updated_at=self._clock.now())
        self._feed.publish(OperationChanged(self._running))

    def blame(self, failure: Failure) -> None:
        """Why the running operation will fail, for who looks while it goes back; told with its next stage."""
        self._running = replace(self._require_running(), failure=self._masks.failure(failure))

    def tell(self, progress: Progress) -> None:
        """How far the running operation is. Only told, not kept: after a cut it begins anew."""
        operation = self._running
        if operation is not None and progress != operation.progress:
            self._running = replace(operation, progress=progress, updated_at=self._clock.now())
            self._feed.publish(OperationChanged(self._running))

    def note_result(self, **result: str) -> None:
        """Something that came of the running operation; kept when it ends."""
        operation = self._require_running()
        self._running = replace(operation, result={**operation.result, **result})

    async def end(self, status: OperationStatus, failure: Failure | None = None) -> Operation:
        """Whatever the running operation was about is settled: the next one may begin."""
        now = self._clock.now()
        ended = self._masks.operation(
            replace(
                self._require_running(), status=status, failure=failure, ended_at=now, updated_at=now, can_cancel=False
            )
        )
        await self.change(lambda state: transitions.end_operation(state, ended.id), ended)
        self._running = None
        self._feed.publish(OperationChanged(ended))
        return ended

    def operation(self, operation_id: str) -> Operation:
        """Raises: NotFoundError."""
        if self._running is not None and self._running.id == operation_id:
            return self._running
        found = self._known(operation_id)
        if found is None:
            raise NotFoundError(f"no operation '{operation_id}' on this box", hint="boxship box operations lists them")
        return found

    def operations(self, limit: int) -> tuple[Operation, ...]:
        """The newest first, the running one with its newest progress."""
        newer = {each.id: each for each in (*self._owed, self._running) if each is not None}
        return tuple(newer.get(each.id, each) for each in self._store.operations(limit))

    def _known(self, operation_id: str) -> Operation | None:
        owed = next((each for each in self._owed if each.id == operation_id), None)
        return owed or self._store.operation(operation_id)

    def _require_running(self) -> Operation:
        if self._running is None:
            raise ConflictError("no operation is under way")
        return self._running
