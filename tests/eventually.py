"""The one way in which tests wait for a fact that nobody tells: look again and again, up to a deadline."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
DEADLINE_S = 50.0
"""Only who waits in vain waits so long: a busy machine must not decide a test. Pytest's own limit is a minute."""
_POLL_S = 0.02


def nothing() -> str:
    return ""


def eventually(
    look: Callable[[], T],
    what: str,
    within_s: float = DEADLINE_S,
    *,
    poll_s: float = _POLL_S,
    said: Callable[[], object] = nothing,
) -> T:
    """What ``look`` gives, once it gives something.

    Args:
        look: Asked at once, and again after each pause.
        what: The fact, for the message.
        within_s: No look begins later.
        poll_s: Between two looks.
        said: Asked at the end only: what helps to see why it isn't so.

    Raises: AssertionError when it gives nothing in time; whatever ``look`` raises.
    """
    deadline_s = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {what}\n{said()}"
        time.sleep(poll_s)
    return found


async def eventually_here(look: Callable[[], T], what: str, within_s: float = DEADLINE_S) -> T:
    """As ``eventually``, while the loop goes on. Only for what has no event to await."""
    deadline_s = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(_POLL_S)
    return found
