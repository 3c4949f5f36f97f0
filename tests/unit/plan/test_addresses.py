"""Subnets and addresses: distinct, inside, stable, and clear of others'. The standard library's ipaddress judges."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from boxship.errors import ConflictError
from boxship.plan.addresses import (
    Block,
    Subnet,
    choose_subnet,
    format_address,
    give_addresses,
    parse_address,
    parse_block,
    split,
    subnet_of,
)
from boxship.plan.observed import ContainerState, Observed, ObservedContainer, ObservedNetwork
from boxship.spec.model import Attachment, IpamPool, Network, Service
from tests.unit.plan.given import service

QUICK = settings(max_examples=15)
NETWORK = "app.default"
SMALL = "10.213.7.0/28"
ADDRESSES = st.integers(0, 2**32 - 1)
PREFIXES = st.integers(0, 32)
NAMES = st.sets(st.text("abcxyz019", min_size=1, max_size=4), max_size=12)
BLOCKS = st.builds(lambda address, prefix: str(IPv4Network((address, prefix), strict=False)), ADDRESSES, PREFIXES)


def taken(*subnets: str) -> Observed:
    networks = tuple(ObservedNetwork(str(n), f"n{n}", "bridge", (text,)) for n, text in enumerate(subnets))
    return Observed(networks=networks)


def holding(addresses: Mapping[str, str], *, appliance: str = "app", static: bool = True) -> Observed:
    """Containers of services with these addresses: configured ones, or those the engine happened to give."""
    containers = (
        ObservedContainer(
            id=name,
            name=f"{appliance}.{name}",
            image="img:1",
            image_id="x",
            state=ContainerState.RUNNING,
            appliance=appliance,
            service=name,
            networks={NETWORK: address},
            addresses={NETWORK: address} if static else {},
        )
        for name, address in addresses.items()
    )
    return Observed(containers=tuple(containers))


def subnet(text: str = SMALL, ip_range: str | None = None) -> Subnet:
    found = split(text, ip_range)
    assert found is not None
    return found


def give(services: list[Service], observed: Observed, on: Subnet | None = None) -> dict[str, str]:
    return give_addresses("default", NETWORK, on or subnet(), services, observed, "app")


@given(ADDRESSES)
@QUICK
def test_an_address_is_read_and_written_as_the_standard_library_does(number: int) -> None:
    text = str(IPv4Address(number))
    assert (parse_address(text), format_address(number)) == (number, text)


@given(ADDRESSES, PREFIXES)
@QUICK
def test_a_block_is_read_with_its_host_bits_cleared(number: int, prefix: int) -> None:
    expected = IPv4Network((number, prefix), strict=False)
    block = parse_block(f"{IPv4Address(number)}/{prefix}")
    assert block is not None
    assert (str(block), block.size) == (str(expected), expected.num_addresses)
    assert number in block


@given(BLOCKS, BLOCKS)
@QUICK
def test_blocks_overlap_when_the_standard_library_says_so(one: str, two: str) -> None:
    left, right = parse_block(one), parse_block(two)
    assert left is not None
    assert right is not None
    assert left.overlaps(right) is IPv4Network(one).overlaps(IPv4Network(two))


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.256", "10.0.0.0.0", "a.b.c.d", "fd00::1", "10..0.1", "-1.0.0.0"]
)
def test_what_is_no_ipv4_address_is_none(text: str) -> None:
    assert parse_address(text) is None
    assert parse_block(f"{text}/24") is None


def test_a_prefix_that_is_too_long_is_no_block() -> None:
    assert parse_block("10.0.0.0/33") is None


def test_the_first_choice_lies_in_boxships_own_pool_and_its_upper_half_is_the_engines() -> None:
    chosen = choose_subnet("app", Network("default"), 3, Observed())
    assert chosen is not None
    block, dynamic = IPv4Network(str(chosen.block)), IPv4Network(str(chosen.dynamic))
    assert block.subnet_of(IPv4Network("10.213.0.0/16"))
    assert list(block.subnets())[1] == dynamic


@given(appliance=st.text(max_size=5), count=st.integers(0, 5000), used=st.lists(BLOCKS, max_size=6), seen=st.data())
@QUICK
def test_a_chosen_subnet_is_clear_of_networks_and_host_routes(
    appliance: str, count: int, used: list[str], seen: st.DataObject
) -> None:
    routes = seen.draw(st.lists(BLOCKS, max_size=6))
    # Blocks that would leave nothing of 10.213-10.244 are another test's.
    used, routes = (
        [each for each in texts if IPv4Network(each).prefixlen in {0, *range(12, 33)}] for texts in (used, routes)
    )
    observed = replace(taken(*used), host_subnets=tuple(routes))
    chosen = choose_subnet(appliance, Network("default"), count, observed)
    assert chosen is not None
    block = IPv4Network(str(chosen.block))
    others = [IPv4Network(text) for text in (*used, *routes)]
    assert not any(block.overlaps(other) for other in others if other.prefixlen > 0)
    assert len(chosen.slots()) >= 2 * count
    assert choose_subnet(appliance, Network("default"), count, observed) == chosen


def test_a_default_route_forbids_nothing() -> None:
    free = choose_subnet("app", Network("default"), 1, Observed())
    assert choose_subnet("app", Network("default"), 1, Observed(host_subnets=("0.0.0.0/0",))) == free


def test_two_networks_of_one_appliance_get_different_subnets() -> None:
    first = choose_subnet("app", Network("a"), 1, Observed())
    second = choose_subnet("app", Network("a"), 1, taken(str(first.block if first else "")))
    assert first is not None
    assert second is not None
    assert not first.block.overlaps(second.block)


def test_when_every_candidate_is_taken_the_network_and_the_way_out_are_named() -> None:
    with pytest.raises(ConflictError, match="no free subnet for network 'back'") as caught:
        choose_subnet("app", Network("back"), 1, Observed(host_subnets=("10.192.0.0/10",)))
    assert "networks.<name>.ipam.config[0].subnet" in caught.value.hint


@pytest.mark.parametrize(
    "network",
    [
        Network("n", driver="macvlan"),
        Network("n", ipam_driver="dhcp"),
        Network("n", ipam=(IpamPool("fd00::/64"),)),
        Network("n", ipam=(IpamPool("10.0.0.0/30"),)),
        Network("n", ipam=(IpamPool(),)),
    ],
    ids=["another driver", "another ipam driver", "IPv6", "no room", "no subnet"],
)
def test_some_networks_leave_the_addresses_to_the_engine(network: Network) -> None:
    assert choose_subnet("app", network, 1, Observed()) is None


def test_a_subnet_that_the_file_gives_is_taken_with_its_range() -> None:
    given_range = choose_subnet("app", Network("n", ipam=(IpamPool("10.5.0.0/24", "10.5.0.64/26"),)), 1, Observed())
    first = 10 << 24 | 5 << 16
    assert given_range == Subnet(Block(first, 24), Block(first | 64, 26), first | 1)
    own_range = choose_subnet("app", Network("n", ipam=(IpamPool("10.5.0.0/24"),)), 1, Observed())
    assert own_range is not None
    assert str(own_range.dynamic) == "10.5.0.128/25"


def test_the_gateway_and_reserved_addresses_of_a_given_pool_are_given_to_nobody() -> None:
    pool = IpamPool("10.5.0.0/28", "10.5.0.8/29", "10.5.0.3", {"printer": "10.5.0.5"})
    chosen = choose_subnet("app", Network("n", ipam=(pool,)), 1, Observed())
    assert chosen is not None
    assert [format_address(each) for each in chosen.slots()] == [f"10.5.0.{last}" for last in (2, 4, 6, 7)]


def test_a_network_that_is_there_keeps_its_subnet_and_reserved_addresses() -> None:
    pool = IpamPool("10.5.0.0/28", None, "10.5.0.3")
    found = ObservedNetwork("x", NETWORK, "bridge", ("10.5.0.0/28",), ("10.5.0.8/29",))
    assert subnet_of(found, Network("default", ipam=(pool,))) == choose_subnet(
        "app", Network("default", ipam=(pool,)), 1, Observed()
    )
    assert subnet_of(replace(found, ip_ranges=()), Network("default")) is None
    assert subnet_of(replace(found, subnets=()), Network("default")) is None


def test_slots_leave_out_the_networks_the_gateways_the_broadcast_and_the_dynamic_addresses() -> None:
    assert [format_address(each) for each in subnet().slots()] == [f"10.213.7.{last}" for last in range(2, 8)]
    whole = [format_address(each) for each in subnet(SMALL, "10.213.7.0/29").slots()]
    assert whole == [f"10.213.7.{last}" for last in range(8, 15)]


def test_the_largest_subnet_takes_no_time() -> None:
    services = [service(f"s{number}") for number in range(20)]
    given_out = give(services, Observed(), subnet("10.0.0.0/8"))
    assert len(set(given_out.values())) == 20


@st.composite
def boxes(draw: st.DrawFn) -> tuple[list[str], list[str], Observed]:
    """Names of services, one more name, and what holds addresses: their containers and other people's."""
    all_names = sorted(draw(NAMES))
    new = draw(st.sampled_from(all_names)) if all_names else "new"
    slots = [*range(16), 200]
    mine = {
        name: draw(st.sampled_from(slots)) for name in draw(st.sets(st.sampled_from([*all_names, "gone"]), max_size=6))
    }
    theirs = {name: draw(st.sampled_from(slots)) for name in draw(st.sets(st.sampled_from(["x", "y"])))}
    is_static = draw(st.booleans())
    held = holding({name: f"10.213.7.{last}" for name, last in mine.items()}, static=is_static)
    others = holding({name: f"10.213.7.{last}" for name, last in theirs.items()}, appliance="other")
    return [name for name in all_names if name != new], [new], Observed(containers=held.containers + others.containers)


@given(boxes())
@QUICK
def test_addresses_are_distinct_inside_and_outside_of_the_dynamic_range(
    box: tuple[list[str], list[str], Observed],
) -> None:
    names, extra, observed = box
    given_out = give([service(name) for name in names + extra], observed)
    addresses = [IPv4Address(each) for each in given_out.values()]
    assert len(set(addresses)) == len(addresses)
    assert all(each in IPv4Network(SMALL) and each not in IPv4Network("10.213.7.8/29") for each in addresses)
    assert not {IPv4Address("10.213.7.0"), IPv4Address("10.213.7.1")} & set(addresses)
    theirs = {IPv4Address(each.networks[NETWORK]) for each in observed.containers if each.appliance != "app"}
    kept = {IPv4Address(each.networks[NETWORK]) for each in observed.containers_of("app")}
    assert not set(addresses) & (theirs - kept)


@given(NAMES, NAMES)
@QUICK
def test_adding_a_service_moves_nobody_that_has_a_container(names: set[str], more: set[str]) -> None:
    before = give([service(name) for name in sorted(names)], Observed())
    after = give([service(name) for name in sorted(names | more)], holding(before))
    assert {name: after[name] for name in before} == before


@given(NAMES, st.randoms())
@QUICK
def test_addresses_do_not_depend_on_the_order_of_the_files(names: set[str], chance: st.DataObject) -> None:
    ordered = [service(name) for name in sorted(names)]
    shuffled = list(ordered)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert give(shuffled, Observed()) == give(ordered, Observed())


def test_an_address_comes_back_after_down_and_up() -> None:
    services = [service("db"), service("web")]
    assert give(services, Observed()) == give(services, Observed())


def test_a_written_address_is_obeyed_and_who_has_it_moves() -> None:
    fixed = service("db", networks={"default": Attachment(ipv4_address="10.213.7.4")})
    given_out = give([service("web"), fixed], holding({"web": "10.213.7.4"}))
    assert given_out["db"] == "10.213.7.4"
    assert given_out["web"] != "10.213.7.4"


def test_a_written_address_may_lie_anywhere() -> None:
    fixed = service("db", networks={"default": Attachment(ipv4_address="10.213.7.9")})
    assert give([fixed], Observed()) == {"db": "10.213.7.9"}


def test_an_address_of_the_dynamic_range_is_not_kept() -> None:
    assert give([service("web")], holding({"web": "10.213.7.9"}, static=False)) == give([service("web")], Observed())


def test_who_finds_no_room_is_left_to_the_engine() -> None:
    services = [service(f"s{number}") for number in range(9)]
    given_out = give(services, Observed())
    assert sorted(given_out) == [f"s{number}" for number in range(6)]


def test_a_service_on_another_network_gets_no_address_here() -> None:
    assert give([service("web", networks={"other": Attachment()})], Observed()) == {}
