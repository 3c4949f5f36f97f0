"""A container that a person asks for beside the service's own: made like one of them, and none of them.

It has the service's image, environment, volumes and networks. It has not what there is only once: the service's name,
its addresses, its published ports (unless asked for), its restarts and hooks. Its label keeps it out of everything
that compares the appliance with its files.
"""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from boxship import names
from boxship.errors import ImageMissingError, NotFoundError
from boxship.plan.action import ContainerSpec, CreateContainer, Endpoint, Plan, PullImage, StartContainer
from boxship.plan.containers import container_spec
from boxship.plan.files import add_copy, refuse_impossible
from boxship.plan.graph import PlanBuilder
from boxship.plan.networks import plan_networks
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired, Replica
from boxship.plan.sharing import with_shared_volumes
from boxship.plan.wiring import wiring_of
from boxship.spec.model import Appliance, Mount, Port, Service


class OneOff(Struct, frozen=True):
    """What to run, and what differs from the service. None: as the service has it.

    ``token`` tells it from other ones. ``starts``: the plan starts it; otherwise somebody is to be attached first.
    """

    service: str
    token: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    working_dir: str | None = None
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    with_service_ports: bool = False
    with_aliases: bool = False
    tty: bool = False
    interactive: bool = False
    name: str = ""
    auto_remove: bool = False
    starts: bool = False

    @property
    def title(self) -> str:
        """What it is called in plans and tables."""
        return names.one_off_name(self.service, self.token)


def with_one_off(appliance: Appliance, one_off: OneOff) -> Appliance:
    """The appliance whose service is what the one-off container is to be, and has no container of its own.

    So what the service needs is made and started as for the service itself.

    Raises: NotFoundError for a volume that the files don't have.
    """
    service = appliance.services[one_off.service]
    for mount in one_off.mounts:
        if mount.kind == "volume" and mount.source and mount.source not in appliance.volumes:
            known = ", ".join(appliance.volumes) or "none"
            raise NotFoundError(
                f"no volume '{mount.source}' in {appliance.name}",
                hint=f"its volumes: {known}; a folder of this machine begins with / or .",
            )
    return replace(appliance, services={**appliance.services, service.name: _changed(service, one_off)})


def _changed(service: Service, one_off: OneOff) -> Service:
    places = {mount.target for mount in one_off.mounts}
    kept = tuple(mount for mount in service.mounts if mount.target not in places)
    return replace(
        service,
        command=_command(service, one_off),
        entrypoint=service.entrypoint if one_off.entrypoint is None else one_off.entrypoint,
        environment={**service.environment, **one_off.environment},
        labels={**service.labels, **one_off.labels},
        user=one_off.user or service.user,
        working_dir=one_off.working_dir or service.working_dir,
        cap_add=(*service.cap_add, *one_off.cap_add),
        cap_drop=(*service.cap_drop, *one_off.cap_drop),
        mounts=(*kept, *one_off.mounts),
        ports=(*(service.ports if one_off.with_service_ports else ()), *one_off.ports),
        tty=one_off.tty,
        stdin_open=one_off.interactive,
        container_name=None,
        mac_address=None,
        restart=None,
        post_start=(),
        pre_stop=(),
        scale=0,
    )


def _command(service: Service, one_off: OneOff) -> tuple[str, ...] | None:
    """Another entrypoint takes no words that were meant for the usual one."""
    if one_off.command:
        return one_off.command
    return service.command if one_off.entrypoint is None else ()


def plan_one_off(desired: Desired, observed: Observed, one_off: OneOff) -> Plan:
    """The steps that make the container; what it needs is there, but perhaps its image.

    Args:
        desired: of the appliance ``with_one_off``.
        observed: with the service's image, if it is here.
        one_off: what to run.

    Raises: ImageMissingError for an image that must not be pulled; SpecError for what only a swarm has.
    """
    desired = with_shared_volumes(desired, observed)
    service = desired.everything[one_off.service]
    refuse_impossible(replace(desired, services=(replace(service, scale=1),)))
    spec = one_off_spec(desired, observed, one_off)
    builder = PlanBuilder(desired.appliance)
    subject = f"service:{one_off.title}"
    cause = f"run {one_off.service}"
    if observed.image(spec.image) is None and not service.build:
        if service.pull_policy == "never":
            raise ImageMissingError(
                f"image '{spec.image}' of service '{service.name}' isn't on this machine and must not be pulled",
                hint="load or build it first",
            )
        pull = PullImage(spec.image, service.platform)
        builder.add("image", pull, subject=f"image:{spec.image}", cause=f"{service.name} needs it")
    replica = Replica(service)
    builder.add(f"create {replica.name}", CreateContainer(spec), subject=subject, cause=cause, after=["image"])
    copied = add_copy(builder, replica, spec.name, spec.files)
    if one_off.starts:
        start = StartContainer(spec.name, remove_on_failure=True)
        builder.add("start", start, subject=subject, cause=cause, after=[f"create {replica.name}", copied])
    return builder.finish()


def one_off_spec(desired: Desired, observed: Observed, one_off: OneOff) -> ContainerSpec:
    """The container: as the service's, without what there is only once."""
    wiring = wiring_of(desired, observed, plan_networks(desired, observed))
    spec = container_spec(Replica(desired.everything[one_off.service]), desired, wiring)
    return replace(
        spec,
        name=one_off.name or names.container_name(desired.appliance, one_off.title),
        endpoints=tuple(_own_end(end, with_aliases=one_off.with_aliases) for end in spec.endpoints),
        labels={**spec.labels, names.LABEL_ONE_OFF: one_off.token},
        stdin_once=one_off.interactive,
        auto_remove=one_off.auto_remove,
    )


def _own_end(end: Endpoint, *, with_aliases: bool) -> Endpoint:
    return replace(
        end,
        aliases=end.aliases if with_aliases else (),
        ipv4_address=None,
        ipv6_address=None,
        mac_address=None,
        link_local_ips=(),
    )
