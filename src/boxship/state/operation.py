"""A long-running job of the Loader, as a record that outlives the Loader."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from boxship.units import format_duration, format_size

AGAINST = "against."
"""With a number, in the result of an operation that was refused: one sentence of all that speaks against it."""


class OperationKind(StrEnum):
    """What is done. One of them at a time changes the box."""

    BOOT = "boot"
    PULL = "pull"
    SWITCH = "switch"
    ROLLBACK = "rollback"
    GC = "gc"
    RESTART = "restart"
    """Of one service and those that live in its namespaces."""


class OperationStatus(StrEnum):
    """How it is or went. INTERRUPTED: the Loader ended in the middle of it; what it had begun was taken back."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        return self is not OperationStatus.RUNNING


class Failure(Struct, frozen=True):
    """Why something failed, for people and programs. ``check``: the question that was answered badly, if it was one.

    ``got``: what its last answer was. ``logs``: the service's last lines, secrets masked.
    """

    code: str
    message: str
    hint: str = ""
    service: str = ""
    check: str = ""
    got: str = ""
    logs: tuple[str, ...] = ()


class Unpacking(Struct, frozen=True):
    """How far the engine is with an image that it was given. 0 layers done for long: it says nothing before its end."""

    done_layers: int = 0
    total_layers: int = 0
    done_bytes: int = 0
    total_bytes: int = 0
    took_s: int = 0

    @property
    def text(self) -> str:
        """``unpacking: 2 of 5 layers, 118 MiB of 362 MiB, for 12s``; what nobody knows yet is left out."""
        parts = [f"{self.done_layers} of {self.total_layers} layers"]
        if self.done_bytes:
            parts.append(f"{format_size(self.done_bytes)} of {format_size(self.total_bytes)}")
        return f"unpacking: {', '.join(parts)}, for {format_duration(self.took_s)}"


class PulledImage(Struct, frozen=True):
    """One image of a pull. What it shares with others counts for each. ``is_here``: the engine has it."""

    name: str
    done_bytes: int = 0
    total_bytes: int = 0
    is_here: bool = False


class Progress(Struct, frozen=True):
    """How far it is. 0 of 0 means "not known". Never goes backwards within one stage."""

    done_bytes: int = 0
    total_bytes: int = 0
    done_items: int = 0
    total_items: int = 0
    item: str = ""
    """What is at work now: an image, a service, a volume."""
    item_done_bytes: int = 0
    item_total_bytes: int = 0
    """Of that alone; what it shares with others counts for each."""
    unpacking: Unpacking | None = None
    """While all of ``item`` has come, and the engine unpacks it. What it has unpacked is no part of the bytes above."""
    images: tuple[PulledImage, ...] = ()
    """Of a pull: all of them from the first moment, in the order in which they come."""


class Operation(Struct, frozen=True):
    """The record. ``stage`` is one word ("precopy"); ``note`` a sentence about it. Times are aware UTC."""

    id: str
    kind: OperationKind
    asked_by: str
    began_at: datetime
    status: OperationStatus = OperationStatus.RUNNING
    stage: str = ""
    note: str = ""
    progress: Progress = Progress()
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What was asked for: version, target, service..."""
    failure: Failure | None = None
    result: Mapping[str, str] = field(default_factory=dict)
    """What came of it: downtime_s, release_id, removed... ``not_served``: why the downtime went on after its end."""
    can_cancel: bool = False


def against(reasons: Iterable[str]) -> Mapping[str, str]:
    """All that speaks against an operation, for its result: its failure has room for one sentence."""
    return {f"{AGAINST}{number}": reason for number, reason in enumerate(reasons, start=1)}


def reasons_against(operation: Operation) -> tuple[str, ...]:
    """What ``against`` wrote there."""
    return tuple(text for key, text in operation.result.items() if key.startswith(AGAINST))
