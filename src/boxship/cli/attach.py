"""``up`` for a terminal: progress, then logs until ^C, then stop in order."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from boxship.cli.context import Invocation
from boxship.cli.render.color import BOLD, is_colored, paint
from boxship.cli.render.lines import LogPrinter
from boxship.cli.render.table import print_status, status_as_json
from boxship.cli.run import changing, hear_interrupts, until_interrupted
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.execute.executor import execute
from boxship.execute.race import race
from boxship.operate.logs import LogRequest, merged_logs
from boxship.operate.outcome import error_of
from boxship.operate.up import UpRequest, UpResult, bring_up
from boxship.plan.verbs import plan_stop
from boxship.spec.model import Appliance

Beside = Callable[[Engine, asyncio.Event, Callable[[], None]], Coroutine[Any, Any, None]]
"""What goes on beside the logs until the interrupt; it says when containers may have changed."""


async def run_up(
    invocation: Invocation,
    appliance: Appliance,
    engine: Engine,
    request: UpRequest,
    *,
    attached: bool,
    beside: Beside | None = None,
) -> int:
    """Bring it up and say how it went; attached: show logs until ^C. Raises: the outcome's error."""
    interrupt = hear_interrupts()
    began = datetime.now(UTC).isoformat()
    async with changing(invocation, "up", appliance.name, interrupt) as display:
        result = await bring_up(appliance, engine, display.show, SystemClock(), request, interrupt)
    error = error_of(result.outcome, "up")
    if error is not None:
        if attached and result.outcome.is_interrupted:
            await _stop(invocation, appliance, engine, request)
        elif result.status and not invocation.is_json:
            _show_what_runs(result)
        raise error
    _show_result(invocation, appliance, result)
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


def _show_result(invocation: Invocation, appliance: Appliance, result: UpResult) -> None:
    if invocation.is_json:
        print(json.dumps({"result": status_as_json(result.status), "addresses": list(result.addresses)}))
        return
    what = "is up" if result.plan.steps else "is up, nothing to do"
    print(paint(f"{appliance.name} {what}", BOLD, on=is_colored(sys.stdout)))
    for address in result.addresses:
        print(f"  {address}")
    sys.stdout.flush()


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
    async with aclosing(until_interrupted(merged_logs(engine, appliance.name, wanted), interrupt)) as lines:
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
    async with changing(invocation, "stop", appliance.name, asyncio.Event()) as display:
        plan = plan_stop(appliance.name, await engine.observe(()), dependencies, only=request.services or None)
        outcome = await execute(plan, engine, display.show, SystemClock())
    error = error_of(outcome, "stop")
    if error is not None:
        raise error
    return 130
