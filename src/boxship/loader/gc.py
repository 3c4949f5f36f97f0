"""What no deployment needs any more: found by labels and by the records of releases, never by names.

What ``boxship up`` made (generation 0), what all releases share, and what others made is never touched.
"""

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct, field

from boxship.errors import BoxshipError
from boxship.loader.box import GcView
from boxship.loader.holding import Loose, find_loose
from boxship.loader.journal import Journal
from boxship.loader.keeping import kept_deployments, why_kept
from boxship.loader.parts import Parts
from boxship.loader.stock import Stock, take_stock
from boxship.plan.observed import Observed
from boxship.state import transitions
from boxship.state.deployment import Deployment
from boxship.state.operation import Failure
from boxship.state.state import State


class Garbage(Struct, frozen=True):
    """Names on the engine, in the order of their removal; images as names that are taken away."""

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    """Release id -> why it stays."""
    owing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Release id -> which of the images must be gone before its record may be forgotten."""
    waiting: frozenset[str] = frozenset()
    """Ids of releases whose records stay in any case."""
    damaged: Mapping[str, str] = field(default_factory=dict)
    """Release id -> what is wrong with it, and what becomes of it."""
    blocked: Mapping[str, str] = field(default_factory=dict)
    """Release id -> why nothing of some kind can go because of it."""


def find_garbage(
    appliance: str,
    state: State,
    stock: Stock,
    observed: Observed,
    kept_releases: Mapping[str, str],
    kept_images: Collection[str] = (),
) -> Garbage:
    """Pure. ``observed`` must list the images of all that the stock knows.

    ``kept_releases``: of ``why_kept``. ``kept_images``: ids that stay beside those of kept releases.
    """
    generations = {each.generation for each in kept_deployments(state)}
    known = (*stock.known, *stock.removed)
    staying = [release for release in known if release.id in kept_releases]
    going = [release for release in known if release.id not in kept_releases]
    blocked = _unknown(state, kept_releases.keys() - {release.id for release in known})
    if blocked:
        loose = Loose(waiting=frozenset(release.id for release in going))
    else:
        loose = find_loose(going, staying, kept_images, observed)
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
        images=loose.names,
        releases=tuple(each for each in stock.ids if each not in kept_releases),
        kept={each: kept_releases[each] for each in stock.ids if each in kept_releases},
        # Of what can't be read nothing can be owed.
        owing={**{each: () for each in stock.damaged if each not in kept_releases}, **loose.owing},
        waiting=loose.waiting,
        damaged=stock.damaged,
        blocked=blocked,
    )


def _unknown(state: State, ids: Collection[str]) -> Mapping[str, str]:
    return {
        each.release_id: f"nobody knows which images {each.version} needs, as its record can't be read, so none of any "
        "release is removed: pull it again"
        for each in kept_deployments(state)
        if each.release_id in ids
    }


async def garbage_of(parts: Parts, journal: Journal) -> Garbage:
    """What there is now. Raises: EngineError."""
    stock = await take_stock(parts)
    known = (*stock.known, *stock.removed)
    references = {image.id for release in known for image in release.images().values()}
    observed = await parts.engine.observe(tuple(references))
    state = journal.state
    kept = why_kept(state, stock.whole, _earlier(parts, state.current))
    return find_garbage(parts.appliance, state, stock, observed, kept, parts.loader_images())


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
    if view.damaged:
        journal.note_result(damaged="; ".join(view.damaged.values()))
    for why in garbage.blocked.values():
        return Failure("gc.partial", why)
    for name, why in view.failures.items():
        stayed = "1 thing" if len(view.failures) == 1 else f"{len(view.failures)} things"
        return Failure("gc.partial", f"{stayed} stayed, {name} the first: {why}")
    return None


async def _forget(journal: Journal, release_id: str) -> None:
    await journal.change(lambda state: transitions.forget_release(state, release_id))


async def collect(parts: Parts, garbage: Garbage) -> GcView:
    """Remove it, as far as that goes: what stays is told with the reason, and tried again by the next gc.

    A release goes at once, its record when its images are gone: it is what the next gc finds them by.

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
    for release_id, images in garbage.owing.items():
        if release_id not in garbage.waiting and not failures.keys() & set(images):
            parts.releases.forget(release_id)
    return view_of(garbage, failures)


def view_of(garbage: Garbage, failures: dict[str, str] | None = None) -> GcView:
    failed = {**(failures or {}), **garbage.blocked}
    return GcView(
        containers=tuple(each for each in garbage.containers if each not in failed),
        volumes=tuple(each for each in garbage.volumes if each not in failed),
        networks=tuple(each for each in garbage.networks if each not in failed),
        images=tuple(each for each in garbage.images if each not in failed),
        releases=garbage.releases,
        failures=failed,
        kept=garbage.kept,
        damaged=garbage.damaged,
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
