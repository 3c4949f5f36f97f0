"""Stopping, as every plan does it: a container in order, a paused one too, dependents before what they depend on."""

from collections.abc import Collection, Mapping

from msgspec import Struct

from boxship.plan.action import StopContainer, UnpauseContainer
from boxship.plan.graph import PlanBuilder
from boxship.plan.hooks import add_stop_hooks
from boxship.plan.observed import ContainerState, ObservedContainer
from boxship.plan.verdict import is_up


class Stopping(Struct, frozen=True):
    """The steps that stop one container, by key: what must come before all of them is said of the first.

    Resuming a paused one isn't among them: who stops before it may have to talk to it.
    """

    first: str
    last: str


def add_stop(
    builder: PlanBuilder, container: ObservedContainer, *, cause: str, grace_s: float | None
) -> Stopping | None:
    """Add the steps that stop a container, its hooks first; None when there is nothing to stop."""
    if not is_up(container):
        return None
    unpause = f"unpause {container.id}"
    subject = f"service:{container.replica}"
    if container.state is ContainerState.PAUSED:
        builder.add(
            unpause,
            UnpauseContainer(container.name),
            subject=subject,
            cause="a paused container can't stop in order",
        )
    hooks = add_stop_hooks(builder, container, before=unpause)
    last = builder.add(
        f"stop {container.id}",
        StopContainer(container.name, grace_s),
        subject=subject,
        cause=cause,
        after=[unpause, *hooks[-1:]],
    )
    return Stopping(next(iter(hooks), last), last)


def order_stops(
    builder: PlanBuilder, stops: Mapping[str, Collection[Stopping]], dependencies: Mapping[str, Collection[str]]
) -> None:
    """Reverse order: ``stops`` of a service come after those of what depends on it have ended."""
    for dependent, own in stops.items():
        for dependency in dependencies.get(dependent, ()):
            for stop in stops.get(dependency, ()):
                builder.order(stop.first, after_ended=[each.last for each in own])
