"""A box with three releases of one appliance at its vendor's, and the shortest ways to ask it for things."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec.structs import replace

from boxship.loader.happened import BoxEvent
from boxship.loader.parts import Parts
from boxship.loader.supervisor import Supervisor
from boxship.spec.model import Appliance, Mount, Port, Service, Target, Volume
from boxship.spec.model_boot import Boot
from boxship.state.operation import Operation
from tests.fakes.clock import FakeClock
from tests.fakes.loader import FakeBoxWorld, ended
from tests.unit.plan.given import appliance, service

VERSIONS = ("1.0", "1.1", "1.2")


def version(number: str, *more: Service, **changes: object) -> Appliance:
    """A database with data, a web front, and a page for maintenance."""
    db = service("db", image=f"app/db:{number}", mounts=(Mount("volume", "/data", "data"),))
    web = service("web", "db", image=f"app/web:{number}", ports=(Port(80, "80"),))
    page = service("page", image=f"app/web:{number}", ports=(Port(80, "80"),), command=("page",))
    made = appliance(db, web, page, *more)
    return replace(
        made,
        version=number,
        volumes={"data": Volume("data")},
        targets={"default": Target("default", ("web",)), "maintenance": Target("maintenance", ("page",))},
        boot=Boot(attempts=2, timeout_s=30.0, fallback="maintenance"),
        **changes,
    )


def box_parts(world: FakeBoxWorld) -> Parts:
    assert world.parts is not None
    return world.parts


class Bench:
    """One box."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.world = FakeBoxWorld(clock=clock or FakeClock())
        self.heard: list[BoxEvent] = []
        for number in VERSIONS:
            web = f"app/web:{number}"
            self.world.publish(version(number), db=f"app/db:{number}", web=web, page=web)

    @asynccontextmanager
    async def loader(self, own_image: str = "") -> AsyncIterator[Supervisor]:
        """A Loader that runs, of that image; it is ended as a power cut would, between any two of its steps."""
        box = self.world.start_loader(own_image)
        async with self.running_loader(box):
            yield box

    @asynccontextmanager
    async def running_loader(self, box: Supervisor) -> AsyncIterator[None]:
        """One that was started: it is ended as ``loader`` does."""
        box_parts(self.world).feed.tap(self.heard.append)
        running = asyncio.ensure_future(box.run(asyncio.Event()))
        try:
            await self.world.clock.sleep(0.01)
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def pull(self, box: Supervisor, number: str) -> Operation:
        await box.set_source("registry", by="test")
        return await self.over(box, await box.pull(number, by="test"))

    async def to(self, box: Supervisor, number: str) -> Operation:
        await self.pull(box, number)
        return await self.over(box, await box.switch(number, by="test"))

    async def over(self, box: Supervisor, operation: Operation) -> Operation:
        return await ended(box, self.world.clock, operation)

    async def booted(self, box: Supervisor) -> None:
        """Raises: AssertionError with what it waits for when it doesn't get ready."""
        for _ in range(2000):
            if box.progress().is_ready:
                return
            await self.world.clock.sleep(0.1)
        raise AssertionError(box.why())

    async def until(self, holds: Callable[[], bool]) -> None:
        """Turn by turn of the loop, with the clock going on a little each time. Raises: AssertionError."""
        for _ in range(2000):
            if holds():
                return
            await self.world.clock.sleep(0.01)
        raise AssertionError("it never came to that")

    def break_image(self, reference: str) -> None:
        """Containers of that image end at once."""
        self.world.engine.break_image(self.world.engine.add_image(reference))

    @property
    def running(self) -> list[str]:
        return sorted(self.world.engine.running)
