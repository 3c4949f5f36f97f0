"""Plans for the verbs that need no comparison: down, stop, start, restart. Pure, like ``reconcile``."""

from collections.abc import Collection, Mapping

from boxship.plan.action import (
    Completed,
    Gate,
    Plan,
    Ready,
    RemoveContainer,
    RemoveNetwork,
    RemoveVolume,
    WaitReady,
)
from boxship.plan.containers import final_name
from boxship.plan.files import copied_files
from boxship.plan.graph import PlanBuilder
from boxship.plan.hooks import started
from boxship.plan.host_hooks import with_host_hooks
from boxship.plan.observed import ContainerState, Observed, ObservedContainer
from boxship.plan.resolve import Desired, Replica, waits_for_ready
from boxship.plan.starts import Start, add_final_name, add_start
from boxship.plan.stops import Stopping, add_stop, order_stops
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
    everything = (*observed.containers_of(appliance), *observed.one_offs_of(appliance))
    mine = [each for each in everything if only is None or each.service in only]
    _stop_in_reverse(builder, mine, dependencies, grace_s, "the appliance goes down")
    for container in mine:
        builder.add(
            f"remove {container.id}",
            RemoveContainer(container.name, volumes=volumes, network=next(iter(sorted(container.networks)), "")),
            subject=f"service:{container.replica}",
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
                    RemoveNetwork(network.name, may_stay=True),
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
    """Start the containers that are there, in order and with readiness; ``again``: stop those that run first.

    All that are there: also those beyond the scale that the files give, which ``up --scale`` made.
    """
    builder = PlanBuilder(desired.appliance)
    present = _present(desired, observed)
    if again:
        dependencies = {service.name: tuple(service.depends_on) for service in desired.services}
        running = [container for containers in present.values() for _, container in containers]
        _stop_in_reverse(builder, running, dependencies, grace_s, "asked to restart", on_box=bool(desired.generation))
    one_shots = completion_awaited(desired)
    taken = {container.name for container in observed.containers}
    for service in desired.services:
        gate = Completed() if service.name in one_shots else Ready(desired.checks.get(service.name))
        for replica, container in present[service.name]:
            if is_up(container) and not again and container.state is not ContainerState.PAUSED:
                builder.keep(replica.name, "runs")
            else:
                _add_start(builder, desired, replica, container, taken, gate, again=again)
                _order_start(builder, desired, replica, present)
    return with_host_hooks(builder.finish(), desired.hooks, desired.directory)


def _present(desired: Desired, observed: Observed) -> dict[str, list[tuple[Replica, ObservedContainer]]]:
    """Service -> its containers by number, of each number the one that runs or is newest."""
    best: dict[tuple[str, int], ObservedContainer] = {}
    mine = observed.containers_of(desired.appliance)
    for container in sorted(mine, key=lambda each: (is_up(each), each.created_at_s)):
        best[(container.service, container.number)] = container
    found: dict[str, list[tuple[Replica, ObservedContainer]]] = {service.name: [] for service in desired.services}
    by_name = {service.name: service for service in desired.services}
    for (name, number), container in sorted(best.items()):
        if name in by_name:
            found[name].append((Replica(by_name[name], number), container))
    return found


def _add_start(
    builder: PlanBuilder,
    desired: Desired,
    replica: Replica,
    container: ObservedContainer,
    taken: Collection[str],
    gate: Gate,
    *,
    again: bool,
) -> None:
    check = desired.checks.get(replica.service.name)
    within_s = check.within_s if check and check.within_s else desired.ready_timeout_s
    final = final_name(desired.appliance, replica, desired.generation)
    if container.name != final and final in taken:
        # The rest of a replacement that was cut off: which of the two it will be is for `up` to say.
        final = container.name
    files = copied_files(replica.service, desired)
    access = desired.access.get(replica.service.name)
    start = Start(replica, container, final, "asked for", within_s, after_stop=again, files=files, access=access)
    name = add_start(builder, start, taken)
    add_final_name(builder, replica, name, final, ())
    builder.add(
        f"wait {replica.name}",
        WaitReady(final, gate, within_s),
        subject=f"service:{replica.name}",
        cause="it was started",
        after=[*started(replica), f"rename {replica.name}"],
    )


def _order_start(
    builder: PlanBuilder,
    desired: Desired,
    replica: Replica,
    present: Mapping[str, Collection[tuple[Replica, ObservedContainer]]],
) -> None:
    for other, edge in replica.service.depends_on.items():
        waits = waits_for_ready(edge, other, desired.checks)
        for dependency, _ in present.get(other, ()):
            gates = (f"wait {dependency.name}",) if waits else started(dependency)
            builder.order(
                f"start {replica.name}",
                after=gates if edge.required else (),
                after_ended=() if edge.required else gates,
            )


def _stop_in_reverse(
    builder: PlanBuilder,
    containers: Collection[ObservedContainer],
    dependencies: Dependencies,
    grace_s: float | None,
    cause: str,
    *,
    on_box: bool = False,
) -> None:
    stops: dict[str, list[Stopping]] = {}
    for container in containers:
        if steps := add_stop(builder, container, cause=cause, grace_s=grace_s, on_box=on_box):
            stops.setdefault(container.service, []).append(steps)
    order_stops(builder, stops, dependencies)
