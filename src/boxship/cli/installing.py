"""What the verbs that set up a box share: which image, which engine, and what was done."""

import argparse
import json
import os
from pathlib import Path

from msgspec import to_builtins

from boxship.build.platform import REFERENCE
from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN
from boxship.cli.platform import make_platform
from boxship.cli.render.display import make_display
from boxship.engine.address import DEFAULT_SOCKET, find_address
from boxship.engine.port import Engine
from boxship.errors import NotFoundError, UsageError
from boxship.host.places import THIS_HOST
from boxship.operate.install import Report
from boxship.registry.trust import Trust


async def loader_image(engine: Engine, reference: str | None, *, is_json: bool) -> str:
    """The id of the image that is named, else of this Boxship's own, which is made when it isn't here.

    Raises: NotFoundError for a named one that isn't on the engine; as ``make_platform``.
    """
    if reference is None and not IS_DRY_RUN.get():
        with make_display(is_json=False, is_quiet=is_json) as display:
            return (await make_platform(engine, display)).image_id
    wanted = reference or REFERENCE
    image = (await engine.observe((wanted,))).image(wanted)
    if image is None and reference is not None:
        raise NotFoundError(f"no image {reference} on this engine", hint="load it, or let Boxship make its own")
    return image.id if image is not None else wanted


def socket_of_engine() -> Path:
    """Raises: UsageError for an engine that is elsewhere: its containers can't be this host's Loader."""
    address = find_address(None, os.environ)
    if not address.path:
        raise UsageError(
            f"the engine at {address} is another machine's",
            hint=f"unset DOCKER_HOST, or let it be unix://{DEFAULT_SOCKET}",
        )
    return Path(address.path)


def trust_of(source: str, arguments: argparse.Namespace) -> Trust:
    """Whom the options of ``install`` make believed for a place with releases."""
    return Trust(
        ca_file=Path(arguments.ca) if arguments.ca else None,
        insecure=frozenset({source.partition("/")[0]}) if arguments.insecure else frozenset(),
    )


def show_report(report: Report, invocation: Invocation, name: str) -> None:
    """What was done, or would be: for people, or with --json."""
    if invocation.is_json:
        print(json.dumps(to_builtins(report)))
        return
    would = "would " if IS_DRY_RUN.get() else ""
    verbs = (
        ("write" if would else "wrote", report.changes.written),
        ("remove" if would else "removed", report.changes.removed),
    )
    lines = [f"{would}{verb} {path}" for verb, paths in verbs for path in paths]
    print("\n".join([*lines, *report.notes] if lines or report.notes else [f"{name}: nothing to do"]))


def asks_preflight(root: Path, arguments: argparse.Namespace) -> bool:
    """A tree of files is no machine that could be asked."""
    return root == THIS_HOST and not (IS_DRY_RUN.get() or arguments.no_preflight)
