"""What no single value shows: names that nothing answers to, cycles, clashes, and habits that bite an appliance."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from boxship.spec.appliance import ApplianceFile
from boxship.spec.check_file import Names, check_file, list_known
from boxship.spec.model import Appliance, Mount, Port, Service
from boxship.spec.report import Report
from boxship.where import Where

_ANY_ADDRESS = frozenset({None, "", "0.0.0.0", "::"})  # noqa: S104 compared, not bound
_MAX_CYCLES = 20
"""Services that all depend on each other hold more cycles than anyone reads."""


def check_appliance(
    appliance: Appliance, file: ApplianceFile | None, names: Names, active: frozenset[str], report: Report
) -> None:
    """Report everything that is wrong between the parts of an appliance."""
    for service in appliance.services.values():
        _check_image(service, report)
        _check_dependencies(service, appliance, names, active, report)
        _check_networks(service, names, report)
        _check_mounts(service, names, report)
    for cycle in islice(_find_cycles(appliance.services), _MAX_CYCLES):
        _report_cycle(cycle, appliance.services, report)
    _check_container_names([s for s in appliance.services.values() if s.name in active], report)
    _check_shared_volumes(appliance, report)
    if file is not None:
        check_file(file, appliance.services, names, report)
    _check_host_ports(appliance, file, active, report)


def _at(service: Service, key: str) -> Where:
    return service.where.get(key, service.where.get("", Where("")))


def _check_image(service: Service, report: Report) -> None:
    path = f"services.{service.name}"
    if service.image is None and service.build is None:
        # A key whose value was wrong is reported already; what "extends" would bring isn't known.
        if not {"image", "build", "extends"} & set(service.where):
            report.error(
                _at(service, ""), path, "neither image nor build is given", "say which image this service runs"
            )
        return
    if service.build is None and service.image is not None and not _is_pinned(service.image):
        report.warn(
            _at(service, "image"),
            f"{path}.image",
            f"'{service.image}' has no version",
            "give a tag other than latest, or a digest",
        )


def _is_pinned(reference: str) -> bool:
    if "@sha256:" in reference:
        return True
    _, colon, tag = reference.rpartition("/")[2].partition(":")
    return bool(colon) and tag not in {"", "latest"}


def _check_dependencies(
    service: Service, appliance: Appliance, names: Names, active: frozenset[str], report: Report
) -> None:
    for name, edge in service.depends_on.items():
        key, where = _dependency_place(service, name)
        path = f"services.{service.name}.{key}"
        other = appliance.services.get(name)
        if name not in names.services:
            hint = report.suggest(name, names.services) or list_known(names.services)
            report.error(where, path, f"unknown service '{name}'", hint)
        elif other is not None and edge.required and _is_left_behind(service, other, appliance, active):
            profiles = " or ".join(other.profiles)
            reason = f"the service '{name}' belongs to the profile {profiles}, which is not active"
            report.error(where, path, reason, f"activate {profiles}, or say required: false")


def _is_left_behind(service: Service, other: Service, appliance: Appliance, active: frozenset[str]) -> bool:
    """Whether profiles start a service without what it needs; targets always bring everything."""
    return not appliance.targets and service.name in active and other.name not in active


def _dependency_place(service: Service, name: str) -> tuple[str, Where]:
    for key in ("network_mode", "ipc", "pid"):
        if getattr(service, key) == f"service:{name}":
            return key, _at(service, key)
    is_link = name in service.link_aliases.values() and "links" in service.where
    key = "links" if is_link and "depends_on" not in service.where else "depends_on"
    return key, _at(service, key)


def _check_networks(service: Service, names: Names, report: Report) -> None:
    path = f"services.{service.name}"
    if service.network_mode is not None and "networks" in service.where and service.networks:
        report.error(
            _at(service, "network_mode"),
            f"{path}.network_mode",
            "network_mode and networks exclude each other",
            "keep one",
        )
    for key in service.networks:
        if key != "default" and key not in names.networks:
            hint = report.suggest(key, names.networks) or f"declare it under the top-level networks: '{key}: {{}}'"
            report.error(_at(service, "networks"), f"{path}.networks", f"unknown network '{key}'", hint)


def _check_mounts(service: Service, names: Names, report: Report) -> None:
    for mount in service.mounts:
        where, path = _at(service, "volumes"), f"services.{service.name}.volumes"
        if mount.kind == "volume" and mount.source is not None and mount.source not in names.volumes:
            report.error(where, path, f"unknown volume '{mount.source}'", _volume_hint(mount, names, report))
        elif mount.kind == "bind":
            report.warn(
                where, path, f"'{mount.source}' of the host appears at {mount.target}",
                "an appliance's data belongs in volumes, its files in images",
            )  # fmt: skip


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


def _report_cycle(cycle: list[str], services: Mapping[str, Service], report: Report) -> None:
    key, where = _dependency_place(services[cycle[-2]], cycle[-1])
    shown = cycle if len(cycle) <= 12 else [*cycle[:6], "...", *cycle[-5:]]
    report.error(
        where,
        f"services.{cycle[-2]}.{key}",
        f"services wait for each other: {' -> '.join(shown)}",
        "remove one of the edges",
    )


def _check_container_names(services: list[Service], report: Report) -> None:
    first: dict[str, Service] = {}
    for service in services:
        if service.container_name is None:
            continue
        other = first.setdefault(service.container_name, service)
        if other is not service:
            report.error(
                _at(service, "container_name"), f"services.{service.name}.container_name",
                f"'{service.container_name}' is already the name of the service '{other.name}'", "leave it out",
            )  # fmt: skip


def _check_shared_volumes(appliance: Appliance, report: Report) -> None:
    writers: dict[str, Service] = {}
    for service in appliance.services.values():
        for mount in service.mounts:
            if mount.kind != "volume" or mount.source is None or mount.read_only:
                continue
            other = writers.setdefault(mount.source, service)
            if other is not service:
                report.warn(
                    _at(service, "volumes"), f"services.{service.name}.volumes",
                    f"'{mount.source}' is also written by the service '{other.name}'",
                    "mount it read-only (:ro) where nothing writes",
                )  # fmt: skip


def _check_host_ports(appliance: Appliance, file: ApplianceFile | None, active: frozenset[str], report: Report) -> None:
    """One host port can serve one container; a plain Compose file is only warned, as docker compose takes it."""
    targets = {name: reach(appliance.services, target.roots) for name, target in appliance.targets.items()}
    for name, members in (targets or {"": active}).items():
        taken: dict[tuple[str, str], list[tuple[Port, Service]]] = {}
        for service in (appliance.services[member] for member in appliance.services if member in members):
            for port in service.ports:
                _take_port(port, service, taken, name, report, is_error=file is not None)


def _take_port(
    port: Port,
    service: Service,
    taken: dict[tuple[str, str], list[tuple[Port, Service]]],
    target: str,
    report: Report,
    *,
    is_error: bool,
) -> None:
    if port.published is None or not port.published.isdecimal() or int(port.published) == 0:
        return
    holders = taken.setdefault((port.published, port.protocol), [])
    for other, holder in holders:
        if other.host_ip == port.host_ip or {other.host_ip, port.host_ip} & _ANY_ADDRESS:
            inside = f" of the target '{target}'" if target else ""
            number = f"{port.published}/{port.protocol}"
            reason = f"the host port {number} is also published by the service '{holder.name}'{inside}"
            complain = report.error if is_error else report.warn
            complain(_at(service, "ports"), f"services.{service.name}.ports", reason, "choose another port")
            break
    holders.append((port, service))


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
