"""Reboot and shut down the machine, where there is somebody to ask; otherwise it is said why not."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from boxship.errors import HostError, UnsupportedError
from boxship.host.info import HostInfo, read_info
from boxship.host.proc import Finished, run

DEADLINE_S = 20.0
BOTH = ("reboot", "shutdown")

Run = Callable[[Sequence[str]], Awaitable[Finished]]
"""Runs a program of the host. Raises: HostError when it can't start or takes too long."""


class Power(Protocol):
    """The machine's switch, and what is written on its case."""

    def info(self) -> HostInfo:
        """What the machine is."""

    async def reboot(self) -> None:
        """Returns when it is under way. Raises: UnsupportedError with the reason; HostError when it was refused."""

    async def shut_down(self) -> None:
        """As ``reboot``."""

    def offers(self) -> tuple[str, ...]:
        """Of "reboot" and "shutdown" what it would try. Asked anew each time: it may change."""


async def run_here(argv: Sequence[str]) -> Finished:
    return await run(argv, timeout_s=DEADLINE_S)


async def find_power(run: Run = run_here, info: Callable[[], HostInfo] = read_info) -> Power:
    """Through systemd if it answers: from a container, too, when the host's /run/systemd and D-Bus are mounted."""
    try:
        # That systemctl is installed says nothing: it must reach the one who does it.
        asked = await run(["systemctl", "show", "--property=Version", "--value"])
    except HostError as error:
        return NoPower(" ".join(error.message.split()), info)
    if asked.status != 0 or not asked.stdout_tail.strip():
        said = " ".join(asked.stderr_tail.split()) or f"systemctl exited {asked.status}"
        return NoPower(f"systemd doesn't answer: {said}", info)
    return Systemd(run, info)


class Systemd:
    """Implements ``Power``."""

    def __init__(self, run: Run, info: Callable[[], HostInfo]) -> None:
        self._run = run
        self._info = info

    def info(self) -> HostInfo:
        return self._info()

    def offers(self) -> tuple[str, ...]:
        return BOTH

    async def reboot(self) -> None:
        await self._ask("reboot")

    async def shut_down(self) -> None:
        await self._ask("poweroff")

    async def _ask(self, what: str) -> None:
        # Whoever asks is stopped on the way, and must not wait for the end.
        asked = await self._run(["systemctl", "--no-block", "--no-ask-password", what])
        if asked.status != 0:
            said = " ".join(asked.stderr_tail.split()) or f"exited {asked.status}"
            raise HostError(f"systemctl {what}: {said}", hint="is something inhibiting it? systemd-inhibit --list")


class NoPower:
    """Implements ``Power`` where nobody can be asked."""

    def __init__(self, reason: str, info: Callable[[], HostInfo]) -> None:
        self.reason = reason
        self._info = info

    def info(self) -> HostInfo:
        return self._info()

    def offers(self) -> tuple[str, ...]:
        return ()

    async def reboot(self) -> None:
        raise unsupported("rebooted", self.reason)

    async def shut_down(self) -> None:
        raise unsupported("shut down", self.reason)


def unsupported(done: str, reason: str) -> UnsupportedError:
    return UnsupportedError(f"this machine can't be {done} from here: {reason}", hint="do it on the machine")
