"""The verb version."""

import argparse
import json
import sys

from boxship import __version__
from boxship.cli.context import Invocation
from boxship.engine.glance import engine_info
from boxship.errors import EngineError


def add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-s", "--short", action="store_true", help="only Boxship's own version")
    parser.set_defaults(run=version)


def version(invocation: Invocation, arguments: argparse.Namespace) -> int:
    if arguments.short:
        print(__version__)
        return 0
    found: dict[str, str] = {"boxship": __version__, "python": sys.version.split()[0]}
    try:
        info = engine_info()
        found["engine"] = f"{info.version} (API {info.api_version})"
    except EngineError as error:
        found["engine"] = f"not reachable: {error.message}"
    if invocation.is_json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name:8} {text}" for name, text in found.items()))
    return 0
