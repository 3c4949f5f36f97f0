"""What containers are connected to: the engine's names of networks and volumes, and everybody's address."""

from collections.abc import Mapping

from boxship.plan.addresses import give_addresses
from boxship.plan.containers import Wiring, engine_volume_name
from boxship.plan.networks import NetworkPlan, gateway_of
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired


def wiring_of(desired: Desired, observed: Observed, networks: Mapping[str, NetworkPlan]) -> Wiring:
    """The wiring of all services on the networks as they are, or will be. Raises: as ``give_addresses``."""
    addresses: dict[str, Mapping[str, str]] = {}
    for key, planned in networks.items():
        if planned.subnet is not None and not planned.network.external:
            addresses[key] = give_addresses(
                key, planned.name, planned.subnet, desired.everything.values(), observed, desired.appliance
            )
    return Wiring(
        appliance=desired.appliance,
        networks={key: planned.name for key, planned in networks.items()},
        volumes={
            key: engine_volume_name(desired.appliance, each, desired.generation)
            for key, each in desired.volumes.items()
        },
        addresses=addresses,
        gateways={key: gateway for key, planned in networks.items() if (gateway := gateway_of(planned))},
    )
