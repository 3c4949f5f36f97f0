"""The verb loader: look after the appliance of this box until it is stopped."""

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from boxship.cli.box_process import BoxOptions, run_box
from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN, DryRunEnded
from boxship.cli.loader_check import check_box
from boxship.cli.render.sentences import print_sentences
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.engine.port import Engine
from boxship.host.box_ports import API_PORT, FRONT_PORT, PAGE_PORT
from boxship.host.heap import give_back_free_memory, keep_one_heap
from boxship.host.places import HOST_FILES_VARIABLE, LOADER_IMAGE_VARIABLE, box_places

UPDATE_CHECK_H = 12.0
_MOST_HOURS = 24 * 365.0


def add_loader(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", metavar="FOLDER", help="what the box remembers (/var/lib/boxship/NAME)")
    parser.add_argument("--run", metavar="FOLDER", dest="run_folder", help="its socket (/run/boxship/NAME)")
    parser.add_argument("--page-port", type=int, default=PAGE_PORT, metavar="PORT", help=f"the page ({PAGE_PORT})")
    parser.add_argument(
        "--front-port", type=int, metavar="PORT", help="an empty box's page as well (80 where it is installed; 0: none)"
    )
    parser.add_argument("--api-port", type=int, default=API_PORT, metavar="PORT", help=f"the API ({API_PORT})")
    parser.add_argument("--source", default="", metavar="PLACE", help="where a new box gets its releases from")
    parser.add_argument("--ca", metavar="FILE", help="an authority to believe for the registry's certificate")
    parser.add_argument(
        "--insecure",
        action="append",
        default=[],
        metavar="HOST",
        help="a registry that may do without TLS (repeatable)",
    )
    parser.add_argument(
        "--update-check",
        type=_hours,
        default=UPDATE_CHECK_H,
        metavar="HOURS",
        help=f"how often the source is asked for newer releases ({UPDATE_CHECK_H:g}); 0: never",
    )
    parser.add_argument("--check", action="store_true", help="only see whether it could look after this box")
    parser.set_defaults(run=loader)


def loader(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, _ = invocation.appliance_name_or_files()
    host_files = _host_files(os.environ)
    # A box has its host for itself; who runs a Loader by hand may not.
    usual_front = 0 if host_files is None else FRONT_PORT
    options = BoxOptions(
        appliance=name,
        places=box_places(name, _folder(arguments.state), _folder(arguments.run_folder)),
        page_port=arguments.page_port,
        api_port=arguments.api_port,
        source=arguments.source,
        own_image=os.environ.get(LOADER_IMAGE_VARIABLE, ""),
        front_port=usual_front if arguments.front_port is None else arguments.front_port,
        host_files=host_files,
        ca_file=_folder(arguments.ca),
        insecure=frozenset(arguments.insecure),
        update_check_s=arguments.update_check * 3600.0,
    )

    if IS_DRY_RUN.get():
        text = f"would look after {name}, with its state in {options.places.state}"
        raise DryRunEnded(text, {"appliance": name, "state": str(options.places.state)})

    async def check(engine: Engine) -> int:
        await check_box(options.places, engine)
        print(f"it could look after {name}")
        return 0

    if arguments.check:
        return run_with_engine(check)

    async def work(engine: Engine) -> int:
        stop: asyncio.Event = hear_interrupts()
        await run_box(options, engine, stop, print_sentences(is_json=invocation.is_json))
        return 0

    keep_one_heap()
    give_back_free_memory()
    return run_with_engine(work)


def _host_files(environ: Mapping[str, str]) -> int | None:
    """What sail tells; one that was written before it told anything is the oldest."""
    if LOADER_IMAGE_VARIABLE not in environ:
        return None
    told = environ.get(HOST_FILES_VARIABLE, "")
    return int(told) if told.isdecimal() else 0


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= _MOST_HOURS:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of hours, or more than a year")
    return hours


def _folder(text: str | None) -> Path | None:
    return Path(text).absolute() if text else None
