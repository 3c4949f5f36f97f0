"""The rules by which containers reach the Loader, and the object that writes them, on rule sets in memory."""

import asyncio
import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.host.chains import MAX_CHAIN_NAME, OWN_PREFIX, Family
from boxship.host.own_rules import OwnRules
from boxship.host.reach import Reach
from boxship.host.reach_rules import Admitted, admitted_of, reach_chain, reach_rules
from boxship.plan.observed import ObservedNetwork
from tests.fakes.netfilter import FakeNetfilter

API = 8481
FRONT, BACK = Admitted("10.1.0.0/24", "10.1.0.1"), Admitted("10.2.0.0/24", "10.2.0.1")
V6 = Admitted("fd00:1::/64", "fd00:1::1")
NFT, NFT_V6, LEGACY = "iptables-nft", "ip6tables-nft", "iptables-legacy"
OURS = reach_chain("share")
SYN = "--tcp-flags FIN,SYN,RST,ACK SYN"


@pytest.fixture
def ipv6(tmp_path: Path) -> Path:
    """A kernel with an IPv6 address."""
    path = tmp_path / "if_inet6"
    path.write_text("00000000000000000000000000000001 01 80 10 80       lo\n")
    return path


def reach_of(netfilter: FakeNetfilter, ipv6: Path | None = None, appliance: str = "share") -> Reach:
    return Reach(appliance, netfilter, ipv6 or Path("/nonexistent"))


def admit(reach: Reach, *admitted: Admitted) -> str:
    return asyncio.run(reach.admit(admitted, API))


def test_a_network_is_admitted_at_its_own_gateways() -> None:
    network = ObservedNetwork("1", "a", "bridge", ("10.1.0.0/24", "fd00:1::/64"), gateways=("fd00:1::1", "10.1.0.1"))
    silent = ObservedNetwork("2", "b", "bridge", ("10.2.0.0/24",))
    assert admitted_of([network, silent]) == {FRONT, V6}


def test_the_rules_read_as_they_are_meant() -> None:
    wanted = reach_rules(OURS, Family.V4, [BACK, FRONT, V6], API, {})
    assert wanted["filter"].chains[OURS][:-1] == (
        "-s 10.1.0.0/24 -d 10.1.0.1 -p tcp -m tcp --dport 8481 -j ACCEPT",
        "-s 10.2.0.0/24 -d 10.2.0.1 -p tcp -m tcp --dport 8481 -j ACCEPT",
        f"-d 10.1.0.1 -p tcp -m tcp --dport 8481 {SYN} -j REJECT --reject-with tcp-reset",
        f"-d 10.2.0.1 -p tcp -m tcp --dport 8481 {SYN} -j REJECT --reject-with tcp-reset",
    )
    assert len(OURS) <= MAX_CHAIN_NAME
    assert reach_chain("shore") != OURS


def test_ipv6_has_rules_of_its_own_when_it_is_needed(ipv6: Path) -> None:
    netfilter = FakeNetfilter()
    assert admit(reach_of(netfilter, ipv6), FRONT) == ""
    assert OURS not in netfilter.of(NFT_V6)["filter"]
    assert admit(reach_of(netfilter, ipv6), FRONT, V6) == ""
    assert netfilter.of(NFT_V6)["filter"][OURS][0].startswith("-s fd00:1::/64 -d fd00:1::1 ")
    assert admit(reach_of(netfilter, ipv6), FRONT) == ""
    assert OURS not in netfilter.of(NFT_V6)["filter"]


def test_it_stands_before_a_firewalls_own_chains_and_admitting_again_writes_nothing() -> None:
    netfilter = FakeNetfilter()
    netfilter.of(NFT)["filter"]["INPUT"] += ["-j ufw-before-input", "-j DROP"]
    admit(reach_of(netfilter), FRONT)
    assert netfilter.of(NFT)["filter"]["INPUT"] == [f"-j {OURS}", "-j ufw-before-input", "-j DROP"]
    written = netfilter.writes
    admit(reach_of(netfilter), FRONT)
    assert netfilter.writes == written


def test_appliances_do_not_contend_for_the_first_place() -> None:
    netfilter = FakeNetfilter()
    for _ in range(2):
        admit(reach_of(netfilter), FRONT)
        admit(reach_of(netfilter, appliance="other"), BACK)
    assert netfilter.writes == 2


def test_networks_that_went_are_admitted_no_more() -> None:
    netfilter = FakeNetfilter()
    reach = reach_of(netfilter)
    admit(reach, FRONT)
    admit(reach, BACK)
    assert "10.1.0" not in str(netfilter.of(NFT))
    admit(reach)
    assert OWN_PREFIX not in str(netfilter.of(NFT))


def test_the_rules_go_where_the_engine_has_its_own_and_the_other_backend_is_left_clean() -> None:
    netfilter = FakeNetfilter()
    admit(reach_of(netfilter), FRONT)
    netfilter.of(LEGACY)["nat"]["DOCKER"] = []
    admit(reach_of(netfilter), FRONT)
    assert OURS in netfilter.of(LEGACY)["filter"]
    assert OWN_PREFIX not in str(netfilter.of(NFT))


@pytest.mark.parametrize(
    ("netfilter", "reason"),
    [
        (FakeNetfilter(without=(NFT, LEGACY, "iptables")), "iptables-save is not installed"),
        (
            FakeNetfilter(broken={f"iptables{each}-save": "Permission\ndenied" for each in ("-nft", "-legacy", "")}),
            "Permission denied",
        ),
    ],
)
def test_where_nothing_can_be_admitted_it_says_why(netfilter: FakeNetfilter, reason: str) -> None:
    reach = reach_of(netfilter)
    said = admit(reach, FRONT)
    assert said.startswith("a firewall of this host may keep containers from loader.service: ")
    assert reason in said
    assert admit(reach, FRONT) == said


FOREIGN = st.lists(
    st.sampled_from(["-j ACCEPT", "-s 192.0.2.1/32 -j DROP", "-j ufw-input", "-i lo", f"-j {OWN_PREFIX}GATE-0-I"]),
    max_size=5,
)
ADMITTED = st.sets(st.sampled_from([FRONT, BACK]))


@given(inputs=FOREIGN, first=ADMITTED, second=ADMITTED, cut_at=st.integers(0, 20))
def test_from_any_state_it_admits_and_clears_and_leaves_others_rules_alone(
    inputs: list[str], first: set[Admitted], second: set[Admitted], cut_at: int
) -> None:
    """Also when somebody removed some of its lines."""
    netfilter = FakeNetfilter()
    rules = netfilter.of(NFT)["filter"]
    rules["INPUT"] += inputs
    foreign = copy.deepcopy(netfilter.of(NFT))
    admit(reach_of(netfilter), *first)
    _remove_line(netfilter, cut_at)
    assert admit(reach_of(netfilter), *second) == ""
    now = netfilter.of(NFT)["filter"]
    kept = [rule for rule in now["INPUT"] if rule != f"-j {OURS}"]
    assert kept == inputs
    assert (OURS in now) == bool(second)
    if second:
        assert [rule.split()[1] for rule in now[OURS] if "ACCEPT" in rule] == sorted(each.subnet for each in second)
        before = now["INPUT"][: now["INPUT"].index(f"-j {OURS}")]
        assert all(OWN_PREFIX in rule or "-j" not in rule for rule in before)
    asyncio.run(OwnRules("share", netfilter).clear())
    assert netfilter.of(NFT) == foreign


def _remove_line(netfilter: FakeNetfilter, number: int) -> None:
    """One rule of ours, or the one that leads to them."""
    places = [
        (rules, at)
        for chain, rules in netfilter.of(NFT)["filter"].items()
        for at, rule in enumerate(rules)
        if OURS in (chain, rule.removeprefix("-j "))
    ]
    if places:
        rules, at = places[number % len(places)]
        del rules[at]
