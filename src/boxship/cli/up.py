"""Verbs that make it so, or say what that would take: up and plan.

What is as it should be is told here. All else imports what waits and works, which costs three times as much.
"""

import argparse

from boxship.cli.context import Invocation
from boxship.cli.render.display import make_display
from boxship.cli.render.result import show_up
from boxship.cli.selection import add_selection
from boxship.cli.wanted import Wanted, add_scale, wanted
from boxship.engine.glance import glance
from boxship.errors import UsageError
from boxship.operate.errand import errand_of, is_anybody_at_it
from boxship.operate.request import at_rest, desired_of, plan_made, references


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
    name = chosen.appliance.name
    desired = desired_of(chosen.appliance, chosen.request)
    if is_anybody_at_it(errand_of("up", name)):
        return False
    rest = at_rest(chosen.appliance.host, desired, glance(references(desired)), chosen.request)
    if rest is None:
        return False
    with make_display(is_json=invocation.is_json) as display:
        if rest.notice is not None:
            display.show(rest.notice)
        display.show(plan_made(rest.plan))
    show_up(name, rest.status, rest.addresses, is_json=invocation.is_json, is_changed=False)
    return True


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
