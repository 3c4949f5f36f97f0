"""The gate's rules, and the object that writes them, on rule sets in memory."""

import asyncio
import copy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.errors import HostError
from boxship.host.chains import MAX_CHAIN_NAME, Family, parse_save
from boxship.host.gate import Closed, Gate, GateReport, NoGate, Opened
from boxship.host.gate_rules import chain_names, wanted_rules
from boxship.host.iptables import IptablesGate, find_gate
from boxship.plan.gated import GatedPort
from tests.fakes.netfilter import FakeNetfilter

PAGE = 8099
PORTS = (GatedPort(80, shows_page=True), GatedPort(443), GatedPort(53, "udp"), GatedPort(8080, address="127.0.0.1"))
NFT, LEGACY = "iptables-nft", "iptables-legacy"
OURS = chain_names("share")


@pytest.fixture
def ipv6(tmp_path: Path) -> Path:
    """A kernel with an IPv6 address."""
    path = tmp_path / "if_inet6"
    path.write_text("00000000000000000000000000000001 01 80 10 80       lo\n")
    return path


def host_with_engine(*programs: str, netfilter: FakeNetfilter | None = None) -> FakeNetfilter:
    netfilter = netfilter or FakeNetfilter()
    for program in programs or (NFT,):
        tables = netfilter.of(program)
        tables["nat"]["DOCKER"] = ["-i docker0 -j RETURN"]
        tables["nat"]["PREROUTING"].append("-m addrtype --dst-type LOCAL -j DOCKER")
        tables["nat"]["OUTPUT"].append("! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER")
        tables["filter"]["DOCKER-USER"] = ["-j RETURN"]
        tables["filter"]["FORWARD"].append("-j DOCKER-USER")
    return netfilter


def gate_of(netfilter: FakeNetfilter, ipv6: Path | None = None) -> Gate:
    return asyncio.run(find_gate("share", netfilter, ipv6 or Path("/nonexistent")))


def close(gate: Gate) -> GateReport:
    return asyncio.run(gate.close(PORTS, PAGE))


def test_the_chains_of_an_appliance_are_always_called_the_same_and_fit() -> None:
    assert chain_names("share") == chain_names("share") != chain_names("shore")
    assert all(len(name) <= MAX_CHAIN_NAME for name in chain_names("a" * 200).all)


def test_who_else_has_a_port_is_found_in_the_rules() -> None:
    netfilter = host_with_engine()
    gate = gate_of(netfilter)
    assert asyncio.run(gate.others(80)) == ()
    close(gate)
    assert asyncio.run(gate.others(80)) == (), "its own rules are no others"
    other = asyncio.run(find_gate("other", netfilter, Path("/nonexistent")))
    assert len(asyncio.run(other.others(80))) == 1
    assert asyncio.run(other.others(443)) == (), "what is refused there leads nowhere"
    netfilter.of(NFT)["nat"]["DOCKER"].append(
        "! -i br-1 -p tcp -m tcp --dport 81 -j DNAT --to-destination 172.18.0.2:80"
    )
    assert len(asyncio.run(gate.others(81))) == 1
    assert asyncio.run(gate.others(8)) == ()


def test_the_rules_read_as_they_are_meant() -> None:
    wanted = wanted_rules(OURS, Family.V4, PORTS, PAGE, {})
    assert wanted["nat"].chains[OURS.nat][:-1] == (
        "-p udp -m udp --dport 53 -j ACCEPT",
        "-p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8099",
        "-p tcp -m tcp --dport 443 -j ACCEPT",
        "-d 127.0.0.1 -p tcp -m tcp --dport 8080 -j ACCEPT",
    )
    syn = "--tcp-flags FIN,SYN,RST,ACK SYN"
    assert wanted["filter"].chains[OURS.inbound][:-1] == (
        "-p tcp -m tcp --dport 8099 -m conntrack --ctstate DNAT --ctorigdstport 80 -j ACCEPT",
        "-p udp -m udp --dport 53 -j REJECT --reject-with icmp-port-unreachable",
        f"-p tcp -m tcp --dport 80 {syn} -j REJECT --reject-with tcp-reset",
        f"-p tcp -m tcp --dport 443 {syn} -j REJECT --reject-with tcp-reset",
        f"-d 127.0.0.1 -p tcp -m tcp --dport 8080 {syn} -j REJECT --reject-with tcp-reset",
    )


def test_an_address_of_one_family_is_no_rule_of_the_other() -> None:
    wanted = wanted_rules(OURS, Family.V6, [GatedPort(8080, address="127.0.0.1"), GatedPort(53, "udp", "::")], PAGE, {})
    assert wanted["nat"].chains[OURS.nat][:-1] == ("-p udp -m udp --dport 53 -j ACCEPT",)
    assert "icmp6-port-unreachable" in wanted["filter"].chains[OURS.inbound][0]


def test_the_page_can_not_be_at_a_gated_port() -> None:
    with pytest.raises(ValueError, match="8099"):
        wanted_rules(OURS, Family.V4, [GatedPort(PAGE)], PAGE, {})


def test_refusing_is_written_before_redirecting_and_taken_out_after_it() -> None:
    """In between, whoever comes is refused: neither the app nor nothing answers."""
    assert list(wanted_rules(OURS, Family.V4, PORTS, PAGE, {})) == ["filter", "nat"]


def test_it_stands_before_the_engines_own_chain(ipv6: Path) -> None:
    netfilter = host_with_engine()
    report = close(gate_of(netfilter, ipv6))
    assert report == GateReport(is_closed=True, by=NFT)
    nat = netfilter.of(NFT)["nat"]
    assert [rule.split()[-1] for rule in nat["PREROUTING"]] == [OURS.nat, "DOCKER"]
    assert [rule.split()[-1] for rule in nat["OUTPUT"]] == [OURS.nat, "DOCKER"]
    assert netfilter.of(NFT)["filter"]["DOCKER-USER"] == [f"-j {OURS.forwarded}", "-j RETURN"]
    # The engine has no chains for IPv6 here.
    assert netfilter.of("ip6tables-nft")["filter"]["FORWARD"] == [f"-j {OURS.forwarded}"]


def test_closing_again_writes_nothing() -> None:
    netfilter = host_with_engine()
    close(gate_of(netfilter))
    written = netfilter.writes
    close(gate_of(netfilter))
    assert netfilter.writes == written


def test_opening_what_is_open_writes_nothing() -> None:
    netfilter = host_with_engine()
    asyncio.run(gate_of(netfilter).open())
    assert netfilter.writes == 0


def test_the_rules_go_where_the_engine_has_its_own() -> None:
    netfilter = host_with_engine(LEGACY)
    assert close(gate_of(netfilter)).by == LEGACY
    assert OURS.nat not in netfilter.of(NFT)["nat"]


def test_of_two_backends_the_one_with_published_ports_counts_and_the_other_is_left_clean() -> None:
    netfilter = host_with_engine(LEGACY)
    close(gate_of(netfilter))
    host_with_engine(NFT, netfilter=netfilter).of(NFT)["nat"]["DOCKER"].append("-p tcp --dport 80 -j DNAT")
    assert close(gate_of(netfilter)).by == NFT
    assert OURS.nat not in netfilter.of(LEGACY)["nat"]


def test_a_host_with_one_program_only_is_closed_by_that() -> None:
    netfilter = host_with_engine("iptables", netfilter=FakeNetfilter(without=(NFT, LEGACY)))
    gate = gate_of(netfilter)
    assert close(gate) == GateReport(is_closed=True, by="iptables")
    assert asyncio.run(gate.is_intact())
    asyncio.run(gate.open())
    assert OURS.nat not in netfilter.of("iptables")["nat"]


def test_an_engine_that_publishes_in_another_way_is_told() -> None:
    report = close(gate_of(FakeNetfilter()))
    assert (report.is_closed, report.by) == (True, NFT)
    assert report.holes[0].startswith("the container engine has no rules in iptables")


@pytest.mark.parametrize(
    ("netfilter", "reason"),
    [
        (FakeNetfilter(without=(NFT, LEGACY, "iptables")), "iptables-save is not installed"),
        (FakeNetfilter(broken={"iptables-save": "Permission denied (you must be root)"}), "Permission denied"),
    ],
)
def test_where_there_is_no_gate_it_says_why(netfilter: FakeNetfilter, reason: str) -> None:
    gate = gate_of(netfilter)
    assert isinstance(gate, NoGate)
    report = close(gate)
    assert not report.is_closed
    assert report.holes[0].startswith("trials are not closed to the outside here because ")
    assert reason in report.holes[0]
    assert asyncio.run(gate.state()) == Opened()
    assert asyncio.run(gate.is_intact())


def test_a_hole_over_ipv6_is_told_and_not_repaired_for_ever(ipv6: Path) -> None:
    broken = {f"ip6tables-nft-{verb}": "ip6tables: can't initialize\n  table `nat'" for verb in ("save", "restore")}
    gate = gate_of(host_with_engine(netfilter=FakeNetfilter(broken=broken)), ipv6)
    report = close(gate)
    assert report.is_closed
    assert report.holes == (
        "published ports may be reached over IPv6: ip6tables-nft-save: ip6tables: can't initialize table `nat'",
    )
    assert asyncio.run(gate.is_intact())


def test_a_gate_that_can_not_be_closed_is_an_error() -> None:
    broken = {"iptables-nft-restore": "iptables-nft-restore v1.8.9: RULE_APPEND failed (Operation not permitted)"}
    with pytest.raises(HostError, match="Operation not permitted"):
        close(gate_of(host_with_engine(netfilter=FakeNetfilter(broken=broken))))


def test_what_another_program_changes_in_between_is_taken_into_account() -> None:
    def disturb(netfilter: FakeNetfilter) -> None:
        if netfilter.writes == 0:
            netfilter.of(NFT)["filter"]["INPUT"].insert(0, "-s 192.0.2.1/32 -j DROP")
        if netfilter.writes == 1:
            netfilter.of(NFT)["filter"]["INPUT"].remove(f"-j {OURS.inbound}")

    netfilter = host_with_engine(netfilter=FakeNetfilter(before_write=disturb))
    close(gate_of(netfilter))
    netfilter.writes = 1
    asyncio.run(gate_of(netfilter).open())
    assert netfilter.of(NFT)["filter"]["INPUT"] == ["-s 192.0.2.1/32 -j DROP"]


@pytest.mark.parametrize(
    ("table", "chain", "rules"),
    [
        ("nat", "PREROUTING", ["-m addrtype --dst-type LOCAL -j DOCKER", f"-m addrtype -j {OURS.nat}"]),
        ("nat", OURS.nat, []),
        ("nat", OURS.nat, ["-j RETURN"] * 5),
        ("filter", "INPUT", []),
        ("filter", "INPUT", ["-j ACCEPT", f"-j {OURS.inbound}"]),
        ("filter", "DOCKER-USER", ["-j RETURN", f"-j {OURS.forwarded}"]),
    ],
)
def test_damage_is_noticed_and_repaired(table: str, chain: str, rules: list[str]) -> None:
    netfilter = host_with_engine()
    gate = gate_of(netfilter)
    close(gate)
    whole = copy.deepcopy(netfilter.of(NFT))
    netfilter.of(NFT)[table][chain] = rules
    assert not asyncio.run(gate.is_intact())
    state = asyncio.run(gate.state())
    assert isinstance(state, Closed)
    assert state.damage
    close(gate)
    assert asyncio.run(gate.is_intact())
    assert netfilter.of(NFT)[table][chain][:1] == whole[table][chain][:1]


def test_a_gate_that_another_loader_left_half_written_is_seen_as_damaged() -> None:
    netfilter = host_with_engine()
    close(gate_of(netfilter))
    netfilter.of(NFT)["nat"]["PREROUTING"].pop(0)
    del netfilter.of(NFT)["filter"]["INPUT"][0], netfilter.of(NFT)["filter"][OURS.inbound]
    state = asyncio.run(gate_of(netfilter).state())
    assert state == Closed((f"nat: nothing leads to {OURS.nat}", f"filter: the chain {OURS.inbound} is gone"))
    assert not asyncio.run(gate_of(netfilter).is_intact())


FOREIGN = st.lists(st.sampled_from(["-j ACCEPT", "-s 192.0.2.1/32 -j DROP", "-j DOCKER", "-j RETURN"]), max_size=4)
CUTS = st.integers(0, 60)


@given(inputs=FOREIGN, preroutings=FOREIGN, forwards=FOREIGN, cut_at=CUTS)
def test_from_any_state_it_closes_and_opens_and_leaves_others_rules_alone(
    inputs: list[str], preroutings: list[str], forwards: list[str], cut_at: int
) -> None:
    """Also when the power failed between two tables of an earlier batch, or somebody removed some of its lines."""
    netfilter = host_with_engine()
    tables = netfilter.of(NFT)
    tables["filter"]["INPUT"] += inputs
    tables["nat"]["PREROUTING"] += preroutings
    tables["filter"]["FORWARD"] += forwards
    foreign = copy.deepcopy(tables)
    close(gate_of(netfilter))
    _remove_line(netfilter, cut_at)
    gate = gate_of(netfilter)
    close(gate)
    assert asyncio.run(gate.is_intact())
    asyncio.run(gate_of(netfilter).open())
    assert netfilter.of(NFT) == foreign


def _remove_line(netfilter: FakeNetfilter, number: int) -> None:
    """One rule of ours, or one that leads to ours."""
    places = [
        (rules, at)
        for chains in netfilter.of(NFT).values()
        for chain, rules in chains.items()
        for at, rule in enumerate(rules)
        if "BOXSHIP" in chain or "BOXSHIP" in rule
    ]
    rules, at = places[number % len(places)]
    del rules[at]


def test_two_calls_at_once_do_not_meet() -> None:
    netfilter = host_with_engine()
    gate = gate_of(netfilter)

    async def both() -> None:
        await asyncio.gather(gate.close(PORTS, PAGE), gate.open(), gate.close(PORTS, PAGE))

    asyncio.run(both())
    assert asyncio.run(gate.is_intact())
    assert isinstance(gate, IptablesGate)


def test_a_saved_rule_set_reads_as_its_tables() -> None:
    tables = parse_save("# by hand\n*nat\n:DOCKER - [0:0]\n-A DOCKER -i docker0 -j RETURN\nCOMMIT\n*raw\nCOMMIT\n")
    assert tables["nat"].of("DOCKER") == ("-A DOCKER -i docker0 -j RETURN",)
    assert tables["raw"].rules == ()
