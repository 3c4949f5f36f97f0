"""A service's own commands around the life of its container, as steps of a plan.

What runs before a stop is kept in a label of the container: it belongs to that container's image and configuration,
and must be known when the files are gone or say something else. What runs after a start is the files'.

A container whose ``post_start`` hooks have not run through yet has no final name. That is the only thing about a
container that can be changed without making it anew, so it is where a plan that was cut off leaves its mark.
"""

import msgspec
from msgspec import Struct

from boxship import names
from boxship.plan.action import RunHook
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import ContainerState, ObservedContainer
from boxship.plan.resolve import Replica
from boxship.spec.model import Service
from boxship.spec.model_hooks import LifecycleHook

_LEAST_WITHIN_S = 60.0
_HAS_PROCESSES = frozenset({ContainerState.RUNNING, ContainerState.PAUSED})


class StopHooks(Struct, frozen=True):
    """What a container's label remembers. ``within_s`` bounds each hook: a minute, or the grace period if longer."""

    hooks: tuple[LifecycleHook, ...] = ()
    within_s: float = _LEAST_WITHIN_S


def encode_stop_hooks(service: Service) -> str:
    within_s = max(_LEAST_WITHIN_S, service.stop_grace_period_s or 0.0)
    return msgspec.json.encode(StopHooks(service.pre_stop, within_s)).decode()


def stop_hooks_of(container: ObservedContainer) -> StopHooks:
    """What its label says; no hooks when nothing can be run inside, or the label isn't ours to read."""
    text = container.labels.get(names.LABEL_PRE_STOP, "")
    if not text or container.state not in _HAS_PROCESSES:
        return StopHooks()
    try:
        return msgspec.json.decode(text, type=StopHooks)
    except msgspec.MsgspecError:
        return StopHooks()


def started(replica: Replica) -> tuple[str, ...]:
    """The keys after which a replica has started: its start, and its last hook."""
    count = len(replica.service.post_start)
    return (f"start {replica.name}", *((_start_hook(replica, count),) if count else ()))


def _start_hook(replica: Replica, number: int) -> str:
    return f"hook {replica.name} {number}"


def add_start_hooks(builder: PlanBuilder, replica: Replica, container: str, *, within_s: float) -> None:
    """Add the steps that follow a start, one after the other; the first failure fails the rest."""
    before = f"start {replica.name}"
    for number, hook in enumerate(replica.service.post_start, 1):
        title = f"post_start hook {number} of {replica.name}"
        before = builder.add(
            _start_hook(replica, number),
            RunHook(container, "post_start", title, hook, within_s),
            subject=f"service:{replica.name}",
            cause="after its start",
            after=[before],
        )


def add_stop_hooks(builder: PlanBuilder, container: ObservedContainer, *, before: str) -> list[str]:
    """Add the steps that come before a stop; their keys.

    A failed one hinders neither the next one nor the stop, as it is of best effort. One that isn't even begun does: the
    stop needs what it needed.
    """
    keys: list[str] = []
    remembered = stop_hooks_of(container)
    for number, hook in enumerate(remembered.hooks, 1):
        title = f"pre_stop hook {number} of {container.replica}"
        before = builder.add(
            f"hook {container.id} {number}",
            RunHook(container.name, "pre_stop", title, hook, remembered.within_s),
            subject=f"service:{container.replica}",
            cause="before its stop",
            after=[before],
            best_effort=True,
        )
        keys.append(before)
    return keys
