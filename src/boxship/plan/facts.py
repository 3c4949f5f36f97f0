"""Facts about what is there, as rows: published ports, addresses. Pure."""

from msgspec import Struct

from boxship.names import replica_name
from boxship.plan.observed import Observed, ObservedContainer

_ANY_V4, _ANY_V6 = "0.0.0.0", "::"  # noqa: S104 (read, not bound)


class Publication(Struct, frozen=True, order=True):
    """A port of a container that this machine publishes."""

    target: int
    protocol: str
    host_ip: str
    published: int

    @property
    def address(self) -> str:
        """``0.0.0.0:8080``, ``[::1]:8080``."""
        host = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip
        return f"{host}:{self.published}"

    def as_data(self) -> dict[str, object]:
        return {
            "target": self.target,
            "protocol": self.protocol,
            "host_ip": self.host_ip,
            "published": self.published,
        }


def publications(container: ObservedContainer) -> tuple[Publication, ...]:
    """What the container publishes, by port. "On every address" is one line, not one for each kind of address."""
    found = {
        Publication(port.target, port.protocol, port.host_ip or _ANY_V4, port.published)
        for port in container.ports
        if port.published
    }
    twins = {
        each
        for each in found
        if each.host_ip == _ANY_V6 and Publication(each.target, each.protocol, _ANY_V4, each.published) in found
    }
    return tuple(sorted(found - twins))


class AddressRow(Struct, frozen=True):
    """A container's end on one network. An address is "" where it has none of its own, or none now."""

    service: str
    number: int
    network: str
    address: str
    state: str
    address_v6: str = ""

    @property
    def replica(self) -> str:
        return replica_name(self.service, self.number)

    @property
    def every(self) -> tuple[str, ...]:
        """Its addresses, IPv4 first."""
        return tuple(each for each in (self.address, self.address_v6) if each)

    def as_data(self) -> dict[str, object]:
        return {
            "service": self.service,
            "number": self.number,
            "network": self.network,
            "address": self.address,
            "address_v6": self.address_v6,
            "state": self.state,
        }


def addresses_of(appliance: str, observed: Observed) -> tuple[AddressRow, ...]:
    """Every service's addresses, by service and network; of one that doesn't run the one that it will have again."""
    keys = {network.name: network.key for network in observed.networks if network.appliance == appliance}
    rows: list[AddressRow] = []
    containers = sorted(observed.containers_of(appliance), key=lambda each: (each.service, each.number))
    by_id = {each.id: each for each in observed.containers}
    for container in containers:
        networks = sorted((keys.get(name, name), name) for name in container.networks)
        for key, name in networks or [(_shared(container, by_id), "")]:
            address = container.networks.get(name) or container.addresses.get(name, "")
            address_v6 = container.addresses_v6.get(name, "")
            rows.append(AddressRow(container.service, container.number, key, address, str(container.state), address_v6))
    return tuple(rows)


def _shared(container: ObservedContainer, by_id: dict[str, ObservedContainer]) -> str:
    """What takes the place of a network: host, none, or whose network it lives in."""
    kind, _, owner_id = container.network_mode.partition(":")
    if kind != "container":
        return container.network_mode or "none"
    owner = by_id.get(owner_id)
    return f"that of {owner.replica}" if owner is not None and owner.service else "that of another container"
