"""What a page shows, made by a real Loader on an engine in memory: nobody but the program decides what it says."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from boxship.engine.port import ExecResult
from boxship.loader.box import ProgressView
from boxship.loader.supervisor import Supervisor
from boxship.spec.model import Appliance, Condition, Healthcheck, Mount, Port, Service, Target, Volume
from boxship.spec.model_boot import Boot
from tests.fakes.behaviour import Behaviour, Line
from tests.fakes.loader import FakeBoxWorld, ended
from tests.integration.boxes import run_aside
from tests.unit.plan.given import appliance, service

SETTINGS = Line("settings are in order")
DATABASE = Line("database system is ready to accept connections", "stderr", 0.2)
WRITTEN = (
    SETTINGS,
    Line("connecting to postgres://share:hunter2hunter2@db:5432/share", after_s=0.5),
    Line("applying migration 0042_add_links", after_s=0.9),
)
FATAL = Line('ERROR: relation "links" does not exist', "stderr", 1.5)
CHECK = ("check", "http://localhost:8000/health")
UNWELL = ExecResult(1, 'GET /health answered 503: relation "links" does not exist\n')


def share(version: str) -> Appliance:
    """Seven services, of which ``web`` is asked whether it is well; and a page for maintenance."""
    check = Healthcheck(("CMD", *CHECK), interval_s=2.0, retries=3)
    secret = {"SECRET_KEY": "hunter2hunter2"}
    services: tuple[Service, ...] = (
        service("db", image="postgres", mounts=(Mount("volume", "/data", "data"),)),
        service("cache", image="redis"),
        service("config", image=f"share/config:{version}"),
        service("queue", "db", image="queue"),
        service("web", "db", "cache", "config", image=f"share/web:{version}", healthcheck=check, environment=secret),
        service("worker", "queue", "config", image=f"share/worker:{version}"),
        service("nginx", "web", condition=Condition.HEALTHY, image=f"share/nginx:{version}", ports=(Port(80, "80"),)),
        service("page", image=f"share/nginx:{version}", ports=(Port(80, "80"),), command=("page",)),
    )
    made = appliance(*services)
    everything = tuple(each.name for each in services if each.name != "page")
    return replace(
        made,
        name="share",
        version=version,
        volumes={"data": Volume("data")},
        targets={"default": Target("default", everything), "maintenance": Target("maintenance", ("page",))},
        boot=Boot(attempts=3, timeout_s=60.0, fallback="maintenance"),
    )


class Stage:
    """A box on which something is played."""

    def __init__(self) -> None:
        self.world = FakeBoxWorld(appliance="share")
        for version in ("1.0", "1.1"):
            made = share(version)
            self.world.publish(made, **{name: str(each.image) for name, each in made.services.items()})
        self.world.engine.script("db", Behaviour(lines=(DATABASE,)))
        self.world.engine.exec_results[CHECK] = UNWELL

    def script(self, service: str, behaviour: Behaviour, generation: int = 1) -> None:
        self.world.engine.script(f"share.{service}.g{generation}", behaviour)

    async def sleep(self, seconds: float) -> None:
        await self.world.clock.sleep(seconds)

    async def to(self, box: Supervisor, version: str) -> None:
        """Pulled, and the switch to it begun."""
        await box.set_source("registry", by="anna")
        await ended(box, self.world.clock, await box.pull(version, by="anna"))
        await box.switch(version, by="anna")

    async def run_well(self, box: Supervisor) -> None:
        self.script("web", Behaviour(lines=WRITTEN, healthy_after_s=2.0))
        await self.to(box, "1.0")
        await self.until(box, "ready")

    async def until(self, box: Supervisor, *phases: str) -> None:
        for _ in range(5000):
            if box.progress().phase in phases and (box.progress().operation is None or "ready" not in phases):
                return
            await self.sleep(0.1)
        raise AssertionError(f"{box.progress().phase}: {box.why()}")


Scene = Callable[[Stage, Supervisor], Awaitable[None]]


def play(scene: Scene) -> ProgressView:
    """What is shown at the end of a scene, as if it had been played just now."""

    async def work() -> ProgressView:
        stage = Stage()
        box = stage.world.start_loader()
        running = asyncio.ensure_future(box.run(asyncio.Event()))
        try:
            await stage.sleep(0.01)
            await scene(stage, box)
            view, now_s = box.progress(), stage.world.clock.now().timestamp()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        passed_s = time.time() - now_s
        next_try_at_s = view.next_try_at_s + passed_s if view.next_try_at_s else 0.0
        return replace(view, began_at_s=view.began_at_s + passed_s, next_try_at_s=next_try_at_s)

    return run_aside(work)


async def empty(stage: Stage, box: Supervisor) -> None:
    await stage.sleep(1.0)


async def booting(stage: Stage, box: Supervisor) -> None:
    """``web`` doesn't get well yet; ``nginx`` waits for it."""
    stage.script("web", Behaviour(lines=WRITTEN, healthy_after_s=600.0))
    await stage.to(box, "1.0")
    await stage.sleep(42.0)


async def failed(stage: Stage, box: Supervisor) -> None:
    """The second attempt has failed as well."""
    stage.script("web", Behaviour(lines=(*WRITTEN, FATAL), exits_after_s=1.6, exit_code=1))
    await stage.to(box, "1.0")
    while box.state().boots.failures < 2:
        await stage.sleep(0.1)
    await stage.sleep(1.5)


async def fallen_back(stage: Stage, box: Supervisor) -> None:
    """It failed thrice, and its maintenance page runs."""
    stage.script("web", Behaviour(lines=(*WRITTEN, FATAL), exits_after_s=1.6, exit_code=1))
    await stage.to(box, "1.0")
    await stage.until(box, "fallback")
    await stage.sleep(2.0)


async def fallback_failed(stage: Stage, box: Supervisor) -> None:
    """Neither it nor its maintenance page starts."""
    stage.script("page", Behaviour(lines=(Line("no such page"),), exits_after_s=0.1, exit_code=1))
    stage.script("web", Behaviour(lines=(*WRITTEN, FATAL), exits_after_s=1.6, exit_code=1))
    await stage.to(box, "1.0")
    while not (box.state().boots.fallen_back_from and box.state().boots.failures):
        await stage.sleep(0.1)
    await stage.sleep(1.5)


async def going_back(stage: Stage, box: Supervisor) -> None:
    """1.1 has failed its trial, and 1.0 is started again."""
    await stage.run_well(box)
    stage.script("web", Behaviour(lines=(*WRITTEN, FATAL), exits_after_s=1.6, exit_code=1), generation=2)
    await stage.to(box, "1.1")
    await stage.until(box, "rolling-back")
    await stage.sleep(0.2)


async def trial_failed(stage: Stage, box: Supervisor) -> None:
    """1.1 has failed its trial, and 1.0 runs again."""
    await going_back(stage, box)
    await stage.until(box, "ready")
    await stage.sleep(1.0)
