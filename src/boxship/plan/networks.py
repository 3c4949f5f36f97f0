"""The networks of an appliance: which are there, which must be made (anew), and with which addresses."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from boxship import names
from boxship.errors import ConflictError, NotFoundError
from boxship.plan.action import CreateNetwork, NetworkSpec, RemoveNetwork
from boxship.plan.addresses import Subnet, choose_subnet, subnet_of
from boxship.plan.containers import engine_network_name
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


def plan_networks(desired: Desired, observed: Observed) -> dict[str, NetworkPlan]:
    """Key -> what is to happen with it. Raises: as ``reconcile`` does for networks."""
    return {key: _plan_network(network, desired, observed) for key, network in desired.networks.items()}


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


def _plan_network(network: Network, desired: Desired, observed: Observed) -> NetworkPlan:
    appliance = desired.appliance
    name = engine_network_name(appliance, network)
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
    count = sum(max(1, each.scale) for each in desired.everything.values() if network.key in each.networks)
    subnet = choose_subnet(appliance, network, count, replace(observed, networks=others))
    return NetworkPlan(network, name, found, subnet, outdated=found is not None)


def _network_spec(planned: NetworkPlan, appliance: str) -> NetworkSpec:
    return NetworkSpec(
        name=planned.name,
        network=planned.network,
        subnet=str(planned.subnet.block) if planned.subnet else None,
        ip_range=str(planned.subnet.dynamic) if planned.subnet else None,
        labels={
            **planned.network.labels,
            names.LABEL_APPLIANCE: appliance,
            names.LABEL_KEY: planned.network.key,
            names.LABEL_DIGEST: network_digest(planned.network),
        },
    )
