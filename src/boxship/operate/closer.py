"""Desired against observed, with a closer look at what a list doesn't tell: why not ready, how often restarted."""

import asyncio
from pathlib import Path

from boxship.engine.port import Engine
from boxship.engine.streams import unix_time
from boxship.errors import EngineNotFoundError
from boxship.operate.doubts import doubtful, recall_ready
from boxship.plan.observed import Health, Observed, ObservedContainer
from boxship.plan.resolve import Desired
from boxship.plan.status import CloseLook, ServiceStatus, service_status


async def look_at_services(
    engine: Engine, desired: Desired, observed: Observed, memory: Path, now_s: float, *, restarts: bool
) -> tuple[ServiceStatus, ...]:
    """The rows of ``service_status``. Asks closely only those whose row would lack something.

    Args:
        engine: where ``observed`` is from.
        desired: what should be.
        observed: what is.
        memory: what ``remember_ready`` wrote.
        now_s: unix time.
        restarts: ask every container, so that each row knows its restarts.
    """
    asked = observed.containers_of(desired.appliance) if restarts else doubtful(desired, observed, now_s)
    found = await asyncio.gather(*(_look(engine, each) for each in asked))
    looks = {each.id: look for each, (look, _) in zip(asked, found, strict=True) if look is not None}
    is_starting = any(each.health is Health.STARTING for each in asked)
    known = recall_ready(memory) if is_starting else {}
    ready = {
        each.replica
        for each, (_, started_s) in zip(asked, found, strict=True)
        if each.health is Health.STARTING and known.get(each.id, 0.0) > started_s > 0.0
    }
    return service_status(desired, observed, found_ready=ready, looks=looks)


async def _look(engine: Engine, container: ObservedContainer) -> tuple[CloseLook | None, float]:
    """What it tells, and when it was started (unix time, 0 for never)."""
    try:
        detail = await engine.inspect_container(container.id)
    except EngineNotFoundError:
        return None, 0.0
    look = CloseLook(
        detail.restart_count, detail.health_exit_code, detail.health_output, detail.oom_killed, detail.error
    )
    return look, float(unix_time(detail.started_at)) if detail.started_at else 0.0
