"""The verb platform: the image that Loader, Config and CA of a box are."""

import argparse
import json
import os

from boxship.build.places import default_root
from boxship.build.platform import BUDGET_BYTES, REFERENCE, MadePlatform, PlatformMaker
from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN, DryRunEnded
from boxship.cli.render.display import Display, make_display
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.engine.port import Engine
from boxship.errors import CancelledError
from boxship.events import ImageProgress, Phase, SubjectChanged
from boxship.operate.interrupt import unless_interrupted
from boxship.units import format_size


def add_platform(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["build"], help="make the image, unless it is here as it should be")
    parser.add_argument("-t", "--tag", default=REFERENCE, metavar="REF", help=f"its name (default: {REFERENCE})")
    parser.add_argument("-q", "--quiet", action="store_true", help="only print the image's id")
    parser.set_defaults(run=platform)


def platform(invocation: Invocation, arguments: argparse.Namespace) -> int:
    if IS_DRY_RUN.get():
        text = f"would make {arguments.tag}, unless it is here as it should be"
        raise DryRunEnded(text, {"build": [{"image": arguments.tag}]})
    is_quiet = invocation.is_json or arguments.quiet

    async def work(engine: Engine) -> MadePlatform:
        with make_display(is_json=False, is_quiet=is_quiet) as display:
            return await make_platform(engine, display, arguments.tag)

    made = run_with_engine(work)
    if invocation.is_json:
        found = {"image": made.reference, "id": made.image_id, "size_bytes": made.size_bytes, "layers": made.layers}
        print(json.dumps(found))
    elif arguments.quiet:
        print(made.image_id)
    else:
        print("\n".join(_sizes(made)))
    return 0


async def make_platform(engine: Engine, display: Display, reference: str = REFERENCE) -> MadePlatform:
    """The platform image on the engine, and on the display how it came there.

    Raises: as ``PlatformMaker.ensure``; CancelledError.
    """
    subject = f"image:{reference}"

    has_begun = False

    def tell(line: str) -> None:
        nonlocal has_begun
        if not has_begun:
            display.show(SubjectChanged(subject, Phase.BUILDING))
        has_begun = True
        display.show(ImageProgress(reference, line))

    interrupt = hear_interrupts()
    maker = PlatformMaker(engine, default_root(os.environ), tell)
    cut_off = CancelledError("the build was interrupted", hint="run it again: what is made is kept")
    made = await unless_interrupted(maker.ensure(reference), interrupt, cut_off)
    display.show(SubjectChanged(subject, Phase.KEPT if made.was_there else Phase.READY))
    return made


def _sizes(made: MadePlatform) -> list[str]:
    lines = [f"{format_size(size):>8}  {name.removeprefix('boxship: ')}" for name, size in made.layers.items()]
    return [*lines, f"{format_size(made.size_bytes):>8}  {made.reference}, of {format_size(BUDGET_BYTES)} that it may"]
