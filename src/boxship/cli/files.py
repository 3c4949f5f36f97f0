"""Verbs that only read files: check and show."""

import argparse
import json
import sys

from boxship.cli.context import Invocation, show_warnings
from boxship.host.version import versioned
from boxship.spec.render import to_compose, to_json


def add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing when all is well")
    parser.set_defaults(run=check)


def check(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load()
    appliance = versioned(loaded.appliance)
    if invocation.is_json:
        warnings = [
            {"file": w.where.file, "line": w.where.line, "column": w.where.column, "path": w.path, "reason": w.reason}
            for w in loaded.warnings
        ]
        print(json.dumps({"name": appliance.name, "services": list(appliance.services), "warnings": warnings}))
        return 0
    show_warnings(loaded.warnings)
    if not arguments.quiet:
        count = len(appliance.services)
        targets = f", targets: {', '.join(appliance.targets)}" if appliance.targets else ""
        print(f"{appliance.name} {appliance.version}: {count} service{'s' * (count != 1)}{targets}: good")
    return 0


def add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=["json", "compose", "yaml"], default="yaml", help="default: yaml")
    parser.add_argument("--services", action="store_true", help="only the names of the services")
    parser.set_defaults(run=show)


def show(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load()
    if arguments.format != "compose":
        show_warnings(loaded.warnings)
    if arguments.services:
        print("\n".join(loaded.appliance.services))
    elif arguments.format == "compose":
        print(json.dumps(to_compose(loaded), indent=2, ensure_ascii=False))
    elif arguments.format == "json" or invocation.is_json:
        print(json.dumps(to_json(versioned(loaded.appliance)), indent=2, ensure_ascii=False))
    else:
        import yaml  # noqa: PLC0415 (the dumper is needed by this one format)

        yaml.safe_dump(to_json(versioned(loaded.appliance)), sys.stdout, sort_keys=False, allow_unicode=True)
    return 0
