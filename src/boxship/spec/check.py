"""What no single value shows: names that nothing answers to, cycles and clashes."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, pairwise

from boxship.spec.appliance import ApplianceFile
from boxship.spec.check_file import Names, check_file, is_unsure, list_known
from boxship.spec.check_keys import check_keys
from boxship.spec.host_ports import check_host_ports
from boxship.spec.model import Appliance, Mount, Service
from boxship.spec.places import Places
from boxship.spec.report import Report
from boxship.where import Related

_MAX_CYCLES = 20
"""Services that all depend on each other hold more cycles than anyone reads."""


def check_appliance(
    appliance: Appliance, file: ApplianceFile | None, names: Names, active: frozenset[str], report: Report
) -> None:
    """Report everything that is wrong between the parts of an appliance."""
    places = Places(names.document)
    # Wrong targets say too little about what runs together.
    is_grouped = bool(appliance.targets) or (file is not None and is_unsure(file, "targets"))
    for service in appliance.services.values():
        _check_image(service, places, report)
        _check_dependencies(service, appliance, names, frozenset() if is_grouped else active, report)
        _check_networks(service, names, places, report)
        _check_mounts(service, names, places, report)
        check_keys(service, appliance, names, places, report)
    for cycle in islice(_find_cycles(appliance.services), _MAX_CYCLES):
        _report_cycle(cycle, places, report)
    _check_container_names([s for s in appliance.services.values() if s.name in active], places, report)
    if file is not None:
        check_file(file, appliance.services, names, report)
    targets = {name: reach(appliance.services, target.roots) for name, target in appliance.targets.items()}
    together = targets if is_grouped else {"": active}
    check_host_ports(appliance.services, together, file, places, report)


def _check_image(service: Service, places: Places, report: Report) -> None:
    # A key whose value was wrong is reported already; what "extends" would bring isn't known.
    known = {"image", "build", "extends", "provider"} & set(service.where)
    if service.image is None and service.build is None and not known:
        path, where = places.key(service.name)
        hint = "say which image this service runs"
        report.error(where, path, "neither image nor build is given", hint, code="missing-key")


def _check_dependencies(
    service: Service, appliance: Appliance, names: Names, active: frozenset[str], report: Report
) -> None:
    """``active``: the services that profiles start; none where targets say what starts."""
    places = Places(names.document)
    for name, edge in service.depends_on.items():
        other = appliance.services.get(name)
        if name not in names.services:
            path, where = places.dependency(service.name, name)
            hint = report.suggest(name, names.services) or list_known(names.services)
            report.error(where, path, f"unknown service '{name}'", hint, code="unknown-name")
        elif other is not None and edge.required and _is_left_behind(service, other, active):
            profiles = " or ".join(other.profiles)
            path, where = places.dependency(service.name, name)
            reason = f"the service '{name}' belongs to the profile {profiles}, which is not active"
            hint = f"activate {profiles}, or say required: false"
            report.error(where, path, reason, hint, code="inactive-dependency")


def _is_left_behind(service: Service, other: Service, active: frozenset[str]) -> bool:
    """Whether profiles start a service without what it needs; targets always bring everything."""
    return service.name in active and other.name not in active


def _check_networks(service: Service, names: Names, places: Places, report: Report) -> None:
    if service.network_mode is not None and "networks" in service.where and service.networks:
        path, where = places.key(service.name, "network_mode")
        report.error(where, path, "network_mode and networks exclude each other", "keep one", code="conflicting-keys")
    for key in service.networks:
        if key != "default" and key not in names.networks:
            path, where = places.entry(service.name, "networks", key)
            hint = report.suggest(key, names.networks) or f"declare it under the top-level networks: '{key}: {{}}'"
            report.error(where, path, f"unknown network '{key}'", hint, code="unknown-name")


def _check_mounts(service: Service, names: Names, places: Places, report: Report) -> None:
    for mount in service.mounts:
        if mount.kind == "volume" and mount.source is not None and mount.source not in names.volumes:
            path, where = places.mount(service.name, mount.target)
            hint = _volume_hint(mount, names, report)
            report.error(where, path, f"unknown volume '{mount.source}'", hint, code="unknown-name")


def _volume_hint(mount: Mount, names: Names, report: Report) -> str:
    if "/" in (mount.source or ""):
        return f"for a directory write ./{mount.source}"
    return (
        report.suggest(mount.source or "", names.volumes)
        or f"declare it under the top-level volumes: '{mount.source}: {{}}'"
    )


def _find_cycles(services: Mapping[str, Service]) -> Iterator[list[str]]:
    """Each cycle as the way around it; iterative, because a chain may be thousands of services long."""
    done: set[str] = set()
    for start in services:
        path = {start: iter(services[start].depends_on)} if start not in done else {}
        while path:
            name = next(reversed(path))
            following = next((edge for edge in path[name] if edge in services and edge not in done), None)
            if following is None:
                done.add(name)
                del path[name]
            elif following in path:
                names = list(path)
                yield [*names[names.index(following) :], following]
            else:
                path[following] = iter(services[following].depends_on)


def _report_cycle(cycle: list[str], places: Places, report: Report) -> None:
    edges = list(pairwise(cycle))
    shown = cycle if len(cycle) <= 12 else [*cycle[:6], "...", *cycle[-5:]]
    path, where = places.dependency(*edges[-1])
    related = (Related(places.dependency(*edge).where, " -> ".join(edge)) for edge in edges[:-1])
    reason = f"services wait for each other: {' -> '.join(shown)}"
    report.error(where, path, reason, "remove one of the edges", code="cycle", related=tuple(related))


def _check_container_names(services: list[Service], places: Places, report: Report) -> None:
    first: dict[str, Service] = {}
    for service in services:
        if service.container_name is None:
            continue
        other = first.setdefault(service.container_name, service)
        if other is not service:
            path, where = places.value(service.name, "container_name")
            reason = f"'{service.container_name}' is already the name of the service '{other.name}'"
            report.error(where, path, reason, "leave it out", code="name-clash")


def reach(services: Mapping[str, Service], roots: Iterable[str]) -> frozenset[str]:
    """The services that ``roots`` need, themselves included; unknown names are left out."""
    found: set[str] = set()
    waiting = [name for name in roots if name in services]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += (other for other in services[name].depends_on if other in services)
    return frozenset(found)
