"""What is to happen with each container, before it is turned into steps: one verdict per replica, with its cause."""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from boxship import names
from boxship.plan.action import ContainerSpec
from boxship.plan.digest import changed_parts
from boxship.plan.observed import ContainerState, Health, Observed, ObservedContainer
from boxship.plan.resolve import (
    Desired,
    Replica,
    dependencies_of,
    namespace_owner,
    namespace_owners,
    replicas_of,
)
from boxship.plan.sharing import volume_holders
from boxship.spec.model import Condition, Service

_UP = frozenset({ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING})
USELESS = frozenset({ContainerState.DEAD, ContainerState.REMOVING})


class Options(Struct, frozen=True):
    """What a person may ask for on top of "make it so". The words are docker compose's."""

    force_recreate: bool = False
    no_recreate: bool = False
    remove_orphans: bool = False
    renew_anonymous_volumes: bool = False
    stop_grace_s: float | None = None
    half_started: frozenset[str] = frozenset()
    """Replicas whose containers the engine can't start any more (not asked for by a person)."""
    again: Mapping[str, str] = field(default_factory=dict)
    """Service -> why its containers must start again, also where nothing about them has changed."""
    untouched: frozenset[str] = frozenset()
    """Services whose containers stay as they are, whatever their scale says."""


class Keep(Struct, frozen=True):
    """It is as wanted. ``why`` for people."""

    container: ObservedContainer
    why: str


class Start(Struct, frozen=True):
    """The right container is there and doesn't run (or must be stopped first, when ``again``)."""

    container: ObservedContainer
    cause: str
    again: bool = False


class Create(Struct, frozen=True):
    """A new container is needed; ``old`` is the one it takes over from, if any."""

    cause: str
    old: ObservedContainer | None = None


Choice = Keep | Start | Create


class Verdict(Struct, frozen=True):
    """A replica, the container it should be, the choice, and its other containers that must go."""

    replica: Replica
    spec: ContainerSpec
    choice: Choice
    stale: tuple[ObservedContainer, ...] = ()

    @property
    def service(self) -> Service:
        return self.replica.service

    @property
    def name(self) -> str:
        return self.replica.name


def is_up(container: ObservedContainer) -> bool:
    return container.state in _UP


def judge(
    desired: Desired,
    observed: Observed,
    specs: Mapping[str, ContainerSpec],
    options: Options,
    forced: Mapping[str, str],
) -> dict[str, Verdict]:
    """A verdict for every replica, in start order. ``forced``: replica -> why it must be made anew."""
    # Not by name: the second container of "web" and the first one of "web.2" may change places.
    mine: dict[tuple[str, int], list[ObservedContainer]] = {}
    for container in observed.containers_of(desired.appliance):
        mine.setdefault((container.service, container.number), []).append(container)
    # One that others take volumes from has done its work when it ended well: the volumes are there.
    one_shots = completion_awaited(desired) | volume_holders(desired.everything)
    verdicts = {
        replica.name: _judge_one(
            replica,
            specs[replica.name],
            mine.get((replica.service.name, replica.number), []),
            _View(desired, observed, options),
            forced.get(replica.name, ""),
            is_one_shot=replica.service.name in one_shots,
        )
        for replica in desired.replicas()
    }
    return _propagate(desired, verdicts, options)


def completion_awaited(desired: Desired) -> frozenset[str]:
    """Services that some dependent wants to have completed: one-shots, ready when they ended with 0."""
    chosen = {service.name: service for service in desired.services}
    return frozenset(
        name
        for service in desired.services
        for name, edge in dependencies_of(service, chosen).items()
        if edge.condition is Condition.COMPLETED
    )


class _View(Struct, frozen=True):
    """What every verdict is passed on."""

    desired: Desired
    observed: Observed
    options: Options


def _judge_one(
    replica: Replica,
    spec: ContainerSpec,
    found: list[ObservedContainer],
    view: _View,
    forced: str,
    *,
    is_one_shot: bool,
) -> Verdict:
    options = view.options
    best = _best_match(spec, found, view.observed, options)
    if best is None or forced or (options.force_recreate and found):
        old = _replaced(spec, found)
        cause = forced or ("asked for with --force-recreate" if options.force_recreate and found else "")
        return Verdict(replica, spec, Create(cause or _why_new(spec, old, view), old), tuple(found))
    stale = tuple(container for container in found if container is not best)
    again = options.again.get(replica.service.name, "")
    if again and is_up(best):
        return Verdict(replica, spec, Start(best, again, again=True), stale)
    return Verdict(replica, spec, _keep_or_start(best, is_one_shot=is_one_shot), stale)


def _best_match(
    spec: ContainerSpec, found: list[ObservedContainer], observed: Observed, options: Options
) -> ObservedContainer | None:
    matching = [
        container
        for container in found
        if container.state not in USELESS and (options.no_recreate or _is_same(spec, container, observed))
    ]
    # One that runs beats one that doesn't (a replacement that was cut off half-way), then the one with its final name.
    return max(matching, key=lambda each: (is_up(each), each.name == spec.name, each.created_at_s), default=None)


def _is_same(spec: ContainerSpec, container: ObservedContainer, observed: Observed) -> bool:
    image = observed.image(spec.image)
    has_same_image = image is None or image.id == container.image_id
    return container.digest == spec.labels[names.LABEL_DIGEST] and has_same_image


def _replaced(spec: ContainerSpec, found: list[ObservedContainer]) -> ObservedContainer | None:
    usable = [container for container in found if container.state not in USELESS]
    return max(usable, key=lambda each: (is_up(each), each.name == spec.name, each.created_at_s), default=None)


def _why_new(spec: ContainerSpec, old: ObservedContainer | None, view: _View) -> str:
    if old is None:
        return "not there yet"
    reasons = []
    changed = changed_parts(old.parts, spec.labels[names.LABEL_PARTS])
    if changed:
        reasons.append(f"{', '.join(changed)} changed{_why_found_otherwise(spec.service, changed, view.desired)}")
    image = view.observed.image(spec.image)
    if image is None or image.id != old.image_id:
        reasons.append(f"image {old.image} replaced by {spec.image}" if old.image != spec.image else "its image is new")
    return " and ".join(reasons) or "its configuration changed"


def _why_found_otherwise(service: Service, changed: tuple[str, ...], desired: Desired) -> str:
    """Addresses in ``/etc/hosts`` come and go with the scale of those that they lead to."""
    peers = (desired.everything.get(name) for name in sorted(service.depends_on))
    scaled = [f"{peer.name} has {peer.scale} containers" for peer in peers if peer is not None and peer.scale > 1]
    return f" ({', '.join(scaled)}: found by DNS only)" if scaled and "extra_hosts" in changed else ""


def _keep_or_start(container: ObservedContainer, *, is_one_shot: bool) -> Choice:
    match container.state:
        case ContainerState.RUNNING:
            return Keep(container, "runs" if container.health is Health.NONE else f"runs, {container.health}")
        case ContainerState.RESTARTING:
            return Keep(container, "is being restarted by the engine")
        case ContainerState.PAUSED:
            return Start(container, "it is paused")
        case ContainerState.EXITED if is_one_shot and container.exit_code == 0:
            return Keep(container, "completed")
        case ContainerState.EXITED:
            return Start(container, f"it ended with status {container.exit_code}")
        case _:
            return Start(container, "it was made but not started")


def _propagate(desired: Desired, verdicts: dict[str, Verdict], options: Options) -> dict[str, Verdict]:
    """Who lives in a recreated service's namespaces, or asked for it (``restart: true``), is recreated with it.

    One that lives in the namespaces of a service that starts again must start again as well. Start order makes one
    pass enough.
    """
    result = dict(verdicts)
    chosen = {service.name: service for service in desired.services}
    for replica in desired.replicas():
        verdict = result[replica.name]
        cause, anew = _caused_by_others(verdict, result, chosen)
        if not cause or isinstance(verdict.choice, Create):
            continue
        container = verdict.choice.container
        if anew and not options.no_recreate:
            choice: Choice = Create(cause, container)
            result[replica.name] = replace(verdict, choice=choice, stale=(container, *verdict.stale))
        elif is_up(container):
            result[replica.name] = replace(verdict, choice=Start(container, cause, again=True))
    return result


def _lives_elsewhere(service: Service, own: Choice, owner: str, there: ObservedContainer) -> bool:
    """Its network namespace is that of another container than the one that its owner now is."""
    if isinstance(own, Create) or namespace_owner(service.network_mode) != owner:
        return False
    return own.container.network_mode.startswith("container:") and own.container.network_mode != f"container:{there.id}"


def _caused_by_others(own: Verdict, verdicts: Mapping[str, Verdict], chosen: Mapping[str, Service]) -> tuple[str, bool]:
    """Why a replica must follow another service, and whether it must be made anew; ("", False) if it needn't.

    Of a service with several containers, the first is the one whose namespace others live in.
    """
    service = own.service
    follows: tuple[str, bool] = ("", False)
    for owner in sorted(namespace_owners(service)):
        match verdicts[owner].choice if owner in verdicts else None:
            case Create(old=old) if old is not None:
                return f"it shares a namespace with {owner}, which is recreated", True
            case Create() if not isinstance(own.choice, Create):
                return f"it shares a namespace with {owner}, which is gone", True
            case Keep(container=there) | Start(container=there) if _lives_elsewhere(service, own.choice, owner, there):
                return f"it lives in the namespace of a container of {owner} that is gone", True
            case Start() | Create():
                follows = (f"it shares a namespace with {owner}, which starts again", False)
            case _:
                pass
    for name, edge in sorted(dependencies_of(service, chosen).items()):
        if edge.restart and any(_is_recreated(verdicts[each.name]) for each in replicas_of(chosen[name])):
            return f"it asks to be restarted with {name}, which is recreated", True
    return follows


def _is_recreated(verdict: Verdict) -> bool:
    return isinstance(verdict.choice, Create) and verdict.choice.old is not None
