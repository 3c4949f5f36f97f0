"""The verb logs."""

import argparse
import re
import sys
from collections.abc import Callable
from contextlib import aclosing

from msgspec import Struct

from boxship.cli.chosen import Chosen, choose
from boxship.cli.context import Invocation
from boxship.cli.render.lines import LogPrinter
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.cli.selection import add_selection
from boxship.cli.when import period
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.errors import UsageError
from boxship.execute.race import race
from boxship.operate.logs import LogRequest, merged_logs
from boxship.plan.observed import ObservedContainer


def add_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these (web.2: one of several)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as they write, also after restarts")
    parser.add_argument("-n", "--tail", default="all", metavar="LINES", help="only the last lines of each")
    parser.add_argument("--since", default="", metavar="TIME", help="from then on: 10m, 1h30m, RFC 3339, unix seconds")
    parser.add_argument("--until", default="", metavar="TIME", help="up to then")
    parser.add_argument("-g", "--grep", metavar="PATTERN", help="only lines that match (a regular expression)")
    parser.add_argument("-i", "--ignore-case", action="store_true", help="--grep: capital or small is the same")
    parser.add_argument("-v", "--invert-match", action="store_true", help="--grep: only lines that don't match")
    parser.add_argument("--index", type=int, metavar="NUMBER", help="which of a service's containers")
    parser.add_argument("-t", "--timestamps", action="store_true", help="with the time of each line")
    parser.add_argument("--no-color", action="store_true", help="without colours")
    parser.add_argument("--no-log-prefix", action="store_true", help="without the services' names")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=logs)


def logs(invocation: Invocation, arguments: argparse.Namespace) -> int:
    chosen = choose(invocation, arguments.services, arguments)
    arguments.services = list(chosen.names)
    filtering = _filter_of(arguments)
    request = _request(arguments, filtering)

    async def work(engine: Engine) -> int:
        found = await _containers(engine, chosen, request)
        printer = LogPrinter(
            is_json=invocation.is_json,
            timestamps=arguments.timestamps,
            prefix=not arguments.no_log_prefix,
            color=False if arguments.no_color else None,
            names=[each.replica for each in found],
            marks=filtering.pattern if filtering and not filtering.is_inverted else None,
            is_live=request.follow,
        )
        async with race(_print(engine, chosen.appliance, request, printer), hear_interrupts().wait()) as (printing, _):
            if printing.done():
                await printing
        return 0

    return run_with_engine(work)


async def _print(engine: Engine, name: str, request: LogRequest, printer: LogPrinter) -> None:
    async with aclosing(merged_logs(engine, name, request, SystemClock())) as lines:
        async for line in lines:
            printer.show(line)


async def _containers(engine: Engine, chosen: Chosen, request: LogRequest) -> list[ObservedContainer]:
    """What is going to be read. Says what of it isn't there."""
    observed = await engine.observe(())
    chosen.check(observed)
    mine = observed.containers_of(chosen.appliance)
    found = [each for each in mine if request.wants(each.service, each.number)]
    there = {word for each in found for word in (each.service, each.replica)}
    missing = [each for each in chosen.names if each not in there]
    if mine and not found and request.number is not None:
        print(f"no container has the number {request.number}: boxship ps shows them", file=sys.stderr)
    elif missing or not found:
        what = ", ".join(missing) or chosen.appliance
        print(f"{what} has no containers: boxship up creates them", file=sys.stderr)
    return found


class _Filter(Struct, frozen=True):
    """What ``--grep`` asks for."""

    pattern: re.Pattern[str]
    is_inverted: bool

    def passes(self, text: str) -> bool:
        """Whether a line is shown."""
        return (self.pattern.search(text) is None) is self.is_inverted


def _filter_of(arguments: argparse.Namespace) -> _Filter | None:
    if arguments.grep is None:
        for flag in ("ignore_case", "invert_match"):
            if getattr(arguments, flag):
                raise UsageError(f"--{flag.replace('_', '-')} says how --grep looks", hint="add --grep PATTERN")
        return None
    try:
        pattern = re.compile(arguments.grep, re.IGNORECASE if arguments.ignore_case else 0)
    except re.error as error:
        hint = "a backslash before . * + ? ( ) [ ] { } | makes it the character itself"
        raise UsageError(f"--grep '{arguments.grep}' is no regular expression: {error}", hint=hint) from error
    return _Filter(pattern, arguments.invert_match)


def _request(arguments: argparse.Namespace, filtering: _Filter | None) -> LogRequest:
    if arguments.tail != "all" and not arguments.tail.isdecimal():
        raise UsageError(f"--tail wants a number of lines or 'all', not '{arguments.tail}'")
    since, until = period(arguments.since, arguments.until)
    passes: Callable[[str], bool] | None = filtering.passes if filtering else None
    return LogRequest(
        services=frozenset(arguments.services),
        follow=arguments.follow,
        tail=None if arguments.tail == "all" else int(arguments.tail),
        since=since,
        until=until,
        number=arguments.index,
        matches=passes,
    )
