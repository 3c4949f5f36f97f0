"""Desired against observed, with a closer look at what a list doesn't tell: why not ready, how often restarted."""

import asyncio
import json
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from boxship.engine.port import Engine
from boxship.engine.streams import unix_time
from boxship.errors import EngineNotFoundError
from boxship.plan.observed import ContainerState, Health, Observed, ObservedContainer
from boxship.plan.resolve import Desired
from boxship.plan.status import CloseLook, ServiceStatus, service_status

_UP = re.compile(r"Up (\d+|About an?|Less than a) (second|minute|hour|day|week|month|year)s?")
_UNIT_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2678400, "year": 31622400}
# A container is made when its turn is near, and started when its dependencies are ready.
_START_LAG_S = 60
_KNOWN_IN_A_LIST = frozenset({ContainerState.REMOVING, ContainerState.PAUSED})


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
    mine = observed.containers_of(desired.appliance)
    doubtful = [each for each in mine if restarts or _is_doubtful(each, now_s)]
    found = await asyncio.gather(*(_look(engine, each) for each in doubtful))
    looks = {each.id: look for each, (look, _) in zip(doubtful, found, strict=True) if look is not None}
    is_starting = any(each.health is Health.STARTING for each in doubtful)
    known = _recall(memory) if is_starting else {}
    ready = {
        each.replica
        for each, (_, started_s) in zip(doubtful, found, strict=True)
        if each.health is Health.STARTING and known.get(each.id, 0.0) > started_s > 0.0
    }
    return service_status(desired, observed, found_ready=ready, looks=looks)


def _is_doubtful(container: ObservedContainer, now_s: float) -> bool:
    if container.state in _KNOWN_IN_A_LIST or (container.state is ContainerState.EXITED and container.exit_code == 0):
        return False
    if container.state is not ContainerState.RUNNING or container.health in (Health.STARTING, Health.UNHEALTHY):
        return True
    return _was_started_again(container, now_s)


def _was_started_again(container: ObservedContainer, now_s: float) -> bool:
    """Whether it has been up for much less time than it exists: the engine's list has no better word on restarts."""
    found = _UP.match(container.status)
    if found is None:
        return False
    count = int(found[1]) if found[1].isdecimal() else 1
    return container.created_at_s + (count + 1) * _UNIT_S[found[2]] + _START_LAG_S < now_s


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


def remember_ready(memory: Path, rows: Iterable[ServiceStatus], now_s: float) -> None:
    """Keep which containers answered Boxship itself before the engine asked them the first time.

    Only to be told by ``ps`` until then, so nothing is lost where it can't be written.
    """
    found = [row.container.id for row in rows if row.is_ready and row.container and _is_starting(row.container)]
    with suppress(OSError):
        if found:
            memory.write_text(json.dumps(dict.fromkeys(found, now_s)))
        else:
            memory.unlink(missing_ok=True)


def _is_starting(container: ObservedContainer) -> bool:
    return container.health is Health.STARTING


def _recall(memory: Path) -> Mapping[str, float]:
    """Container id -> when it was found ready (unix time)."""
    try:
        kept = json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}
    items = kept.items() if isinstance(kept, dict) else ()
    return {name: at_s for name, at_s in items if isinstance(at_s, float)}


def chosen_rows(
    rows: Iterable[ServiceStatus], services: Collection[str], states: Collection[str]
) -> tuple[ServiceStatus, ...]:
    """The rows of these services (all when empty) in these states (any when empty); "missing" is a state here."""
    return tuple(
        row
        for row in rows
        if (not services or row.service in services)
        and (not states or (str(row.container.state) if row.container else "missing") in states)
    )
