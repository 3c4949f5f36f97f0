"""What ``up`` is asked for, and whether that is already so: thinking only, before anything is done."""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.events import Notice, PlanMade
from boxship.host.fingerprints import fingerprinted
from boxship.plan.action import Plan, StartContainer
from boxship.plan.containers import image_reference, shown_images
from boxship.plan.observed import ContainerState, Observed, ObservedContainer
from boxship.plan.reconcile import orphans, reconcile
from boxship.plan.resolve import Desired, resolve, with_scales
from boxship.plan.sharing import volume_holders
from boxship.plan.status import ServiceStatus, browser_addresses, service_status
from boxship.plan.verdict import Options
from boxship.spec.model import Appliance, Host, Service


class UpRequest(Struct, frozen=True):
    """What a person asked for. ``build``: True builds all, False none, None what is missing."""

    target: str | None = None
    profiles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    with_dependencies: bool = True
    build: bool | None = None
    pull: str = "missing"
    """missing, always or never."""
    scales: Mapping[str, int] = field(default_factory=dict)
    """Service -> how many containers, instead of what the files say."""
    options: Options = field(default_factory=Options)


class Rest(Struct, frozen=True):
    """Everything is as it should be: the empty plan, every service, where to point the browser, what to warn of."""

    plan: Plan
    status: tuple[ServiceStatus, ...]
    addresses: tuple[str, ...]
    notice: Notice | None


def at_rest(host: Host, desired: Desired, observed: Observed, request: UpRequest) -> Rest | None:
    """What ``bring_up`` would say, when it would neither do anything nor ask a service whether it is ready."""
    has_to_look = (
        host != Host()
        or to_build(desired, observed, request)
        or to_pull(desired, observed, request)
        or running_checked(desired, observed)
    )
    if has_to_look:
        return None
    plan = reconcile(desired, observed, request.options)
    if plan.steps:
        return None
    notice = orphans_notice(desired, observed, request)
    return Rest(plan, service_status(desired, observed), browser_addresses(desired, observed), notice)


def desired_of(appliance: Appliance, request: UpRequest) -> Desired:
    """Raises: NotFoundError for a name that the files don't have, SpecError for a scale that can't be, HostError."""
    desired = resolve(
        fingerprinted(with_scales(appliance, request.scales)),
        target=request.target,
        profiles=request.profiles,
        names=request.services,
        with_dependencies=request.with_dependencies,
    )
    if request.pull != "never":
        return desired
    return replace(desired, services=tuple(replace(each, pull_policy="never") for each in desired.services))


def references(desired: Desired) -> tuple[str, ...]:
    run = (image_reference(desired.appliance, service) for service in desired.services)
    shown = (reference for service in desired.services for reference in shown_images(service))
    return (*run, *shown)


def to_build(desired: Desired, observed: Observed, request: UpRequest) -> tuple[Service, ...]:
    built = tuple(service for service in desired.services if service.build)
    if request.build is not None:
        return built if request.build else ()
    return tuple(each for each in built if observed.image(image_reference(desired.appliance, each)) is None)


def to_pull(desired: Desired, observed: Observed, request: UpRequest) -> dict[str, str | None]:
    """Reference -> platform of what is pulled before anything is planned."""
    return asked_to_pull(desired, request) | holders_to_pull(desired, observed, request)


def asked_to_pull(desired: Desired, request: UpRequest) -> dict[str, str | None]:
    """Those that are pulled also when they are here."""
    return {
        image_reference(desired.appliance, service): service.platform
        for service in desired.services
        if not service.build and (request.pull == "always" or service.pull_policy == "always")
    }


def holders_to_pull(desired: Desired, observed: Observed, request: UpRequest) -> dict[str, str | None]:
    """Missing images of services that others take volumes from: the plan needs to know which they declare."""
    if request.pull == "never":
        return {}
    holders = volume_holders(desired.everything)
    wanted = (service for service in desired.services if service.name in holders and not service.build)
    references = {image_reference(desired.appliance, service): service.platform for service in wanted}
    return {name: platform for name, platform in references.items() if observed.image(name) is None}


def running_checked(desired: Desired, observed: Observed) -> dict[str, ObservedContainer]:
    """Replica -> container of what runs and has a check that can be asked."""
    return {
        each.replica: each
        for each in observed.containers_of(desired.appliance)
        if each.state is ContainerState.RUNNING and each.service in desired.checks
    }


def orphans_notice(desired: Desired, observed: Observed, request: UpRequest) -> Notice | None:
    """The warning of services that run and aren't in the files, if there are any."""
    names = sorted({container.service for container in orphans(desired, observed)})
    if not names or request.options.remove_orphans:
        return None
    return Notice(
        f"{desired.appliance} has containers of services that the files no longer have: {', '.join(names)} "
        "(remove them with --remove-orphans)",
        is_warning=True,
    )


def plan_made(plan: Plan) -> PlanMade:
    by_id = {step.id: step for step in plan.steps}
    waits: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        if isinstance(step.action, StartContainer):
            before = (by_id[step_id] for step_id in (*step.after, *step.after_ended))
            names = {each.subject.partition(":")[2] for each in before if each.subject != step.subject}
            waits[step.subject.partition(":")[2]] = tuple(sorted(names))
    return PlanMade(tuple(str(step) for step in plan.steps), plan.kept, waits)
