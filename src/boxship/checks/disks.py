"""Which file systems hold the appliance's data, and whether one is nearly full."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from boxship.checks.report import Found, Level
from boxship.host.disk import FileSystem
from boxship.host.machine import Machine
from boxship.plan.observed import Observed
from boxship.spec.model_checks import Bound, Limits
from boxship.units import format_size

_MOST_NAMED = 6
_NOT_DATA = ("/proc", "/sys", "/dev")


class Place(Struct, frozen=True):
    """Something that keeps data: ``what`` it is called, and where it is on the host."""

    what: str
    path: str
    limits: Limits

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of the host that a service was given, and neither a volume nor the engine's own."""
        return self.what == self.path


class Disk(Struct, frozen=True):
    """A file system and what lives there."""

    system: FileSystem
    places: tuple[Place, ...]


def data_places(
    appliance: str, observed: Observed, data_root: str, limits: Limits, volume_limits: Mapping[str, Limits]
) -> tuple[Place, ...]:
    """The engine's own folder, each volume, and each folder of the host that a container may write."""
    found = [Place("engine", data_root, limits)] if data_root else []
    mounts = [mount for each in observed.containers_of(appliance) for mount in each.mounts]
    used = {mount.source for mount in mounts if mount.kind == "volume"}
    for volume in observed.volumes:
        if volume.mountpoint and (volume.appliance == appliance or volume.name in used):
            what = volume.key or volume.name.removeprefix(f"{appliance}.")
            own = volume_limits.get(what, limits)
            found.append(Place(f"volume {what}", volume.mountpoint, own))
    binds = sorted({mount.source for mount in mounts if mount.kind == "bind" and not mount.read_only})
    found += [Place(source, source, limits) for source in binds if not source.startswith(_NOT_DATA)]
    return tuple(found)


def group_places(places: Sequence[Place], machine: Machine) -> tuple[tuple[Disk, ...], Mapping[str, str]]:
    """The file systems, and a reason for each place that can't be looked at."""
    systems: dict[int, FileSystem] = {}
    living: dict[int, list[Place]] = {}
    unknown: dict[str, str] = {}
    for place in places:
        try:
            system = machine.file_system(place.path)
        except OSError as error:
            unknown[place.what] = error.strerror or str(error)
            continue
        if system is not None:
            systems[system.device] = system
            living.setdefault(system.device, []).append(place)
    return tuple(Disk(systems[device], tuple(found)) for device, found in living.items()), unknown


def judge_disk(disk: Disk) -> Found:
    """Bytes and inodes, each against the strictest limits of those that live there."""
    system = disk.system
    names = describe(disk)
    values = {
        "disk_used_ratio": system.used_percent / 100,
        "disk_free_bytes": float(system.free_bytes),
        "disk_inodes_used_ratio": system.inodes_percent / 100,
    }
    context = {"path": system.mount_point, "holds": names}
    text = f"{system.used_percent:.0f} % of {format_size(system.total_bytes)}, {format_size(system.free_bytes)} left"
    level = max((_level(place.limits, system) for place in disk.places), key=_WORST)
    inodes = max((_inode_level(place.limits, system) for place in disk.places), key=_WORST)
    if _WORST(inodes) > _WORST(level):
        text = f"{system.inodes_percent:.0f} % of its inodes are used ({system.free_inodes:,} left): {names}"
        return Found(inodes, text, "host.inodes", values, context)
    return Found(level, f"{text}: {names}", "host.disk", values, context)


_WORST = (Level.OK, Level.WARN, Level.FAIL).index


def describe(disk: Disk) -> str:
    """What lives there: "engine, volumes db and web, /srv/data"."""
    volumes = [place.what.removeprefix("volume ") for place in disk.places if place.what.startswith("volume ")]
    others = [place.what for place in disk.places if not place.what.startswith("volume ")]
    if volumes:
        shown = ", ".join(sorted(volumes)[:_MOST_NAMED])
        more = f" and {len(volumes) - _MOST_NAMED} more" if len(volumes) > _MOST_NAMED else ""
        others.insert(1 if "engine" in others else 0, f"volume{'s' * (len(volumes) > 1)} {shown}{more}")
    return ", ".join(others)


def _level(limits: Limits, system: FileSystem) -> Level:
    return level_of(limits, system.used_percent, system.free_bytes)


def _inode_level(limits: Limits, system: FileSystem) -> Level:
    """Only shares count here: a size that must be left says nothing about inodes."""
    if not system.used_inodes + system.free_inodes:
        return Level.OK
    return level_of(limits, system.inodes_percent, None)


def level_of(limits: Limits, used_percent: float, free_bytes: int | None) -> Level:
    """How a use is, given its limits; a size that must be left counts only where one is known."""
    if _is_over(limits.fail, used_percent, free_bytes):
        return Level.FAIL
    return Level.WARN if _is_over(limits.warn, used_percent, free_bytes) else Level.OK


def _is_over(bound: Bound, used_percent: float, free_bytes: int | None) -> bool:
    if bound.used_percent is not None:
        return used_percent >= bound.used_percent
    return bound.free_bytes is not None and free_bytes is not None and free_bytes < bound.free_bytes
