"""``up`` for a terminal: progress, then logs until ^C, then stop in order."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from boxship.cli.ahead import present
from boxship.cli.context import Invocation
from boxship.cli.render.lines import LogPrinter
from boxship.cli.render.result import show_up
from boxship.cli.render.table import print_status
from boxship.cli.run import changing, hear_interrupts, run_with_engine, until_interrupted
from boxship.cli.selection import selected, services_of
from boxship.cli.wanted import wanted
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.execute.executor import execute
from boxship.execute.race import race
from boxship.operate.doubts import remember_ready
from boxship.operate.errand import errand_of, ready_path
from boxship.operate.logs import LogRequest, merged_logs
from boxship.operate.outcome import error_of
from boxship.operate.request import UpRequest
from boxship.operate.up import UpResult, bring_up
from boxship.plan.verbs import plan_stop
from boxship.spec.loaded import Loaded
from boxship.spec.model import Appliance

Beside = Callable[[Engine, asyncio.Event, Callable[[], None]], Coroutine[Any, Any, None]]
"""What goes on beside the logs until the interrupt; it says when containers may have changed."""


def run_up(invocation: Invocation, loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Bring it up and say how it went; attached: show logs until ^C. Raises: the outcome's error."""
    beside = _watch_beside(invocation, loaded, arguments) if arguments.watch else None

    async def work(engine: Engine) -> int:
        chosen = wanted(invocation, loaded, arguments, await present(engine, loaded, arguments))
        attached = not arguments.detach
        return await run_up_on(invocation, chosen.appliance, engine, chosen.request, attached=attached, beside=beside)

    return run_with_engine(work)


def _watch_beside(invocation: Invocation, loaded: Loaded, arguments: argparse.Namespace) -> Beside:
    # Imported here, as nobody else needs what watches files.
    from boxship.cli.watch import run_watch, watching_of  # noqa: PLC0415 (see above)

    appliance = selected(loaded, arguments)
    watching = watching_of(invocation, loaded, appliance, services_of(loaded, arguments))
    return lambda engine, interrupt, heard: run_watch(appliance, engine, watching, interrupt, heard)


async def run_up_on(
    invocation: Invocation,
    appliance: Appliance,
    engine: Engine,
    request: UpRequest,
    *,
    attached: bool,
    beside: Beside | None = None,
) -> int:
    """As ``run_up``, on an engine that is connected."""
    interrupt = hear_interrupts()
    began = datetime.now(UTC).isoformat()
    async with changing(invocation, "up", appliance.name, engine, interrupt) as display:
        result = await bring_up(appliance, engine, display.show, SystemClock(), request, interrupt)
        remember_ready(ready_path(errand_of("up", appliance.name), os.environ), result.status, time.time())
    error = error_of(result.outcome, "up")
    if error is not None:
        if attached and result.outcome.is_interrupted:
            await _stop(invocation, appliance, engine, request)
        elif result.status and not invocation.is_json:
            _show_what_runs(result)
        raise error
    show_up(
        appliance.name,
        result.status,
        result.addresses,
        is_json=invocation.is_json,
        is_changed=bool(result.plan.steps),
    )
    if not attached:
        return 0
    if beside is None:
        await _follow(invocation, appliance, engine, request, began, interrupt)
    else:
        await _follow_anew(invocation, appliance, engine, request, began, interrupt, beside)
    return await _stop(invocation, appliance, engine, request) if interrupt.is_set() else 0


def _show_what_runs(result: UpResult) -> None:
    print("\nwhat runs and what doesn't:", file=sys.stderr)
    stdout, sys.stdout = sys.stdout, sys.stderr
    try:
        print_status(result.status)
    finally:
        sys.stdout = stdout
    print(file=sys.stderr)


async def _follow(
    invocation: Invocation,
    appliance: Appliance,
    engine: Engine,
    request: UpRequest,
    began: str,
    interrupt: asyncio.Event,
    seen: dict[tuple[str, int], str] | None = None,
) -> None:
    """Logs since the start of ``up``, until ^C or until every container has ended; ``attach: false`` shows none.

    ``seen``: the time of each container's last line, by service and number; it is kept up to date, and not shown again.
    """
    silent = {name for name, service in appliance.services.items() if service.attach is False}
    printer = LogPrinter(is_json=invocation.is_json)
    wanted = LogRequest(services=frozenset(request.services), follow=True, since=began)
    following = merged_logs(engine, appliance.name, wanted, SystemClock())
    async with aclosing(until_interrupted(following, interrupt)) as lines:
        async for line in lines:
            replica = (line.service, line.number)
            if line.service not in silent and (seen is None or line.at > seen.get(replica, "")):
                printer.show(line)
                if seen is not None:
                    seen[replica] = line.at


async def _follow_anew(
    invocation: Invocation,
    appliance: Appliance,
    engine: Engine,
    request: UpRequest,
    began: str,
    interrupt: asyncio.Event,
    beside: Beside,
) -> None:
    """Logs until ^C, also of the containers that take over meanwhile. Raises: what goes on beside them does."""
    again = asyncio.Event()
    seen: dict[tuple[str, int], str] = {}
    watching = asyncio.ensure_future(beside(engine, interrupt, again.set))
    while not watching.done():
        again.clear()
        until = datetime.now(UTC).isoformat()
        following = _follow(invocation, appliance, engine, request, began, interrupt, seen)
        async with race(_then_wait(following), again.wait(), asyncio.shield(watching)):
            began = until
    await watching


async def _then_wait(following: Coroutine[Any, Any, None]) -> None:
    """When all containers have ended, another may come."""
    await following
    await asyncio.Event().wait()


async def _stop(invocation: Invocation, appliance: Appliance, engine: Engine, request: UpRequest) -> int:
    """Stop in order what was brought up. A second ^C ends Boxship at once and leaves the rest running."""
    print("\nstopping (^C again to leave the rest running)", file=sys.stderr)
    dependencies = {service.name: tuple(service.depends_on) for service in appliance.services.values()}
    async with changing(invocation, "stop", appliance.name, engine, asyncio.Event()) as display:
        plan = plan_stop(appliance.name, await engine.observe(()), dependencies, only=request.services or None)
        outcome = await execute(plan, engine, display.show, SystemClock())
    error = error_of(outcome, "stop")
    if error is not None:
        raise error
    return 130
