"""A part of an appliance, or all of it under another tag: what a person asks for beside what the files say.

Source: crane's ``--only``, ``--exclude`` and ``--tag``.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from boxship.errors import UsageError, unknown_name
from boxship.names import image_name
from boxship.plan.resolve import namespace_owners
from boxship.spec.model import Appliance, Service, Target

T = TypeVar("T")


class Selection(Struct, frozen=True):
    """``only``: a target's members, or one service, and nothing else, not even what they depend on; "" is everything.

    ``exclude``: targets and services that are to be as if nobody had written them. ``tag``: for every image.
    """

    only: str = ""
    exclude: tuple[str, ...] = ()
    tag: str = ""

    @property
    def is_partial(self) -> bool:
        return bool(self.only or self.exclude)


def select(appliance: Appliance, selection: Selection) -> Appliance:
    """The appliance as selected.

    Raises: NotFoundError for a name that is neither a target nor a service; UsageError when a service would lose the
    one whose namespace it lives in, or nothing is left.
    """
    kept = members(appliance, selection.only) if selection.only else frozenset(appliance.services)
    for reference in selection.exclude:
        kept -= members(appliance, reference)
    if not kept:
        raise UsageError(f"nothing of {appliance.name} is left", hint="exclude less")
    chosen = _without_others(appliance, kept) if len(kept) < len(appliance.services) else appliance
    return with_tag(chosen, selection.tag) if selection.tag else chosen


def members(appliance: Appliance, reference: str) -> frozenset[str]:
    """The services that a name means: a target's roots, or the service. A target wins over a service of its name."""
    if reference in appliance.targets:
        return frozenset(appliance.targets[reference].roots)
    if reference in appliance.services:
        return frozenset({reference})
    known = (*appliance.targets, *appliance.services)
    raise unknown_name("target or service", reference, appliance.name, known)


def _without_others(appliance: Appliance, kept: frozenset[str]) -> Appliance:
    services = {
        name: _without_references(service, kept) for name, service in appliance.services.items() if name in kept
    }
    targets = {
        name: replace(target, roots=roots)
        for name, target in appliance.targets.items()
        if (roots := tuple(root for root in target.roots if root in kept))
    }
    boot = appliance.boot
    if targets and boot.target not in targets:
        # What is selected is what boots.
        targets[boot.target] = Target(boot.target, tuple(services))
    return replace(
        appliance,
        services=services,
        targets=targets,
        checks=_kept(appliance.checks, kept),
        wheels=_kept(appliance.wheels, kept),
        contexts=_kept(appliance.contexts, kept),
        budgets=_kept(appliance.budgets, kept | frozenset(appliance.bases)),
        hooks=_kept(appliance.hooks, kept),
    )


def _without_references(service: Service, kept: frozenset[str]) -> Service:
    for owner in sorted(namespace_owners(service) - kept):
        raise UsageError(
            f"{service.name} lives in a namespace of {owner}, which is left out",
            hint=f"leave {service.name} out as well",
        )
    return replace(
        service,
        depends_on=_kept(service.depends_on, kept),
        links=_leading_to(service.links, kept),
        volumes_from=_leading_to(service.volumes_from, kept | {"container"}),
    )


def _leading_to(references: Iterable[str], kept: frozenset[str]) -> tuple[str, ...]:
    return tuple(text for text in references if text.partition(":")[0] in kept)


def _kept(things: Mapping[str, T], kept: frozenset[str]) -> dict[str, T]:
    return {name: thing for name, thing in things.items() if name in kept}


def with_tag(appliance: Appliance, tag: str) -> Appliance:
    """Every image under this tag; an image that is named by digest stays what it is."""

    def tagged(service: Service) -> Service:
        reference = service.image or image_name(appliance.name, service.name)
        return replace(service, image=replace_tag(reference, tag))

    return _each_service(appliance, tagged)


def _each_service(appliance: Appliance, change: Callable[[Service], Service]) -> Appliance:
    return replace(appliance, services={name: change(service) for name, service in appliance.services.items()})


def replace_tag(reference: str, tag: str) -> str:
    """``host:5000/shop/web:1`` as ``host:5000/shop/web:TAG``; a digest stays."""
    if "@" in reference:
        return reference
    path, slash, last = reference.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}:{tag}"
