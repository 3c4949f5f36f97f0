"""Stopping, as every plan does it: a container in order, a paused one too, dependents before what they depend on."""

from collections.abc import Collection, Mapping

from boxship.plan.action import StopContainer, UnpauseContainer
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import ContainerState, ObservedContainer
from boxship.plan.verdict import is_up


def add_stop(builder: PlanBuilder, container: ObservedContainer, *, cause: str, grace_s: float | None) -> str:
    """Add the step that stops a container; its key, or "" when there is nothing to stop."""
    if not is_up(container):
        return ""
    unpause = f"unpause {container.id}"
    subject = f"service:{container.service}"
    if container.state is ContainerState.PAUSED:
        builder.add(
            unpause,
            UnpauseContainer(container.name),
            subject=subject,
            cause="a paused container can't stop in order",
        )
    return builder.add(
        f"stop {container.id}",
        StopContainer(container.name, grace_s),
        subject=subject,
        cause=cause,
        after=[unpause],
    )


def order_stops(
    builder: PlanBuilder, stops: Mapping[str, Collection[str]], dependencies: Mapping[str, Collection[str]]
) -> None:
    """Reverse order: ``stops`` (service -> keys) of a service come after those of what depends on it have ended."""
    for dependent, keys in stops.items():
        for dependency in dependencies.get(dependent, ()):
            for key in stops.get(dependency, ()):
                builder.order(key, after_ended=keys)
