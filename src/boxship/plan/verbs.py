"""Plans for the verbs that need no comparison: down, stop, start, restart. Pure, like ``reconcile``."""

from collections.abc import Collection, Mapping

from boxship.plan.action import (
    Completed,
    Plan,
    Ready,
    RemoveContainer,
    RemoveNetwork,
    RemoveVolume,
    StartContainer,
    UnpauseContainer,
    WaitReady,
)
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import ContainerState, Observed, ObservedContainer
from boxship.plan.resolve import Desired, waits_for_ready
from boxship.plan.stops import add_stop, order_stops
from boxship.plan.verdict import completion_awaited, is_up

Dependencies = Mapping[str, Collection[str]]
"""Service -> the services it depends on."""


def plan_down(
    appliance: str,
    observed: Observed,
    dependencies: Dependencies,
    *,
    volumes: bool = False,
    networks: bool = True,
    only: Collection[str] | None = None,
    grace_s: float | None = None,
) -> Plan:
    """Stop in reverse order and remove exactly what Boxship made for this appliance.

    ``only``: just these services' containers, and no network. ``volumes``: named and anonymous volumes as well; data
    is lost. Other people's things aren't touched, even when their names look alike: labels decide.
    """
    builder = PlanBuilder(appliance)
    mine = [each for each in observed.containers_of(appliance) if only is None or each.service in only]
    _stop_in_reverse(builder, mine, dependencies, grace_s, "the appliance goes down")
    for container in mine:
        builder.add(
            f"remove {container.id}",
            RemoveContainer(container.name, volumes=volumes, network=next(iter(sorted(container.networks)), "")),
            subject=f"service:{container.service}",
            cause="the appliance goes down",
            # By force, so also one that would not stop in time goes.
            after_ended=[f"stop {container.id}"],
        )
    removals = [f"remove {container.id}" for container in mine]
    if only is None and networks:
        for network in observed.networks:
            if network.appliance == appliance:
                builder.add(
                    f"network {network.name}",
                    RemoveNetwork(network.name),
                    subject=f"network:{network.key}",
                    cause="the appliance goes down",
                    after=removals,
                )
    if only is None and volumes:
        for volume in observed.volumes:
            if volume.appliance == appliance:
                builder.add(
                    f"volume {volume.name}",
                    RemoveVolume(volume.name),
                    subject=f"volume:{volume.key}",
                    cause="asked for with --volumes",
                    after=removals,
                )
    return builder.finish()


def plan_stop(
    appliance: str,
    observed: Observed,
    dependencies: Dependencies,
    *,
    only: Collection[str] | None = None,
    grace_s: float | None = None,
) -> Plan:
    """Stop what runs, dependents first."""
    builder = PlanBuilder(appliance)
    mine = [each for each in observed.containers_of(appliance) if only is None or each.service in only]
    _stop_in_reverse(builder, mine, dependencies, grace_s, "asked for")
    return builder.finish()


def plan_start(desired: Desired, observed: Observed, *, again: bool = False, grace_s: float | None = None) -> Plan:
    """Start the containers that are there, in order and with readiness; ``again``: stop those that run first."""
    builder = PlanBuilder(desired.appliance)
    by_service = {each.service: each for each in observed.containers_of(desired.appliance)}
    chosen = {service.name: service for service in desired.services if service.name in by_service}
    dependencies = {name: tuple(service.depends_on) for name, service in chosen.items()}
    if again:
        running = [by_service[name] for name in chosen]
        _stop_in_reverse(builder, running, dependencies, grace_s, "asked to restart")
    one_shots = completion_awaited(desired)
    for name, service in chosen.items():
        container = by_service[name]
        if is_up(container) and not again and container.state is not ContainerState.PAUSED:
            builder.keep(name, "runs")
            continue
        is_paused = container.state is ContainerState.PAUSED and not again
        gates = [
            (f"{'wait' if waits_for_ready(edge, other, desired.checks) else 'start'} {other}", edge.required)
            for other, edge in service.depends_on.items()
        ]
        builder.add(
            f"start {name}",
            UnpauseContainer(container.name) if is_paused else StartContainer(container.name),
            subject=f"service:{name}",
            cause="asked for",
            after=[f"stop {container.id}", *(gate for gate, required in gates if required)],
            after_ended=[gate for gate, required in gates if not required],
        )
        check = desired.checks.get(name)
        builder.add(
            f"wait {name}",
            WaitReady(
                container.name,
                Completed() if name in one_shots else Ready(check),
                check.within_s if check and check.within_s else desired.ready_timeout_s,
            ),
            subject=f"service:{name}",
            cause="it was started",
            after=[f"start {name}"],
        )
    return builder.finish()


def _stop_in_reverse(
    builder: PlanBuilder,
    containers: Collection[ObservedContainer],
    dependencies: Dependencies,
    grace_s: float | None,
    cause: str,
) -> None:
    stops: dict[str, list[str]] = {}
    for container in containers:
        if key := add_stop(builder, container, cause=cause, grace_s=grace_s):
            stops.setdefault(container.service, []).append(key)
    order_stops(builder, stops, dependencies)
