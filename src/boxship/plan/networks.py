"""The networks of an appliance: which are there, which must be made (anew), and with which addresses."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from boxship import names
from boxship.errors import ConflictError, NotFoundError
from boxship.plan.action import CreateNetwork, NetworkSpec, RemoveNetwork
from boxship.plan.addresses import Subnet, choose_subnet, format_address, parse_block, subnet_of
from boxship.plan.containers import engine_network_name, network_generation
from boxship.plan.digest import network_digest
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import Observed, ObservedNetwork
from boxship.plan.resolve import Desired
from boxship.spec.model import Network


class NetworkPlan(Struct, frozen=True):
    """``found``: the network as it is (None: to be created). ``outdated``: it must be made anew."""

    network: Network
    name: str
    found: ObservedNetwork | None
    subnet: Subnet | None
    outdated: bool = False
    generation: int = 0


def plan_networks(desired: Desired, observed: Observed) -> dict[str, NetworkPlan]:
    """Key -> what is to happen with it. Raises: as ``reconcile`` does for networks.

    Those whose subnet is given come first, so that none of those that is chosen gets in their way.
    """
    made: dict[str, NetworkPlan] = {}
    there = observed
    for network in sorted(desired.networks.values(), key=lambda each: not wanted_subnets(each)):
        planned = _plan_network(network, desired, there)
        made[network.key] = planned
        subnets = wanted_subnets(network) or ((str(planned.subnet.block),) if planned.subnet else ())
        if subnets and (planned.found is None or planned.outdated):
            to_be = ObservedNetwork("", planned.name, "bridge", subnets, appliance=desired.appliance, key=network.key)
            others = tuple(each for each in there.networks if each is not planned.found)
            there = replace(there, networks=(*others, to_be))
    return {key: made[key] for key in desired.networks}


def wanted_subnets(network: Network) -> tuple[str, ...]:
    """Those that its file gives."""
    return tuple(pool.subnet for pool in network.ipam if pool.subnet)


def subnet_holder(
    wanted: Iterable[str], networks: Iterable[ObservedNetwork]
) -> tuple[ObservedNetwork, str, str] | None:
    """The first network that overlaps one of the ``wanted`` subnets; that subnet, and the one of the network."""
    networks = tuple(networks)
    for subnet in wanted:
        block = parse_block(subnet)
        for network in networks:
            for text in network.subnets:
                other = parse_block(text)
                if text == subnet or (block is not None and other is not None and block.overlaps(other)):
                    return network, subnet, text
    return None


def shown_network(network: ObservedNetwork) -> str:
    return f"network '{network.name}'" + f" of {network.appliance}" * bool(network.appliance)


def free_it(network: Network, holder: ObservedNetwork) -> str:
    """The next step for who wants a subnet that is held."""
    instead = (
        f"take that down (boxship -p {holder.appliance} down)"
        if holder.appliance
        else f"remove that one when nobody needs it (docker network rm {holder.name})"
    )
    return f"give it another subnet (networks.{network.key}.ipam.config), or {instead}"


def add_networks(builder: PlanBuilder, networks: Mapping[str, NetworkPlan]) -> None:
    """Add the steps ``unmake network KEY`` and ``network KEY``, as far as they are needed."""
    for key, planned in networks.items():
        subject = f"network:{key}"
        if planned.outdated:
            builder.add(
                f"unmake network {key}", RemoveNetwork(planned.name), subject=subject, cause="its options changed"
            )
        if planned.found is None or planned.outdated:
            builder.add(
                f"network {key}",
                CreateNetwork(_network_spec(planned, builder.appliance)),
                subject=subject,
                cause="its options changed" if planned.outdated else "not there yet",
                after=[f"unmake network {key}"],
            )
    _order_by_subnets(builder, networks)


def _order_by_subnets(builder: PlanBuilder, networks: Mapping[str, NetworkPlan]) -> None:
    """A given subnet before those that the engine chooses, and after whatever has it now is gone."""
    given = {key: subnets for key, planned in networks.items() if (subnets := wanted_subnets(planned.network))}
    for key, subnets in given.items():
        for other, planned in networks.items():
            if planned.outdated and planned.found is not None and subnet_holder(subnets, [planned.found]):
                builder.prefer(f"network {key}", after=f"unmake network {other}")
    for key, planned in networks.items():
        if key not in given and planned.subnet is None:
            for other in given:
                builder.prefer(f"network {key}", after=f"network {other}")


def _plan_network(network: Network, desired: Desired, observed: Observed) -> NetworkPlan:
    appliance = desired.appliance
    name = engine_network_name(appliance, network, desired.generation)
    found = next((each for each in observed.networks if each.name == name), None)
    if network.external:
        if found is None:
            raise NotFoundError(
                f"network '{name}' is declared external and doesn't exist",
                hint=f"create it first: docker network create {name}",
            )
        return NetworkPlan(network, name, found, None)
    if found is not None and found.appliance != appliance:
        raise ConflictError(
            f"network '{name}' exists and wasn't made by {appliance}",
            hint="declare it external: true to use it, or give yours another name",
        )
    if found is not None and found.digest == network_digest(network):
        return NetworkPlan(network, name, found, subnet_of(found, network))
    others = tuple(each for each in observed.networks if each is not found)
    _refuse_taken(network, name, desired, others)
    count = sum(max(1, each.scale) for each in desired.everything.values() if network.key in each.networks)
    subnet = choose_subnet(appliance, network, count, replace(observed, networks=others))
    generation = network_generation(network, desired.generation)
    return NetworkPlan(network, name, found, subnet, outdated=found is not None, generation=generation)


def _refuse_taken(network: Network, name: str, desired: Desired, others: Iterable[ObservedNetwork]) -> None:
    """Raises: ConflictError when somebody else's network, or another one of the files, has its subnet.

    Only where the engine would refuse it as well: bridges that share the engine's own allocation of addresses.
    """
    if network.driver not in (None, "bridge") or network.ipam_driver not in (None, "default"):
        return
    # What is the appliance's own may be made anew in the same plan.
    lasting = (each for each in others if not each.id or each.appliance != desired.appliance)
    found = subnet_holder(wanted_subnets(network), (each for each in lasting if each.driver in ("", "bridge")))
    if found is not None:
        holder, subnet, taken = found
        is_sibling = not holder.id
        raise ConflictError(
            f"network '{name}' wants subnet {subnet}, which overlaps {taken} of {shown_network(holder)}",
            hint=f"give one of them another subnet (networks.{network.key}.ipam.config)"
            if is_sibling
            else free_it(network, holder),
        )


def gateway_of(planned: NetworkPlan) -> str:
    """The host's own address on it: the file's, or the first of the subnet; "" where the engine chooses."""
    written = next((pool.gateway for pool in planned.network.ipam if pool.gateway), "")
    if written or planned.subnet is None or planned.network.external:
        return written or ""
    first = planned.subnet.block.first + 1
    return "" if first in planned.subnet.reserved else format_address(first)


def _network_spec(planned: NetworkPlan, appliance: str) -> NetworkSpec:
    return NetworkSpec(
        name=planned.name,
        network=planned.network,
        subnet=str(planned.subnet.block) if planned.subnet else None,
        ip_range=str(planned.subnet.dynamic) if planned.subnet else None,
        # Otherwise the engine takes the first of the dynamic range, and containers of a box look for their Loader here.
        gateway=gateway_of(planned) or None,
        labels={
            **planned.network.labels,
            names.LABEL_APPLIANCE: appliance,
            names.LABEL_KEY: planned.network.key,
            names.LABEL_DIGEST: network_digest(planned.network),
            **names.generation_labels(planned.generation),
        },
    )
