"""Which ports of the host lead to an appliance, and which of them can show a page while it isn't ready."""

from collections.abc import Iterable

from msgspec import Struct

from boxship.spec.model import Port, Service
from boxship.spec.ports import parse_range

PAGE_PORT = 80
"""Whoever types a host's name into a browser comes here. A page on 443 would need the appliance's certificate."""
_HTTP = "http"


class GatedPort(Struct, frozen=True, order=True):
    """One port of the host that is published. ``address``: where it is bound, "" for everywhere.

    ``shows_page``: plain HTTP is spoken there, so that somebody else can answer in its place.
    """

    port: int
    protocol: str = "tcp"
    address: str = ""
    shows_page: bool = False


class Gated(Struct, frozen=True):
    """``holes``: a sentence for each way in that no gate can close, as nobody knows it before the start."""

    ports: tuple[GatedPort, ...] = ()
    holes: tuple[str, ...] = ()


def gated_of(services: Iterable[Service]) -> Gated:
    """The published ports of all services. Those that say ``app_protocol: http``, and 80, show the page."""
    ports: set[GatedPort] = set()
    holes = []
    for service in services:
        if service.network_mode == "host":
            holes.append(f"{service.name} uses the host's own network: its ports can't be closed from outside")
        for port in service.ports:
            if not port.published or parse_range(port.published, "host").first == 0:
                holes.append(f"{service.name} publishes {port.target}/{port.protocol} at any free port of the host")
            else:
                ports |= _each(port)
    # A port that is bound twice shows the page if either says so.
    shown = {(each.port, each.protocol) for each in ports if each.shows_page}
    plain = (each for each in ports if each.shows_page or (each.port, each.protocol) not in shown)
    return Gated(tuple(sorted(plain)), tuple(holes))


def _each(port: Port) -> set[GatedPort]:
    ports = parse_range(port.published or "", "host")
    is_http = port.protocol == "tcp" and port.app_protocol == _HTTP
    return {
        GatedPort(
            number,
            port.protocol,
            port.host_ip or "",
            shows_page=is_http or (port.protocol == "tcp" and number == PAGE_PORT and port.app_protocol is None),
        )
        for number in range(ports.first, ports.last + 1)
    }
