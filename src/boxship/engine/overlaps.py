"""Who holds the addresses that a new network wants."""

from collections.abc import Iterable

from boxship.errors import EngineConflictError, EngineError
from boxship.plan.action import NetworkSpec
from boxship.plan.networks import free_it, shown_network, subnet_holder, wanted_subnets
from boxship.plan.observed import ObservedNetwork

OVERLAPS = "overlaps another network's"
"""In the message of ``faults`` for a subnet that is taken."""


def name_holder(error: EngineError, spec: NetworkSpec, networks: Iterable[ObservedNetwork]) -> EngineError:
    """The engine's refusal with the network that it is about; ``error`` itself where it is about something else."""
    if OVERLAPS not in error.message:
        return error
    wanted = wanted_subnets(spec.network) or ((spec.subnet,) if spec.subnet else ())
    found = subnet_holder(wanted, networks)
    if found is None:
        return error
    holder, subnet, taken = found
    return EngineConflictError(
        f"cannot create network {spec.name}: its subnet {subnet} overlaps another network's: "
        f"{taken} of {shown_network(holder)}",
        hint=free_it(spec.network, holder),
        status=error.status,
    )
