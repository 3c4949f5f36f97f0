"""What ``up`` and ``plan`` are asked for, from what was typed."""

import argparse
from collections.abc import Collection

from msgspec import Struct

from boxship.cli.context import Invocation
from boxship.cli.selection import selected, selection_of
from boxship.errors import UsageError
from boxship.operate.request import UpRequest
from boxship.plan.select import extended
from boxship.plan.verdict import Options
from boxship.spec.loaded import Loaded
from boxship.spec.model import Appliance

# A network that Boxship makes has room for 32,000 addresses at most.
_MOST_CONTAINERS = 10_000


class Wanted(Struct, frozen=True):
    """The appliance as selected, and the request."""

    appliance: Appliance
    request: UpRequest


def wanted(
    invocation: Invocation, loaded: Loaded, arguments: argparse.Namespace, present: Collection[str] | None
) -> Wanted:
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
    return Wanted(appliance, request)


def add_scale(parser: argparse.ArgumentParser) -> None:
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
