"""Which networks this host routes, so that the addresses chosen for containers stay clear of them."""

import sys
from pathlib import Path

ROUTES = Path("/proc/net/route")


def read_host_subnets(table: Path = ROUTES) -> tuple[str, ...]:
    """The IPv4 subnets that this host routes, in CIDR notation; none where the kernel shows no table."""
    try:
        return parse_routes(table.read_text(encoding="ascii"))
    except OSError:
        return ()


def parse_routes(table: str) -> tuple[str, ...]:
    """The destinations in the text of /proc/net/route, sorted, without the default route.

    Source: proc(5): destination and mask are hexadecimal, in the machine's byte order.
    """
    subnets = set()
    for line in table.splitlines()[1:]:
        columns = line.split()
        if len(columns) < 8:
            continue
        length = int(columns[7], 16).bit_count()
        if length > 0:
            subnets.add(f"{_dotted(columns[1])}/{length}")
    return tuple(sorted(subnets))


def _dotted(native: str) -> str:
    return ".".join(str(octet) for octet in int(native, 16).to_bytes(4, sys.byteorder))
