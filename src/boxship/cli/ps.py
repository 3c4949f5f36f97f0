"""Every service: what it should be and what it is."""

import argparse
import json

from boxship.cli.context import Invocation
from boxship.cli.render.table import print_status, status_as_json
from boxship.engine.glance import glance
from boxship.errors import unknown_name
from boxship.plan.found import booted_target, require_appliance, without_files
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired, resolve
from boxship.plan.status import service_status
from boxship.spec.load import Loaded


def add_ps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    parser.add_argument("-q", "--quiet", action="store_true", help="only container ids")
    parser.add_argument("-a", "--all", action="store_true", help="always so; here for compatibility")
    parser.add_argument("--services", dest="only_names", action="store_true", help="only the services' names")
    parser.set_defaults(run=ps)


def ps(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = invocation.appliance_name_or_files()
    for service in arguments.services:
        if loaded is not None and service not in loaded.appliance.services:
            raise unknown_name("service", service, name, loaded.appliance.services)

    observed = glance()
    rows = service_status(_expected(invocation, name, loaded, arguments.services, observed), observed)
    if arguments.services:
        rows = tuple(row for row in rows if row.service in arguments.services)
    if arguments.quiet:
        lines = [row.container.id for row in rows if row.container]
        print("\n".join(lines), end="\n" * bool(lines))
    elif arguments.only_names:
        print("\n".join(dict.fromkeys(row.service for row in rows)))
    elif invocation.is_json:
        print(json.dumps(status_as_json(rows)))
    else:
        print_status(rows)
    return 0


def _expected(
    invocation: Invocation, name: str, loaded: Loaded | None, services: list[str], observed: Observed
) -> Desired:
    """What should run, as the files say, or else the containers themselves."""
    if loaded is None:
        require_appliance(name, observed)
        return without_files(name, observed)
    profiles = loaded.active_profiles
    target = invocation.target or booted_target(loaded.appliance, observed, profiles)
    return resolve(loaded.appliance, target=target, profiles=profiles, names=services)
