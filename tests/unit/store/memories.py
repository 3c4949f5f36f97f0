"""Memories with a history, as files that tests may damage."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from boxship.state.deployment import Deployment
from boxship.state.operation import Operation, OperationKind
from boxship.state.state import State
from boxship.store.opening import open_store
from boxship.store.port import Limits, Token
from boxship.store.sqlite import SqliteStore
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 11, 29, tzinfo=UTC)
LIMITS = Limits(operations=20, audit=20, tokens=10)
FILE, WAL, COPY = "state.db", "state.db-wal", "state.db.copy"


class Memory(NamedTuple):
    """Its files by name, and what any Loader that opens them must find."""

    files: Mapping[str, bytes]
    state: State
    tokens: tuple[Token, ...]
    operations: tuple[Operation, ...]

    def lay_out(self, folder: Path, **changed: bytes | None) -> Path:
        """Write them, some changed (``file``, ``wal``, ``copy``) or left out (None); the path to open."""
        names = {"file": FILE, "wal": WAL, "copy": COPY}
        contents: dict[str, bytes | None] = dict(self.files)
        contents |= {names[key]: data for key, data in changed.items()}
        folder.mkdir()
        for name, data in contents.items():
            if data is not None:
                (folder / name).write_bytes(data)
        return folder / FILE


def open_at(path: Path, limits: Limits = LIMITS) -> SqliteStore:
    return open_store(path, FakeClock(), limits)


def files_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in (FILE, WAL, COPY) if (folder / name).exists()}


def lived(folder: Path, *, is_closed: bool, saves: int = 6, limits: Limits = LIMITS) -> Memory:
    """A box that saved some states. Not closed: what was written last is in the log only, as after a power cut."""
    store = open_at(folder / FILE, limits)
    state = store.load().state
    seen: list[Operation] = []
    for number in range(1, saves + 1):
        operation = Operation(f"op{number}", OperationKind.SWITCH, "anna", NOW + timedelta(minutes=number))
        deployment = Deployment(f"sha256:{number:064}", f"{number}.0", "default", number)
        store.append_audit(NOW, "anna", "switch", deployment.version)
        state = store.save(State(state.revision, current=deployment, next_generation=number + 1), [operation])
        seen.append(operation)
        if number % 2:
            store.put_token(Token(f"t{number}", "ci", "f" * 64, ("read",), NOW + timedelta(minutes=number)))
    tokens = store.tokens()
    if is_closed:
        store.close()
    files = files_of(folder)
    store.close()
    return Memory(files, state, tokens, tuple(seen))
