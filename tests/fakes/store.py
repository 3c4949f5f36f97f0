"""A memory that forgets everything with its process."""

from collections.abc import Callable, Collection
from datetime import datetime

from msgspec.structs import replace

from boxship.errors import BoxshipError, BugError
from boxship.state.operation import Operation
from boxship.state.state import State
from boxship.store.audit import link, text_of
from boxship.store.port import AuditChain, AuditEntry, Limits, Loaded, Token, conflict_of_revisions, too_many_tokens


class MemoryStore:
    """Implements ``Store``. ``saves`` holds every state that was saved, for laws about their order."""

    def __init__(self, state: State | None = None, *, limits: Limits | None = None, warning: str = "") -> None:
        self.said = ""
        """What is wrong with keeping."""
        self.saves: list[State] = []
        self.heard: Callable[[State], None] = lambda _state: None
        """Is told of every state that was saved."""
        self.breaks: BoxshipError | None = None
        """What every write fails with."""
        self._state = state or State()
        self._limits = limits or Limits()
        self._warning = warning
        self._operations: dict[str, Operation] = {}
        self._audit: list[AuditEntry] = []
        self._anchor = AuditEntry(0, datetime.min, "", "")  # noqa: DTZ901  # a place before the first, not a time
        self._tokens: dict[str, Token] = {}
        self._is_closed = False

    def load(self) -> Loaded:
        self._expect_open()
        return Loaded(self._state, self._warning)

    def save(self, state: State, operations: Collection[Operation] = ()) -> State:
        self._expect_writable()
        if state.revision != self._state.revision:
            raise conflict_of_revisions(self._state.revision, state.revision)
        self._state = replace(state, revision=state.revision + 1)
        self.saves.append(self._state)
        self.heard(self._state)
        for operation in operations:
            self.put_operation(operation)
        return self._state

    def put_operation(self, operation: Operation) -> None:
        self._expect_writable()
        self._operations[operation.id] = operation
        for old in self._newest_first()[self._limits.operations :]:
            if old.status.is_over:
                del self._operations[old.id]

    def operation(self, operation_id: str) -> Operation | None:
        self._expect_open()
        return self._operations.get(operation_id)

    def operations(self, limit: int = 100) -> tuple[Operation, ...]:
        self._expect_open()
        return tuple(self._newest_first()[:limit])

    def append_audit(self, at: datetime, who: str, action: str, subject: str = "", outcome: str = "") -> AuditEntry:
        self._expect_writable()
        last = self._audit[-1] if self._audit else self._anchor
        entry = AuditEntry(last.number + 1, at, who, action, subject, outcome)
        entry = replace(entry, digest=link(last.digest, text_of(entry)))
        self._audit.append(entry)
        if len(self._audit) > self._limits.audit:
            self._anchor = self._audit.pop(0)
        return entry

    def audit(self, after: int = 0, limit: int = 100) -> tuple[AuditEntry, ...]:
        self._expect_open()
        return tuple([entry for entry in self._audit if entry.number > after][:limit])

    def verify_audit(self) -> AuditChain:
        self._expect_open()
        newest = self._audit[-1] if self._audit else self._anchor
        return AuditChain(
            dropped=self._anchor.number,
            dropped_digest=self._anchor.digest,
            newest=newest.number,
            newest_digest=newest.digest,
            since=self._audit[0].at if self._audit else None,
            first_wrong=self._first_wrong(),
        )

    def _first_wrong(self) -> int:
        digest = self._anchor.digest
        for entry in self._audit:
            if entry.digest != link(digest, text_of(entry)):
                return entry.number
            digest = entry.digest
        return 0

    def put_token(self, token: Token) -> None:
        self._expect_writable()
        if token.id not in self._tokens and len(self._tokens) >= self._limits.tokens:
            over = [
                other
                for other in self.tokens()
                if other.revoked_at or (other.expires_at and other.expires_at <= token.created_at)
            ]
            if not over:
                raise too_many_tokens(self._limits.tokens)
            del self._tokens[over[0].id]
        self._tokens[token.id] = token

    def tokens(self) -> tuple[Token, ...]:
        self._expect_open()
        return tuple(sorted(self._tokens.values(), key=lambda token: (token.created_at, token.id)))

    def trouble(self) -> str:
        return self.said

    def close(self) -> None:
        self._is_closed = True

    def _newest_first(self) -> list[Operation]:
        later_first = list(self._operations.values())[::-1]
        return sorted(later_first, key=lambda operation: operation.began_at, reverse=True)

    def _expect_writable(self) -> None:
        self._expect_open()
        if self.breaks is not None:
            raise self.breaks

    def _expect_open(self) -> None:
        if self._is_closed:
            raise BugError("the store is closed")
