"""What happens, as values: the only output of doing code. Terminal, JSON, page, console and journal read these."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Phase(StrEnum):
    """Where a service is on its way, in a person's words."""

    WAITING = "waiting"
    PULLING = "pulling"
    PUSHING = "pushing"
    PUSHED = "pushed"
    BUILDING = "building"
    CREATING = "creating"
    CREATED = "created"
    STARTING = "starting"
    PROBING = "probing"
    READY = "ready"
    COMPLETED = "completed"
    STOPPING = "stopping"
    STOPPED = "stopped"
    REMOVED = "removed"
    PAUSED = "paused"
    RESUMED = "resumed"
    SIGNALED = "signaled"
    KEPT = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"


class SubjectChanged(Struct, frozen=True):
    """A service, network, volume or image moved on. ``subject``: "service:web", "image:share/web"...

    ``detail``: what it waits for, what the last probe got, why it failed.
    """

    subject: str
    phase: Phase
    detail: str = ""


class PlanMade(Struct, frozen=True):
    """What is going to happen: the plan's lines, and per service either why it is kept or what it will wait for."""

    lines: tuple[str, ...]
    kept: Mapping[str, str]
    waits: Mapping[str, tuple[str, ...]]


class StepStarted(Struct, frozen=True):
    step_id: int
    subject: str
    action: str
    cause: str


class StepDone(Struct, frozen=True):
    step_id: int
    subject: str
    action: str
    took_s: float


class StepFailed(Struct, frozen=True):
    """``hint`` and ``logs`` (the service's last lines) come from the error."""

    step_id: int
    subject: str
    action: str
    message: str
    hint: str = ""
    logs: tuple[str, ...] = ()
    best_effort: bool = False


class StepSkipped(Struct, frozen=True):
    """Not tried, because ``because`` (the subject of a step before it) failed or the operation was interrupted."""

    step_id: int
    subject: str
    action: str
    because: str


class ImageProgress(Struct, frozen=True):
    """A line of a pull or build of one image."""

    image: str
    text: str
    done_bytes: int = 0
    total_bytes: int = 0


class ServiceLog(Struct, frozen=True):
    """One line that a service wrote; ``number`` says which of its containers did."""

    service: str
    stream: str
    text: str
    at: str = ""
    number: int = 1


class FilesFollowed(Struct, frozen=True):
    """``watch`` did something because ``files`` changed: what it ``did``, or the ``error`` that kept it from that."""

    service: str
    did: str
    files: tuple[str, ...]
    took_s: float
    error: str = ""
    hint: str = ""
    output: tuple[str, ...] = ()
    restarted: bool = False
    """Its containers may be other ones now."""


class Notice(Struct, frozen=True):
    """Something a person should know that belongs to no step."""

    text: str
    is_warning: bool = False


Event = (
    PlanMade
    | SubjectChanged
    | StepStarted
    | StepDone
    | StepFailed
    | StepSkipped
    | ImageProgress
    | ServiceLog
    | FilesFollowed
    | Notice
)
