"""Verbs that set up a box: install and uninstall."""

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
from boxship.cli.run import run_with_engine
from boxship.engine.address import DEFAULT_SOCKET, find_address
from boxship.engine.port import Engine
from boxship.errors import NotFoundError, UsageError
from boxship.host.reach import Reach
from boxship.host.units import Systemd
from boxship.operate.install import THIS_HOST, Installation, Report, demand_root, install, uninstall


def add_install(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image", metavar="REF", help=f"the Loader's image (default: {REFERENCE}, which is made if it isn't here)"
    )
    parser.add_argument("--root", metavar="DIR", default="/", help="install into this tree of files instead")
    parser.add_argument("--no-command", action="store_true", help="leave out the command boxship for people")
    add_loader_options(parser)
    parser.set_defaults(run=install_verb)


def add_loader_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "loader_options", nargs="*", metavar="OPTION", help="for the Loader, after --: -- --page-port 8080"
    )


def install_verb(invocation: Invocation, arguments: argparse.Namespace) -> int:
    root = Path(arguments.root).absolute()
    is_dry_run = IS_DRY_RUN.get()
    if not is_dry_run:
        demand_root(root, os.geteuid())
    name, loaded = invocation.appliance_name_or_files()

    async def work(engine: Engine) -> Report:
        what = Installation(
            name,
            await loader_image(engine, arguments.image, is_json=invocation.is_json),
            loaded.appliance.host.sysctl if loaded else {},
            socket_of_engine(),
            tuple(arguments.loader_options),
            with_command=not arguments.no_command,
        )
        is_named = arguments.image is not None
        return await install(what, Systemd(), root, replace_loader=is_named, dry_run=is_dry_run)

    _show(run_with_engine(work), invocation, name)
    return 0


def add_uninstall(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", metavar="DIR", default="/", help="the tree of files that it was installed into")
    parser.set_defaults(run=uninstall_verb)


def uninstall_verb(invocation: Invocation, arguments: argparse.Namespace) -> int:
    root = Path(arguments.root).absolute()
    is_dry_run = IS_DRY_RUN.get()
    if not is_dry_run:
        demand_root(root, os.geteuid())
    name, _ = invocation.appliance_name_or_files()

    async def work(engine: Engine) -> Report:
        its_engine = engine if root == THIS_HOST else None
        its_reach = Reach(name) if root == THIS_HOST else None
        return await uninstall(name, its_engine, Systemd(), root, reach=its_reach, dry_run=is_dry_run)

    _show(run_with_engine(work), invocation, name)
    return 0


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


def _show(report: Report, invocation: Invocation, name: str) -> None:
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
