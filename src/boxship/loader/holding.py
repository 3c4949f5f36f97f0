"""By which names releases hold their images on an engine, and which of those may go: pure.

An image that all lost their tag is known by its id alone, and the record of a release is all that leads to it. So a
record may be forgotten only when nothing on the engine is left that it alone leads to.
"""

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct, field

from boxship.names import replaced_reference
from boxship.plan.observed import Observed, ObservedImage, with_default_tag
from boxship.spec.release import PLATFORM, Release, ReleaseImage


class Loose(Struct, frozen=True):
    """``names``: tags, digests and ids to take away, in that order; the platform's last.

    ``owing``: release id -> which of them must be gone before its record may be forgotten. ``waiting``: ids of the
    releases whose records must stay in any case, as something of theirs may not go yet.
    """

    names: tuple[str, ...] = ()
    owing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()


def names_of(image: ReleaseImage) -> frozenset[str]:
    """The tags that a pull gives an image."""
    names = (image.reference, replaced_reference(image.reference, image.id))
    return frozenset(with_default_tag(each) for each in names)


def find_loose(
    going: Collection[Release], staying: Iterable[Release], loaders: Collection[str], observed: Observed
) -> Loose:
    """What holds the images of the releases that go, and nothing else's. ``loaders``: image ids that stay anyhow.

    A name that somebody else gave is never among it, and keeps its image. ``observed`` lists the images of ``going``.
    """
    kept, lost = _names_by_id(staying), _names_by_id(going)
    names: dict[str, None] = {}
    last: dict[str, None] = {}
    owing: dict[str, tuple[str, ...]] = {}
    waiting: set[str] = set()
    for release in going:
        mine: list[str] = []
        for name, image in release.images().items():
            seen = observed.image(image.id)
            if seen is None:
                continue
            found = _removable(seen, lost[image.id], kept.get(image.id), is_loaders=image.id in loaders)
            if found is None:
                waiting.add(release.id)
                continue
            mine += found
            (last if name == PLATFORM else names).update(dict.fromkeys(found))
        owing[release.id] = tuple(mine)
    return Loose((*names, *(each for each in last if each not in names)), owing, frozenset(waiting))


def _removable(
    seen: ObservedImage, lost: Collection[str], kept: Collection[str] | None, *, is_loaders: bool
) -> tuple[str, ...] | None:
    """None: not yet. ``kept``: the names by which releases that stay hold it, None when none of them needs it."""
    tags = tuple(tag for tag in seen.tags if tag in lost and tag not in (kept or ()))
    if kept is not None:
        # The last name of an image is the image: it must not go while somebody needs that.
        return tags if not tags or any(tag in kept for tag in seen.tags) else None
    if is_loaders:
        return None
    repositories = {tag.rpartition(":")[0] for tag in lost}
    ours = (*tags, *(digest for digest in seen.digests if digest.partition("@")[0] in repositories))
    if ours or seen.tags or seen.digests:
        return ours
    return (seen.id,)


def _names_by_id(releases: Iterable[Release]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for release in releases:
        for image in release.images().values():
            found[image.id] = found.get(image.id, frozenset()) | names_of(image)
    return found
