"""What the Loader does next: pure. Either an operation to begin, or what it waits for; with a sentence either way."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from boxship.loader.way_back import offer_of
from boxship.state.operation import OperationKind
from boxship.state.state import Boots, State
from boxship.state.transitions import BACKOFF_FIRST_S, BACKOFF_MOST_S, backoff_s


class Begin(Struct, frozen=True):
    """An operation that nobody asked for: ``kind`` with ``parameters``."""

    kind: OperationKind
    why: str
    version: str = ""


class Wait(Struct, frozen=True):
    """Nothing to do until something happens, or until ``until_s`` (unix time; None: no time is set)."""

    why: str
    until_s: float | None = None


Decision = Begin | Wait


class Look(Struct, frozen=True):
    """What was seen of the box, once.

    ``engine``: "" when the engine answers, else why it doesn't. ``astray``: a sentence for each container that isn't
    as the deployment wants it and that nobody else will mend. ``restarting``: services that the engine is starting
    again just now. ``is_booted``: this Loader has brought the current deployment up, or found it up, since it began.
    ``mends_s``: how many seconds ago each of the last mends was begun, the latest last.
    ``first_version``: the newest release that is here, for a box without any deployment. ``since_boot_s``: how long
    ago the host booted.
    """

    engine: str = ""
    is_booted: bool = False
    astray: Sequence[str] = ()
    restarting: Sequence[str] = ()
    mends_s: Sequence[float] = ()
    first_version: str = ""
    since_boot_s: float = math.inf


def decide(state: State, look: Look, now_s: float) -> Decision:
    """``now_s``: unix time, which may jump: no wait gets longer than the longest pause by that."""
    if state.operation_id:
        return Wait(f"operation {state.operation_id} is under way")
    if look.engine:
        return Wait(f"the container engine doesn't answer: {look.engine}", now_s + ENGINE_RETRY_S)
    if state.current is None:
        return _begin_box(state.boots, look, now_s)
    if pause_s := _pause_s(state.boots, now_s):
        return Wait(_why_paused(state, now_s + pause_s), now_s + pause_s)
    boots = state.boots
    if not look.is_booted:
        again = f", attempt {boots.failures + 1}" if boots.failures else ""
        return Begin(OperationKind.BOOT, f"{state.current} is what should run{again}")
    if look.astray:
        if pause_s := _mend_pause_s(look.mends_s):
            why = f"{look.astray[0]}{_more(look.astray)}, for the {len(look.mends_s) + 1}th time in ten minutes"
            return Wait(f"{why}; mended in {pause_s:.0f} s", now_s + pause_s)
        return Begin(OperationKind.BOOT, f"{look.astray[0]}{_more(look.astray)}")
    return Wait(_at_rest(state, look))


ENGINE_RETRY_S = 2.0
MENDS_AT_ONCE = 3
"""So often within ten minutes what went astray is mended without a pause."""
LONGEST_PAUSE_S = BACKOFF_MOST_S
LEAST_PAUSE_S = 0.05
"""A shorter one is none: added to today's unix time it may vanish, and whoever waits for it would wait for ever."""


def _begin_box(boots: Boots, look: Look, now_s: float) -> Decision:
    """A box without any deployment takes the release that came with it.

    A refusal is of that one, on this very host: another is tried at once, and so is the same one once the host has
    booted again, maybe with more memory.
    """
    version = look.first_version
    if not version:
        return Wait("nothing is deployed yet: pull a release and switch to it")
    why = f"nothing is deployed, and {version} is here"
    refused_s = now_s - (boots.next_try_at_s - backoff_s(boots.failures)) if boots.failures else math.inf
    if boots.refused_version != version or refused_s > look.since_boot_s:
        return Begin(OperationKind.SWITCH, why, version)
    if pause_s := _pause_s(boots, now_s):
        return Wait(f"{version} can't be deployed, {_so_far(boots)}; {_next_try(now_s + pause_s)}", now_s + pause_s)
    return Begin(OperationKind.SWITCH, f"{why}, attempt {boots.failures + 1}", version)


def _pause_s(boots: Boots, now_s: float) -> float:
    """How long the next attempt to boot is put off. One that is too far off was set by another clock."""
    left_s = boots.next_try_at_s - now_s
    return left_s if boots.failures and 0.0 < left_s <= LONGEST_PAUSE_S else 0.0


def _mend_pause_s(mends_s: Sequence[float]) -> float:
    """How long a mend is put off: what breaks again and again isn't helped by being hurried."""
    if len(mends_s) < MENDS_AT_ONCE:
        return 0.0
    wanted_s = min(BACKOFF_FIRST_S * 2.0 ** (len(mends_s) - MENDS_AT_ONCE), LONGEST_PAUSE_S)
    left_s = wanted_s - mends_s[-1]
    return left_s if left_s >= LEAST_PAUSE_S else 0.0


def _why_paused(state: State, at_s: float) -> str:
    return f"{state.current} did not boot, {_so_far(state.boots)}; {_next_try(at_s)}{offer_of(state)}"


def _next_try(at_s: float) -> str:
    """The time of day stays true, whenever it is read."""
    return f"next try at {datetime.fromtimestamp(at_s, UTC):%H:%M:%S} UTC"


def _so_far(boots: Boots) -> str:
    why = boots.last.message if boots.last is not None else "no reason was kept"
    times = "once" if boots.failures == 1 else f"{boots.failures} times"
    return f"{times} so far ({why})"


def _more(found: Sequence[str]) -> str:
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""


def _at_rest(state: State, look: Look) -> str:
    if look.restarting:
        return f"the engine starts {', '.join(look.restarting)} again"
    if state.boots.fallen_back_from:
        last = f": {state.boots.last.message}" if state.boots.last is not None else ""
        runs = f"{state.current} runs in place of {state.boots.fallen_back_from}"
        return f"{runs}, which did not boot{last}{offer_of(state)}"
    return f"{state.current} runs, and nothing is to be done"
