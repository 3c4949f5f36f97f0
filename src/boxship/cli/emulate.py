"""The verb emulate: a whole box on this machine."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import NoReturn

from boxship.build.platform import REFERENCE
from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN, DryRunEnded
from boxship.cli.install import add_loader_options
from boxship.cli.installing import loader_image, socket_of_engine
from boxship.cli.run import run_with_engine
from boxship.engine.port import Engine
from boxship.host.own_rules import OwnRules
from boxship.host.places import EMULATION_FOLDER
from boxship.host.sysctl import apply_settings
from boxship.operate.emulate import Emulation, prepare, remove_emulation


def add_emulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image", metavar="REF", help=f"the Loader's image (default: {REFERENCE}, which is made if it isn't here)"
    )
    parser.add_argument(
        "--state", metavar="DIR", help=f"where the box keeps what it knows (default: {EMULATION_FOLDER})"
    )
    add_loader_options(parser)
    parser.add_argument("--remove", action="store_true", help="remove that folder and the Loader's containers instead")
    parser.set_defaults(run=emulate)


def emulate(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = invocation.appliance_name_or_files()
    directory = loaded.appliance.directory if loaded else Path.cwd()
    folder = Path(arguments.state).absolute() if arguments.state else directory / EMULATION_FOLDER
    if arguments.remove:
        return _remove(invocation, name, folder)
    socket = socket_of_engine()
    settings = loaded.appliance.host.sysctl if loaded else {}

    async def work(engine: Engine) -> Emulation:
        image_id = await loader_image(engine, arguments.image, is_json=invocation.is_json)
        if IS_DRY_RUN.get():
            text = f"would run the Loader {image_id} of {name}, with its state in {folder}"
            raise DryRunEnded(text, {"appliance": name, "loader": image_id, "state": str(folder)})
        return await prepare(name, folder, image_id, socket, tuple(arguments.loader_options))

    emulation = run_with_engine(work)
    # Here, as they are the host's, and the Loader's container may only read them.
    changed = [f"host: {setting}" for setting in apply_settings(settings) if setting.before != setting.wanted]
    for sentence in (*changed, *emulation.notes):
        print(sentence, file=sys.stderr, flush=True)
    return _run(emulation.script)


def _run(script: Path) -> NoReturn:
    """From here on this process hears ^C as sail, and its status is that of the Loader."""
    os.execv("/bin/sh", ["sh", str(script)])  # noqa: S606 (no shell is asked to read what somebody typed)


def _remove(invocation: Invocation, name: str, folder: Path) -> int:
    async def work(engine: Engine) -> tuple[str, ...]:
        return await remove_emulation(name, folder, engine, rules=OwnRules(name), dry_run=IS_DRY_RUN.get())

    done = run_with_engine(work)
    if invocation.is_json:
        print(json.dumps({"done": done}))
    else:
        print("\n".join(done or [f"{name}: nothing to do"]))
    return 0
