"""Verbs that make it so, or say what that would take: up and plan."""

import argparse
import json
from collections.abc import Collection
from typing import NamedTuple

from boxship.cli.attach import Beside, run_up
from boxship.cli.context import Invocation
from boxship.cli.render.plans import images_as_text, plan_as_data, plan_as_text
from boxship.cli.run import run_with_engine
from boxship.cli.selection import add_selection, present_services, selected, selection_of, services_of
from boxship.engine.port import Engine
from boxship.errors import UsageError
from boxship.operate.up import Ahead, UpRequest, plan_up
from boxship.plan.select import extended
from boxship.plan.verdict import Options
from boxship.spec.load import Loaded
from boxship.spec.model import Appliance

# A network that Boxship makes has room for 32,000 addresses at most.
_MOST_CONTAINERS = 10_000


def add_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these and what they depend on")
    parser.add_argument("-d", "--detach", action="store_true", help="return when every service is ready")
    build = parser.add_mutually_exclusive_group()
    build.add_argument(
        "--build", action="store_true", default=None, help="build images first, also those that are there"
    )
    build.add_argument("--no-build", dest="build", action="store_false", help="never build")
    parser.add_argument("--force-recreate", action="store_true", help="recreate containers that are as they should be")
    parser.add_argument("--no-recreate", action="store_true", help="leave containers that differ as they are")
    parser.add_argument("--no-deps", action="store_true", help="only the services named, not what they depend on")
    parser.add_argument("--remove-orphans", action="store_true", help="remove services that the files no longer have")
    _add_scale(parser)
    add_selection(parser)
    parser.add_argument("-V", "--renew-anon-volumes", action="store_true", help="new anonymous volumes")
    parser.add_argument("--pull", choices=["always", "missing", "never"], default="missing")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    parser.add_argument("--wait", action="store_true", help="always so with -d; here for compatibility")
    parser.add_argument("-w", "--watch", action="store_true", help="follow changes of files as well, as watch does")
    parser.set_defaults(run=up)


def up(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load_with_warnings()
    _wanted(invocation, loaded, arguments, None)
    if invocation.is_dry_run:
        return _rehearse(invocation, loaded, arguments)

    if arguments.watch and arguments.detach:
        raise UsageError("--watch needs a terminal to stay, and -d gives it back", hint="boxship watch --no-up")
    beside = _watch_beside(invocation, loaded, arguments) if arguments.watch else None

    async def work(engine: Engine) -> int:
        wanted = _wanted(invocation, loaded, arguments, await _present(engine, loaded, arguments))
        return await run_up(
            invocation, wanted.appliance, engine, wanted.request, attached=not arguments.detach, beside=beside
        )

    return run_with_engine(work)


def _watch_beside(invocation: Invocation, loaded: Loaded, arguments: argparse.Namespace) -> Beside:
    # Imported here, as nobody else needs what watches files.
    from boxship.cli.watch import run_watch, watching_of  # noqa: PLC0415 (see above)

    appliance = selected(loaded, arguments)
    watching = watching_of(invocation, loaded, appliance, services_of(loaded, arguments))
    return lambda engine, interrupt, heard: run_watch(appliance, engine, watching, interrupt, heard)


class _Wanted(NamedTuple):
    appliance: Appliance
    request: UpRequest


def _wanted(
    invocation: Invocation, loaded: Loaded, arguments: argparse.Namespace, present: Collection[str] | None
) -> _Wanted:
    """What to bring up. Raises: NotFoundError and UsageError for what was typed wrong."""
    appliance = selected(loaded, arguments, present)
    selection = selection_of(arguments)
    names = extended(appliance, arguments.services, selection, present) if selection.is_extended else ()
    request = UpRequest(
        target=invocation.target,
        profiles=loaded.active_profiles,
        services=tuple(sorted(names)) or tuple(arguments.services),
        with_dependencies=not arguments.no_deps,
        build=arguments.build,
        pull=arguments.pull,
        scales=_scales(arguments.scale),
        options=_options(arguments),
    )
    return _Wanted(appliance, request)


async def _present(engine: Engine, loaded: Loaded, arguments: argparse.Namespace) -> frozenset[str] | None:
    """Asked only when it makes a difference."""
    return present_services(loaded.appliance.name, await engine.observe(())) if arguments.affected else None


def _rehearse(invocation: Invocation, loaded: Loaded, arguments: argparse.Namespace) -> int:
    async def look_ahead(engine: Engine) -> Ahead:
        wanted = _wanted(invocation, loaded, arguments, await _present(engine, loaded, arguments))
        return await plan_up(wanted.appliance, engine, wanted.request)

    return _show_ahead(invocation, loaded, run_with_engine(look_ahead))


def add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these and what they depend on")
    parser.add_argument("--force-recreate", action="store_true", help="as for up")
    parser.add_argument("--no-recreate", action="store_true", help="as for up")
    parser.add_argument("--no-deps", action="store_true", help="as for up")
    parser.add_argument("--remove-orphans", action="store_true", help="as for up")
    _add_scale(parser)
    add_selection(parser)
    parser.set_defaults(run=plan, renew_anon_volumes=False, timeout=None, build=None, pull="missing")


def plan(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load() if invocation.is_json else invocation.load_with_warnings()
    return _rehearse(invocation, loaded, arguments)


def _show_ahead(invocation: Invocation, loaded: Loaded, ahead: Ahead) -> int:
    if invocation.is_json:
        warnings = [warning.as_data() for warning in loaded.warnings]
        data = plan_as_data(ahead.plan, build=tuple(ahead.builds), pull=tuple(ahead.pulls))
        print(json.dumps({**data, "warnings": warnings}))
        return 0
    before = (*images_as_text(ahead.builds, "build"), *images_as_text(ahead.pulls, "pull"))
    print(plan_as_text(ahead.plan, before))
    return 0


def _add_scale(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scale",
        action="append",
        default=[],
        metavar="SERVICE=NUMBER",
        help="so many containers of a service, whatever the files say (repeatable)",
    )


def _scales(texts: list[str]) -> dict[str, int]:
    scales: dict[str, int] = {}
    for text in texts:
        service, _, number = text.partition("=")
        if not service or not (number.isascii() and number.isdecimal()) or int(number) > _MOST_CONTAINERS:
            raise UsageError(f"--scale wants SERVICE=NUMBER, not '{text}'", hint="for example --scale web=3")
        scales[service] = int(number)
    return scales


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        force_recreate=arguments.force_recreate,
        no_recreate=arguments.no_recreate,
        remove_orphans=arguments.remove_orphans,
        renew_anonymous_volumes=arguments.renew_anon_volumes,
        stop_grace_s=arguments.timeout,
    )
