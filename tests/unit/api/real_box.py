"""The API in front of a real Loader, whose engine, disk and vendor are fakes: what it answers is what boxes answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from msgspec import Struct
from starlette.types import ASGIApp

from boxship.api.app import make_api
from boxship.api.route import Doors
from boxship.host.info import read_info
from boxship.host.power import NoPower
from boxship.loader.machine import MachinePower
from boxship.loader.supervisor import Supervisor
from boxship.loader.tokens import StoreTokens
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from tests.unit.loader.bench import Bench


class Life(StrEnum):
    """How it goes for the box that is asked."""

    EMPTY = "empty"
    DEPLOYED = "deployed"
    BUSY = "busy"
    """With an operation that doesn't end while it is asked."""
    AWAY = "away"
    """Deployed, and the engine is gone."""
    EMPTY_AWAY = "empty-away"


class RealBox(Struct):
    """The Loader, its API, and the secret of somebody who may everything."""

    bench: Bench
    box: Supervisor
    api: ASGIApp
    secret: str


@asynccontextmanager
async def real_box(life: Life) -> AsyncIterator[RealBox]:
    """Streams end at once."""
    bench = Bench()
    async with bench.loader() as box:
        if life in (Life.DEPLOYED, Life.BUSY, Life.AWAY):
            await bench.to(box, "1.0")
            await bench.to(box, "1.1")
            await bench.pull(box, "1.2")
        if life is Life.BUSY:
            bench.world.vendor.holds = asyncio.Event()
            await box.pull("1.2", by="somebody")
        if life in (Life.AWAY, Life.EMPTY_AWAY):
            bench.world.engine.faults.die_after(0)
        yield _asked(bench, box)


def _asked(bench: Bench, box: Supervisor) -> RealBox:
    clock, closing = bench.world.clock, Closing()
    closing.begin()
    tokens = StoreTokens(bench.world.store, clock)
    power = MachinePower(NoPower("it is a test's", read_info), bench.world.engine)
    doors = Doors(box, power, tokens, bench.world.store, clock, closing)
    api = make_api(doors, Gate(tokens, clock, Limiter()))
    return RealBox(bench, box, api, tokens.issue("admin", ["admin"]).secret)
