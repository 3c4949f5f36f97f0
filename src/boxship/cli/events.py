"""The verb events: what happens to the containers."""

import argparse
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

from boxship.cli.chosen import Chosen, choose
from boxship.cli.context import Invocation
from boxship.cli.render.color import GREEN, RED, YELLOW, is_colored, paint, sanitized
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.cli.when import period
from boxship.engine.port import Engine, EngineEvent
from boxship.execute.race import race
from boxship.names import replica_name

_COLORS = {"start": GREEN, "unpause": GREEN, "oom": RED, "pause": YELLOW, "stop": YELLOW, "kill": YELLOW}
_LEAST_WIDTH = 8


def add_events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only of these (web.2: one of several)")
    parser.add_argument("--since", default="", metavar="TIME", help="from then on: 10m, 1h30m, RFC 3339, unix seconds")
    parser.add_argument("--until", default="", metavar="TIME", help="up to then; default: until ^C")
    parser.add_argument("-a", "--all", action="store_true", help="also commands inside them: health checks and exec")
    parser.set_defaults(run=events)


def events(invocation: Invocation, arguments: argparse.Namespace) -> int:
    chosen = choose(invocation, arguments.services)
    since, until = period(arguments.since, arguments.until)

    async def work(engine: Engine) -> int:
        interrupt = hear_interrupts()
        if not since:
            chosen.check(await engine.observe(()))
        told = engine.follow_events(
            chosen.appliance,
            since_s=float(since) if since else None,
            until_s=float(until) if until else None,
        )
        showing = _show(told, chosen, with_commands=arguments.all, is_json=invocation.is_json)
        async with race(showing, interrupt.wait()) as (shown, _):
            if shown.done():
                await shown
        return 0

    return run_with_engine(work)


async def _show(told: AsyncGenerator[EngineEvent, None], chosen: Chosen, *, with_commands: bool, is_json: bool) -> None:
    names = chosen.loaded.appliance.services if chosen.loaded is not None else ()
    width = max((_LEAST_WIDTH, *map(len, names)))
    async with aclosing(told) as events:
        async for event in events:
            if not with_commands and event.action.startswith("exec_"):
                continue
            replica = replica_name(event.service, event.number)
            if not chosen.names or event.service in chosen.names or replica in chosen.names:
                print(json.dumps(_as_json(event)) if is_json else _as_text(event, replica, width), flush=True)


def _as_text(event: EngineEvent, replica: str, width: int) -> str:
    status = "" if event.exit_code is None else f" with status {event.exit_code}"
    text = f"{sanitized(event.action)}{status}"
    return f"{_time(event)}  {replica.ljust(width)}  {paint(text, _color(event), on=is_colored(sys.stdout))}"


def _color(event: EngineEvent) -> str:
    if event.action == "die":
        return RED if event.exit_code else YELLOW
    if event.action.startswith("health_status"):
        return GREEN if event.action.endswith(": healthy") else RED
    return _COLORS.get(event.action, "")


def _time(event: EngineEvent) -> str:
    return datetime.fromtimestamp(event.at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_json(event: EngineEvent) -> dict[str, object]:
    return {
        "time": _time(event),
        "service": event.service,
        "number": event.number,
        "action": event.action,
        "exit_code": event.exit_code,
        "container": event.name,
        "id": event.container_id,
        "image": event.image,
    }
