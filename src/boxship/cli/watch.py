"""The verb watch, and what ``up --watch`` does beside its logs."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing

from msgspec import Struct, to_builtins

from boxship.cli.attach import run_up_on
from boxship.cli.context import Invocation
from boxship.cli.dry_run import DryRunEnded
from boxship.cli.render.color import RED, is_colored, paint, sanitized
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.cli.selection import add_selection, selected, services_of
from boxship.clock import SystemClock
from boxship.engine.address import find_address
from boxship.engine.port import Engine
from boxship.errors import UsageError
from boxship.events import Event, FilesFollowed, Notice
from boxship.operate.file_changes import changed_paths
from boxship.operate.looked_after import refuse_on_a_box
from boxship.operate.request import UpRequest
from boxship.operate.watch import WatchRequest, watch
from boxship.operate.watch_rules import Rule, rules_of
from boxship.plan.resolve import resolve
from boxship.spec.loaded import Loaded
from boxship.spec.model import Appliance

_LEAST_WIDTH = 14
_MOST_FILES = 3


class Watching(Struct, frozen=True):
    """What is watched for whom, and how it is told."""

    request: WatchRequest
    is_json: bool = False
    is_quiet: bool = False


def add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these services' files")
    parser.add_argument("--no-up", action="store_true", help="don't build and start the services first")
    parser.add_argument(
        "--prune",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="remove the image that a rebuild replaced (default: yes)",
    )
    parser.add_argument("--quiet", action="store_true", help="only say what failed")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=run)


def run(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load_with_warnings()
    appliance = selected(loaded, arguments)
    names = tuple(services_of(loaded, arguments))
    watching = watching_of(invocation, loaded, appliance, names, prunes=arguments.prune, is_quiet=arguments.quiet)
    if invocation.is_dry_run:
        raise _told(watching.request.rules)

    async def work(engine: Engine) -> int:
        await refuse_on_a_box("watch", appliance.name, engine)
        if not arguments.no_up:
            request = UpRequest(invocation.target, loaded.active_profiles, names, build=True)
            await run_up_on(invocation, appliance, engine, request, attached=False)
        await run_watch(appliance, engine, watching, hear_interrupts())
        return 0

    return run_with_engine(work)


def watching_of(
    invocation: Invocation,
    loaded: Loaded,
    appliance: Appliance,
    names: Sequence[str],
    *,
    prunes: bool = True,
    is_quiet: bool = False,
) -> Watching:
    """Raises: UsageError when nothing says what to watch; SpecError for rules that can't be followed."""
    profiles = loaded.active_profiles
    desired = resolve(appliance, target=invocation.target, profiles=profiles, names=names, with_dependencies=not names)
    rules = rules_of(appliance, desired.services)
    if not rules:
        raise UsageError(
            f"no service of {', '.join(names) or appliance.name} says what to watch",
            hint="give it develop: {watch: [{action: sync, path: ./src, target: /app/src}]}",
        )
    request = WatchRequest(rules, str(find_address(None, os.environ)), profiles, prunes)
    return Watching(request, invocation.is_json, is_quiet)


def _told(rules: Sequence[Rule]) -> DryRunEnded:
    lines = [f"would watch {rule.path}: {rule.action} {rule.service} {rule.target}".rstrip() for rule in rules]
    data = [
        {"service": rule.service, "path": rule.path, "action": rule.action, "target": rule.target} for rule in rules
    ]
    return DryRunEnded("\n".join(lines), {"watch": data})


async def run_watch(
    appliance: Appliance,
    engine: Engine,
    watching: Watching,
    interrupt: asyncio.Event,
    heard: Callable[[], None] = lambda: None,
) -> None:
    """Watch until the interrupt; ``heard`` is called when containers may be other ones."""

    def publish(event: Event) -> None:
        _show(event, watching)
        if isinstance(event, FilesFollowed) and event.restarted:
            heard()

    async with aclosing(changed_paths({rule.path for rule in watching.request.rules}, interrupt)) as changes:
        await watch(appliance, engine, publish, SystemClock(), watching.request, changes, interrupt)


def _show(event: Event, watching: Watching) -> None:
    match event:
        case _ if watching.is_json:
            print(json.dumps({"event": type(event).__name__, **to_builtins(event)}), flush=True)
        case Notice(text, is_warning) if is_warning or not watching.is_quiet:
            print(f"{'warning: ' * is_warning}{sanitized(text)}", file=sys.stderr, flush=True)
        case FilesFollowed(error=error) if error or not watching.is_quiet:
            _show_followed(event)
        case _:
            pass


def _show_followed(event: FilesFollowed) -> None:
    """One line; what failed has more to say."""
    more = len(event.files) - _MOST_FILES
    files = ", ".join(event.files[:_MOST_FILES]) + f" and {more} more" * (more > 0)
    label = event.service.ljust(_LEAST_WIDTH)
    if not event.error:
        print(sanitized(f"{label} {event.did} in {event.took_s:.1f} s ({files})"), file=sys.stderr, flush=True)
        return
    color = is_colored(sys.stderr)
    print(
        f"{sanitized(label)} {paint('failed:', RED, on=color)} {sanitized(event.error)} ({sanitized(files)})",
        file=sys.stderr,
    )
    for line in event.output:
        print(f"  | {sanitized(line)}", file=sys.stderr)
    if event.hint:
        print(f"hint: {sanitized(event.hint)}", file=sys.stderr)
    sys.stderr.flush()
