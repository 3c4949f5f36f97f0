"""What speaks against a switch, all of it at once, and before anything is touched."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from boxship.checks.preflight import Preflight, ask_preflight
from boxship.checks.report import Report
from boxship.checks.text import redactor_for
from boxship.errors import BoxshipError, HostError, PreconditionError
from boxship.execute.generations import VolumePair
from boxship.loader.deployments import Wanted
from boxship.loader.journal import Journal
from boxship.loader.kernel import set_kernel
from boxship.loader.on_a_box import report_on_a_box
from boxship.loader.parts import Parts
from boxship.operate.bring import refuse_absent_sources
from boxship.operate.preflight import refusal_of
from boxship.plan.deployed import Carried
from boxship.plan.observed import Observed
from boxship.plan.reconcile import reconcile
from boxship.plan.verdict import Options
from boxship.spec.model import HostHooks
from boxship.spec.sockets import refused_on_a_box
from boxship.state.operation import against

_MAKE_ROOM = "make room on that disk (boxship box gc removes what no deployment needs), then try again; "


async def refuse_unmet(
    parts: Parts,
    journal: Journal | None,
    wanted: Wanted,
    observed: Observed,
    pairs: tuple[VolumePair, ...],
    objections: Iterable[str],
) -> None:
    """Raises: PreconditionError with every reason, ``objections`` among them.

    The result of the operation that runs has them, too; without ``journal`` there is none.
    """
    refusal = refusal_of(await preflight(parts, wanted))
    lacking_room = await _lacking_room(parts, pairs)
    reasons = [
        *objections,
        *await lacking(parts, wanted, observed),
        *(refusal.reasons if refusal is not None else ()),
        *lacking_room,
    ]
    if reasons:
        if journal is not None:
            journal.note_result(**against(map(redactor_for(wanted.desired).clean, reasons)))
        raise PreconditionError(
            f"{wanted.deployment} can't take over: {reasons[0]}"
            + (f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""),
            reasons=reasons,
            hint=f"{_MAKE_ROOM if lacking_room else ''}nothing was stopped, and nothing changed",
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
    """All images of the release, and so also the platform's, which no service has; each once, however many have it."""
    images = wanted.release.images().values()
    observed = await parts.engine.observe(tuple({image.id for image in images}))
    missing = dict.fromkeys(image.reference for image in images if observed.image(image.id) is None)
    return [f"image {reference} is not here: pull the release again" for reference in missing]


async def lacking(parts: Parts, wanted: Wanted, observed: Observed) -> list[str]:
    """Why it can't start, besides what preflight finds: images, programs and files that aren't here.

    And who would get the engine's socket, which on a box is the Loader's alone.
    """
    missing = await _missing_images(parts, wanted)
    # Without its images a plan would only say the same in other words.
    planning = [] if missing else await _planning(parts, wanted, observed)
    sockets = refused_on_a_box(wanted.appliance, wanted.desired.names())
    return [*missing, *sockets, *_missing_programs(wanted), *planning]


async def preflight(parts: Parts, wanted: Wanted) -> Report:
    """What the release demands of the machine, its ports among it, and what its vendor wants to be asked."""
    appliance = wanted.appliance
    # What the boot would set must not be what keeps it from happening.
    set_kernel(parts, wanted)
    asked = Preflight(
        desired=wanted.desired,
        checks=appliance.preflight,
        host=appliance.host,
        disk_limits=appliance.disk_limits,
        version=wanted.release.version,
        directory=appliance.directory,
    )
    return report_on_a_box(await ask_preflight(parts.engine, parts.machine, parts.clock, asked))


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
    try:
        rooms = await parts.copier.needed_room(pairs)
    except HostError as error:
        return [error.message]
    return [f"the copies of its volumes have no room: {room.shortage}" for room in rooms if room.shortage]
