"""Until containers have ended for good."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from msgspec import Struct

from boxship.engine.port import Engine
from boxship.errors import EngineNotFoundError
from boxship.plan.observed import ContainerState, ObservedContainer

_GONE = 137
"""What a container is said to have ended with that was removed while it ran: by force, so by SIGKILL."""


class Ended(Struct, frozen=True):
    """Who has ended, and how."""

    replica: str
    exit_code: int


async def ended(engine: Engine, container: ObservedContainer) -> Ended:
    """Waits however long it takes; one that the engine starts again and again has not ended."""
    code = container.exit_code
    try:
        while True:
            code = await engine.wait_container(container.id)
            detail = await engine.inspect_container(container.id)
            if detail.state not in (ContainerState.RESTARTING, ContainerState.RUNNING, ContainerState.PAUSED):
                return Ended(container.replica, detail.exit_code)
    except EngineNotFoundError:
        return Ended(container.replica, _GONE if code is None else code)


async def ended_in_order(engine: Engine, containers: Iterable[ObservedContainer]) -> AsyncGenerator[Ended, None]:
    """Each of them as it ends."""
    waits = {asyncio.ensure_future(ended(engine, each)) for each in containers}
    try:
        while waits:
            done, waits = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in sorted((task.result() for task in done), key=lambda each: each.replica):
                yield each
    finally:
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
