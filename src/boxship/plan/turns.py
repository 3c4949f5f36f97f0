"""What an engine has started by itself, at its own start or the host's: it knows of no order. Pure."""

from boxship.plan.action import Plan
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import ContainerState, Observed
from boxship.plan.resolve import Desired, dependencies_of
from boxship.plan.stops import Stopping, add_stop, order_stops
from boxship.plan.verdict import completion_awaited, is_up

_BRIDGE = "bridge"


def engine_start(observed: Observed) -> str:
    """Which start of the engine this is; "" where that can't be told.

    [M] Docker 20.10.24 makes its default network anew whenever it starts, unless containers have outlived it
    (live-restore): then nothing was started, either. An engine that is told to have no such network tells nothing.
    """
    return next((network.id for network in observed.networks if network.name == _BRIDGE), "")


def plan_stop_early(desired: Desired, observed: Observed, *, cause: str) -> Plan:
    """Stop what runs and should have waited for another that was not there yet, dependents first.

    What needs nobody runs on, and what waits only for a one-shot that had completed before.
    """
    chosen = {service.name: service for service in desired.services}
    mine = observed.of_generation(desired.appliance, desired.generation).containers_of(desired.appliance)
    one_shots = completion_awaited(desired)
    over = {each.service for each in mine if each.state is ContainerState.EXITED and each.exit_code == 0}
    builder = PlanBuilder(desired.appliance)
    stops: dict[str, list[Stopping]] = {}
    for container in mine:
        service = chosen.get(container.service)
        if service is None or not is_up(container):
            continue
        waits_for = dependencies_of(service, chosen).keys() - (one_shots & over)
        if not waits_for:
            continue
        steps = add_stop(builder, container, cause=cause, grace_s=None, on_box=True)
        if steps is not None:
            stops.setdefault(container.service, []).append(steps)
    order_stops(builder, stops, {name: tuple(service.depends_on) for name, service in chosen.items()})
    return builder.finish()
