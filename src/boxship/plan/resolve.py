"""From what is written to what should run: target -> roots -> everything they depend on, in start order."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.errors import SpecError, unknown_name
from boxship.names import replica_name
from boxship.plan.access import Access
from boxship.spec.check_scale import scale_problems
from boxship.spec.model import Appliance, Check, Condition, Dependency, HostHooks, Network, Service, Volume
from boxship.spec.model_files import SharedFile

NAMESPACE_PREFIX = "service:"
T = TypeVar("T")


class Replica(Struct, frozen=True):
    """One container that should run: the ``number``-th of its service, from 1."""

    service: Service
    number: int = 1

    @property
    def name(self) -> str:
        return replica_name(self.service.name, self.number)


class Desired(Struct, frozen=True):
    """What should run. ``services`` are in start order: each follows what it depends on.

    ``everything`` holds all services of the files, as addresses are given to all of them, running or not.
    ``is_whole``: this is all that should run, so what else the appliance has running must go.
    """

    appliance: str
    services: tuple[Service, ...]
    everything: Mapping[str, Service]
    networks: Mapping[str, Network]
    volumes: Mapping[str, Volume]
    checks: Mapping[str, Check]
    ready_timeout_s: float = 300.0
    target: str = ""
    is_whole: bool = False
    secrets: Mapping[str, SharedFile] = field(default_factory=dict)
    configs: Mapping[str, SharedFile] = field(default_factory=dict)
    hooks: Mapping[str, HostHooks] = field(default_factory=dict)
    directory: Path = field(default_factory=Path)
    """Where the files are, and the hooks run."""
    generation: int = 0
    """On a box: which generation of volumes is written; everything made has it in its name."""
    access: Mapping[str, Access] = field(default_factory=dict)
    """On a box: the services that may ask it for something."""

    def names(self) -> frozenset[str]:
        return frozenset(service.name for service in self.services)

    def replicas(self) -> tuple[Replica, ...]:
        """Every container that should run, in start order."""
        return tuple(replica for service in self.services for replica in replicas_of(service))


def replicas_of(service: Service) -> tuple[Replica, ...]:
    return tuple(Replica(service, number) for number in range(1, service.scale + 1))


def with_scales(appliance: Appliance, scales: Mapping[str, int]) -> Appliance:
    """The appliance with as many containers of some services as a person asks for. Raises: NotFoundError."""
    for name in scales:
        if name not in appliance.services:
            raise unknown_name("service", name, appliance.name, appliance.services)
    scaled = {name: replace(appliance.services[name], scale=scale) for name, scale in scales.items()}
    return replace(appliance, services={**appliance.services, **scaled})


def resolve(
    appliance: Appliance,
    *,
    target: str | None = None,
    profiles: Iterable[str] = (),
    names: Iterable[str] = (),
    with_dependencies: bool = True,
) -> Desired:
    """What should run when ``target`` (default: the appliance's boot target) or just ``names`` are wanted.

    Raises: NotFoundError for a target or service that the files don't have; SpecError for a ``scale`` that can't be.
    """
    wanted = tuple(names)
    target_name, roots = _roots(appliance, target, tuple(profiles), wanted)
    chosen = _close(appliance, roots, frozenset(profiles)) if with_dependencies else tuple(dict.fromkeys(roots))
    ordered = (appliance.services[name] for name in start_order(appliance.services, chosen))
    # What another program provides is no container.
    services = tuple(service for service in ordered if service.provider is None)
    problems = [problem for service in services for problem in scale_problems(service, appliance)]
    if problems:
        raise SpecError(problems)
    return Desired(
        appliance=appliance.name,
        services=services,
        everything=appliance.services,
        networks=_used(appliance.networks, (key for service in services for key in service.networks)),
        volumes=_used(
            appliance.volumes, (mount.source for each in _with_lenders(appliance, services) for mount in each.mounts)
        ),
        checks=appliance.checks,
        ready_timeout_s=appliance.boot.timeout_s,
        target=target_name,
        is_whole=bool(appliance.targets) and not wanted,
        secrets=appliance.secrets,
        configs=appliance.configs,
        hooks=appliance.hooks,
        directory=appliance.directory,
    )


def dependencies_of(service: Service, chosen: Mapping[str, Service]) -> dict[str, Dependency]:
    """The edges of one service that hold among the ``chosen``: optional ones that weren't chosen are dropped."""
    return {name: edge for name, edge in service.depends_on.items() if name in chosen}


def waits_for_ready(edge: Dependency, dependency: str, checks: Mapping[str, Check]) -> bool:
    """Whether a dependent waits until the dependency is ready, not only started: it says so, or there is a check."""
    return edge.condition is not Condition.STARTED or dependency in checks


def namespace_owner(mode: str | None) -> str | None:
    """``service:db`` -> ``db``: whose namespace is shared; None for every other mode."""
    return mode.removeprefix(NAMESPACE_PREFIX) if mode and mode.startswith(NAMESPACE_PREFIX) else None


def namespace_owners(service: Service) -> frozenset[str]:
    """All services whose network, ipc or pid namespace this one lives in."""
    owners = (namespace_owner(mode) for mode in (service.network_mode, service.ipc, service.pid))
    return frozenset(owner for owner in owners if owner)


def namespace_sharers(services: Iterable[Service], name: str) -> frozenset[str]:
    """Who lives in a namespace of ``name``, directly or not: its own would be gone when that container stops."""
    found = {name}
    pending = [name]
    everyone = tuple(services)
    while pending:
        owner = pending.pop()
        sharers = {each.name for each in everyone if owner in namespace_owners(each)} - found
        found |= sharers
        pending += sharers
    return frozenset(found - {name})


def start_order(services: Mapping[str, Service], chosen: Iterable[str]) -> tuple[str, ...]:
    """``chosen`` with dependencies first; among equals by name. The files hold no cycle (spec.check refuses them)."""
    wanted = set(chosen)
    order: dict[str, None] = {}
    for root in sorted(wanted):
        # Iterative: a chain of 5,000 services must not meet Python's recursion limit.
        stack = [(root, iter(sorted(services[root].depends_on)))]
        while stack:
            name, pending = stack[-1]
            follower = next((dep for dep in pending if dep in wanted and dep not in order), None)
            if follower is None:
                order.setdefault(name)
                stack.pop()
            else:
                stack.append((follower, iter(sorted(services[follower].depends_on))))
    return tuple(order)


def _roots(
    appliance: Appliance, target: str | None, profiles: tuple[str, ...], names: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    for name in names:
        if name not in appliance.services:
            raise unknown_name("service", name, appliance.name, appliance.services)
    if names:
        return "", names
    wanted = target or appliance.boot.target
    active = frozenset(profiles)
    if wanted in appliance.targets:
        extra = tuple(
            name for name, service in appliance.services.items() if service.profiles and _is_active(service, active)
        )
        return wanted, appliance.targets[wanted].roots + extra
    if target is not None and (appliance.targets or target != "default"):
        raise unknown_name("target", target, appliance.name, appliance.targets or ("default",))
    return "default", tuple(name for name, service in appliance.services.items() if _is_active(service, active))


def _is_active(service: Service, profiles: frozenset[str]) -> bool:
    """It has no profile, or one of the active ones; ``*`` activates all."""
    return not service.profiles or "*" in profiles or not profiles.isdisjoint(service.profiles)


def _close(appliance: Appliance, roots: tuple[str, ...], profiles: frozenset[str]) -> tuple[str, ...]:
    """Roots and everything they need, transitively. An optional dependency follows only if its profile is active."""
    chosen: dict[str, None] = {}
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name in chosen:
            continue
        chosen[name] = None
        for dependency, edge in appliance.services[name].depends_on.items():
            service = appliance.services.get(dependency)
            if service is None:
                continue
            if edge.required or _is_active(service, profiles):
                pending.append(dependency)
    return tuple(chosen)


def _with_lenders(appliance: Appliance, services: Iterable[Service]) -> tuple[Service, ...]:
    """The services and those whose volumes they take, directly or not."""
    found: dict[str, Service] = {}
    pending = list(services)
    while pending:
        service = pending.pop()
        if service.name not in found:
            found[service.name] = service
            lenders = (text.partition(":")[0] for text in service.volumes_from)
            pending += (appliance.services[name] for name in lenders if name in appliance.services)
    return tuple(found.values())


def _used(things: Mapping[str, T], keys: Iterable[str | None]) -> dict[str, T]:
    wanted = set(keys)
    return {key: thing for key, thing in things.items() if key in wanted}
