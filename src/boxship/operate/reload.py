"""``reload``: a service as its files now say, or started again where nothing has changed, and what depends on it."""

import asyncio

from msgspec import Struct

from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.execute.executor import Publish
from boxship.operate.request import UpRequest
from boxship.operate.up import UpResult, bring_up
from boxship.plan.reload import reload_of
from boxship.plan.verdict import Options
from boxship.spec.model import Appliance


class ReloadRequest(Struct, frozen=True):
    """What a person asked for. ``build``: make the services' images first."""

    services: tuple[str, ...]
    profiles: tuple[str, ...] = ()
    with_dependents: bool = True
    build: bool = False
    grace_s: float | None = None


async def reload(
    appliance: Appliance,
    engine: Engine,
    publish: Publish,
    clock: Clock,
    request: ReloadRequest,
    interrupt: asyncio.Event,
) -> UpResult:
    """Recreate or restart the services and their dependents, in order and with readiness; touch nothing else.

    Raises: NotFoundError for a service without a container, and what ``bring_up`` raises.
    """
    found = reload_of(
        appliance.name,
        appliance.services,
        request.services,
        await engine.observe(()),
        with_dependents=request.with_dependents,
    )
    wanted = UpRequest(
        profiles=request.profiles,
        services=tuple(found.again),
        with_dependencies=False,
        build=True if request.build else None,
        scales=found.scales,
        options=Options(again=found.again, stop_grace_s=request.grace_s),
    )
    return await bring_up(appliance, engine, publish, clock, wanted, interrupt)
