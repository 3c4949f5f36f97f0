"""The rules by which containers reach the Loader's API at the gateway of their own network, as text: pure.

One chain of our own, from INPUT, before whatever a firewall has there. It lets an appliance's networks ask the host at
their own gateway and the API's port, and refuses that address and port to everybody else: the host answers at each of
its addresses, also when it is asked by way of another network.

No rule asks for the state of a connection, so a firewall that keeps none needs no other rule for the answers.
"""

from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address, ip_network

from msgspec import Struct

from boxship.host.chains import OWN_PREFIX, SYN, Family, Jump, Table, Wanted, own_chain, reject, signed, target
from boxship.plan.observed import ObservedNetwork


class Admitted(Struct, frozen=True, order=True):
    """Who is in ``subnet`` may ask the host at its address ``gateway`` there."""

    subnet: str
    gateway: str


def reach_chain(appliance: str) -> str:
    """The same for the same name, always."""
    return own_chain("REACH", appliance)


def admitted_of(networks: Iterable[ObservedNetwork]) -> frozenset[Admitted]:
    """The pairs of these networks, as far as the engine tells them."""
    return frozenset(
        Admitted(str(subnet), gateway)
        for network in networks
        for subnet in (ip_network(text, strict=False) for text in network.subnets)
        for gateway in network.gateways
        if ip_address(gateway) in subnet
    )


def of_family(admitted: Collection[Admitted], family: Family) -> tuple[Admitted, ...]:
    return tuple(sorted(each for each in admitted if (":" in each.gateway) == (family is Family.V6)))


def reach_rules(
    chain: str, family: Family, admitted: Collection[Admitted], port: int, now: Mapping[str, Table]
) -> dict[str, Wanted]:
    """Table -> what is to be there. ``admitted`` of the other family doesn't count."""
    mine = of_family(admitted, family)
    accept = tuple(f"-s {each.subnet} {_door(each.gateway, port)} -j ACCEPT" for each in mine)
    gateways = dict.fromkeys(each.gateway for each in mine)
    # What is open stays, as with the gate.
    refuse = tuple(f"{_door(gateway, port)} {SYN} -j {reject(family, 'tcp')}" for gateway in gateways)
    jump = Jump("INPUT", chain, _others(now.get("filter", Table())))
    return {"filter": Wanted({chain: signed((*accept, *refuse))}, (jump,))}


def _door(gateway: str, port: int) -> str:
    return f"-d {gateway} -p tcp -m tcp --dport {port}"


def _others(table: Table) -> tuple[str, ...]:
    """All that INPUT leads to but chains of Boxship's: appliances don't contend for the first place."""
    targets = {target(rule) for rule in table.of("INPUT")}
    return tuple(sorted(each for each in targets if each and not each.startswith(OWN_PREFIX)))
