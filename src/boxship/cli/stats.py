"""The verb stats: what each container uses."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import aclosing

from boxship.cli.chosen import Chosen, choose
from boxship.cli.context import Invocation
from boxship.cli.render.usage import Screen, usage_as_json, usage_lines
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.execute.race import race
from boxship.operate.stats import Usage, follow_usage, usage_once
from boxship.plan.observed import ContainerState, ObservedContainer

_SORTS: dict[str, Callable[[Usage], float]] = {
    "cpu": lambda usage: -((usage.stats.cpu_percent if usage.stats else None) or 0.0),
    "memory": lambda usage: -(usage.stats.memory_bytes if usage.stats else 0),
    "name": lambda usage: 0.0,
}


def add_stats(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these (web.2: one of several)")
    parser.add_argument("-a", "--all", action="store_true", help="also those that don't run")
    parser.add_argument("--no-stream", action="store_true", help="once, not again and again")
    parser.add_argument("--sort", choices=list(_SORTS), default="name", help="default: name")
    parser.set_defaults(run=stats)


def stats(invocation: Invocation, arguments: argparse.Namespace) -> int:
    chosen = choose(invocation, arguments.services)

    def wants(container: ObservedContainer) -> bool:
        runs = container.state in (ContainerState.RUNNING, ContainerState.PAUSED)
        return chosen.wants(container) and (runs or arguments.all)

    def sort(rows: tuple[Usage, ...]) -> list[Usage]:
        return sorted(rows, key=_SORTS[arguments.sort])

    async def work(engine: Engine) -> int:
        interrupt = hear_interrupts()
        chosen.check(await engine.observe(()))
        if arguments.no_stream:
            asking = usage_once(engine, chosen.appliance, wants)
            async with race(asking, interrupt.wait()) as (asked, _):
                return _show_once(sort(await asked), chosen, is_json=invocation.is_json) if asked.done() else 130
        with Screen() as screen:
            following = _follow(engine, chosen, wants, lambda rows: _show(sort(rows), screen, invocation))
            async with race(following, interrupt.wait()) as (followed, _):
                if followed.done():
                    await followed
        return 0

    return run_with_engine(work)


async def _follow(
    engine: Engine,
    chosen: Chosen,
    wants: Callable[[ObservedContainer], bool],
    show: Callable[[tuple[Usage, ...]], None],
) -> None:
    async with aclosing(follow_usage(engine, chosen.appliance, wants, SystemClock())) as told:
        async for rows in told:
            show(rows)
            await asyncio.sleep(0)


def _show(rows: list[Usage], screen: Screen, invocation: Invocation) -> None:
    if invocation.is_json:
        if any(row.stats for row in rows):
            print(json.dumps(usage_as_json(rows)), flush=True)
    else:
        screen.show(usage_lines(rows))


def _show_once(rows: list[Usage], chosen: Chosen, *, is_json: bool) -> int:
    if is_json:
        print(json.dumps(usage_as_json(rows)))
    elif rows:
        print("\n".join(usage_lines(rows)))
    else:
        print(f"{chosen.appliance}: nothing runs", file=sys.stderr)
    return 0
