"""systemd, as far as installing needs it."""

from pathlib import Path
from typing import Protocol

from boxship.host import proc

_DEADLINE_S = 150
"""Stopping sail takes until the Loader has ended."""
_RUNS = Path("/run/systemd/system")


class Units(Protocol):
    """What runs programs on a host."""

    def is_there(self) -> bool:
        """Whether systemd runs this host."""

    async def begin(self, unit: str, *, again: bool) -> None:
        """Read the unit's file and start it; ``again``: also when it runs. Raises: HostError."""

    async def stop(self, unit: str) -> None:
        """Stop it and forget its file, whether it runs or not. Raises: HostError."""

    async def reload(self) -> None:
        """See what became of the files. Raises: HostError."""


class Systemd:
    """Implements ``Units``."""

    def is_there(self) -> bool:
        # What sd_booted(3) looks at.
        return _RUNS.is_dir()

    async def begin(self, unit: str, *, again: bool) -> None:
        await self.reload()
        await _systemctl("restart" if again else "start", unit)

    async def stop(self, unit: str) -> None:
        await _systemctl("stop", unit)

    async def reload(self) -> None:
        await _systemctl("daemon-reload")


async def _systemctl(*arguments: str) -> None:
    await proc.run_checked(["systemctl", *arguments], timeout_s=_DEADLINE_S, hint="journalctl -b -u docker says more")
