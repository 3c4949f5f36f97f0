"""The verb build."""

import argparse
import sys

from boxship.build.images import build_images
from boxship.cli.context import Invocation
from boxship.cli.dry_run import DryRunEnded
from boxship.cli.render.display import make_display
from boxship.cli.render.plans import images_as_text
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.cli.selection import add_selection, selected, services_of
from boxship.engine.port import Engine
from boxship.errors import CancelledError
from boxship.host.version import versioned
from boxship.operate.build_hooks import run_build_hooks
from boxship.operate.interrupt import unless_interrupted
from boxship.plan.containers import image_reference
from boxship.plan.resolve import resolve
from boxship.spec.model import Appliance


def add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "services", nargs="*", metavar="SERVICE", help="only these (and what their images are made from)"
    )
    parser.add_argument("--no-cache", action="store_true", help="run every step again")
    parser.add_argument("--pull", action="store_true", help="ask the registry for newer base images")
    parser.add_argument("-q", "--quiet", action="store_true", help="only say what failed")
    add_selection(parser)
    parser.set_defaults(run=build)


def build(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load_with_warnings()
    appliance = versioned(selected(loaded, arguments))
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
        return await _build(
            invocation,
            appliance,
            built,
            engine,
            no_cache=arguments.no_cache,
            pull=arguments.pull,
            quiet=arguments.quiet,
        )

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
    invocation: Invocation,
    appliance: Appliance,
    services: tuple[str, ...],
    engine: Engine,
    *,
    no_cache: bool,
    pull: bool,
    quiet: bool,
) -> int:
    interrupt = hear_interrupts()
    with make_display(is_json=invocation.is_json, is_quiet=quiet) as display:
        cut_off = CancelledError("the build was interrupted", hint="run it again: what is built is kept")

        async def build_with_hooks() -> None:
            await run_build_hooks(appliance, services, "pre-build", display.show)
            await build_images(
                appliance, services, engine, display.show, only_missing=False, no_cache=no_cache, pull=pull
            )
            await run_build_hooks(appliance, services, "post-build", display.show)

        await unless_interrupted(build_with_hooks(), interrupt, cut_off)
    return 0
