"""This host's own addresses, as others may know it by: those of engines' networks are left out."""

import fcntl
import ipaddress
import re
import socket
import struct
from pathlib import Path

_SIOCGIFADDR = 0x8915
_NAME_BYTES = 15
_ADDRESS_AT = 20
_IF_INET6 = Path("/proc/net/if_inet6")
_ENGINES = re.compile(r"lo|docker\d+|docker_gwbridge|br-[0-9a-f]{12}|veth.*")
"""Loopback, and what engines make: their bridges by their way of naming them, and the ends of containers' cables."""


def read_addresses(if_inet6: Path = _IF_INET6) -> tuple[str, ...]:
    """IPv4 first, by interface. Of each the first IPv4 address, and all IPv6 ones that are global. Never raises."""
    names = [name for _, name in socket.if_nameindex() if not _ENGINES.fullmatch(name)]
    return (*(found for name in names if (found := _ipv4_of(name))), *_ipv6_of(names, if_inet6))


def _ipv4_of(interface: str) -> str:
    """The first one, "" for none."""
    request = struct.pack("256s", interface[:_NAME_BYTES].encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            answer = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, request)
        except OSError:
            return ""
    return socket.inet_ntoa(answer[_ADDRESS_AT : _ADDRESS_AT + 4])


def _ipv6_of(interfaces: list[str], path: Path) -> tuple[str, ...]:
    """Each line: address, index, length of its prefix, scope, flags, interface. Source: proc(5), if_inet6."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return ()
    found = [line for line in lines if len(line) == 6 and line[5] in interfaces]
    addresses = [ipaddress.IPv6Address(bytes.fromhex(line[0])) for line in found]
    return tuple(str(each) for each in addresses if not each.is_link_local)
