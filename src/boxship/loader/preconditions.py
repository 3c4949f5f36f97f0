"""What speaks against a switch, all of it at once, and before anything is touched."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from boxship.errors import BoxshipError, PreconditionError
from boxship.loader.deployments import Wanted
from boxship.loader.parts import Parts, VolumePair
from boxship.operate.bring import refuse_absent_sources
from boxship.plan.deployed import Carried
from boxship.plan.gated import GatedPort
from boxship.plan.observed import Observed
from boxship.plan.reconcile import reconcile
from boxship.plan.verdict import Options
from boxship.spec.model import HostHooks
from boxship.units import format_size


async def refuse_unmet(
    parts: Parts, wanted: Wanted, observed: Observed, pairs: tuple[VolumePair, ...], objections: Iterable[str]
) -> None:
    """Raises: PreconditionError with every reason, ``objections`` among them."""
    reasons = [
        *objections,
        *await _missing_images(parts, wanted),
        *_foreign_ports(parts.appliance, wanted, observed),
        *_missing_programs(wanted),
        *(f"host: {need}" for need in parts.machine.unmet_needs(wanted.appliance.host)),
        *await _planning(parts, wanted, observed),
        *await _lacking_room(parts, pairs),
    ]
    if reasons:
        raise PreconditionError(
            f"{wanted.deployment} can't take over: {reasons[0]}"
            + (f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""),
            reasons=reasons,
            hint="nothing was changed",
        )


def pairs_of(carried: Iterable[Carried], observed: Observed, data_root: Path) -> tuple[VolumePair, ...]:
    """Where the files are. A volume that isn't there yet will be where the engine puts those of its local driver."""
    places = {volume.name: volume.mountpoint for volume in observed.volumes}
    return tuple(
        VolumePair(
            each.key,
            Path(places[each.source]),
            Path(places.get(each.destination) or data_root / "volumes" / each.destination / "_data"),
        )
        for each in carried
    )


async def _missing_images(parts: Parts, wanted: Wanted) -> list[str]:
    """All images of the release, and so also the platform's, which no service has."""
    images = wanted.release.images().values()
    observed = await parts.engine.observe(tuple({image.id for image in images}))
    missing = [image for image in images if observed.image(image.id) is None]
    return [f"image {image.reference} is not here: pull the release again" for image in missing]


def _foreign_ports(appliance: str, wanted: Wanted, observed: Observed) -> list[str]:
    """Ports that another appliance's running container has."""
    held = {
        f"port {port.published}/{port.protocol} is held by container {container.name}"
        for container in observed.containers
        if container.appliance != appliance
        for port in container.ports
        if port.published and _is_wanted(GatedPort(port.published, port.protocol, port.host_ip), wanted.gated.ports)
    }
    return sorted(held)


def _is_wanted(held: GatedPort, wanted: Iterable[GatedPort]) -> bool:
    anywhere = ("", "0.0.0.0", "::")  # noqa: S104  # compared, not listened on
    return any(
        (port.port, port.protocol) == (held.port, held.protocol)
        and (port.address in anywhere or held.address in anywhere or port.address == held.address)
        for port in wanted
    )


def _missing_programs(wanted: Wanted) -> list[str]:
    """Hooks that run on this host and aren't there."""
    hooks = {name: wanted.desired.hooks.get(name, HostHooks()) for name in sorted(wanted.desired.names())}
    return [
        f"hook of {name}: there is no program {argv[0]}"
        for name, each in hooks.items()
        for argv in (each.pre_start, each.post_start, each.pre_stop, each.post_stop)
        if argv and shutil.which(argv[0]) is None and not (wanted.desired.directory / argv[0]).exists()
    ]


async def _planning(parts: Parts, wanted: Wanted, observed: Observed) -> list[str]:
    try:
        plan = reconcile(wanted.desired, observed, Options())
        await refuse_absent_sources(plan, wanted.desired, parts.engine)
    except BoxshipError as error:
        if error.code.startswith("engine.un"):
            raise
        return [error.message]
    return []


async def _lacking_room(parts: Parts, pairs: tuple[VolumePair, ...]) -> list[str]:
    if not pairs:
        return []
    missing_bytes = await parts.copier.missing_bytes(pairs)
    return [f"the copies of its volumes need {format_size(missing_bytes)} more room"] if missing_bytes else []
