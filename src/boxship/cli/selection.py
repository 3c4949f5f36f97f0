"""The options --only, --exclude and --tag, which several verbs have."""

import argparse
from collections.abc import Sequence

from boxship.errors import UsageError, unknown_name
from boxship.plan.select import Selection, select
from boxship.spec.load import Loaded
from boxship.spec.model import Appliance


def add_selection(parser: argparse.ArgumentParser, *, with_tag: bool = True) -> None:
    parser.add_argument(
        "-o", "--only", default="", metavar="NAME", help="only this service or target's services, without dependencies"
    )
    parser.add_argument(
        "-x",
        "--exclude",
        action="append",
        default=[],
        metavar="NAME",
        help="as if it were not in the files (repeatable)",
    )
    if with_tag:
        parser.add_argument("--tag", default="", help="this tag for every image that isn't named by digest")


def selection_of(arguments: argparse.Namespace) -> Selection:
    """What was asked for. Raises: UsageError where a part would pass for the whole."""
    selection = Selection(arguments.only, tuple(arguments.exclude), getattr(arguments, "tag", ""))
    if selection.is_partial and getattr(arguments, "remove_orphans", False):
        raise UsageError(
            "--remove-orphans would remove what --only and --exclude leave alone", hint="give one or the other"
        )
    return selection


def selected(loaded: Loaded, arguments: argparse.Namespace) -> Appliance:
    """The appliance of the files as selected. Raises: as ``plan.select.select``."""
    return select(loaded.appliance, selection_of(arguments))


def selected_names(
    loaded: Loaded | None, services: Sequence[str], arguments: argparse.Namespace
) -> frozenset[str] | None:
    """The services to act on; None for all of them. Raises: NotFoundError for one that the files don't have."""
    selection = selection_of(arguments)
    if loaded is None:
        if selection.is_partial:
            raise UsageError("--only and --exclude need the files", hint="name the services instead")
        return frozenset(services) or None
    unknown = [name for name in services if name not in loaded.appliance.services]
    if unknown:
        raise unknown_name("service", unknown[0], loaded.appliance.name, loaded.appliance.services)
    if not selection.is_partial:
        return frozenset(services) or None
    kept = frozenset(select(loaded.appliance, selection).services)
    return kept & frozenset(services) if services else kept
