"""Who listens on this host's ports, from /proc: sockets for everybody, programs as far as one may look."""

import ipaddress
from collections.abc import Collection, Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

PROC = Path("/proc")
_LISTENS = {"tcp": "0A", "udp": "07"}
"""The kernel's numbers for LISTEN, and for a UDP socket that isn't connected (include/net/tcp_states.h)."""


class Listener(Struct, frozen=True):
    """One socket. ``pid`` 0 and ``program`` "": it belongs to somebody who may not be looked at."""

    protocol: str
    address: str
    port: int
    pid: int = 0
    program: str = ""


def find_listeners(ports: Collection[int], proc: Path = PROC) -> tuple[Listener, ...]:
    """Everybody at these ports, at whatever address. Raises: OSError where /proc isn't to be had."""
    sockets = {inode: each for inode, each in _sockets(proc) if each.port in ports}
    found = []
    for inode, each in sockets.items():
        pid = _owner(inode, proc)
        found.append(replace(each, pid=pid, program=_program(pid, proc)) if pid else each)
    return tuple(sorted(found, key=lambda each: (each.port, each.protocol, each.address)))


def listening_ports(proc: Path = PROC) -> frozenset[int]:
    """The TCP ports where somebody listens, at whatever address; none where /proc isn't to be had."""
    try:
        return frozenset(each.port for _, each in _sockets(proc) if each.protocol == "tcp")
    except OSError:
        return frozenset()


def _sockets(proc: Path) -> Iterator[tuple[str, Listener]]:
    """By inode."""
    for protocol, listens in _LISTENS.items():
        for family in ("", "6"):
            path = proc / "net" / f"{protocol}{family}"
            # No such file: a kernel without IPv6.
            for line in path.read_text().splitlines()[1:] if not family or path.exists() else ():
                words = line.split()
                if len(words) > 9 and words[3] == listens:
                    address, _, port = words[1].partition(":")
                    yield words[9], Listener(protocol, _address(address), int(port, 16))


def _address(text: str) -> str:
    """From 32-bit words in the byte order of the machine, which is little-endian wherever Boxship runs."""
    words = (bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    return str(ipaddress.ip_address(b"".join(words)))


def _owner(inode: str, proc: Path) -> int:
    """The first process that holds the socket; 0 when none that may be looked at does."""
    for process in sorted((each for each in proc.glob("[0-9]*")), key=lambda each: int(each.name)):
        try:
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) == f"socket:[{inode}]":
                    return int(process.name)
        except OSError:
            continue
    return 0


def _program(pid: int, proc: Path) -> str:
    try:
        return (proc / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""
