"""Desired and observed -> a plan. Pure: the same two values give the same text, and a converged box an empty plan.

Order of a replacement: create the new one, stop the old one, start the new one, then remove the old one and give the
new one its final name. Cut anywhere, the next plan finds both by their labels and goes on from there.
What takes no part any more has stopped before something starts that writes the same data or has the same port.
"""

from msgspec import Struct
from msgspec.structs import replace

from boxship import names
from boxship.errors import ConflictError, ImageMissingError
from boxship.plan.access import add_hand_over
from boxship.plan.action import (
    Completed,
    CreateContainer,
    Gate,
    Plan,
    PullImage,
    Ready,
    RemoveContainer,
    StartContainer,
    WaitReady,
)
from boxship.plan.containers import (
    container_spec,
    in_namespaces_of,
    shown_images,
    temporary_name,
    with_anonymous_volumes,
)
from boxship.plan.files import add_copy, refuse_impossible
from boxship.plan.graph import PlanBuilder
from boxship.plan.hooks import add_start_hooks, started
from boxship.plan.host_hooks import with_host_hooks
from boxship.plan.networks import add_networks, plan_networks
from boxship.plan.observed import ContainerState, Health, Observed, ObservedContainer
from boxship.plan.resolve import Desired, dependencies_of, namespace_owners, replicas_of, waits_for_ready
from boxship.plan.sharing import with_shared_volumes
from boxship.plan.starts import Start as StartOf
from boxship.plan.starts import add_final_name, add_start, has_hooks_left
from boxship.plan.stops import Stopping, add_stop, order_stops
from boxship.plan.verdict import Create, Keep, Options, Start, Verdict, completion_awaited, judge
from boxship.plan.volumes import add_volumes
from boxship.plan.wiring import wiring_of
from boxship.plan.writers import write_the_same
from boxship.spec.model import Condition, Service


def reconcile(desired: Desired, observed: Observed, options: Options = Options()) -> Plan:  # noqa: B008 (frozen)
    """The steps that turn what is observed into what is desired.

    Raises: ConflictError when a name is held by something Boxship didn't make; NotFoundError for an external network
    or volume that isn't there; ImageMissingError for a missing image that must not be pulled; SpecError for what only
    a swarm has.
    """
    plan = _Planner(with_shared_volumes(desired, observed), observed, options).plan()
    return with_host_hooks(plan, desired.hooks, desired.directory)


class _Stop(Struct, frozen=True):
    """A container that is stopped, and by which steps."""

    container: ObservedContainer
    steps: Stopping


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
        self._holders = {container.name: container for container in observed.containers}
        self._owners: dict[str, str] = {}
        """Final name -> name or id of the container that will have it, for who lives in its namespaces."""
        self._stops: dict[str, _Stop] = {}
        """By the container's id."""

    def plan(self) -> Plan:
        refuse_impossible(self._desired)
        self._networks = plan_networks(self._desired, self._observed)
        self._old_first = self._made_old_first()
        self._leaving = self._find_leaving()
        self._verdicts = self._judge()
        self._going = {container.id for verdict in self._verdicts.values() for container in verdict.stale}
        self._going |= {container.id for container, _ in self._leaving}
        add_networks(self._builder, self._networks)
        add_volumes(self._builder, self._desired, self._observed)
        self._add_images()
        for verdict in self._verdicts.values():
            self._add_replica(verdict)
        for container, cause in self._leaving:
            self._retire(container, cause)
        for verdict in self._verdicts.values():
            self._order_start(verdict)
            for owner in namespace_owners(verdict.service):
                self._builder.order(f"rename {owner}", after=[f"create {verdict.name}"])
        self._order_stops()
        self._roll()
        return self._builder.finish()

    # -- what is wanted

    def _judge(self) -> dict[str, Verdict]:
        wiring = wiring_of(self._desired, self._observed, self._networks)
        specs = {each.name: container_spec(each, self._desired, wiring) for each in self._desired.replicas()}
        forced = dict.fromkeys(self._options.half_started, "the engine has lost track of it") | {
            replica.name: f"its network '{key}' is made anew"
            for key, planned in self._networks.items()
            if planned.outdated
            for replica in self._desired.replicas()
            if key in replica.service.networks
        }
        return judge(self._desired, self._observed, specs, self._options, forced)

    def _made_old_first(self) -> frozenset[str]:
        """Services whose old containers must go before new ones can be made: their network is made anew.

        Who lives in the namespace of such a service is one of them. Start order makes one pass enough.
        """
        found: set[str] = set()
        for service in self._desired.services:
            is_attached = any(self._networks[key].outdated for key in service.networks)
            if is_attached or namespace_owners(service) & found:
                found.add(service.name)
        return frozenset(found)

    def _find_leaving(self) -> list[tuple[ObservedContainer, str]]:
        """The appliance's containers that take no part in what is wanted, and why they go."""
        causes = ((each, self._why_leaving(each)) for each in self._observed.containers_of(self._appliance))
        return [(container, cause) for container, cause in causes if cause]

    def _why_leaving(self, container: ObservedContainer) -> str:
        if container.service in self._options.untouched:
            return ""
        service = self._chosen.get(container.service)
        if service is not None:
            return "" if container.number <= service.scale else f"{service.name} has scale {service.scale}"
        if container.service not in self._desired.everything:
            return "it is no longer in the files" if self._options.remove_orphans else ""
        return f"it is not part of target {self._desired.target}" if self._desired.is_whole else ""

    # -- images

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
            self._pull(reference, service)
        creating = (verdict.service for verdict in self._verdicts.values() if isinstance(verdict.choice, Create))
        for service in creating:
            for reference in shown_images(service):
                if self._observed.image(reference) is None:
                    self._pull(reference, service)

    def _pull(self, reference: str, service: Service) -> None:
        if not self._builder.has(f"image {reference}"):
            self._builder.add(
                f"image {reference}",
                PullImage(reference, service.platform),
                subject=f"image:{reference}",
                cause=f"{service.name} needs it",
            )

    # -- containers

    def _add_replica(self, verdict: Verdict) -> None:
        match verdict.choice:
            case Keep(container, why):
                self._owners[verdict.spec.name] = container.id
                self._builder.keep(verdict.name, why)
                self._keep_ready(verdict, container)
            case Start(container, cause, again):
                self._owners[verdict.spec.name] = container.id
                self._start_again(verdict, container, cause, stop_first=again)
            case Create(cause, old):
                self._create(verdict, cause, old)
        cause = verdict.choice.cause if isinstance(verdict.choice, Create) else "another container took over"
        for container in verdict.stale:
            self._retire(container, cause, for_the=verdict)

    def _create(self, verdict: Verdict, cause: str, old: ObservedContainer | None) -> None:
        service = verdict.service
        spec = verdict.spec if self._options.renew_anonymous_volumes else with_anonymous_volumes(verdict.spec, old)
        spec = in_namespaces_of(spec, self._owners)
        name = self._name_to_create(verdict)
        self._owners[verdict.spec.name] = name
        after = [f"network {key}" for key in service.networks]
        after += [f"volume {mount.source}" for mount in service.mounts if mount.kind == "volume"]
        # The engine looks a shared namespace's container up when the sharer is created, so that one is made first.
        after += [f"image {reference}" for reference in (spec.image, *shown_images(service))]
        after += [f"create {owner}" for owner in namespace_owners(service)]
        if service.name in self._old_first:
            after += [f"remove {container.id}" for container in verdict.stale]
        subject = f"service:{verdict.name}"
        self._builder.add(
            f"create {verdict.name}",
            CreateContainer(replace(spec, name=name)),
            subject=subject,
            cause=cause,
            after=after,
        )
        copied = add_copy(self._builder, verdict.replica, name, spec.files)
        access = self._desired.access.get(service.name)
        handed_over = add_hand_over(
            self._builder, verdict.name, name, access, cause=cause, after=[f"create {verdict.name}"]
        )
        self._builder.add(
            f"start {verdict.name}",
            StartContainer(name, remove_on_failure=True),
            subject=subject,
            cause=cause,
            after=[f"create {verdict.name}", copied, handed_over],
        )
        add_start_hooks(self._builder, verdict.replica, name, within_s=self._within_s(service))
        self._wait(verdict, name, "it was started")
        self._rename(verdict, name)

    def _name_to_create(self, verdict: Verdict) -> str:
        """The final name, or a temporary one while another container still has it, or hooks have yet to run."""
        wanted = verdict.spec.name
        holder = self._holders.get(wanted)
        is_free = holder is None or (verdict.service.name in self._old_first and holder in verdict.stale)
        if is_free and not verdict.service.post_start:
            return wanted
        if holder is not None and holder.id not in self._going:
            raise ConflictError(
                f"service '{verdict.service.name}' needs the container name '{wanted}', which another container has",
                hint=f"see what it is: docker inspect {wanted}; or set container_name",
            )
        return temporary_name(wanted, verdict.spec.labels[names.LABEL_DIGEST], self._holders)

    def _start_again(self, verdict: Verdict, container: ObservedContainer, cause: str, *, stop_first: bool) -> None:
        if stop_first:
            self._stop(container, cause)
        start = StartOf(
            verdict.replica,
            container,
            verdict.spec.name,
            cause,
            self._within_s(verdict.service),
            after_stop=stop_first,
            files=verdict.spec.files,
            access=self._desired.access.get(verdict.service.name),
        )
        name = add_start(self._builder, start, self._holders)
        self._wait(verdict, verdict.spec.name, "it was started")
        self._rename(verdict, name)

    def _keep_ready(self, verdict: Verdict, container: ObservedContainer) -> None:
        """A kept service that isn't ready yet is waited for, but only if the engine says so or somebody needs it."""
        name = verdict.service.name
        is_over = container.state is ContainerState.EXITED
        if has_hooks_left(verdict.service, container) and not is_over:
            add_start_hooks(self._builder, verdict.replica, container.name, within_s=self._within_s(verdict.service))
            self._wait(verdict, verdict.spec.name, "its post_start hooks have only now run")
        elif name in self._one_shots:
            if not is_over:
                self._wait(verdict, verdict.spec.name, "it has not completed yet")
        elif container.health in (Health.STARTING, Health.UNHEALTHY) or container.state is ContainerState.RESTARTING:
            self._wait(verdict, verdict.spec.name, f"it runs but is {container.health}")
        elif self._is_awaited_anew(name):
            self._wait(verdict, verdict.spec.name, "a service that starts depends on it")
        self._rename(verdict, container.name)

    def _is_awaited_anew(self, name: str) -> bool:
        """A dependent that starts in this plan waits for the check that only Boxship knows."""
        return name in self._desired.checks and any(
            name in verdict.service.depends_on and not isinstance(verdict.choice, Keep)
            for verdict in self._verdicts.values()
        )

    def _within_s(self, service: Service) -> float:
        check = self._desired.checks.get(service.name)
        return check.within_s if check and check.within_s else self._desired.ready_timeout_s

    def _wait(self, verdict: Verdict, container_name: str, cause: str) -> None:
        is_fresh = self._builder.has(f"start {verdict.name}")
        gate = self._gate(verdict.service)
        self._builder.add(
            f"wait {verdict.name}",
            WaitReady(container_name, gate, self._within_s(verdict.service), is_fresh=is_fresh),
            subject=f"service:{verdict.name}",
            cause=cause,
            after=started(verdict.replica),
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
        holder = self._holders.get(verdict.spec.name)
        gives_free = [f"remove {holder.id}"] if holder is not None else []
        add_final_name(self._builder, verdict.replica, name, verdict.spec.name, gives_free)
        if not isinstance(verdict.choice, Create):
            # The wait knows it by its final name. (One just created is known to the executor by its id.)
            self._builder.order(f"wait {verdict.name}", after=[f"rename {verdict.name}"])

    # -- what goes

    def _retire(self, container: ObservedContainer, cause: str, *, for_the: Verdict | None = None) -> None:
        """Stop and remove one container; the one it makes room for is created first and started before it goes."""
        self._stop(container, cause)
        after = [f"stop {container.id}"]
        if for_the is not None and for_the.service.name not in self._old_first:
            if container.id in self._stops:
                made = [f"create {for_the.name}", f"copy {for_the.name}"]
                self._builder.order(self._stops[container.id].steps.first, after=made)
            after += started(for_the.replica)
        self._builder.add(
            f"remove {container.id}",
            RemoveContainer(container.name, network=next(iter(sorted(container.networks)), "")),
            subject=f"service:{container.replica}",
            cause=cause,
            after=after,
        )
        for key, planned in self._networks.items():
            if planned.outdated and planned.name in container.networks:
                self._builder.order(f"unmake network {key}", after=[f"remove {container.id}"])

    def _stop(self, container: ObservedContainer, cause: str) -> None:
        grace_s, on_box = self._options.stop_grace_s, bool(self._desired.generation)
        if steps := add_stop(self._builder, container, cause=cause, grace_s=grace_s, on_box=on_box):
            self._stops[container.id] = _Stop(container, steps)

    # -- order

    def _order_start(self, verdict: Verdict) -> None:
        key = f"start {verdict.name}"
        self._builder.order(key, after=[f"stop {container.id}" for container in verdict.stale])
        for dependency, edge in dependencies_of(verdict.service, self._chosen).items():
            waits = waits_for_ready(edge, dependency, self._desired.checks)
            for replica in replicas_of(self._chosen[dependency]):
                gates = (f"wait {replica.name}",) if waits else started(replica)
                self._builder.order(
                    key, after=gates if edge.required else (), after_ended=() if edge.required else gates
                )
        wanted = {(port.published, port.protocol) for port in verdict.service.ports}
        clashing = [
            stop.steps.last
            for stop in self._stops.values()
            if wanted & {(str(port.published), port.protocol) for port in stop.container.ports if port.published}
        ]
        self._builder.order(key, after=clashing)
        leaving = (container for container, _ in self._leaving if container.id in self._stops)
        # What this plan doesn't want beside it must have let go of the data: two writers never overlap.
        writers = [self._stops[each.id].steps.last for each in leaving if write_the_same(each, verdict.spec)]
        self._builder.order(key, after=writers)

    def _order_stops(self) -> None:
        by_service: dict[str, list[Stopping]] = {}
        for stop in self._stops.values():
            by_service.setdefault(stop.container.service, []).append(stop.steps)
        dependencies = {name: tuple(service.depends_on) for name, service in self._desired.everything.items()}
        order_stops(self._builder, by_service, dependencies)

    def _roll(self) -> None:
        """One after the other: a container of a service goes when the one that replaces the one before it is ready.

        Where that can't be (all must stop before what they depend on does), they are replaced together.
        """
        for service in self._desired.services:
            before = ""
            for replica in replicas_of(service):
                verdict = self._verdicts[replica.name]
                is_replaced = False
                for container in verdict.stale:
                    if container.id in self._stops:
                        is_replaced = True
                        if before:
                            self._builder.prefer(self._stops[container.id].steps.first, after=f"wait {before}")
                before = replica.name if is_replaced else before


def orphans(desired: Desired, observed: Observed) -> tuple[ObservedContainer, ...]:
    """The appliance's containers whose service the files no longer have."""
    mine = observed.containers_of(desired.appliance)
    return tuple(container for container in mine if container.service not in desired.everything)
