"""What anybody who opens the page may know, as a value: everything else of a box stays behind a login.

Who asked for an operation and with which parameters is left out; times are told as ages, so that clocks that
differ don't matter.
"""

from msgspec import Struct

from boxship.loader.box import ImageView, ProgressView, ServiceView
from boxship.state.operation import Failure, Operation, Progress


class PublicOperation(Struct, frozen=True):
    """An operation without who and what for."""

    kind: str
    status: str
    stage: str
    note: str
    progress: Progress
    age_s: float


class PublicView(Struct, frozen=True):
    """``/boxship/progress.json``; its keys are promised. Ages are of the moment it was made, -1: not known."""

    appliance: str
    boot_id: str
    phase: str
    why: str
    is_ready: bool
    version: str
    target: str
    to_version: str
    age_s: float
    operation: PublicOperation | None
    services: tuple[ServiceView, ...]
    images: tuple[ImageView, ...]
    failure: Failure | None
    log: tuple[str, ...]
    fallen_back_from: str
    next_try_in_s: float
    failed_version: str


def public_view(progress: ProgressView, now_s: float) -> PublicView:
    """``now_s``: unix time."""
    return PublicView(
        appliance=progress.appliance,
        boot_id=progress.boot_id,
        phase=progress.phase,
        why=progress.why,
        is_ready=progress.is_ready,
        version=progress.version,
        target=progress.target,
        to_version=progress.to_version,
        age_s=_age_s(progress.began_at_s, now_s),
        operation=None if progress.operation is None else _operation(progress.operation, now_s),
        services=progress.services,
        images=progress.images,
        failure=progress.failure,
        log=progress.log,
        fallen_back_from=progress.fallen_back_from,
        next_try_in_s=max(0.0, progress.next_try_at_s - now_s) if progress.next_try_at_s else -1.0,
        failed_version=progress.failed_version,
    )


def _age_s(began_at_s: float, now_s: float) -> float:
    return max(0.0, round(now_s - began_at_s, 1)) if began_at_s else -1.0


def _operation(operation: Operation, now_s: float) -> PublicOperation:
    return PublicOperation(
        kind=str(operation.kind),
        status=str(operation.status),
        stage=operation.stage,
        note=operation.note,
        progress=operation.progress,
        age_s=_age_s(operation.began_at.timestamp(), now_s),
    )
