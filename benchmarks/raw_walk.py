"""The floor of up and down: ``raw_walk.py up PLAN`` or ``down PLAN``, in the order of dependencies.

Eight calls are in flight, but two that remove: an engine of version 20.10 has been seen to lock up at eight of those.
A service with a health check is ready when it accepts a connection at its own address.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.raw_calls import DEADLINE_S, answer, read_plan, request

CALLS, REMOVALS = 8, 2
PROBE_EVERY_S = 0.01


class Walk:
    """One way through the services."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._services = plan["services"]
        self._calls = asyncio.Semaphore(CALLS)
        self._removals = asyncio.Semaphore(REMOVALS)
        self._done = {service["name"]: asyncio.Event() for service in self._services}

    async def up(self) -> None:
        await self._call("POST", "/networks/create", {"Name": self._plan["network"], "CheckDuplicate": True})
        await self._each(self._start)

    async def down(self) -> None:
        await self._each(self._remove)
        await self._call("DELETE", f"/networks/{self._plan['network']}")

    async def _each(self, work: Callable[[Any], Awaitable[None]]) -> None:
        await asyncio.gather(*(work(service) for service in self._services))

    async def _start(self, service: dict[str, Any]) -> None:
        container = f"/containers/{service['container']}"
        await self._call("POST", f"/containers/create?name={service['container']}", service["body"])
        for name in service["after"]:
            await self._done[name].wait()
        await self._call("POST", f"{container}/start")
        if service["is_probed"]:
            detail = await self._call("GET", f"{container}/json")
            await self._answers(detail["NetworkSettings"]["Networks"][self._plan["network"]]["IPAddress"])
        self._done[service["name"]].set()

    async def _answers(self, address: str) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection(address, self._plan["port"])
                except OSError:
                    await asyncio.sleep(PROBE_EVERY_S)
                else:
                    writer.close()
                    return

    async def _remove(self, service: dict[str, Any]) -> None:
        container = f"/containers/{service['container']}"
        for other in self._services:
            if service["name"] in other["after"]:
                await self._done[other["name"]].wait()
        await self._call("POST", f"{container}/stop?t=10")
        self._done[service["name"]].set()
        async with self._removals:
            await self._call("DELETE", f"{container}?v=1&force=1")

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        async with self._calls, asyncio.timeout(DEADLINE_S):
            reader, writer = await asyncio.open_unix_connection(self._plan["socket"])
            writer.write(request(method, path, body))
            received = await reader.read()
            writer.close()
        return answer(f"{method} {path}", received)


if __name__ == "__main__":
    walk = Walk(read_plan(sys.argv[2]))
    asyncio.run(walk.up() if sys.argv[1] == "up" else walk.down())
