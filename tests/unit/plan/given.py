"""Short ways to write appliances and snapshots in tests of the planner."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from boxship.names import replica_name, replica_number
from boxship.plan.action import CreateContainer, CreateNetwork, Plan
from boxship.plan.observed import (
    ContainerState,
    Observed,
    ObservedContainer,
    ObservedImage,
    ObservedNetwork,
    ObservedPort,
)
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import Desired, resolve
from boxship.spec.model import (
    Appliance,
    Attachment,
    Condition,
    Dependency,
    Network,
    Port,
    Service,
    Target,
    Volume,
)

IMAGE = ObservedImage(id="sha256:1", tags=("img:1",))


def service(name: str, *after: str, condition: Condition = Condition.STARTED, **fields: object) -> Service:
    """A service on the default network that depends on ``after``."""
    base = Service(
        name=name,
        image="img:1",
        networks={"default": Attachment()},
        depends_on={each: Dependency(condition) for each in after},
    )
    return replace(base, **fields)


def appliance(*services: Service, targets: Mapping[str, tuple[str, ...]] | None = None) -> Appliance:
    return Appliance(
        name="app",
        version="dev",
        directory=Path("/x"),
        services={each.name: each for each in services},
        networks={"default": Network("default")},
        volumes={"data": Volume("data")},
        targets={name: Target(name, roots) for name, roots in (targets or {}).items()},
    )


def desired(*services: Service) -> Desired:
    return resolve(appliance(*services))


def plan_of(wanted: Desired, observed: Observed | None = None) -> Plan:
    return reconcile(wanted, observed or Observed(images=(IMAGE,)))


def running(wanted: Desired, **changes: Mapping[str, object]) -> Observed:
    """A snapshot in which ``wanted`` runs as a plan for an empty engine would make it; ``changes`` by replica."""
    plan = plan_of(wanted)
    containers = []
    for step in plan.steps:
        if isinstance(step.action, CreateContainer):
            spec = step.action.spec
            name = replica_name(spec.service.name, replica_number(spec.labels))
            made = ObservedContainer(
                id=f"id-{name}",
                # Where hooks follow the start, it is made under another name.
                name=spec.name.partition(".next-")[0],
                image=spec.image,
                image_id=IMAGE.id,
                state=ContainerState.RUNNING,
                appliance=wanted.appliance,
                service=spec.service.name,
                digest=spec.labels["boxship.digest"],
                parts=spec.labels["boxship.parts"],
                networks={each.network: each.ipv4_address or "" for each in spec.endpoints},
                addresses={each.network: each.ipv4_address for each in spec.endpoints if each.ipv4_address},
                ports=tuple(
                    ObservedPort(each.target, int(each.published or 0), each.protocol, "0.0.0.0")
                    for each in spec.service.ports
                ),
                labels=dict(spec.labels),
            )
            containers.append(replace(made, **changes.get(name, {})))
    specs = [step.action.spec for step in plan.steps if isinstance(step.action, CreateNetwork)]
    networks = tuple(
        ObservedNetwork(
            id=f"id-{spec.name}",
            name=spec.name,
            driver="bridge",
            subnets=(spec.subnet or "",),
            ip_ranges=(spec.ip_range or "",),
            appliance=wanted.appliance,
            key=spec.network.key,
            digest=spec.labels["boxship.digest"],
            gateways=(spec.gateway or "",),
        )
        for spec in specs
    )
    return Observed(containers=tuple(containers), networks=networks, images=(IMAGE,))


def port(number: int) -> Port:
    return Port(target=number, published=str(number))
