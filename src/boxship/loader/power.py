"""The machine below the box, as far as its doors may touch it."""

from typing import Protocol

from msgspec import Struct


class HostView(Struct, frozen=True):
    """What runs the box. ``can``: what it offers of "reboot" and "shutdown"."""

    name: str
    os: str
    kernel: str
    engine: str
    boxship: str
    booted_at_s: float
    cpus: int
    ram_bytes: int
    addresses: tuple[str, ...] = ()
    can: tuple[str, ...] = ()


class HostPower(Protocol):
    """Both calls return when it is on its way, not when it is done."""

    async def look(self) -> HostView:
        """Facts about the machine."""

    async def reboot(self) -> None:
        """Raises: UnsupportedError where nobody can do it, HostError when it was refused."""

    async def shut_down(self) -> None:
        """Raises: UnsupportedError, HostError."""

    async def update_os(self) -> None:
        """Bring the machine's operating system up to date. Raises: UnsupportedError, where nobody can do it."""
