"""Verbs that make it so, or say what that would take: up and plan.

What is as it should be is told here. All else imports what waits and works, which costs three times as much.
"""

import argparse
import os

from msgspec.structs import replace

from boxship.cli.context import Invocation
from boxship.cli.render.display import make_display
from boxship.cli.render.result import show_up
from boxship.cli.selection import add_selection
from boxship.cli.wanted import Wanted, add_scale, wanted
from boxship.engine.glance import glance, glance_at_images
from boxship.errors import UsageError
from boxship.events import Event
from boxship.operate.errand import errand_of, is_anybody_at_it
from boxship.operate.request import at_rest, desired_of, plan_made, references
from boxship.plan.resolve import Desired
from boxship.spec.model import Appliance


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
    add_scale(parser)
    add_selection(parser)
    parser.add_argument("-V", "--renew-anon-volumes", action="store_true", help="new anonymous volumes")
    parser.add_argument("--pull", choices=["always", "missing", "never"], default="missing")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    parser.add_argument("--wait", action="store_true", help="always so with -d; here for compatibility")
    parser.add_argument("-w", "--watch", action="store_true", help="follow changes of files as well, as watch does")
    parser.set_defaults(run=up)


def up(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load_with_warnings()
    chosen = wanted(invocation, loaded, arguments, None)
    if invocation.is_dry_run:
        from boxship.cli.ahead import rehearse  # noqa: PLC0415 (see the module)

        return rehearse(invocation, loaded, arguments)
    if arguments.watch and arguments.detach:
        raise UsageError("--watch needs a terminal to stay, and -d gives it back", hint="boxship watch --no-up")
    if arguments.detach and not arguments.affected and _is_up(invocation, chosen):
        return 0
    from boxship.cli.attach import run_up  # noqa: PLC0415 (see the module)

    return run_up(invocation, loaded, arguments)


def _is_up(invocation: Invocation, chosen: Wanted) -> bool:
    """Whether all is as it should be; then that is shown."""
    name, request = chosen.appliance.name, chosen.request
    desired = desired_of(chosen.appliance, request)
    if is_anybody_at_it(errand_of("up", name)):
        return False
    kept: tuple[Event, ...] | None = ()
    if request.build:
        kept, request = _built(chosen.appliance, desired), replace(request, build=False)
    if kept is None:
        return False
    rest = at_rest(chosen.appliance.host, desired, glance(references(desired)), request)
    if rest is None:
        return False
    with make_display(is_json=invocation.is_json) as display:
        for event in kept:
            display.show(event)
        if rest.notice is not None:
            display.show(rest.notice)
        display.show(plan_made(rest.plan))
    show_up(name, rest.status, rest.addresses, is_json=invocation.is_json, is_changed=False)
    return True


def _built(appliance: Appliance, desired: Desired) -> tuple[Event, ...] | None:
    """What is told when every image that --build asks for is as it should be; None when one may not be."""
    # Imported here, as an up without --build must not pay for it.
    from boxship.build.at_rest import at_rest as builds_at_rest  # noqa: PLC0415 (see above)
    from boxship.build.at_rest import has_build_hooks  # noqa: PLC0415
    from boxship.build.known import BuildOptions  # noqa: PLC0415
    from boxship.build.places import default_root  # noqa: PLC0415

    names = tuple(service.name for service in desired.services if service.build)
    if not names:
        return ()
    if has_build_hooks(appliance, names):
        return None
    return builds_at_rest(appliance, names, glance_at_images, BuildOptions(), default_root(os.environ))


def add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these and what they depend on")
    parser.add_argument("--force-recreate", action="store_true", help="as for up")
    parser.add_argument("--no-recreate", action="store_true", help="as for up")
    parser.add_argument("--no-deps", action="store_true", help="as for up")
    parser.add_argument("--remove-orphans", action="store_true", help="as for up")
    add_scale(parser)
    add_selection(parser)
    parser.set_defaults(run=plan, renew_anon_volumes=False, timeout=None, build=None, pull="missing")


def plan(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load() if invocation.is_json else invocation.load_with_warnings()
    from boxship.cli.ahead import rehearse  # noqa: PLC0415 (see the module)

    return rehearse(invocation, loaded, arguments)
