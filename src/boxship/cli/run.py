"""Running things for a terminal: a plan or an up, its events shown, ^C heard, the result as an exit status."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN, DryRunEnded
from boxship.cli.render.display import Display, make_display
from boxship.cli.render.plans import plan_as_data, plan_as_text
from boxship.clock import SystemClock
from boxship.engine.docker import connect
from boxship.engine.port import Engine
from boxship.execute.executor import Outcome, execute
from boxship.execute.rehearsal import WouldChange, rehearsing
from boxship.host.logins import DockerLogins
from boxship.operate.alone import alone
from boxship.operate.errand import errand_of
from boxship.operate.looked_after import refuse_on_a_box
from boxship.operate.outcome import error_of
from boxship.plan.action import Plan
from boxship.plan.observed import Observed

T = TypeVar("T")


def run_with_engine(work: Callable[[Engine], Coroutine[Any, Any, T]]) -> T:
    """Connect, run, disconnect."""
    if not gc.isenabled():
        # What was imported is no garbage; what comes from here on may be.
        gc.freeze()
        gc.enable()

    async def main() -> T:
        engine = connect(os.environ.get("DOCKER_HOST"), logins=DockerLogins(os.environ))
        try:
            return await work(rehearsing(engine) if IS_DRY_RUN.get() else engine)
        finally:
            await engine.close()

    with _ended_as_dry_run():
        return asyncio.run(main())


@contextmanager
def _ended_as_dry_run() -> Iterator[None]:
    """Turns the first change that a dry run would make into its end. Raises: DryRunEnded with what it is."""
    try:
        yield
    except WouldChange as change:
        would = change
    except ExceptionGroup as group:
        # Work side by side was about to change several things; one of them is enough to tell.
        found = group.subgroup(WouldChange)
        if found is None:
            raise
        would = next(each for each in _leaves(found) if isinstance(each, WouldChange))
    else:
        return
    if would.plan is None:
        raise DryRunEnded(f"would {would.call}", {"calls": [would.call]})
    raise DryRunEnded(plan_as_text(would.plan), plan_as_data(would.plan))


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for each in group.exceptions:
        yield from _leaves(each) if isinstance(each, BaseExceptionGroup) else (each,)


@asynccontextmanager
async def changing(
    invocation: Invocation, verb: str, name: str, engine: Engine, interrupt: asyncio.Event
) -> AsyncIterator[Display]:
    """Inside, nobody else of this user changes the appliance; the display shows what happens to it.

    In a dry run nobody is waited for, and nothing is shown.

    Raises: CancelledError when a person is tired of waiting for whoever does; ConflictError on a box, where the Loader
    changes it.
    """
    if IS_DRY_RUN.get():
        with make_display(is_json=False, is_quiet=True) as silent:
            yield silent
        return
    await refuse_on_a_box(verb, name, engine)
    errand = errand_of(verb, name)
    with make_display(is_json=invocation.is_json) as display:
        async with alone(errand, display.show, interrupt):
            yield display


def run_plan(invocation: Invocation, verb: str, name: str, make_plan: Callable[[Observed], Plan]) -> int:
    """Observe, plan, execute, show. Raises: the outcome's error."""

    async def work(engine: Engine) -> int:
        interrupt = hear_interrupts()
        async with changing(invocation, verb, name, engine, interrupt) as display:
            plan = make_plan(await engine.observe(()))
            outcome = await execute(plan, engine, display.show, SystemClock(), interrupt=interrupt)
        return end_of(invocation, verb, plan, outcome)

    return run_with_engine(work)


def end_of(invocation: Invocation, verb: str, plan: Plan, outcome: Outcome) -> int:
    """The exit status of a verb whose plan has ended. Raises: the outcome's error."""
    error = error_of(outcome, verb)
    if error is not None:
        raise error
    if not plan.steps and not invocation.is_json:
        print(f"{plan.appliance}: nothing to do", file=sys.stderr)
    return 0


def hear_interrupts() -> asyncio.Event:
    """Set at the first ^C or SIGTERM; the second one ends the program at once."""
    interrupt = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hear(number: int) -> None:
        if interrupt.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        interrupt.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, hear, number)
    return interrupt


async def until_interrupted(items: AsyncGenerator[T, None], interrupt: asyncio.Event) -> AsyncGenerator[T, None]:
    """The items, until they end or a person has enough."""
    stop = asyncio.ensure_future(interrupt.wait())
    following: asyncio.Future[T | None] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(items, None))
            await asyncio.wait({stop, following}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                return
            item = following.result()
            if item is None:
                return
            yield item
    finally:
        for each in (stop, following):
            if each is not None:
                each.cancel()
        await asyncio.gather(*(each for each in (stop, following) if each is not None), return_exceptions=True)
        await items.aclose()
