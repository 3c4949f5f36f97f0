"""The options --only, --exclude, --dependencies, --affected and --tag, which several verbs have."""

import argparse
from collections.abc import Collection, Sequence

from boxship.errors import UsageError, unknown_name
from boxship.plan.observed import Observed
from boxship.plan.select import Selection, extended, select
from boxship.spec.loaded import Loaded
from boxship.spec.model import Appliance


def add_selection(parser: argparse.ArgumentParser, *, with_tag: bool = True) -> None:
    _add(parser, "-o", "--only", default="", metavar="NAME", text="only this service or target's services")
    _add(
        parser,
        "-x",
        "--exclude",
        action="append",
        default=[],
        metavar="NAME",
        text="as if it were not in the files (repeatable)",
    )
    _add(parser, "--dependencies", "--include-deps", action="store_true", text="also what the named ones depend on")
    _add(parser, "--affected", action="store_true", text="also what is there and depends on the named ones")
    if with_tag:
        parser.add_argument("--tag", default="", help="this tag for every image that isn't named by digest")


def _add(
    parser: argparse.ArgumentParser,
    *flags: str,
    text: str,
    action: str = "store",
    default: object = False,
    metavar: str | None = None,
) -> None:
    # What the verb uses itself is its own.
    free = [flag for flag in flags if flag not in parser._option_string_actions]  # noqa: SLF001  # argparse has no other way to ask
    settings = {} if metavar is None else {"metavar": metavar}
    parser.add_argument(*free, action=action, default=default, help=text, **settings)  # type: ignore[arg-type]  # its stub knows no str


def selection_of(arguments: argparse.Namespace) -> Selection:
    """What was asked for. Raises: UsageError where a part would pass for the whole."""
    selection = Selection(
        only=arguments.only,
        exclude=tuple(arguments.exclude),
        tag=getattr(arguments, "tag", ""),
        dependencies=arguments.dependencies,
        affected=arguments.affected,
    )
    if selection.is_partial and getattr(arguments, "remove_orphans", False):
        raise UsageError(
            "--remove-orphans would remove what --only and --exclude leave alone", hint="give one or the other"
        )
    return selection


def present_services(name: str, observed: Observed) -> frozenset[str]:
    """The services of an appliance that have a container: what ``--affected`` may reach."""
    return frozenset(each.service for each in observed.containers_of(name))


def selected(loaded: Loaded, arguments: argparse.Namespace, present: Collection[str] | None = None) -> Appliance:
    """The appliance of the files as selected. Raises: as ``plan.select.select``."""
    return select(loaded.appliance, selection_of(arguments), present)


def selected_names(
    loaded: Loaded | None,
    services: Sequence[str],
    arguments: argparse.Namespace,
    present: Collection[str] | None = None,
) -> frozenset[str] | None:
    """The services to act on; None for all of them.

    Raises: NotFoundError for one that the files don't have; UsageError when none is left.
    """
    selection = selection_of(arguments)
    if loaded is None:
        if selection.is_partial or selection.is_extended:
            raise UsageError(
                "--only, --exclude, --dependencies and --affected need the files", hint="name the services instead"
            )
        return frozenset(services) or None
    unknown = [name for name in services if name not in loaded.appliance.services]
    if unknown:
        raise unknown_name("service", unknown[0], loaded.appliance.name, loaded.appliance.services)
    kept = frozenset(select(loaded.appliance, selection, present).services) if selection.is_partial else None
    if not services:
        return kept
    named = extended(loaded.appliance, services, selection, present)
    if kept is None:
        return named
    if not kept & named:
        raise UsageError(f"nothing of {', '.join(services)} is left", hint="exclude less, or name others")
    return kept & named


def services_of(
    loaded: Loaded | None, arguments: argparse.Namespace, present: Collection[str] | None = None
) -> list[str]:
    """The verb's SERVICE arguments as selected; none stands for all. Raises: as ``selected_names``."""
    selection = selection_of(arguments)
    if not selection.is_partial and not selection.is_extended:
        return list(arguments.services)
    return sorted(selected_names(loaded, arguments.services, arguments, present) or ())
