"""The verb build.

A build with nothing to do is told here. All else imports what waits and works, which costs twice as much.
"""

import argparse
import os
import sys

from boxship.build.at_rest import at_rest, has_build_hooks
from boxship.build.known import BuildOptions
from boxship.build.places import default_root
from boxship.build.stamps import demanded_of
from boxship.cli.context import Invocation
from boxship.cli.render.display import Display, make_display
from boxship.cli.selection import add_selection, selected, services_of
from boxship.engine.glance import glance_at_images
from boxship.errors import UsageError
from boxship.plan.resolve import resolve
from boxship.spec.model import Appliance

_SWITCHED_OFF, _SWITCHED_ON = "0", "1"


def add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "services", nargs="*", metavar="SERVICE", help="only these (and what their images are made from)"
    )
    parser.add_argument("--no-cache", action="store_true", help="run every step again")
    parser.add_argument("--pull", action="store_true", help="ask the registry for newer base images")
    parser.add_argument(
        "--build-arg",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="a value for ARG, over the files'; without one, the variable of the environment (repeatable)",
    )
    parser.add_argument("--sizes", action="store_true", help="then show how large images are, and which layers are")
    kit = parser.add_mutually_exclusive_group()
    kit.add_argument("--buildkit", action="store_true", default=None, help="build with BuildKit, also what needs none")
    kit.add_argument("--no-buildkit", dest="buildkit", action="store_false", help="only with the engine's own builder")
    parser.add_argument("-q", "--quiet", action="store_true", help="only say what failed")
    parser.add_argument(
        "--progress",
        choices=["auto", "tty", "plain", "json", "quiet"],
        default="auto",
        help="how to show what happens (auto)",
    )
    add_selection(parser)
    parser.set_defaults(run=build)


def build(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load_with_warnings()
    appliance = selected(loaded, arguments)
    options = BuildOptions(
        no_cache=arguments.no_cache,
        pull=arguments.pull,
        args=_build_args(arguments.build_arg),
        stamps=demanded_of(appliance),
        buildkit=_wants_buildkit(arguments.buildkit),
    )
    # Naming nothing means every service, of every target and profile: what ships must build.
    names = tuple(services_of(loaded, arguments)) or tuple(appliance.services)
    services = resolve(appliance, names=names, with_dependencies=False).services
    built = tuple(service.name for service in services if service.build)
    if not built and not appliance.bases:
        print(f"{appliance.name}: no service has a build", file=sys.stderr)
        return 0
    if not _does_more(invocation, arguments, appliance, built) and _is_made(
        invocation, arguments, appliance, built, options
    ):
        return 0
    from boxship.cli.building import run_build  # noqa: PLC0415 (see the module)

    return run_build(invocation, arguments, appliance, names, built, options)


def _does_more(
    invocation: Invocation, arguments: argparse.Namespace, appliance: Appliance, built: tuple[str, ...]
) -> bool:
    """Whether there is more to do than to make images: a rehearsal, commands of the vendor, or weighing them."""
    is_weighed = arguments.sizes or bool(appliance.budgets)
    return invocation.is_dry_run or is_weighed or has_build_hooks(appliance, built)


def _is_made(
    invocation: Invocation,
    arguments: argparse.Namespace,
    appliance: Appliance,
    built: tuple[str, ...],
    options: BuildOptions,
) -> bool:
    """Whether every image is as it should be; then that is shown."""
    told = at_rest(appliance, built, glance_at_images, options, default_root(os.environ))
    if told is None:
        return False
    with display_of(invocation, arguments) as display:
        for event in told:
            display.show(event)
    tell_nothing_done(invocation, arguments, appliance)
    return True


def tell_nothing_done(invocation: Invocation, arguments: argparse.Namespace, appliance: Appliance) -> None:
    """Say that all images are as they should be."""
    if not invocation.is_json and not arguments.quiet:
        print(f"{appliance.name}: nothing to do", file=sys.stderr)


def display_of(invocation: Invocation, arguments: argparse.Namespace) -> Display:
    """How to show what happens."""
    kind = "quiet" if arguments.quiet else arguments.progress
    return make_display(is_json=invocation.is_json or kind == "json", is_quiet=kind == "quiet", kind=kind)


def _wants_buildkit(option: bool | None) -> bool | None:
    """The option, else docker's own variable, else None: where it is needed."""
    said = os.environ.get("DOCKER_BUILDKIT", "")
    return option if option is not None else {_SWITCHED_OFF: False, _SWITCHED_ON: True}.get(said)


def _build_args(texts: list[str]) -> dict[str, str]:
    args: dict[str, str] = {}
    for text in texts:
        name, has_value, value = text.partition("=")
        if not name or name != name.strip():
            raise UsageError(f"--build-arg wants NAME=VALUE, not '{text}'", hint="for example --build-arg DEBUG=1")
        found = value if has_value else os.environ.get(name)
        if found is not None:
            args[name] = found
    return args
