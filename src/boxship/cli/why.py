"""The verb why: what a Loader does and why; where there is none, what runs and that nobody else decides."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from boxship.cli.box import add_where, run_box_verb
from boxship.cli.context import Invocation
from boxship.cli.meant import is_told_where
from boxship.cli.ps import expected
from boxship.cli.render.color import sanitized
from boxship.engine.glance import glance
from boxship.errors import SpecError
from boxship.host.places import find_socket
from boxship.plan.observed import Observed
from boxship.plan.status import ServiceStatus, service_status
from boxship.spec.loaded import Loaded

NO_LOADER = "no-loader"
"""Where a box says what phase it is in."""


def add_why(parser: argparse.ArgumentParser) -> None:
    add_where(parser)
    parser.set_defaults(run=why)


def why(invocation: Invocation, arguments: argparse.Namespace) -> int:
    if is_told_where(arguments.socket, arguments.url) or _has_loader_here(arguments):
        return run_box_verb("why", invocation, arguments)
    try:
        name, loaded = invocation.appliance_name_or_files()
    except SpecError:
        # Without files it is about the only box of this host, if there is one.
        if not find_socket(None, Path.cwd()).exists():
            raise
        return run_box_verb("why", invocation, arguments)
    arguments.project_name = name
    if _has_loader_here(arguments):
        return run_box_verb("why", invocation, arguments)
    observed = glance()
    if observed.loader_of(name) is not None:
        # Its socket can't be seen from here: the client says so, and what helps.
        return run_box_verb("why", invocation, arguments)
    return _say_what_runs(invocation, name, loaded, observed)


def _has_loader_here(arguments: argparse.Namespace) -> bool:
    """Emulated in this folder, or on this host for the appliance that is named."""
    return find_socket(arguments.project_name or "", Path.cwd()).exists()


def _say_what_runs(invocation: Invocation, name: str, loaded: Loaded | None, observed: Observed) -> int:
    rows = service_status(expected(invocation, name, loaded, [], observed), observed)
    sentence = sentence_of(name, rows)
    unready = {row.replica: row.why for row in rows if not row.is_ready}
    if invocation.is_json:
        print(json.dumps({"why": sentence, "phase": NO_LOADER, "is_ready": not unready, "unready": unready}))
    else:
        print(sanitized(sentence))
        for replica, reason in unready.items():
            print(sanitized(f"{replica}: {reason}"))
    return 0


def sentence_of(name: str, rows: Sequence[ServiceStatus]) -> str:
    """Pure."""
    ready = sum(row.is_ready for row in rows)
    return (
        f"no Loader looks after {name}, so nothing happens but what commands do: {ready} of {len(rows)} containers "
        "are as they should be, and boxship plan says what up would do"
    )
