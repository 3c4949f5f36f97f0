"""Published ports: the short form ``[IP:][HOST:]CONTAINER[/PROTOCOL]`` as long ones, and the long form as values."""

from msgspec import Struct

from boxship.spec.model import Port
from boxship.spec.report import Report
from boxship.spec.scalars import ScalarValue
from boxship.spec.shape import unset_hint
from boxship.spec.tree import Items, Node, Scalar, Table, make_table

LAST_PORT = 65535
PROTOCOLS = ("tcp", "udp", "sctp")

_HINT = 'write "HOST:CONTAINER", "IP:HOST:CONTAINER" or "CONTAINER", each a port or a range'


class PortError(ValueError):
    """A port is written wrongly; the text is the rest of a sentence about it."""


class PortRange(Struct, frozen=True):
    """The ports from ``first`` to ``last``, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


def parse_range(text: str, what: str) -> PortRange:
    """``8000`` or ``8000-8010``. Raises PortError."""
    first, dash, last = text.partition("-")
    numbers = [part for part in ((first, last) if dash else (first,)) if part.isascii() and part.isdecimal()]
    if len(numbers) != (2 if dash else 1):
        raise PortError(f"'{text}' is not a {what} port")
    found = PortRange(int(numbers[0][:6]), int(numbers[-1][:6]))
    if found.last > LAST_PORT:
        raise PortError(f"the {what} port {text} is beyond {LAST_PORT}")
    if found.first > found.last:
        raise PortError(f"the range {text} runs backwards")
    return found


def expand_port(node: Node, path: str, at_most: int, report: Report) -> tuple[Node, ...]:
    """The long forms of one entry; nothing when it is wrong or more than ``at_most``, and reported."""
    if not isinstance(node, Scalar) or node.is_held:
        return (node,)
    try:
        return tuple(_long_forms(node, at_most))
    except PortError as err:
        report.error(node.where, path, f"'{node.value}': {err}", unset_hint(node) or _HINT)
        return ()


def _long_forms(node: Scalar, at_most: int) -> list[Table]:
    ip, host, container_text, protocol = _split(str(node.value))
    container = parse_range(container_text, "container")
    if container.size > at_most:
        raise PortError("that makes more ports than anyone publishes")
    if container.first == 0:
        raise PortError("the container port 0 does not exist")
    if protocol not in PROTOCOLS:
        raise PortError(f"unknown protocol '{protocol}'")
    if not host:
        return [_long(node, target, None, ip, protocol) for target in range(container.first, container.last + 1)]
    published = parse_range(host, "host")
    if container.size == 1:
        return [_long(node, container.first, host, ip, protocol)]
    if published.size != container.size:
        raise PortError(f"{published.size} host ports can't serve {container.size} container ports")
    return [
        _long(node, container.first + index, str(published.first + index), ip, protocol)
        for index in range(container.size)
    ]


def _split(text: str) -> tuple[str, str, str, str]:
    """Address, host port, container port and protocol; "" where there is none."""
    address, _, protocol = text.partition("/")
    if address.startswith("["):
        ip, bracket, rest = address[1:].partition("]:")
        parts = [ip, *rest.split(":")]
        if not bracket or len(parts) != 3 or not _is_ipv6(ip):
            raise PortError("is not [IPV6]:HOST:CONTAINER")
    else:
        parts = address.split(":")
        if len(parts) > 3:
            raise PortError("has too many colons; an IPv6 address needs brackets")
        parts = [""] * (3 - len(parts)) + parts
        if parts[0] and not _is_ipv4(parts[0]):
            raise PortError(f"'{parts[0]}' is not an IP address")
    return parts[0], parts[1], parts[2], protocol.lower() or "tcp"


def _is_ipv6(text: str) -> bool:
    # Lazy: ipaddress costs 3 ms to import and hardly any file binds to an IPv6 address.
    from ipaddress import IPv6Address  # noqa: PLC0415

    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(part.isdecimal() and len(part) <= 3 and int(part) <= 255 for part in parts)


def _long(node: Scalar, target: int, published: str | None, ip: str, protocol: str) -> Table:
    def scalar(value: str | int) -> Scalar:
        return node.with_value(value)

    entries: dict[str, Node] = {"target": scalar(target), "protocol": scalar(protocol)}
    if published is not None:
        entries["published"] = scalar(published)
    if ip:
        entries["host_ip"] = scalar(ip)
    return make_table(entries, node.where)


def port_identity(node: Node) -> str:
    """What makes two entries the same port: address, host port, container port and protocol."""
    if not isinstance(node, Table):
        return str(node.value) if isinstance(node, Scalar) else ""
    return (
        "|".join(str(_value(node, key) or "") for key in ("host_ip", "target", "published"))
        + "|"
        + str(_value(node, "protocol") or "tcp")
    )


def _value(table: Table, key: str) -> ScalarValue:
    node = table.entries.get(key)
    return node.value if isinstance(node, Scalar) else None


def build_ports(node: Node | None, path: str, report: Report) -> tuple[Port, ...]:
    """The ports of a service whose entries are in the long form."""
    if not isinstance(node, Items):
        return ()
    found = (
        _build_port(item, f"{path}[{index}]", report)
        for index, item in enumerate(node.items)
        if isinstance(item, Table)
    )
    return tuple(port for port in found if port is not None)


def _build_port(table: Table, path: str, report: Report) -> Port | None:
    target, published = _value(table, "target"), _value(table, "published")
    protocol = str(_value(table, "protocol") or "tcp").lower()
    try:
        _check_numbers(target, published, protocol)
    except PortError as err:
        report.error(table.where, path, str(err))
        return None
    return Port(
        target=int(target or 0),
        published=str(published) if published not in (None, "") else None,
        protocol=protocol,
        host_ip=_text(table, "host_ip"),
        mode=_text(table, "mode") or "ingress",
        name=_text(table, "name"),
        app_protocol=_text(table, "app_protocol"),
    )


def _check_numbers(target: ScalarValue, published: ScalarValue, protocol: str) -> None:
    if not isinstance(target, int) or not 1 <= target <= LAST_PORT:
        raise PortError(f"the container port {target} is not between 1 and {LAST_PORT}")
    if published not in (None, ""):
        parse_range(str(published), "host")
    if protocol not in PROTOCOLS:
        raise PortError(f"unknown protocol '{protocol}'")


def _text(table: Table, key: str) -> str | None:
    value = _value(table, key)
    return str(value) if value not in (None, "") else None
