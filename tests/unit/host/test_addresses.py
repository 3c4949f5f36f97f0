"""The addresses of this host."""

import ipaddress
import socket
from pathlib import Path

from boxship.host.addresses import read_addresses

IF_INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000007 02 40 00 80     {name}
fe8000000000000000000000000000aa 02 40 20 80     {name}
fd000000000000000000000000000001 09 40 00 80 br-0123456789ab
not a line
"""


def test_they_are_addresses_and_none_is_the_loopback() -> None:
    for address in map(ipaddress.ip_address, read_addresses()):
        assert not address.is_loopback
        assert not address.is_link_local


def test_global_ipv6_addresses_of_own_interfaces_are_told(tmp_path: Path) -> None:
    names = [name for _, name in socket.if_nameindex() if name.startswith(("e", "w"))]
    name = names[0] if names else "none"
    table = tmp_path / "if_inet6"
    table.write_text(IF_INET6.format(name=name))
    found = [each for each in read_addresses(table) if ":" in each]
    assert found == (["2001:db8::7"] if names else [])


def test_a_host_without_ipv6_has_none(tmp_path: Path) -> None:
    assert not [each for each in read_addresses(tmp_path / "none") if ":" in each]
