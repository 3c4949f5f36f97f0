"""The verb build."""

import argparse
import os
import sys
from collections.abc import Callable

from boxship.build.images import build_images
from boxship.build.stamps import stamps_of
from boxship.cli.context import Invocation
from boxship.cli.dry_run import DryRunEnded
from boxship.cli.render.display import Display, make_display
from boxship.cli.render.plans import images_as_text
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.cli.selection import add_selection, selected, services_of
from boxship.engine.port import Engine
from boxship.errors import CancelledError, UsageError
from boxship.events import Event, Phase, SubjectChanged
from boxship.operate.build_hooks import run_build_hooks
from boxship.operate.interrupt import unless_interrupted
from boxship.plan.containers import image_reference
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
    args = _build_args(arguments.build_arg)
    # Naming nothing means every service, of every target and profile: what ships must build.
    names = tuple(services_of(loaded, arguments)) or tuple(appliance.services)
    services = resolve(appliance, names=names, with_dependencies=False).services
    built = tuple(service.name for service in services if service.build)
    if not built and not appliance.bases:
        print(f"{appliance.name}: no service has a build", file=sys.stderr)
        return 0

    async def work(engine: Engine) -> int:
        if invocation.is_dry_run:
            raise await _ahead(appliance, built, engine, no_cache=arguments.no_cache)
        made: list[str] = []
        with _display(invocation, arguments) as display:

            def show(event: Event) -> None:
                if isinstance(event, SubjectChanged) and event.phase is Phase.READY:
                    made.append(event.subject)
                display.show(event)

            await _build(appliance, built, engine, show, arguments, args)
        if not made and not invocation.is_json and not arguments.quiet:
            print(f"{appliance.name}: nothing to do", file=sys.stderr)
        await _weigh(invocation, appliance, names, engine, arguments)
        return 0

    return run_with_engine(work)


async def _ahead(appliance: Appliance, services: tuple[str, ...], engine: Engine, *, no_cache: bool) -> DryRunEnded:
    """What would be built; whether a file changed is found out while it is."""
    references = [image_reference(appliance.name, appliance.services[name]) for name in services]
    observed = await engine.observe(references)
    when_there = "asked for with --no-cache" if no_cache else "if something it is made from changed"
    causes = {each: when_there if observed.image(each) else "not built yet" for each in references}
    text = "\n".join(images_as_text(causes, "build"))
    return DryRunEnded(text, {"build": [{"image": each, "cause": cause} for each, cause in causes.items()]})


async def _build(
    appliance: Appliance,
    services: tuple[str, ...],
    engine: Engine,
    show: Callable[[Event], None],
    arguments: argparse.Namespace,
    args: dict[str, str],
) -> None:
    interrupt = hear_interrupts()
    cut_off = CancelledError("the build was interrupted", hint="run it again: what is built is kept")

    async def build_with_hooks() -> None:
        await run_build_hooks(appliance, services, "pre-build", show)
        await build_images(
            appliance,
            services,
            engine,
            show,
            no_cache=arguments.no_cache,
            pull=arguments.pull,
            args=args,
            stamps=stamps_of(appliance),
            buildkit=_wants_buildkit(arguments.buildkit),
        )
        await run_build_hooks(appliance, services, "post-build", show)

    await unless_interrupted(build_with_hooks(), interrupt, cut_off)


def _display(invocation: Invocation, arguments: argparse.Namespace) -> Display:
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


async def _weigh(
    invocation: Invocation, appliance: Appliance, names: tuple[str, ...], engine: Engine, arguments: argparse.Namespace
) -> None:
    """Show sizes, if asked for, and hold images to their budgets. Raises: BuildError."""
    budgets = {name: budget for name, budget in appliance.budgets.items() if name in names or name in appliance.bases}
    if not arguments.sizes and not budgets:
        return
    # Imported here, as most builds have no budgets.
    from boxship.build.sizes import check_budgets  # noqa: PLC0415 (see above)
    from boxship.build.weigh import weigh_images  # noqa: PLC0415
    from boxship.cli.render.sizes import print_sizes  # noqa: PLC0415

    wanted = (*names, *appliance.bases) if arguments.sizes else tuple(budgets)
    images = await weigh_images(appliance, wanted, engine)
    if arguments.sizes:
        print_sizes(images, budgets, is_json=invocation.is_json)
    check_budgets(images, budgets)
