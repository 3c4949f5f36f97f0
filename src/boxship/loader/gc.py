"""What no deployment needs any more: found by labels and by the records of releases, never by names.

What ``boxship up`` made (generation 0), what all releases share, and what others made is never touched.
"""

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct, field

from boxship.errors import BoxshipError
from boxship.loader.box import GcView
from boxship.loader.journal import Journal
from boxship.loader.keeping import kept_deployments, why_kept
from boxship.loader.parts import Parts
from boxship.plan.observed import Observed
from boxship.spec.release import PLATFORM, Release
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure
from boxship.state.state import State


class Garbage(Struct, frozen=True):
    """Names on the engine, in the order of their removal; images as references that are taken away."""

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    """Release id -> why it stays."""


def find_garbage(
    appliance: str,
    state: State,
    releases: Collection[Release],
    observed: Observed,
    kept_releases: Mapping[str, str],
    kept_images: Collection[str] = (),
) -> Garbage:
    """Pure. ``observed`` must list the images of all ``releases``.

    ``kept_releases``: of ``why_kept``. ``kept_images``: ids that stay beside those of kept releases.
    """
    generations = {each.generation for each in kept_deployments(state)}
    kept = [release for release in releases if release.id in kept_releases]
    going = [release for release in releases if release.id not in kept_releases]
    needed_images = {image.id for release in kept for image in release.images().values()}
    needed_images |= set(kept_images)
    return Garbage(
        containers=_of_dead_generations(
            ((each.name, each.appliance, each.generation) for each in observed.containers), appliance, generations
        ),
        networks=_of_dead_generations(
            ((each.name, each.appliance, each.generation) for each in observed.networks), appliance, generations
        ),
        volumes=_of_dead_generations(
            ((each.name, each.appliance, each.generation) for each in observed.volumes), appliance, generations
        ),
        images=_image_references(going, needed_images, observed),
        releases=tuple(release.id for release in going),
        kept={release.id: kept_releases[release.id] for release in kept},
    )


async def garbage_of(parts: Parts, journal: Journal) -> Garbage:
    """What there is now. Raises: EngineError."""
    releases = [parts.releases.release(release_id) for release_id in parts.releases.ids()]
    references = tuple({image.id for release in releases for image in release.images().values()})
    observed = await parts.engine.observe(references)
    state = journal.state
    kept = why_kept(state, releases, _earlier(parts, state.current))
    return find_garbage(parts.appliance, state, releases, observed, kept, parts.loader_images())


def _earlier(parts: Parts, current: Deployment | None) -> int:
    """How many earlier releases the one that runs wants kept; where it can't be read, none can be said to be."""
    if current is None:
        return 0
    try:
        return parts.releases.appliance(current.release_id).keep.releases
    except BoxshipError:
        return 0


async def collect_garbage(parts: Parts, journal: Journal) -> Failure | None:
    """The whole operation; a failure names the first thing that stayed."""
    garbage = await garbage_of(parts, journal)
    for release_id in garbage.releases:
        await _forget(journal, release_id)
    view = await collect(parts, garbage)
    kept = [each.generation for each in kept_deployments(journal.state)]
    await parts.aside(parts.service_tokens.withdraw_others, kept)
    # One operation at a time: no pull is under way.
    await parts.aside(parts.releases.drop_begun)
    journal.note_result(
        containers=str(len(view.containers)),
        volumes=str(len(view.volumes)),
        networks=str(len(view.networks)),
        images=str(len(view.images)),
        releases=str(len(view.releases)),
    )
    for name, why in view.failures.items():
        return Failure("gc.partial", f"{len(view.failures)} things stayed, {name} the first: {why}")
    return None


async def _forget(journal: Journal, release_id: str) -> None:
    await journal.change(lambda state: transitions.forget_release(state, release_id))


async def collect(parts: Parts, garbage: Garbage) -> GcView:
    """Remove it, as far as that goes: what stays is told with the reason, and tried again by the next gc.

    Raises: EngineUnreachableError, EngineTimeoutError.
    """
    failures: dict[str, str] = {}
    engine = parts.engine
    # One after the other: nobody waits for it, and removals side by side are what an engine can deadlock on.
    removals = (
        *((name, engine.remove_container) for name in garbage.containers),
        *((name, engine.remove_network) for name in garbage.networks),
        *((name, engine.remove_volume) for name in garbage.volumes),
        *((name, engine.remove_image) for name in garbage.images),
    )
    for name, remove in removals:
        try:
            await remove(name)
        except BoxshipError as error:
            if error.code in ("engine.unreachable", "engine.timeout"):
                raise
            failures[name] = error.message
    for release_id in garbage.releases:
        parts.releases.remove(release_id)
    return view_of(garbage, failures)


def view_of(garbage: Garbage, failures: dict[str, str] | None = None) -> GcView:
    failed = failures or {}
    return GcView(
        containers=tuple(each for each in garbage.containers if each not in failed),
        volumes=tuple(each for each in garbage.volumes if each not in failed),
        networks=tuple(each for each in garbage.networks if each not in failed),
        images=tuple(each for each in garbage.images if each not in failed),
        releases=garbage.releases,
        failures=failed,
        kept=garbage.kept,
    )


async def discard_generation(parts: Parts, generation: int) -> None:
    """Remove what a failed trial made. What can't be removed now is garbage for the next gc."""
    observed = await parts.engine.observe(())
    mine = parts.appliance
    await collect(
        parts,
        Garbage(
            containers=tuple(e.name for e in observed.containers if (e.appliance, e.generation) == (mine, generation)),
            networks=tuple(e.name for e in observed.networks if (e.appliance, e.generation) == (mine, generation)),
            volumes=tuple(e.name for e in observed.volumes if (e.appliance, e.generation) == (mine, generation)),
        ),
    )
    await parts.aside(parts.service_tokens.withdraw, generation)


def _of_dead_generations(
    things: Iterable[tuple[str, str, int]], appliance: str, kept: Collection[int]
) -> tuple[str, ...]:
    return tuple(sorted(name for name, owner, number in things if owner == appliance and number and number not in kept))


def _image_references(going: Iterable[Release], needed: Collection[str], observed: Observed) -> tuple[str, ...]:
    """The references by which those releases hold their images; the platform's last.

    A tag that somebody else gave keeps an image here.
    """
    found: dict[str, None] = {}
    last: dict[str, None] = {}
    for release in going:
        for name, image in release.images().items():
            seen = observed.image(image.id)
            if image.id in needed or seen is None:
                continue
            into = last if name == PLATFORM else found
            into |= dict.fromkeys([*(tag for tag in seen.tags if tag == image.reference), *seen.digests])
    return (*found, *(reference for reference in last if reference not in found))
