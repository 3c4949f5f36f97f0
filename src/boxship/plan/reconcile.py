"""Desired and observed -> a plan. Pure: the same two values give the same text, and a converged box an empty plan.

Order of a replacement: create the new one, stop the old one, start the new one, then remove the old one and give the
new one its final name. Cut anywhere, the next plan finds both by their labels and goes on from there.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from boxship import names
from boxship.errors import ConflictError, ImageMissingError, NotFoundError
from boxship.plan.action import (
    Completed,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    Gate,
    NetworkSpec,
    Plan,
    PullImage,
    Ready,
    RemoveContainer,
    RemoveNetwork,
    RenameContainer,
    StartContainer,
    UnpauseContainer,
    VolumeSpec,
    WaitReady,
)
from boxship.plan.addresses import Subnet, choose_subnet, give_addresses, subnet_of
from boxship.plan.containers import (
    Wiring,
    container_spec,
    engine_network_name,
    engine_volume_name,
    in_namespaces_of,
    with_anonymous_volumes,
)
from boxship.plan.digest import network_digest, volume_digest
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import ContainerState, Health, Observed, ObservedContainer, ObservedNetwork
from boxship.plan.resolve import Desired, dependencies_of, namespace_owners, waits_for_ready
from boxship.plan.stops import add_stop, order_stops
from boxship.plan.verdict import Create, Keep, Options, Start, Verdict, completion_awaited, judge
from boxship.spec.model import Condition, Network, Service, Volume


def reconcile(desired: Desired, observed: Observed, options: Options = Options()) -> Plan:  # noqa: B008 (frozen)
    """The steps that turn what is observed into what is desired.

    Raises: ConflictError when a name is held by something Boxship didn't make; NotFoundError for an external network
    or volume that isn't there; ImageMissingError for a missing image that must not be pulled.
    """
    return _Planner(desired, observed, options).plan()


class _NetworkPlan(Struct, frozen=True):
    """``found``: the network as it is (None: to be created). ``outdated``: it must be made anew."""

    network: Network
    name: str
    found: ObservedNetwork | None
    subnet: Subnet | None
    outdated: bool = False


class _Planner:
    """One use of ``reconcile``: what it computes on the way, so that each rule is a small method."""

    def __init__(self, desired: Desired, observed: Observed, options: Options) -> None:
        self._desired = desired
        self._observed = observed
        self._options = options
        self._appliance = desired.appliance
        self._chosen = {service.name: service for service in desired.services}
        self._one_shots = completion_awaited(desired)
        self._builder = PlanBuilder(desired.appliance)
        self._owners: dict[str, str] = {}
        """Final name -> name or id of the container that will have it, for who lives in its namespaces."""
        self._stops: dict[str, tuple[ObservedContainer, str]] = {}
        """Key of each stop step -> the container and its service."""

    def plan(self) -> Plan:
        self._networks = {key: self._plan_network(network) for key, network in self._desired.networks.items()}
        self._old_first = self._made_old_first()
        self._verdicts = self._judge()
        self._add_networks()
        self._add_volumes()
        self._add_images()
        for verdict in self._verdicts.values():
            self._add_service(verdict)
        self._add_leaving()
        for verdict in self._verdicts.values():
            self._order_start(verdict)
            for owner in namespace_owners(verdict.service):
                self._builder.order(f"rename {owner}", after=[f"create {verdict.service.name}"])
        self._order_stops()
        return self._builder.finish()

    # -- what is wanted

    def _judge(self) -> dict[str, Verdict]:
        wiring = self._wiring()
        specs = {service.name: container_spec(service, self._desired, wiring) for service in self._desired.services}
        forced = dict.fromkeys(self._options.half_started, "the engine has lost track of it") | {
            name: f"its network '{key}' is made anew"
            for key, planned in self._networks.items()
            if planned.outdated
            for name, service in self._chosen.items()
            if key in service.networks
        }
        return judge(self._desired, self._observed, specs, self._options, forced)

    def _made_old_first(self) -> frozenset[str]:
        """Services whose old container must go before the new one can be made: their network is made anew.

        Who lives in the namespace of such a service is one of them. Start order makes one pass enough.
        """
        found: set[str] = set()
        for service in self._desired.services:
            is_attached = any(self._networks[key].outdated for key in service.networks)
            if is_attached or namespace_owners(service) & found:
                found.add(service.name)
        return frozenset(found)

    def _wiring(self) -> Wiring:
        addresses: dict[str, Mapping[str, str]] = {}
        for key, planned in self._networks.items():
            if planned.subnet is not None and not planned.network.external:
                services = self._desired.everything.values()
                addresses[key] = give_addresses(
                    key, planned.name, planned.subnet, services, self._observed, self._appliance
                )
        return Wiring(
            appliance=self._appliance,
            networks={key: planned.name for key, planned in self._networks.items()},
            volumes={key: engine_volume_name(self._appliance, each) for key, each in self._desired.volumes.items()},
            addresses=addresses,
        )

    def _plan_network(self, network: Network) -> _NetworkPlan:
        name = engine_network_name(self._appliance, network)
        found = next((each for each in self._observed.networks if each.name == name), None)
        if network.external:
            if found is None:
                raise NotFoundError(
                    f"network '{name}' is declared external and doesn't exist",
                    hint=f"create it first: docker network create {name}",
                )
            return _NetworkPlan(network, name, found, None)
        if found is not None and found.appliance != self._appliance:
            raise ConflictError(
                f"network '{name}' exists and wasn't made by {self._appliance}",
                hint="declare it external: true to use it, or give yours another name",
            )
        if found is not None and found.digest == network_digest(network):
            return _NetworkPlan(network, name, found, subnet_of(found, network))
        others = tuple(each for each in self._observed.networks if each is not found)
        count = sum(network.key in service.networks for service in self._desired.everything.values())
        subnet = choose_subnet(self._appliance, network, count, replace(self._observed, networks=others))
        return _NetworkPlan(network, name, found, subnet, outdated=found is not None)

    # -- networks, volumes, images

    def _add_networks(self) -> None:
        for key, planned in self._networks.items():
            subject = f"network:{key}"
            if planned.outdated:
                self._builder.add(
                    f"unmake network {key}", RemoveNetwork(planned.name), subject=subject, cause="its options changed"
                )
            if planned.found is None or planned.outdated:
                self._builder.add(
                    f"network {key}",
                    CreateNetwork(self._network_spec(planned)),
                    subject=subject,
                    cause="its options changed" if planned.outdated else "not there yet",
                    after=[f"unmake network {key}"],
                )

    def _network_spec(self, planned: _NetworkPlan) -> NetworkSpec:
        return NetworkSpec(
            name=planned.name,
            network=planned.network,
            subnet=str(planned.subnet.block) if planned.subnet else None,
            ip_range=str(planned.subnet.dynamic) if planned.subnet else None,
            labels={
                **planned.network.labels,
                names.LABEL_APPLIANCE: self._appliance,
                names.LABEL_KEY: planned.network.key,
                names.LABEL_DIGEST: network_digest(planned.network),
            },
        )

    def _add_volumes(self) -> None:
        for key, volume in self._desired.volumes.items():
            name = engine_volume_name(self._appliance, volume)
            found = next((each for each in self._observed.volumes if each.name == name), None)
            if volume.external and found is None:
                raise NotFoundError(
                    f"volume '{name}' is declared external and doesn't exist",
                    hint=f"create it first: docker volume create {name}",
                )
            if not volume.external and found is not None and found.appliance != self._appliance:
                raise ConflictError(
                    f"volume '{name}' exists and wasn't made by {self._appliance}",
                    hint="declare it external: true to use it, or give yours another name",
                )
            if found is None:
                self._add_volume(key, name, volume)

    def _add_volume(self, key: str, name: str, volume: Volume) -> None:
        labels = {
            **volume.labels,
            names.LABEL_APPLIANCE: self._appliance,
            names.LABEL_KEY: key,
            names.LABEL_DIGEST: volume_digest(volume),
        }
        self._builder.add(
            f"volume {key}",
            CreateVolume(VolumeSpec(name, volume, labels)),
            subject=f"volume:{key}",
            cause="not there yet",
        )

    def _add_images(self) -> None:
        for verdict in self._verdicts.values():
            reference = verdict.spec.image
            service = verdict.service
            if not isinstance(verdict.choice, Create) or service.build or self._observed.image(reference):
                continue
            if service.pull_policy == "never":
                raise ImageMissingError(
                    f"image '{reference}' of service '{service.name}' isn't on this machine and pull_policy is never",
                    hint="load or build it first",
                )
            if not self._builder.has(f"image {reference}"):
                self._builder.add(
                    f"image {reference}",
                    PullImage(reference, service.platform),
                    subject=f"image:{reference}",
                    cause=f"{service.name} needs it",
                )

    # -- containers

    def _add_service(self, verdict: Verdict) -> None:
        name = verdict.service.name
        match verdict.choice:
            case Keep(container, why):
                self._owners[verdict.spec.name] = container.id
                self._builder.keep(name, why)
                self._keep_ready(verdict, container)
            case Start(container, cause, again):
                self._owners[verdict.spec.name] = container.id
                self._start_again(verdict, container, cause, stop_first=again)
            case Create(cause, old):
                self._create(verdict, cause, old)
        for container in verdict.stale:
            self._retire(container, name, self._why_stale(verdict), after_start=name not in self._old_first)

    def _why_stale(self, verdict: Verdict) -> str:
        return verdict.choice.cause if isinstance(verdict.choice, Create) else "another container took over"

    def _create(self, verdict: Verdict, cause: str, old: ObservedContainer | None) -> None:
        service = verdict.service
        spec = verdict.spec if self._options.renew_anonymous_volumes else with_anonymous_volumes(verdict.spec, old)
        spec = in_namespaces_of(spec, self._owners)
        name = self._free_name(verdict)
        self._owners[verdict.spec.name] = name
        after = [f"network {key}" for key in service.networks]
        after += [f"volume {mount.source}" for mount in service.mounts if mount.kind == "volume"]
        # The engine looks a shared namespace's container up when the sharer is created, so that one is made first.
        after += [f"image {spec.image}", *(f"create {owner}" for owner in namespace_owners(service))]
        if service.name in self._old_first:
            after += [f"remove {container.id}" for container in verdict.stale]
        subject = f"service:{service.name}"
        self._builder.add(
            f"create {service.name}",
            CreateContainer(replace(spec, name=name)),
            subject=subject,
            cause=cause,
            after=after,
        )
        self._builder.add(
            f"start {service.name}",
            StartContainer(name, remove_on_failure=True),
            subject=subject,
            cause=cause,
            after=[f"create {service.name}"],
        )
        self._wait(service, name, "it was started")
        self._rename(verdict, name)

    def _free_name(self, verdict: Verdict) -> str:
        """The final name, or a temporary one while the old container still has it."""
        wanted = verdict.spec.name
        holders = {container.name: container for container in self._observed.containers}
        holder = holders.get(wanted)
        if holder is None or (verdict.service.name in self._old_first and holder in verdict.stale):
            return wanted
        if holder.appliance != self._appliance or holder.service != verdict.service.name:
            raise ConflictError(
                f"service '{verdict.service.name}' needs the container name '{wanted}', which another container has",
                hint=f"see what it is: docker inspect {wanted}; or set container_name",
            )
        base = f"{wanted}.next-{verdict.spec.labels[names.LABEL_DIGEST][:12]}"
        number = 1
        while (f"{base}-{number}" if number > 1 else base) in holders:
            number += 1
        return f"{base}-{number}" if number > 1 else base

    def _start_again(self, verdict: Verdict, container: ObservedContainer, cause: str, *, stop_first: bool) -> None:
        service = verdict.service
        subject = f"service:{service.name}"
        if container.state is ContainerState.PAUSED and not stop_first:
            self._builder.add(f"start {service.name}", UnpauseContainer(container.name), subject=subject, cause=cause)
        else:
            if stop_first:
                self._stop(container, service.name, cause)
            self._builder.add(
                f"start {service.name}",
                StartContainer(container.name),
                subject=subject,
                cause=cause,
                after=[f"stop {container.id}"],
            )
        self._wait(service, verdict.spec.name, "it was started")
        self._rename(verdict, container.name)

    def _keep_ready(self, verdict: Verdict, container: ObservedContainer) -> None:
        """A kept service that isn't ready yet is waited for, but only if the engine says so or somebody needs it."""
        name = verdict.service.name
        if name in self._one_shots:
            if container.state is not ContainerState.EXITED:
                self._wait(verdict.service, verdict.spec.name, "it has not completed yet")
        elif container.health in (Health.STARTING, Health.UNHEALTHY) or container.state is ContainerState.RESTARTING:
            self._wait(verdict.service, verdict.spec.name, f"it runs but is {container.health}")
        elif self._is_awaited_anew(name):
            self._wait(verdict.service, verdict.spec.name, "a service that starts depends on it")
        self._rename(verdict, container.name)

    def _is_awaited_anew(self, name: str) -> bool:
        """A dependent that starts in this plan waits for the check that only Boxship knows."""
        return name in self._desired.checks and any(
            name in service.depends_on and not isinstance(self._verdicts[service.name].choice, Keep)
            for service in self._desired.services
        )

    def _wait(self, service: Service, container_name: str, cause: str) -> None:
        check = self._desired.checks.get(service.name)
        within_s = check.within_s if check and check.within_s else self._desired.ready_timeout_s
        self._builder.add(
            f"wait {service.name}",
            WaitReady(
                container_name, self._gate(service), within_s, is_fresh=self._builder.has(f"start {service.name}")
            ),
            subject=f"service:{service.name}",
            cause=cause,
            after=[f"start {service.name}"],
        )

    def _gate(self, service: Service) -> Gate:
        if service.name in self._one_shots:
            return Completed()
        needs_healthcheck = any(
            service.name in other.depends_on and other.depends_on[service.name].condition is Condition.HEALTHY
            for other in self._desired.services
        )
        return Ready(self._desired.checks.get(service.name), needs_healthcheck)

    def _rename(self, verdict: Verdict, name: str) -> None:
        if name != verdict.spec.name:
            holders = [f"remove {each.id}" for each in verdict.stale if each.name == verdict.spec.name]
            self._builder.add(
                f"rename {verdict.service.name}",
                RenameContainer(name, verdict.spec.name),
                subject=f"service:{verdict.service.name}",
                cause="the container it replaces is gone",
                after=[f"start {verdict.service.name}", *holders],
            )
            if not isinstance(verdict.choice, Create):
                # The wait knows it by its final name. (One just created is known to the executor by its id.)
                self._builder.order(f"wait {verdict.service.name}", after=[f"rename {verdict.service.name}"])

    # -- what goes

    def _retire(self, container: ObservedContainer, service: str, cause: str, *, after_start: bool) -> None:
        """Stop and remove one container; the one it makes room for is created first and started before it goes."""
        self._stop(container, service, cause)
        self._builder.order(f"stop {container.id}", after=[f"create {service}"] if after_start else ())
        self._builder.add(
            f"remove {container.id}",
            RemoveContainer(container.name, network=next(iter(sorted(container.networks)), "")),
            subject=f"service:{service}",
            cause=cause,
            after=[f"stop {container.id}", *([f"start {service}"] if after_start else [])],
        )
        for key, planned in self._networks.items():
            if planned.outdated and planned.name in container.networks:
                self._builder.order(f"unmake network {key}", after=[f"remove {container.id}"])

    def _stop(self, container: ObservedContainer, service: str, cause: str) -> None:
        if key := add_stop(self._builder, container, cause=cause, grace_s=self._options.stop_grace_s):
            self._stops[key] = (container, service)

    def _add_leaving(self) -> None:
        for container in self._observed.containers_of(self._appliance):
            if container.service in self._chosen:
                continue
            if container.service not in self._desired.everything:
                if self._options.remove_orphans:
                    self._retire(container, container.service, "it is no longer in the files", after_start=False)
            elif self._desired.is_whole:
                cause = f"it is not part of target {self._desired.target}"
                self._retire(container, container.service, cause, after_start=False)

    # -- order

    def _order_start(self, verdict: Verdict) -> None:
        name = verdict.service.name
        key = f"start {name}"
        self._builder.order(key, after=[f"stop {container.id}" for container in verdict.stale])
        for dependency, edge in dependencies_of(verdict.service, self._chosen).items():
            waits = waits_for_ready(edge, dependency, self._desired.checks)
            gate = f"{'wait' if waits else 'start'} {dependency}"
            self._builder.order(key, after=[gate] if edge.required else (), after_ended=() if edge.required else [gate])
        wanted = {(port.published, port.protocol) for port in verdict.service.ports}
        clashing = [
            stop
            for stop, (container, _) in self._stops.items()
            if wanted & {(str(port.published), port.protocol) for port in container.ports if port.published}
        ]
        self._builder.order(key, after=clashing)

    def _order_stops(self) -> None:
        by_service: dict[str, list[str]] = {}
        for key, (_, service) in self._stops.items():
            by_service.setdefault(service, []).append(key)
        dependencies = {name: tuple(service.depends_on) for name, service in self._desired.everything.items()}
        order_stops(self._builder, by_service, dependencies)


def orphans(desired: Desired, observed: Observed) -> tuple[ObservedContainer, ...]:
    """The appliance's containers whose service the files no longer have."""
    mine = observed.containers_of(desired.appliance)
    return tuple(container for container in mine if container.service not in desired.everything)
