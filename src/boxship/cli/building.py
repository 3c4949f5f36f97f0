"""``build`` where there may be something to build: the engine asked in full, images made, hooks run, sizes shown."""

import argparse
from collections.abc import Callable

from msgspec.structs import replace

from boxship.build.images import build_images
from boxship.build.known import BuildOptions
from boxship.build.stamps import stamps_of
from boxship.cli.build import display_of, tell_nothing_done
from boxship.cli.context import Invocation
from boxship.cli.dry_run import DryRunEnded
from boxship.cli.render.plans import images_as_text
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.engine.port import Engine
from boxship.errors import CancelledError
from boxship.events import Event, Phase, SubjectChanged
from boxship.operate.build_hooks import run_build_hooks
from boxship.operate.interrupt import unless_interrupted
from boxship.plan.containers import image_reference
from boxship.spec.model import Appliance


def run_build(
    invocation: Invocation,
    arguments: argparse.Namespace,
    appliance: Appliance,
    names: tuple[str, ...],
    built: tuple[str, ...],
    options: BuildOptions,
) -> int:
    """Make the images of ``built``, and weigh those of ``names``.

    Raises: BuildError, HostError, EngineError as ``build_images``; CancelledError after ^C.
    """

    async def work(engine: Engine) -> int:
        if invocation.is_dry_run:
            raise await _ahead(appliance, built, engine, no_cache=options.no_cache)
        made: list[str] = []
        with display_of(invocation, arguments) as display:

            def show(event: Event) -> None:
                if isinstance(event, SubjectChanged) and event.phase is Phase.READY:
                    made.append(event.subject)
                display.show(event)

            await _build(appliance, built, engine, show, replace(options, stamps=stamps_of(appliance)))
        if not made:
            tell_nothing_done(invocation, arguments, appliance)
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
    options: BuildOptions,
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
            no_cache=options.no_cache,
            pull=options.pull,
            args=options.args,
            stamps=options.stamps,
            buildkit=options.buildkit,
        )
        await run_build_hooks(appliance, services, "post-build", show)

    await unless_interrupted(build_with_hooks(), interrupt, cut_off)


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
