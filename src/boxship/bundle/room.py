"""How much room a pull needs, as far as a release tells, and whether it is there: asked before anything is fetched.

Two places count. In the folder of state lie the release's files for good, and the layers of one image at a time. In
the engine's folder lie what has been unpacked, and beside it the layers of the image that is being taken in, which the
engine copies first [M: Docker 20.10, ``tmp/docker-import-*`` of its folder]. On one file system both count together.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from msgspec import Struct

from boxship.bundle.layers import chains_of, missing_layers
from boxship.bundle.source import ImageContent, Offer
from boxship.errors import PreconditionError
from boxship.host.disk import FileSystem
from boxship.host.volumes.room import Room
from boxship.registry.port import Blob
from boxship.spec.release import ReleaseImage

Look = Callable[[str], FileSystem | None]
Here = Callable[[Blob], int]
"""How much of a blob was fetched by an earlier try."""
_BLOCKS_PERCENT = 115
"""Of an image's size, on disk: files fill whole blocks. Debian images of 4,200 to 7,700 files, on ext4: 113 to 114."""


class Needs(Struct, frozen=True):
    """The most that a pull has there at one moment, beside what is there now. ``together``: at one and the same."""

    state_bytes: int
    engine_bytes: int
    together_bytes: int


def needs_of(offer: Offer, known: Collection[str], present: Collection[str], here: Here, *, has_files: bool) -> Needs:
    """Pure, but for ``here``.

    Args:
        offer: What is to be pulled.
        known: The chains of layers that the engine has.
        present: The names of images that it has.
        here: Asked for each blob that is to come.
        has_files: Whether record and files are in the library.
    """
    files_bytes = 0 if has_files else sum(each.size_bytes for each in offer.release.files.values())
    archive_bytes = 0 if has_files else _to_come([offer.files], here)
    most = _most(Needs(0, 0, 0), files_bytes + archive_bytes, 0)
    chains, unpacked_bytes = set(known), 0
    for name, image in offer.release.images().items():
        if name in present:
            continue
        content = offer.images[name]
        layers = {content.layers[index] for index in missing_layers(image.diff_ids, chains)}
        travelling_bytes = sum(each.size_bytes for each in layers)
        unpacked_bytes += _unpacked_bytes(image, content, travelling_bytes)
        fetched_bytes = _to_come({content.config, *layers}, here)
        most = _most(most, files_bytes + fetched_bytes, unpacked_bytes + travelling_bytes)
        chains |= set(chains_of(image.diff_ids))
    return most


def refuse_without_room(needs: Needs, state: Path, data_root: str, what: str, look: Look) -> None:
    """Raises: PreconditionError, with what is needed and what is free. A place that can't be seen refuses nothing."""
    shortages = [each.shortage for each in rooms_of(needs, state, data_root, look) if each.shortage]
    if shortages:
        raise PreconditionError(
            f"there is no room for {what}: {'; '.join(shortages)}",
            reasons=shortages,
            hint="make room on that disk (boxship box gc removes what no deployment needs), then pull again; "
            "nothing was fetched",
        )


def rooms_of(needs: Needs, state: Path, data_root: str, look: Look) -> Sequence[Room]:
    """One for each file system. Of the state's folder, that of the nearest one above which is there."""
    ours = _seen(str(next(each for each in (state, *state.absolute().parents) if each.exists())), look)
    engines = _seen(data_root, look)
    if ours is not None and engines is not None and _is_same(ours, engines):
        return [_room(data_root, needs.together_bytes, engines)]
    pairs = ((str(state), needs.state_bytes, ours), (data_root, needs.engine_bytes, engines))
    return [_room(folder, needed_bytes, system) for folder, needed_bytes, system in pairs if system is not None]


def _to_come(blobs: Collection[Blob], here: Here) -> int:
    return sum(blob.size_bytes - here(blob) for blob in blobs)


def _unpacked_bytes(image: ReleaseImage, content: ImageContent, missing_bytes: int) -> int:
    """Of the layers that are missing: their part of the whole, as they travel. A record may tell no size."""
    whole_bytes = sum(each.size_bytes for each in content.layers)
    part_bytes = image.size_bytes * missing_bytes // whole_bytes if whole_bytes else 0
    return max(part_bytes, missing_bytes) * _BLOCKS_PERCENT // 100


def _most(most: Needs, state_bytes: int, engine_bytes: int) -> Needs:
    return Needs(
        max(most.state_bytes, state_bytes),
        max(most.engine_bytes, engine_bytes),
        max(most.together_bytes, state_bytes + engine_bytes),
    )


def _seen(folder: str, look: Look) -> FileSystem | None:
    """None for an engine's folder on another machine, or out of sight."""
    try:
        return look(folder) if folder else None
    except OSError:
        return None


def _is_same(one: FileSystem, other: FileSystem) -> bool:
    if one.device == other.device:
        return True
    # In a Loader's container the engine's folder is that container's own overlay, which has a device of its own, and
    # tells the numbers of the file system below it.
    numbers = [(each.used_bytes, each.free_bytes, each.used_inodes, each.free_inodes) for each in (one, other)]
    return numbers[0] == numbers[1]


def _room(folder: str, needed_bytes: int, system: FileSystem) -> Room:
    return Room(folder, needed_bytes, system.free_bytes, 0, None)
