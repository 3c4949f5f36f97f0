"""Starting a container that is there, as every plan does it: with its hooks, and the name that marks them undone."""

from collections.abc import Collection, Iterable

from msgspec import Struct

from boxship import names
from boxship.plan.access import Access, add_hand_over
from boxship.plan.action import CopiedFile, RenameContainer, StartContainer, UnpauseContainer
from boxship.plan.containers import temporary_name
from boxship.plan.files import add_copy
from boxship.plan.graph import PlanBuilder
from boxship.plan.hooks import add_start_hooks, started
from boxship.plan.observed import ContainerState, ObservedContainer
from boxship.plan.resolve import Replica
from boxship.spec.model import Service


class Start(Struct, frozen=True):
    """One container to be started. ``final``: the name it should have. ``after_stop``: this plan stops it first."""

    replica: Replica
    container: ObservedContainer
    final: str
    cause: str
    hook_within_s: float
    after_stop: bool = False
    files: tuple[CopiedFile, ...] = ()
    """What it must have been given before its first start."""
    access: Access | None = None
    """To the box, for a service that has any."""


def add_start(builder: PlanBuilder, start: Start, taken: Collection[str]) -> str:
    """Add the step ``start NAME`` and its hooks; the name that the container has then.

    ``taken``: names that a container has already.
    """
    replica, container = start.replica, start.container
    key, subject = f"start {replica.name}", f"service:{replica.name}"
    if container.state is ContainerState.PAUSED and not start.after_stop:
        builder.add(key, UnpauseContainer(container.name), subject=subject, cause=start.cause)
        if has_hooks_left(replica.service, container):
            add_start_hooks(builder, replica, container.name, within_s=start.hook_within_s)
        return container.name
    name = container.name
    if replica.service.post_start and not names.is_next_name(name):
        name = temporary_name(start.final, container.digest, taken)
        builder.add(
            f"mark {replica.name}",
            RenameContainer(container.name, name),
            subject=subject,
            cause="its post_start hooks are to run again",
            after=[f"stop {container.id}"],
        )
    # A plan that was cut off may have made it without its files; one that ran has them.
    missing = start.files if container.state is ContainerState.CREATED else ()
    copied = add_copy(builder, replica, name, missing)
    handed_over = add_hand_over(
        builder, replica.name, name, start.access, cause=start.cause, after=[f"mark {replica.name}"]
    )
    builder.add(
        key,
        StartContainer(name),
        subject=subject,
        cause=start.cause,
        after=[f"stop {container.id}", f"mark {replica.name}", copied, handed_over],
    )
    add_start_hooks(builder, replica, name, within_s=start.hook_within_s)
    return name


def has_hooks_left(service: Service, container: ObservedContainer) -> bool:
    """Whether its ``post_start`` hooks have yet to run through since it was started."""
    return bool(service.post_start) and names.is_next_name(container.name)


def add_final_name(builder: PlanBuilder, replica: Replica, name: str, final: str, after: Iterable[str]) -> None:
    """Add the step ``rename NAME`` for a container that has not its final name; ``after``: who gives it free."""
    has_hooks = bool(replica.service.post_start)
    if name != final:
        builder.add(
            f"rename {replica.name}",
            RenameContainer(name, final),
            subject=f"service:{replica.name}",
            cause="its post_start hooks have run" if has_hooks else "the container it replaces is gone",
            after=[*started(replica), *after],
        )
