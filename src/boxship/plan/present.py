"""Verbs that touch what is there and compare nothing: which containers they mean, and the plans of some. Pure."""

from collections.abc import Callable, Collection, Iterable

from boxship.errors import NotFoundError
from boxship.plan.action import Action, KillContainer, PauseContainer, Plan, RemoveContainer, UnpauseContainer
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import ContainerState, Observed, ObservedContainer
from boxship.plan.stops import Stopping, add_stop, order_stops
from boxship.plan.verbs import Dependencies
from boxship.plan.verdict import is_up

_OVER = frozenset({ContainerState.EXITED, ContainerState.CREATED, ContainerState.DEAD})


def running_container(observed: Observed, appliance: str, service: str, number: int | None) -> ObservedContainer:
    """The container to go into: the one with that number, else the first that runs. Raises: NotFoundError."""
    found = numbered(observed, appliance, service, number)
    running = [each for each in found if each.state is ContainerState.RUNNING]
    if not running and any(each.state is ContainerState.PAUSED for each in found):
        raise NotFoundError(
            f"service '{service}' is paused, so nothing can run inside", hint=f"boxship unpause {service}"
        )
    require_up(running or found, service, lambda each: each.state is ContainerState.RUNNING)
    return min(running, key=lambda each: each.number)


def present_container(observed: Observed, appliance: str, service: str, number: int | None) -> ObservedContainer:
    """The container with that number, else the first one, whether it runs or not. Raises: NotFoundError."""
    found = numbered(observed, appliance, service, number)
    require_up(found, service, lambda _: True)
    return min(found, key=lambda each: (not is_up(each), each.number))


def numbered(observed: Observed, appliance: str, service: str, number: int | None) -> list[ObservedContainer]:
    """The service's containers; with a number that one alone. Raises: NotFoundError for one that it hasn't got."""
    mine = [each for each in observed.containers_of(appliance) if each.service == service]
    found = [each for each in mine if number in (None, each.number)]
    if mine and not found:
        numbers = ", ".join(str(number) for number in sorted({each.number for each in mine}))
        raise NotFoundError(f"service '{service}' has no container {number}", hint=f"there are: {numbers}")
    return found


def plan_kill(
    appliance: str,
    observed: Observed,
    dependencies: Dependencies,
    *,
    signal: str = "SIGKILL",
    only: Collection[str] | None = None,
) -> Plan:
    """Send a signal to what runs, dependents first. Raises: NotFoundError for a named service that doesn't run."""
    found = [each for each in _asked_for(appliance, observed, only, is_up) if is_up(each)]
    return _one_each(
        appliance, found, dependencies, lambda name: KillContainer(name, signal), f"asked for with {signal}"
    )


def plan_pause(
    appliance: str, observed: Observed, dependencies: Dependencies, *, only: Collection[str] | None = None
) -> Plan:
    """Freeze what runs, dependents first. Raises: NotFoundError for a named service that doesn't run."""
    found = _asked_for(appliance, observed, only, is_up)
    running = [each for each in found if each.state is ContainerState.RUNNING]
    return _one_each(appliance, running, dependencies, PauseContainer, "asked for")


def plan_unpause(
    appliance: str, observed: Observed, dependencies: Dependencies, *, only: Collection[str] | None = None
) -> Plan:
    """Let run on what is paused, dependencies first. Raises: NotFoundError for a named service that doesn't run."""
    found = _asked_for(appliance, observed, only, is_up)
    paused = [each for each in found if each.state is ContainerState.PAUSED]
    return _one_each(appliance, paused, dependencies, UnpauseContainer, "asked for", dependents_first=False)


def plan_remove(
    appliance: str,
    containers: Iterable[ObservedContainer],
    dependencies: Dependencies,
    *,
    volumes: bool = False,
    grace_s: float | None = None,
) -> Plan:
    """Remove these containers, those that run after a stop in order. ``volumes``: their anonymous volumes as well."""
    builder = PlanBuilder(appliance)
    stops: dict[str, list[Stopping]] = {}
    for container in containers:
        if steps := add_stop(builder, container, cause="asked for with --stop", grace_s=grace_s):
            stops.setdefault(container.service, []).append(steps)
        builder.add(
            f"remove {container.id}",
            RemoveContainer(container.name, volumes=volumes, network=next(iter(sorted(container.networks)), "")),
            subject=f"service:{container.replica}",
            cause="asked for",
            # Not by force: what doesn't stop stays.
            after=[f"stop {container.id}"],
        )
    order_stops(builder, stops, dependencies)
    return builder.finish()


def removable(
    appliance: str, observed: Observed, *, only: Collection[str] | None = None, running: bool = False
) -> tuple[tuple[ObservedContainer, ...], tuple[ObservedContainer, ...]]:
    """The containers that ``rm`` takes, and those that it leaves because they run.

    ``running``: it takes those as well, but none that ``run`` made: somebody is inside.
    """
    one_offs = [each for each in observed.one_offs_of(appliance) if each.state in _OVER]
    mine = [each for each in (*observed.containers_of(appliance), *one_offs) if only is None or each.service in only]
    taken = tuple(each for each in mine if running or not is_up(each))
    return taken, tuple(each for each in mine if each not in taken)


def _asked_for(
    appliance: str,
    observed: Observed,
    only: Collection[str] | None,
    is_wanted: Callable[[ObservedContainer], bool],
) -> list[ObservedContainer]:
    """The containers of the services named, or of all. Raises: NotFoundError for a named one that has none wanted."""
    mine = [each for each in observed.containers_of(appliance) if only is None or each.service in only]
    for name in sorted(only or ()):
        require_up([each for each in mine if each.service == name], name, is_wanted)
    return mine


def require_up(
    found: Collection[ObservedContainer],
    service: str,
    is_wanted: Callable[[ObservedContainer], bool] = is_up,
) -> None:
    """Raises: NotFoundError saying what the service is instead, and what starts it."""
    if any(is_wanted(each) for each in found):
        return
    if not found:
        raise NotFoundError(f"service '{service}' has no container", hint=f"boxship up -d {service} creates it")
    (first, *_) = sorted(found, key=lambda each: each.number)
    if first.state is ContainerState.EXITED:
        raise NotFoundError(
            f"service '{service}' does not run: it ended with status {first.exit_code}",
            hint=f"boxship start {service} starts it, boxship logs {service} says why it ended",
        )
    raise NotFoundError(
        f"service '{service}' does not run: it is {first.state}", hint=f"boxship start {service} starts it"
    )


def _one_each(
    appliance: str,
    containers: Collection[ObservedContainer],
    dependencies: Dependencies,
    action: Callable[[str], Action],
    cause: str,
    *,
    dependents_first: bool = True,
) -> Plan:
    """One step for each container, in the order of what depends on what."""
    builder = PlanBuilder(appliance)
    keys: dict[str, list[str]] = {}
    for container in containers:
        key = builder.add(container.id, action(container.name), subject=f"service:{container.replica}", cause=cause)
        keys.setdefault(container.service, []).append(key)
    for dependent, own in keys.items():
        for dependency in dependencies.get(dependent, ()):
            for key in keys.get(dependency, ()):
                if dependents_first:
                    builder.order(key, after_ended=own)
                else:
                    for each in own:
                        builder.order(each, after_ended=[key])
    return builder.finish()
