"""``up`` for a terminal: progress, then logs until ^C, then stop in order."""

import asyncio
import os
import sys
import time
from contextlib import aclosing
from datetime import UTC, datetime

from boxship.cli.context import Invocation
from boxship.cli.render.lines import LogPrinter
from boxship.cli.render.result import show_up
from boxship.cli.render.table import print_status
from boxship.cli.run import changing, hear_interrupts, run_with_engine, until_interrupted
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.execute.executor import execute
from boxship.operate.errand import errand_of, ready_path
from boxship.operate.logs import LogRequest, merged_logs
from boxship.operate.outcome import error_of
from boxship.operate.request import UpRequest
from boxship.operate.status import remember_ready
from boxship.operate.up import UpResult, bring_up
from boxship.plan.verbs import plan_stop
from boxship.spec.model import Appliance


def run_up(invocation: Invocation, appliance: Appliance, request: UpRequest, *, attached: bool) -> int:
    """Bring it up and say how it went; attached: show logs until ^C. Raises: the outcome's error."""

    async def work(engine: Engine) -> int:
        return await _run_up(invocation, appliance, engine, request, attached=attached)

    return run_with_engine(work)


async def _run_up(
    invocation: Invocation, appliance: Appliance, engine: Engine, request: UpRequest, *, attached: bool
) -> int:
    interrupt = hear_interrupts()
    began = datetime.now(UTC).isoformat()
    async with changing(invocation, "up", appliance.name, interrupt) as display:
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
    await _follow(invocation, appliance, engine, request, began, interrupt)
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
) -> None:
    """Logs since the start of ``up``, until ^C or until every container has ended; ``attach: false`` shows none."""
    silent = {name for name, service in appliance.services.items() if service.attach is False}
    printer = LogPrinter(is_json=invocation.is_json)
    wanted = LogRequest(services=frozenset(request.services), follow=True, since=began)
    following = merged_logs(engine, appliance.name, wanted, SystemClock())
    async with aclosing(until_interrupted(following, interrupt)) as lines:
        async for line in lines:
            if line.service not in silent:
                printer.show(line)


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
