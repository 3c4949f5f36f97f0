"""The verb ps: what each service should be and what it is."""

import argparse
import json
import os
import time

from boxship.cli.context import Invocation
from boxship.cli.render.table import print_status, status_as_json
from boxship.cli.selection import add_selection, services_of
from boxship.engine.glance import glance
from boxship.errors import UsageError, unknown_name
from boxship.operate.doubts import chosen_rows, doubtful
from boxship.operate.errand import errand_of, ready_path
from boxship.plan.found import booted_target, require_appliance, without_files
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired, resolve
from boxship.plan.status import ServiceStatus, service_status
from boxship.spec.loaded import Loaded

_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead", "missing")


def add_ps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    parser.add_argument("-q", "--quiet", action="store_true", help="only container ids")
    parser.add_argument("-a", "--all", action="store_true", help="always so; here for compatibility")
    parser.add_argument("--services", dest="only_names", action="store_true", help="only the services' names")
    parser.add_argument(
        "--status",
        action="append",
        default=[],
        choices=_STATES,
        metavar="STATE",
        help="only in this state (repeatable)",
    )
    parser.add_argument("--filter", action="append", default=[], metavar="status=STATE", help="the same (repeatable)")
    parser.add_argument(
        "--format",
        default="table",
        metavar="FORMAT",
        help="table, json (docker compose's, an object a line; --json is Boxship's), or a template: '{{.Service}}'",
    )
    parser.add_argument("--no-trunc", action="store_true", help="whole ids, and nothing left out for narrow terminals")
    add_selection(parser, with_tag=False)
    parser.set_defaults(run=ps)


def ps(invocation: Invocation, arguments: argparse.Namespace) -> int:
    states = {*arguments.status, *map(_state_of, arguments.filter)}
    name, loaded = invocation.appliance_name_or_files()
    arguments.services = services_of(loaded, arguments)
    for service in arguments.services:
        if loaded is not None and service not in loaded.appliance.services:
            raise unknown_name("service", service, name, loaded.appliance.services)
    is_table = arguments.format == "table" and not (arguments.quiet or arguments.only_names or invocation.is_json)

    observed = glance()
    desired = expected(invocation, name, loaded, arguments.services, observed)
    is_plain = arguments.quiet or arguments.only_names
    if is_plain or (is_table and not doubtful(desired, observed, time.time())):
        rows = service_status(desired, observed)
    else:
        rows = _closer(name, desired, observed, restarts=not is_table)
    rows = chosen_rows(rows, arguments.services, states)
    if arguments.quiet:
        _print_lines([row.container.id for row in rows if row.container])
    elif arguments.only_names:
        _print_lines(list(dict.fromkeys(row.service for row in rows)))
    elif invocation.is_json:
        print(json.dumps(status_as_json(rows)))
    elif is_table:
        print_status(rows, is_whole=arguments.no_trunc)
    else:
        # Few ask for another form.
        from boxship.cli.render.template import format_rows  # noqa: PLC0415 (see above)

        _print_lines(format_rows(rows, name, arguments.format, is_whole=arguments.no_trunc))
    return 0


def _closer(name: str, desired: Desired, observed: Observed, *, restarts: bool) -> tuple[ServiceStatus, ...]:
    # Imported here: where nothing is in doubt it would double what `ps` takes.
    from boxship.cli.run import run_with_engine  # noqa: PLC0415 (see above)
    from boxship.operate.closer import look_at_services  # noqa: PLC0415 (see above)

    memory = ready_path(errand_of("ps", name), os.environ)
    return run_with_engine(
        lambda engine: look_at_services(engine, desired, observed, memory, time.time(), restarts=restarts)
    )


def _print_lines(lines: list[str]) -> None:
    print("\n".join(lines), end="\n" * bool(lines))


def _state_of(text: str) -> str:
    key, _, state = text.partition("=")
    if key != "status" or state not in _STATES:
        raise UsageError(f"--filter '{text}' is not understood", hint=f"write status=STATE: {', '.join(_STATES)}")
    return state


def expected(
    invocation: Invocation, name: str, loaded: Loaded | None, services: list[str], observed: Observed
) -> Desired:
    """What should run, as the files say, or else the containers themselves."""
    if loaded is None:
        require_appliance(name, observed)
        return without_files(name, observed)
    profiles = loaded.active_profiles
    target = invocation.target or booted_target(loaded.appliance, observed, profiles)
    return resolve(loaded.appliance, target=target, profiles=profiles, names=services)
