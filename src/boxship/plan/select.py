"""A part of an appliance, or all of it under another tag: what a person asks for beside what the files say.

Source: crane's ``--only``, ``--exclude`` and ``--tag``, and what it called its cascades: what the named ones need
(``--dependencies``), and who needs them (``--affected``; as with crane, only those that exist).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from boxship.errors import UsageError, unknown_name
from boxship.names import image_name
from boxship.plan.resolve import namespace_owners
from boxship.spec.model import Appliance, Service, Target
from boxship.spec.model_preflight import ContainerProbe

T = TypeVar("T")


class Selection(Struct, frozen=True):
    """``only``: a target's members, or one service, and nothing else, not even what they depend on; "" is everything.

    ``exclude``: targets and services that are to be as if nobody had written them. ``tag``: for every image.
    ``dependencies``, ``affected``: what the named ones need, directly or not, and who needs them, come along.
    """

    only: str = ""
    exclude: tuple[str, ...] = ()
    tag: str = ""
    dependencies: bool = False
    affected: bool = False

    @property
    def is_partial(self) -> bool:
        return bool(self.only or self.exclude)

    @property
    def is_extended(self) -> bool:
        return self.dependencies or self.affected


def select(appliance: Appliance, selection: Selection, present: Collection[str] | None = None) -> Appliance:
    """The appliance as selected. ``present``: as for ``extended``.

    Raises: NotFoundError for a name that is neither a target nor a service; UsageError when a service would lose the
    one whose namespace it lives in, or nothing is left.
    """
    left = _left(appliance, selection.exclude)
    kept = left
    if selection.only:
        kept = extended(appliance, members(appliance, selection.only) & left, selection, present)
    if not kept:
        raise UsageError(f"nothing of {appliance.name} is left", hint="exclude less")
    chosen = _without_others(appliance, kept) if len(kept) < len(appliance.services) else appliance
    return with_tag(chosen, selection.tag) if selection.tag else chosen


def extended(
    appliance: Appliance, names: Iterable[str], selection: Selection, present: Collection[str] | None = None
) -> frozenset[str]:
    """The services, with what they need and who needs them, as far as that was asked for and isn't excluded.

    ``present``: the services that have a container, where only those may be affected; None where all may be.
    """
    left = _left(appliance, selection.exclude)
    needs = {name: tuple(_needed(appliance, name)) for name in left}
    needed_by: dict[str, list[str]] = {name: [] for name in left}
    for name, dependencies in needs.items():
        for dependency in dependencies:
            if dependency in needed_by and (present is None or name in present):
                needed_by[dependency].append(name)
    named = frozenset(names)
    found = set(named)
    if selection.dependencies:
        found |= _reached(named, needs)
    if selection.affected:
        found |= _reached(named, needed_by)
    return frozenset(found)


def _needed(appliance: Appliance, name: str) -> Iterator[str]:
    """What it depends on. As with ``up``, an optional one that has a profile comes only when that is active."""
    for dependency, edge in appliance.services[name].depends_on.items():
        other = appliance.services.get(dependency)
        if other is not None and (edge.required or not other.profiles):
            yield dependency


def _left(appliance: Appliance, excluded: Iterable[str]) -> frozenset[str]:
    left = frozenset(appliance.services)
    for reference in excluded:
        left -= members(appliance, reference)
    return left


def _reached(names: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in edges and name not in found:
            found.add(name)
            pending += edges[name]
    return found


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
        status_checks={name: each for name, each in appliance.status_checks.items() if each.service in kept},
        preflight={
            name: each
            for name, each in appliance.preflight.items()
            if not isinstance(each.probe, ContainerProbe) or each.probe.service in kept
        },
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
