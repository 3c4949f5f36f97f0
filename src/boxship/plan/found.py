"""What is there, as it tells itself: for verbs that must know it when the files say less, or are not at hand."""

from collections.abc import Iterable

from boxship import names
from boxship.errors import NotFoundError
from boxship.plan.containers import LABEL_DEPENDS_ON
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired, resolve
from boxship.spec.model import Appliance, Dependency, Service


def require_appliance(name: str, observed: Observed) -> None:
    """Raises: NotFoundError when nothing on the engine belongs to that appliance."""
    owners = {each.appliance for each in observed.containers} | {each.appliance for each in observed.networks}
    known = sorted((owners | {each.appliance for each in observed.volumes}) - {""})
    if name not in known:
        near = names.closest(name, known)
        there = f"there are: {', '.join(known)}" if known else "boxship up makes one"
        raise NotFoundError(
            f"there is no appliance '{name}' on this engine", hint=f"did you mean '{near}'?" if near else there
        )


def booted_target(appliance: Appliance, observed: Observed, profiles: Iterable[str] = ()) -> str | None:
    """The target that what is there was booted as; None when that is, or may be, the boot target.

    Only a target to which all that is there belongs can be it, as a boot removes the rest. Among several, what was
    made last remembers for which it was made.
    """
    found = [each for each in observed.containers_of(appliance.name) if each.service in appliance.services]
    services = {container.service for container in found}
    fitting = [
        target
        for target in appliance.targets
        if services <= resolve(appliance, target=target, profiles=tuple(profiles)).names()
    ]
    remembering = [each for each in found if each.labels.get(names.LABEL_TARGET) in fitting]
    if remembering:
        return max(remembering, key=lambda each: each.created_at_s).labels[names.LABEL_TARGET]
    return None if appliance.boot.target in fitting else next(iter(fitting), None)


def without_files(name: str, observed: Observed) -> Desired:
    """An appliance as its containers remember it: all that are there should run."""
    containers = observed.containers_of(name)
    services = {
        each.service: Service(
            each.service,
            image=each.image,
            depends_on={other: Dependency() for other in each.labels.get(LABEL_DEPENDS_ON, "").split(",") if other},
            scale=max(other.number for other in containers if other.service == each.service),
        )
        for each in sorted(containers, key=lambda each: each.service)
    }
    return Desired(
        appliance=name,
        services=tuple(services.values()),
        everything=services,
        networks={},
        volumes={},
        checks={},
    )
