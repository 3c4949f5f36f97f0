"""Verbs that only read files: check and show."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence

from boxship.cli.context import Invocation
from boxship.cli.render.data import indented
from boxship.cli.render.problems import annotations, show_problems
from boxship.errors import SpecError
from boxship.host.version import versioned
from boxship.spec.loaded import Loaded
from boxship.spec.render import to_compose, to_json
from boxship.where import Problem


def add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing when all is well")
    parser.add_argument(
        "--format",
        choices=["text", "json", "github"],
        default="text",
        help="json is --json; github makes annotations of a workflow (default: text)",
    )
    parser.set_defaults(run=check)


def check(invocation: Invocation, arguments: argparse.Namespace) -> int:
    shape = "json" if invocation.is_json else arguments.format
    try:
        loaded = invocation.load()
    except SpecError as error:
        if shape == "text":
            show_problems(error.warnings, invocation.directory)
            raise
        _print_findings(shape, error.problems, error.warnings, {})
        return error.exit_status
    if shape == "text":
        show_problems(loaded.warnings, invocation.directory)
        if not arguments.quiet:
            print(_summary(loaded))
        return 0
    appliance = versioned(loaded.appliance)
    about = {"name": appliance.name, "version": appliance.version, "services": len(appliance.services)}
    _print_findings(shape, (), loaded.warnings, about)
    return 0


def _summary(loaded: Loaded) -> str:
    appliance = versioned(loaded.appliance)
    count, doubtful = len(appliance.services), len(loaded.warnings)
    targets = f", targets: {', '.join(appliance.targets)}" if appliance.targets else ""
    warned = f", with {doubtful} warning{'s' * (doubtful != 1)}" if doubtful else ""
    return f"{appliance.name} {appliance.version}: {count} service{'s' * (count != 1)}{targets}: good{warned}"


def _print_findings(
    shape: str, problems: Sequence[Problem], warnings: Sequence[Problem], about: Mapping[str, object]
) -> None:
    if shape == "github":
        for line in annotations((*problems, *warnings)):
            print(line)
        return
    found = {
        "problems": [problem.as_data() for problem in problems],
        "warnings": [warning.as_data() for warning in warnings],
    }
    print(json.dumps({"ok": not problems, **about, **found}))


def add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=["json", "compose", "yaml"], default="yaml", help="default: yaml")
    parser.add_argument("--services", action="store_true", help="only the names of the services")
    parser.add_argument("--schema", action="store_true", help="the JSON Schema of appliance.yaml; reads no files")
    parser.set_defaults(run=show)


def show(invocation: Invocation, arguments: argparse.Namespace) -> int:
    if arguments.schema:
        # Only this form needs it.
        from boxship.spec.schema import appliance_schema  # noqa: PLC0415 (see above)

        print(indented(appliance_schema()))
        return 0
    loaded = invocation.load()
    if arguments.services:
        print("\n".join(loaded.appliance.services))
    elif arguments.format == "compose":
        print(indented(to_compose(loaded)))
    elif arguments.format == "json" or invocation.is_json:
        warnings = [warning.as_data() for warning in loaded.warnings]
        shown = {**to_json(versioned(loaded.appliance)), "warnings": warnings}
        print(indented(shown))
    else:
        import yaml  # noqa: PLC0415 (the dumper is needed by this one format)

        show_problems(loaded.warnings, invocation.directory)
        yaml.safe_dump(to_json(versioned(loaded.appliance)), sys.stdout, sort_keys=False, allow_unicode=True)
    return 0
