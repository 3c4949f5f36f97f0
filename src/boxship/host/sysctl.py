"""Kernel settings that an appliance declares: set where that is allowed, and always read back.

They are the host's: the engine refuses ``vm.*`` per container. A setting made here lasts until the host reboots.
"""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

PROC_SYS = Path("/proc/sys")


class Setting(Struct, frozen=True):
    """One kernel setting. ``before`` and ``now`` are None when the kernel has none of that name."""

    key: str
    wanted: str
    before: str | None
    now: str | None

    @property
    def is_as_wanted(self) -> bool:
        return self.now == self.wanted

    def __str__(self) -> str:
        if self.now is None:
            return f"this host's kernel has no setting {self.key}, which should be {self.wanted}"
        if not self.is_as_wanted:
            return (
                f"{self.key} is {self.now} and should be {self.wanted}, which isn't allowed from here: "
                f"sudo sysctl -w {self.key}={self.wanted}"
            )
        return f"{self.key} was {self.before} and is {self.now} now, until this host reboots"


def apply_settings(settings: Mapping[str, str], root: Path = PROC_SYS) -> tuple[Setting, ...]:
    """Set what differs, as far as allowed, and read everything back. Never raises: what failed is in the result."""
    return tuple(_apply(key, _normalized(value), root) for key, value in sorted(settings.items()))


def read_settings(settings: Mapping[str, str], root: Path = PROC_SYS) -> tuple[Setting, ...]:
    """How they are now; nothing is set."""
    found = ((key, value, _read(root / key.replace(".", "/"))) for key, value in sorted(settings.items()))
    return tuple(Setting(key, _normalized(value), now, now) for key, value, now in found)


def _apply(key: str, wanted: str, root: Path) -> Setting:
    # Both separators are in use (net.ipv4.conf.eth0/1...), as in sysctl(8).
    path = root / key.replace(".", "/")
    before = _read(path)
    if before not in (None, wanted):
        try:
            path.write_text(wanted)
        except OSError:
            return Setting(key, wanted, before, before)
    return Setting(key, wanted, before, _read(path))


def _read(path: Path) -> str | None:
    try:
        return _normalized(path.read_text())
    except OSError:
        return None


def _normalized(text: str) -> str:
    """Several values are separated by tabs in the kernel and by blanks in people's files."""
    return " ".join(text.split())
