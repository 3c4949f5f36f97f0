"""Plans for ``pull`` and ``push``: which images travel, and why. Pure, like ``reconcile``."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from boxship.errors import ImageMissingError
from boxship.plan.action import Plan, PullImage, PushImage
from boxship.plan.containers import image_reference, shown_images
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import Observed, with_default_tag
from boxship.spec.model import Service

_IF_MISSING = frozenset({"missing", "if_not_present"})
_NEVER = frozenset({"never", "build"})


class PullOptions(Struct, frozen=True):
    """``policy``: always or missing instead of what the services say, "" for that."""

    policy: str = ""
    ignore_failures: bool = False
    ignore_buildable: bool = False


def images_of(appliance: str, services: Iterable[Service]) -> tuple[str, ...]:
    """Every reference that is run, shown as a mount or built, for looking them up."""
    found: dict[str, None] = {}
    for service in services:
        found[image_reference(appliance, service)] = None
        found |= dict.fromkeys(shown_images(service))
        found |= dict.fromkeys(service.build.tags if service.build else ())
    return tuple(found)


def plan_pull(appliance: str, services: Iterable[Service], observed: Observed, options: PullOptions) -> Plan:
    """A step for every image, all side by side. One that could also be built may fail."""
    builder = PlanBuilder(appliance)
    for service in services:
        policy = options.policy or service.pull_policy or "always"
        for reference in _to_pull(service, options):
            is_here = observed.image(reference) is not None
            if policy in _NEVER or (policy in _IF_MISSING and is_here):
                builder.keep(reference, f"pull_policy is {policy}" if policy in _NEVER else "it is here")
            elif not builder.has(reference):
                builder.add(
                    reference,
                    PullImage(reference, service.platform),
                    subject=f"image:{reference}",
                    cause=f"{service.name} needs it" if not is_here else f"{service.name} may need a newer one",
                    best_effort=options.ignore_failures or service.build is not None,
                )
    return builder.finish()


def _to_pull(service: Service, options: PullOptions) -> Iterator[str]:
    """A name that only a build gives is at no registry."""
    if service.image and not (service.build and options.ignore_buildable):
        yield service.image
    yield from shown_images(service)


def plan_push(
    appliance: str, services: Iterable[Service], observed: Observed, *, ignore_failures: bool = False
) -> Plan:
    """A step for every name of every image that is built here; names of one repository go one after the other.

    Two pushes into one repository get into each other's way ([M] docker-registry 2.8: "blob unknown to registry").

    Raises: ImageMissingError for one that was not built, before any is pushed.
    """
    builder = PlanBuilder(appliance)
    last: dict[str, str] = {}
    for service in services:
        for reference in _to_push(service):
            if builder.has(reference):
                continue
            if observed.image(reference) is None and not ignore_failures:
                raise ImageMissingError(
                    f"image '{reference}' of service '{service.name}' is not on this machine, so it can't be pushed",
                    hint=f"make it first: boxship build {service.name}",
                )
            repository = with_default_tag(reference).rpartition(":")[0]
            builder.add(
                reference,
                PushImage(reference),
                subject=f"image:{reference}",
                cause=f"{service.name} is built here",
                after_ended=[last[repository]] if repository in last else (),
                best_effort=ignore_failures,
            )
            last[repository] = reference
    return builder.finish()


def _to_push(service: Service) -> tuple[str, ...]:
    """Without an ``image`` the name is one that only this machine knows."""
    if service.build is None or not service.image:
        return ()
    return tuple(dict.fromkeys((service.image, *service.build.tags)))
