"""What the engine knows of each container, as results: the question behind all others is whether it runs."""

from collections.abc import Iterable

from boxship.checks.report import Found, Level
from boxship.plan.observed import ContainerState, Health
from boxship.plan.status import ServiceStatus

RUNNING = "running"
"""The name and the kind of this question."""

_STATES = {
    ContainerState.EXITED: "service.stopped",
    ContainerState.CREATED: "service.stopped",
    ContainerState.DEAD: "service.stopped",
    ContainerState.RESTARTING: "service.restarting",
    ContainerState.PAUSED: "service.paused",
}


def found_of(row: ServiceStatus, *, is_answering: bool = False) -> Found:
    """How one container is, as the engine knows it. ``is_answering``: a check of its own was just answered well."""
    container = row.container
    if row.is_ready:
        return Found(Level.OK, container.status if container else "none wanted")
    if container is None:
        return Found(Level.FAIL, row.why, "service.missing")
    if row.scale == 0:
        is_up = container.state is ContainerState.RUNNING
        return Found(Level.WARN if is_up else Level.OK, row.why, "service.extra" if is_up else "")
    if container.state is ContainerState.RUNNING and container.health is Health.UNHEALTHY:
        return Found(Level.FAIL, row.why, "service.unhealthy")
    if container.state is ContainerState.RUNNING and container.health is Health.STARTING:
        return Found(Level.OK if is_answering else Level.WARN, row.why, "service.unready")
    return Found(Level.FAIL, row.why, _STATES.get(container.state, "service.unready"))


def running(rows: Iterable[ServiceStatus]) -> tuple[ServiceStatus, ...]:
    """The rows of containers that can be asked something."""
    return tuple(
        row
        for row in rows
        if row.scale > 0 and row.container is not None and row.container.state is ContainerState.RUNNING
    )
