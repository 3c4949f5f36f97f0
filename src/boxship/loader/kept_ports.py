"""A port that the engine keeps for nobody, and the only cure: that the engine is started once more.

[M] Docker 20.10 that is killed in the middle of a container's start has taken the port, and has not written the
container down. When it starts again that port is in its books for a container of which it knows only that it was made,
and its proxy listens there. Nothing that can be asked of it gives the port back: not removing the container, nor its
network. Its next start does.
"""

import os
from collections.abc import Collection

from boxship.errors import (
    BoxshipError,
    EngineUnreachableError,
    HostError,
    PortKeptError,
    PortTakenError,
    UnsupportedError,
)
from boxship.events import Notice
from boxship.execute.executor import Outcome
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.names import LABEL_LOADER
from boxship.plan.observed import ContainerState, Observed, ObservedContainer
from boxship.plan.turns import engine_start
from boxship.state import transitions

ASK_AGAIN_S = 3600.0
"""A start that did not help is not the cure."""
RESTARTS_WITHIN_S = 60.0
_POLL_S = 0.2
_HAVE_PORTS = frozenset({ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING})
_PROXY = "docker-proxy"
_HINT = "systemctl restart docker, on the host"


async def raise_if_kept(parts: Parts, outcome: Outcome) -> None:
    """Raises: PortKeptError when a start failed for a port that no container has, and where nobody listens."""
    errors = [each.error for each in outcome.failures]
    booked = {each.port for each in errors if isinstance(each, PortTakenError) and each.is_booked and each.port}
    if not booked:
        return
    observed = await parts.engine.observe(())
    had = {port.published for each in observed.containers if each.state in _HAVE_PORTS for port in each.ports}
    kept = sorted(booked - had - await parts.aside(_listened_at, parts, booked))
    if kept:
        ports = ", ".join(map(str, kept))
        raise PortKeptError(
            f"the engine keeps port {ports} of this host for no container, as it was killed while it started one",
            hint=_HINT,
        )


async def restart_engine(parts: Parts, journal: Journal, kept: PortKeptError) -> None:
    """Have the host start it anew, where that cuts off nobody else.

    Raises: EngineUnreachableError when it is under way; PortKeptError with the reason when it can't be.
    """
    now_s = parts.clock.now().timestamp()
    if abs(now_s - journal.state.engine_restart_at_s) < ASK_AGAIN_S:
        raise _given_up(kept, "another start of it did not help")
    observed = await parts.engine.observe(())
    if others := _others(parts.appliance, observed):
        raise _given_up(kept, f"its restart would end what isn't of this box: {', '.join(others)}")
    sentence = f"{kept.message}; so it is started anew"
    await journal.change(lambda state: transitions.engine_restart_asked(state, now_s))
    await journal.stage("restarting-engine", sentence)
    parts.feed.publish(Notice(sentence, is_warning=True))
    try:
        await parts.restart_engine()
    except (UnsupportedError, HostError) as error:
        raise _given_up(kept, error.message) from error
    await _wait_for_another_start(parts, engine_start(observed))
    raise EngineUnreachableError(sentence)


async def _wait_for_another_start(parts: Parts, before: str) -> None:
    """Until it is away, or here again; the Loader may well end with it."""
    until_s = parts.clock.monotonic_s() + RESTARTS_WITHIN_S
    while parts.clock.monotonic_s() < until_s:
        try:
            if engine_start(await parts.engine.observe(())) != before:
                return
        except BoxshipError:
            return
        await parts.clock.sleep(_POLL_S)


def _listened_at(parts: Parts, ports: Collection[int]) -> set[int]:
    """Our own page doesn't count, as it leaves a port that the appliance wants, nor the engine's proxy for nobody."""
    try:
        found = parts.machine.listeners(ports)
        return {each.port for each in found if each.pid != os.getpid() and each.program != _PROXY}
    except OSError:
        return set(ports)


def _others(appliance: str, observed: Observed) -> list[str]:
    """Whose containers run here, besides this box and its Loader."""
    running = (each for each in observed.containers if each.state in _HAVE_PORTS)
    return sorted(each.name for each in running if not _is_of(appliance, each))


def _is_of(appliance: str, container: ObservedContainer) -> bool:
    return appliance in (container.appliance, container.labels.get(LABEL_LOADER))


def _given_up(kept: PortKeptError, why: str) -> PortKeptError:
    return PortKeptError(f"{kept.message} ({why})", hint=kept.hint)
