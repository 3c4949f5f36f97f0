"""Who writes what: whether a container and one that is to start would both write the same files. Pure."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from msgspec import Struct

from boxship.plan.action import ContainerSpec
from boxship.plan.observed import ObservedContainer


class _Place(Struct, frozen=True):
    """A volume by its engine name, or a path of the host."""

    kind: str
    source: str
    read_only: bool


def write_the_same(container: ObservedContainer, spec: ContainerSpec) -> bool:
    """Whether both have a volume or a part of the host's files in common, and at least one of them may write it."""
    theirs = [_Place(mount.kind, mount.source, mount.read_only) for mount in container.mounts]
    ours = _named(_Place(mount.kind, mount.source, mount.read_only) for mount in spec.mounts)
    return any(
        _overlap(one, other) and not (one.read_only and other.read_only) for one in _named(theirs) for other in ours
    )


def _named(places: Iterable[_Place]) -> list[_Place]:
    """An anonymous volume is nobody else's."""
    return [place for place in places if place.source and place.kind in ("volume", "bind")]


def _overlap(one: _Place, other: _Place) -> bool:
    if one.kind != other.kind:
        return False
    if one.kind == "volume":
        return one.source == other.source
    here, there = PurePosixPath(one.source), PurePosixPath(other.source)
    return here.is_relative_to(there) or there.is_relative_to(here)
