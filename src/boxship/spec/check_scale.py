"""What can't be had more than once: a name, a host port or an address of a service with several containers."""

from collections.abc import Iterator

from boxship import names
from boxship.spec.codes import ErrorCode
from boxship.spec.model import Appliance, Port, Service
from boxship.where import Problem, Where

_NAMESPACES = ("network_mode", "ipc", "pid")


def scale_problems(service: Service, appliance: Appliance) -> Iterator[Problem]:
    """Everything about a service that its ``scale`` makes impossible."""
    if service.scale > 0:
        yield from _empty_owners(service, appliance)
    if service.scale > 1:
        yield from _fixed_names(service, appliance)
        yield from _fixed_ports(service)
        yield from _fixed_addresses(service)


def _at(service: Service, *keys: str) -> Where:
    return next((service.where[key] for key in (*keys, "") if key in service.where), Where(""))


def _problem(service: Service, key: str, reason: str, hint: str, code: ErrorCode = "conflicting-keys") -> Problem:
    return Problem(_at(service, key, "scale", "deploy"), f"services.{service.name}.{key}", reason, hint, code=code)


def _empty_owners(service: Service, appliance: Appliance) -> Iterator[Problem]:
    for key in _NAMESPACES:
        mode = getattr(service, key) or ""
        owner = appliance.services.get(mode.removeprefix("service:")) if mode.startswith("service:") else None
        if owner is not None and owner.scale == 0:
            reason = f"it lives in the namespace of '{owner.name}', of which there is no container (scale 0)"
            yield _problem(service, key, reason, f"scale {owner.name} to 1, or {service.name} to 0 as well")


def _fixed_names(service: Service, appliance: Appliance) -> Iterator[Problem]:
    if service.container_name is not None:
        reason = f"'{service.container_name}' can be the name of one container, and scale makes {service.scale}"
        yield _problem(service, "container_name", reason, "leave it out")
    further = f"{service.name}."
    for other in appliance.services.values():
        number = other.name.removeprefix(further) if other.name.startswith(further) else ""
        if number.isdecimal() and 1 < int(number) <= service.scale and str(int(number)) == number:
            reason = f"its container {number} would have the name of the service '{other.name}'"
            yield _problem(service, "scale", reason, "rename one of the two", "name-clash")
        own = names.container_name(appliance.name, further)
        taken = (other.container_name or "").removeprefix(own)
        if taken.isdecimal() and taken != other.container_name and 1 < int(taken) <= service.scale:
            reason = f"its container {taken} would have the name that '{other.name}' asks for: '{other.container_name}'"
            yield _problem(service, "scale", reason, f"give '{other.name}' another container_name", "name-clash")


def _fixed_ports(service: Service) -> Iterator[Problem]:
    for port in service.ports:
        if not port.published or port.published == "0":
            continue
        room = _room(port)
        if room == 1:
            reason = f"the host port {port.published} can serve one container, and scale makes {service.scale}"
            hint = f"publish a range ({_range_for(port, service.scale)}:{port.target}), or only '{port.target}'"
            yield _problem(service, "ports", reason, hint, "port-clash")
        elif room < service.scale:
            reason = f"the range {port.published} holds {room} host ports, and scale makes {service.scale} containers"
            hint = f"widen it: {_range_for(port, service.scale)}:{port.target}"
            yield _problem(service, "ports", reason, hint, "port-clash")


def _room(port: Port) -> int:
    first, _, last = (port.published or "").partition("-")
    return int(last or first) - int(first) + 1


def _range_for(port: Port, count: int) -> str:
    first = int((port.published or "0").partition("-")[0])
    return f"{first}-{first + count - 1}"


def _fixed_addresses(service: Service) -> Iterator[Problem]:
    if service.mac_address is not None:
        reason = f"{service.mac_address} can belong to one container, and scale makes {service.scale}"
        yield _problem(service, "mac_address", reason, "leave it out")
    for key, attachment in service.networks.items():
        for what in ("ipv4_address", "ipv6_address", "mac_address"):
            address = getattr(attachment, what)
            if address is not None:
                reason = f"{what} {address} on '{key}' can belong to one container, and scale makes {service.scale}"
                yield _problem(service, "networks", reason, "leave it out: the service's name finds all of them")
