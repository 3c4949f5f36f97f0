"""Trying again what may go well the next time."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from boxship.clock import Clock
from boxship.errors import RegistryError

ATTEMPTS = 8
"""In a row without any progress: with the waits between them about a minute, as long as a registry takes to restart."""
_FIRST_S, _LONGEST_S = 0.5, 15.0
T = TypeVar("T")


def backoff_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row: doubled each time, +-20 %, so that boxes don't come at once."""
    jitter = 0.8 + 0.4 * random.random()  # noqa: S311 (chance, no secret)
    return float(min(_FIRST_S * 2 ** (failures - 1), _LONGEST_S) * jitter)


async def retrying(attempt: Callable[[], Awaitable[T]], clock: Clock, attempts: int = ATTEMPTS) -> T:
    """What the attempt gives. Raises: its RegistryError when that isn't transient, or was the last."""
    failures = 0
    while True:
        try:
            return await attempt()
        except RegistryError as err:
            failures += 1
            if not err.is_transient or failures >= attempts:
                raise
        await clock.sleep(backoff_s(failures))
