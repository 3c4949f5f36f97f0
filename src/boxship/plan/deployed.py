"""What should run of a deployment, and the plans around its life. Pure.

What the engine does when a container ends is the Loader's to say: it is made and tried with ``no``, and gets
``on-failure`` once its deployment is committed ([M] one that was stopped through the API comes back with the engine
otherwise).
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from boxship.plan.action import (
    CopyFiles,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    Plan,
    Step,
)
from boxship.plan.containers import LABEL_DEPENDS_ON, engine_volume_name
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import Observed, ObservedContainer
from boxship.plan.resolve import Desired, resolve
from boxship.plan.sharing import volume_holders
from boxship.plan.stops import Stopping, add_policy, add_stop, order_stops
from boxship.plan.verdict import USELESS, completion_awaited, is_up
from boxship.spec.model import Appliance
from boxship.spec.model_switch import OnSwitch

_PREPARING = (CreateNetwork, CreateVolume, CreateContainer, CopyFiles)


def desired_of(appliance: Appliance, target: str, generation: int) -> Desired:
    """What should run of an appliance, as a box runs it. Raises: NotFoundError for a target that it doesn't have."""
    return replace(resolve(appliance, target=target), generation=generation)


class Carried(Struct, frozen=True):
    """A volume whose content goes over: its key, and the engine's names of both."""

    key: str
    source: str
    destination: str


def carried_volumes(
    before: Desired, after: Desired, observed: Observed, *, is_return: bool = False
) -> tuple[Carried, ...]:
    """What is copied when ``after`` takes over from ``before``: same key, a copy wanted, and there is something there.

    ``is_return``: both are of one release, which gets its own data back; then that is so for what begins fresh as well.
    Both are as ``with_shared_volumes`` spells them out. One that all releases share is copied only where it was not
    shared before. One with a ``device`` is a place of the host's that every generation sees, as a bind mount: copied,
    it would be written onto itself.
    """
    there = {volume.name for volume in observed.volumes}
    found = []
    for key, volume in after.volumes.items():
        old = before.volumes.get(key)
        if old is None or volume.external or old.external:
            continue
        if volume.on_switch is OnSwitch.FRESH and not is_return:
            continue
        if "device" in volume.driver_opts or "device" in old.driver_opts:
            continue
        source = engine_volume_name(before.appliance, old, before.generation)
        destination = engine_volume_name(after.appliance, volume, after.generation)
        if source in there and source != destination:
            found.append(Carried(key, source, destination))
    return tuple(found)


def preparing(plan: Plan) -> Plan:
    """The steps of a plan that only make things: they can be done while the deployment before still runs.

    Each of them waits only for others of them, or else it isn't one.
    """
    kept: dict[int, Step] = {}
    for step in plan.steps:
        waits_for = {*step.after, *step.after_ended}
        if isinstance(step.action, _PREPARING) and waits_for <= kept.keys():
            kept[step.id] = step
    return replace(plan, steps=tuple(kept.values()))


def plan_quiesce(appliance: str, observed: Observed, generation: int, *, cause: str) -> Plan:
    """Stop everything of a generation, dependents first, so that the engine doesn't start it again.

    The policies come first: a power cut between them and the stops leaves a box that starts nothing by itself.
    """
    builder = PlanBuilder(appliance)
    mine = observed.of_generation(appliance, generation).containers_of(appliance)
    stops: dict[str, list[Stopping]] = {}
    for container in mine:
        # The engine died in its removal: it never runs again, and takes no policy. gc removes it.
        if container.state in USELESS:
            continue
        steps = add_stop(builder, container, cause=cause, grace_s=None, on_box=True)
        if steps is None:
            add_policy(builder, container, "no", cause)
        else:
            stops.setdefault(container.service, []).append(steps)
    order_stops(builder, stops, _dependencies(mine))
    return builder.finish()


def plan_settle(desired: Desired, observed: Observed, *, cause: str) -> Plan:
    """Leave crashes to the engine from now on. One-shots keep ``no``: they are done when they have ended."""
    builder = PlanBuilder(desired.appliance)
    one_shots = completion_awaited(desired) | volume_holders(desired.everything)
    for container in observed.of_generation(desired.appliance, desired.generation).containers_of(desired.appliance):
        if container.service not in one_shots and is_up(container):
            add_policy(builder, container, "on-failure", cause)
    return builder.finish()


def _dependencies(containers: tuple[ObservedContainer, ...]) -> Mapping[str, tuple[str, ...]]:
    """As the containers' labels have it: the files of what stops may be gone."""
    return {
        container.service: tuple(name for name in container.labels.get(LABEL_DEPENDS_ON, "").split(",") if name)
        for container in containers
    }
