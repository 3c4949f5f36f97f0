"""What is left of an appliance's Loaders in the firewall, and taken out after the last of them."""

import asyncio
import copy
from pathlib import Path

from boxship.host.iptables import find_gate
from boxship.host.own_rules import OwnRules
from boxship.host.reach import Reach
from boxship.host.reach_rules import Admitted
from boxship.plan.gated import GatedPort
from tests.fakes.netfilter import FakeNetfilter

PORTS = (GatedPort(80, shows_page=True), GatedPort(53, "udp"))
ADMITTED = (Admitted("10.1.0.0/24", "10.1.0.1"), Admitted("fd00:1::/64", "fd00:1::1"))
OPENED = "opened the gate, which a Loader had left closed"
REMOVED = "removed the firewall rules for loader.service"


def leave_all(netfilter: FakeNetfilter, ipv6: Path, appliance: str) -> None:
    """As a Loader that is killed in the middle of a switch."""
    gate = asyncio.run(find_gate(appliance, netfilter, ipv6))
    asyncio.run(gate.close(PORTS, 8480))
    assert asyncio.run(Reach(appliance, netfilter, ipv6).admit(ADMITTED, 8481)) == ""


def test_every_chain_of_an_appliance_goes_from_both_backends_and_both_families(tmp_path: Path) -> None:
    ipv6 = tmp_path / "if_inet6"
    ipv6.write_text("00000000000000000000000000000001 01 80 10 80       lo\n")
    netfilter = FakeNetfilter()
    leave_all(netfilter, ipv6, "other")
    for family in ("iptables", "ip6tables"):
        netfilter.tables[f"{family}-legacy"] = copy.deepcopy(netfilter.of(f"{family}-nft"))
    others = copy.deepcopy(netfilter.tables)
    leave_all(netfilter, ipv6, "share")
    # What an earlier Loader wrote, before this host's alternatives were changed.
    for family in ("iptables", "ip6tables"):
        netfilter.tables[f"{family}-legacy"] = copy.deepcopy(netfilter.of(f"{family}-nft"))
    rules = OwnRules("share", netfilter)
    assert asyncio.run(rules.clear()) == (OPENED, REMOVED)
    assert {program: netfilter.of(program) for program in others} == others
    assert asyncio.run(rules.clear()) == ()


def test_where_the_firewall_cannot_be_looked_at_it_is_said() -> None:
    broken = {f"iptables{each}-save": "Permission\ndenied" for each in ("-nft", "-legacy", "")}
    (said,) = asyncio.run(OwnRules("share", FakeNetfilter(broken=broken)).clear())
    assert said == (
        "firewall rules that a Loader may have left end with the host's next start: iptables-save: Permission denied"
    )
