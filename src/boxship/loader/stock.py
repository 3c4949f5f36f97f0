"""Which releases are on a box, and what is still known of those that are damaged or gone."""

from collections.abc import Mapping

from msgspec import Struct, field

from boxship.errors import BoxshipError, NotFoundError, StateError
from boxship.loader.parts import Parts
from boxship.spec.release import Release


class Stock(Struct, frozen=True):
    """``whole``: those that can be switched to. ``recorded``: damaged ones whose record can be read.

    ``removed``: records of those that are gone, but for their images. ``damaged``: release id -> a sentence, also of
    removed ones.
    """

    whole: tuple[Release, ...] = ()
    recorded: tuple[Release, ...] = ()
    removed: tuple[Release, ...] = ()
    damaged: Mapping[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    """Of all that are here."""

    @property
    def known(self) -> tuple[Release, ...]:
        """All that are here and of which it is known what images they have."""
        return (*self.whole, *self.recorded)


async def take_stock(parts: Parts) -> Stock:
    """All of them, verified anew. Never raises for a damaged one."""
    return await parts.aside(_take_stock, parts)


def _take_stock(parts: Parts) -> Stock:
    releases = parts.releases
    whole: list[Release] = []
    recorded: list[Release] = []
    removed: list[Release] = []
    damaged: dict[str, str] = {}
    ids = releases.ids()
    for release_id in ids:
        try:
            whole.append(releases.verify(release_id))
        except (NotFoundError, StateError) as error:
            record = record_of(parts, release_id)
            damaged[release_id] = _sentence(error) + ("" if record else "; its images aren't known any more")
            recorded += [record] if record else []
    for release_id in releases.removed():
        if record := record_of(parts, release_id):
            removed.append(record)
        else:
            damaged[release_id] = (
                f"the record of {release_id[:19]}, which was removed, can't be read: images may be left"
            )
    return Stock(tuple(whole), tuple(recorded), tuple(removed), damaged, ids)


def record_of(parts: Parts, release_id: str) -> Release | None:
    """None for one that can't be read any more."""
    try:
        return parts.releases.record(release_id)
    except (NotFoundError, StateError):
        return None


def _sentence(error: BoxshipError) -> str:
    return f"{error.message}: {error.hint}" if error.hint else error.message
