"""What sail does for a Loader that can't reach the host from its container: reboot, shut down, restart the engine."""

import asyncio
import errno
import os
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from boxship.clock import Clock
from boxship.errors import HostError
from boxship.host.info import HostInfo, read_info
from boxship.host.places import Places, read_line
from boxship.host.power import BOTH, unsupported

DEADLINE_S = 20.0
ENGINE = "restart-engine"
ENGINE_UNIT = "docker.service"
_POLL_S = 0.1
_OLD = "its sail is older than this Loader, or was never started"


class SailPower:
    """Implements ``Power``. What sail says is read at each question, as it may be started again, or anew."""

    def __init__(self, places: Places, clock: Clock, info: Callable[[], HostInfo] = read_info) -> None:
        self._places = places
        self._clock = clock
        self._info = info

    def info(self) -> HostInfo:
        """The image's own os-release isn't the host's."""
        return replace(self._info(), os_name=self._told().get("os", ""))

    def offers(self) -> tuple[str, ...]:
        can = self._can() if self._places.sail_requests.is_fifo() else ()
        return tuple(each for each in can if each in BOTH)

    def _can(self) -> tuple[str, ...]:
        return tuple(each for each in self._told().get("can", "").split() if each in (*BOTH, ENGINE))

    async def reboot(self) -> None:
        await self._ask("reboot", "rebooted")

    async def shut_down(self) -> None:
        await self._ask("shutdown", "shut down")

    async def restart_engine(self) -> None:
        await self._ask(ENGINE, "asked for another start of its engine")

    async def _ask(self, what: str, done: str) -> None:
        if what not in self._can():
            raise unsupported(done, self._told().get("why") or self._why_not(what))
        number = os.urandom(8).hex()
        try:
            await asyncio.to_thread(self._write, f"{number} {what}\n")
        except OSError as err:
            # Nobody has it open, or sail took it along when it ended.
            is_over = err.errno in (errno.ENXIO, errno.ENOENT)
            reason = "its sail does not run" if is_over else str(err.strerror or err)
            raise unsupported(done, reason) from err
        if refused := await self._answer(number):
            raise HostError(f"the host refused to be {done}: {refused}", hint="systemd-inhibit --list, on the host")

    def _write(self, line: str) -> None:
        # Shorter than PIPE_BUF, so that two never mix.
        pipe = os.open(self._places.sail_requests, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(pipe, line.encode())
        finally:
            os.close(pipe)

    async def _answer(self, number: str) -> str:
        """How it was refused, "" when it is under way. Raises: HostError when nobody answers."""
        until_s = self._clock.monotonic_s() + DEADLINE_S
        while self._clock.monotonic_s() < until_s:
            answered, _, refused = (await asyncio.to_thread(read_line, self._places.sail_answer)).partition(" ")
            if answered == number:
                return refused.removeprefix("refused ").strip()
            await self._clock.sleep(_POLL_S)
        raise HostError(f"sail does not answer within {DEADLINE_S:.0f} s", hint="its log, on the host, says why")

    def _why_not(self, what: str) -> str:
        return f"its engine is not that of {ENGINE_UNIT}" if what == ENGINE and self._can() else _OLD

    def _told(self) -> Mapping[str, str]:
        try:
            text = self._places.sail_host.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return {}
        pairs = (line.partition("=") for line in text.splitlines())
        return {key: value for key, _, value in pairs}
