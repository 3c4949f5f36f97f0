"""Stopping, as every plan does it: a container in order, a paused one too, dependents before what they depend on.

On a box the engine is told first that it must not start the container again: [M] one that was stopped through the API
comes back with the engine otherwise, so a cut behind the stop would bring back what was to be gone.
"""

from collections.abc import Collection, Mapping
from typing import Literal

from msgspec import Struct

from boxship.plan.action import SetRestart, StopContainer, UnpauseContainer
from boxship.plan.graph import PlanBuilder
from boxship.plan.hooks import add_stop_hooks
from boxship.plan.observed import ContainerState, ObservedContainer
from boxship.plan.verdict import is_up


class Stopping(Struct, frozen=True):
    """The steps that stop one container, by key: what must come before all of them is said of the first.

    Resuming a paused one and its policy aren't among them: who stops before it may have to talk to it, and a policy
    waits for nobody.
    """

    first: str
    last: str


def add_stop(
    builder: PlanBuilder,
    container: ObservedContainer,
    *,
    cause: str,
    grace_s: float | None,
    on_box: bool = False,
) -> Stopping | None:
    """Add the steps that stop a container, its hooks first; None when there is nothing to stop.

    ``on_box``: its restart policy is the Loader's to say, and becomes ``no`` before all of them.
    """
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
    stopping = Stopping(next(iter(hooks), last), last)
    if on_box:
        builder.order(stopping.first, after=[add_policy(builder, container, "no", cause)])
    return stopping


def add_policy(
    builder: PlanBuilder, container: ObservedContainer, policy: Literal["no", "on-failure"], cause: str
) -> str:
    """Add the step that tells the engine what it does when the container ends; its key."""
    return builder.add(
        f"policy {container.id}",
        SetRestart(container.id, policy),
        subject=f"service:{container.replica}",
        cause=cause,
    )


def order_stops(
    builder: PlanBuilder, stops: Mapping[str, Collection[Stopping]], dependencies: Mapping[str, Collection[str]]
) -> None:
    """Reverse order: ``stops`` of a service come after those of what depends on it have ended."""
    for dependent, own in stops.items():
        for dependency in dependencies.get(dependent, ()):
            for stop in stops.get(dependency, ()):
                builder.order(stop.first, after_ended=[each.last for each in own])
