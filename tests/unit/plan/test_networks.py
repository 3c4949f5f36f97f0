"""Subnets that files give, those that are chosen beside them, and who has them already."""

import pytest
from msgspec.structs import replace

from boxship.errors import ConflictError
from boxship.plan.action import CreateNetwork, Plan
from boxship.plan.addresses import parse_block
from boxship.plan.observed import Observed, ObservedNetwork
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired, resolve
from boxship.spec.model import Attachment, IpamPool, Network
from tests.unit.plan.given import IMAGE, appliance, service


def given(key: str, subnet: str) -> Network:
    return Network(key, ipam=(IpamPool(subnet=subnet),))


def wanted(*networks: Network) -> Desired:
    made = appliance(service("web", networks={network.key: Attachment() for network in networks}))
    return resolve(replace(made, networks={network.key: network for network in networks}))


def subnets(plan: Plan) -> dict[str, str | None]:
    """Key -> subnet, in the order of the steps."""
    actions = [step.action for step in plan.steps if isinstance(step.action, CreateNetwork)]
    return {action.spec.network.key: action.spec.subnet for action in actions}


def seen(*networks: ObservedNetwork) -> Observed:
    return Observed(networks=networks, images=(IMAGE,))


OTHER = ObservedNetwork("1", "other_default", "bridge", ("10.9.0.0/16",), appliance="other")


def test_a_chosen_subnet_keeps_clear_of_those_that_the_file_gives() -> None:
    alone = subnets(reconcile(wanted(Network("a")), seen()))["a"]
    assert alone is not None
    both = subnets(reconcile(wanted(Network("a"), given("z", alone)), seen()))
    assert both["z"] == alone
    chosen, fixed = parse_block(both["a"] or ""), parse_block(alone)
    assert chosen is not None
    assert fixed is not None
    assert not chosen.overlaps(fixed)


def test_networks_with_a_given_subnet_are_made_before_those_whose_subnet_the_engine_chooses() -> None:
    plan = reconcile(wanted(Network("a", ipam_driver="other"), given("z", "10.9.0.0/24")), seen())
    first, second = (step for step in plan.steps if isinstance(step.action, CreateNetwork))
    assert (first.subject, second.subject) == ("network:z", "network:a")
    assert second.after == (first.id,)


def test_a_given_subnet_that_is_taken_is_told_with_its_holder_before_anything_is_made() -> None:
    with pytest.raises(ConflictError) as caught:
        reconcile(wanted(given("back", "10.9.7.0/24")), seen(OTHER))
    assert caught.value.message == (
        "network 'app.back' wants subnet 10.9.7.0/24, which overlaps 10.9.0.0/16 of network 'other_default' of other"
    )
    assert caught.value.hint == (
        "give it another subnet (networks.back.ipam.config), or take that down (boxship -p other down)"
    )


def test_a_holder_that_is_nobodys_appliance_is_named_with_how_to_remove_it() -> None:
    bridge = ObservedNetwork("1", "lan", "bridge", ("10.9.0.0/16",))
    with pytest.raises(ConflictError) as caught:
        reconcile(wanted(given("back", "10.9.7.0/24")), seen(bridge))
    assert "of network 'lan'" in caught.value.message
    assert "docker network rm lan" in caught.value.hint


def test_two_networks_of_the_files_that_want_the_same_addresses_are_told() -> None:
    with pytest.raises(ConflictError, match=r"overlaps 10\.9\.0\.0/16 of network 'app\.a' of app") as caught:
        reconcile(wanted(given("a", "10.9.0.0/16"), given("b", "10.9.7.0/24")), seen())
    assert caught.value.hint == "give one of them another subnet (networks.b.ipam.config)"


def test_what_is_no_bridge_is_left_to_the_engine() -> None:
    macvlan = Network("back", driver="macvlan", ipam=(IpamPool(subnet="10.9.7.0/24"),))
    assert subnets(reconcile(wanted(macvlan), seen(OTHER)))


def test_a_subnet_that_a_network_of_its_own_gives_up_is_taken_after_that_is_gone() -> None:
    mine = ObservedNetwork("1", "app.old", "bridge", ("10.9.0.0/16",), appliance="app", key="old", digest="another")
    plan = reconcile(wanted(given("new", "10.9.7.0/24"), Network("old")), seen(mine))
    steps = {(step.subject, type(step.action).__name__): step for step in plan.steps}
    assert steps["network:old", "RemoveNetwork"].id in steps["network:new", "CreateNetwork"].after
