"""One service anew, and what depends on it: which services that is, and with how many containers. Pure."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from boxship.errors import NotFoundError
from boxship.plan.observed import Observed
from boxship.plan.resolve import namespace_owners
from boxship.plan.verdict import is_up
from boxship.spec.model import Service


class Reload(Struct, frozen=True):
    """What starts again: service -> why; and how many containers each of them has now."""

    again: Mapping[str, str]
    scales: Mapping[str, int]


def reload_of(
    appliance: str,
    services: Mapping[str, Service],
    named: Iterable[str],
    observed: Observed,
    *,
    with_dependents: bool = True,
) -> Reload:
    """The services named, and those that run and depend on one of them, directly or not.

    Who lives in the namespace of such a service follows in any case: its own container would be cut off.

    Raises: NotFoundError for a named one that has no container.
    """
    mine = [each for each in observed.containers_of(appliance) if each.service in services]
    counts: dict[str, int] = {}
    for container in mine:
        counts[container.service] = max(counts.get(container.service, 0), container.number)
    running = {each.service for each in mine if is_up(each)}
    again: dict[str, str] = {}
    for name in named:
        if name not in counts:
            raise NotFoundError(
                f"service '{name}' has no container, so there is nothing to reload",
                hint=f"boxship up -d {name} creates it",
            )
        again[name] = "asked to reload"
    pending = list(again)
    while pending:
        name = pending.pop(0)
        for other in services.values():
            follows = name in other.depends_on if with_dependents else name in namespace_owners(other)
            if follows and other.name in running and other.name not in again:
                again[other.name] = f"it depends on {name}, which is reloaded"
                pending.append(other.name)
    return Reload(again, {name: counts[name] for name in again})
