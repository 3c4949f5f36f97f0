"""Which containers a list doesn't tell enough of, and what Boxship itself remembers of them."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from boxship.plan.observed import ContainerState, Health, Observed, ObservedContainer
from boxship.plan.resolve import Desired
from boxship.plan.status import ServiceStatus

_UP = re.compile(r"Up (\d+|About an?|Less than a) (second|minute|hour|day|week|month|year)s?")
_UNIT_S = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2678400, "year": 31622400}
# A container is made when its turn is near, and started when its dependencies are ready.
_START_LAG_S = 60
_KNOWN_IN_A_LIST = frozenset({ContainerState.REMOVING, ContainerState.PAUSED})


def doubtful(desired: Desired, observed: Observed, now_s: float) -> list[ObservedContainer]:
    """Those of which the engine's list doesn't tell enough for a row of ``ps``. ``now_s``: unix time."""
    return [each for each in observed.containers_of(desired.appliance) if _is_doubtful(each, now_s)]


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


def recall_ready(memory: Path) -> Mapping[str, float]:
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
