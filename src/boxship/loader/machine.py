"""The machine below the box, looked at and switched off for the doors: ``host.power`` behind their port."""

import asyncio
import socket
import time

from boxship import __version__
from boxship.engine.port import Engine
from boxship.errors import BoxshipError, UnsupportedError
from boxship.host.addresses import read_addresses
from boxship.host.power import Power
from boxship.loader.power import HostView


class MachinePower:
    """Implements ``HostPower``."""

    def __init__(self, power: Power, engine: Engine) -> None:
        self._power = power
        self._engine = engine

    async def look(self) -> HostView:
        info = await asyncio.to_thread(self._power.info)
        try:
            engine = (await self._engine.info()).version
        except BoxshipError:
            engine = ""
        return HostView(
            name=socket.gethostname(),
            os=info.os_name,
            kernel=info.kernel,
            engine=engine,
            boxship=__version__,
            booted_at_s=time.time() - info.uptime_s,
            cpus=info.cpus,
            ram_bytes=info.memory_bytes,
            addresses=await asyncio.to_thread(read_addresses),
            can=await asyncio.to_thread(self._power.offers),
        )

    async def reboot(self) -> None:
        await self._power.reboot()

    async def shut_down(self) -> None:
        await self._power.shut_down()

    async def update_os(self) -> None:
        raise UnsupportedError(
            "this machine's operating system isn't updated from here: a release brings the appliance, not its host",
            hint="update the host by its own means, such as apt",
        )
