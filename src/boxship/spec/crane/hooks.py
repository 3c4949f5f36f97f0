"""Crane's hooks: commands of the vendor's machine around build, start and stop of a container."""

import shlex
from collections.abc import Mapping

from boxship.spec.crane.expand import Expander
from boxship.spec.model import HostHooks
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.tree import Scalar, Table
from boxship.where import Related


def read_hooks(
    section: Table,
    groups: Mapping[str, tuple[str, ...]],
    containers: Mapping[str, Table],
    expander: Expander,
    report: Report,
) -> dict[str, HostHooks]:
    """Container -> its hooks: its own, event by event, over those of its groups. A group wins over a container's name.

    Two groups that give one container the same event are an error.
    """
    own: dict[str, dict[str, Scalar]] = {}
    inherited: dict[str, dict[str, tuple[str, Scalar]]] = {}
    for name, node in section.entries.items():
        if not isinstance(node, Table):
            continue
        events = {key: value for key, value in node.entries.items() if isinstance(value, Scalar)}
        if name in groups:
            for member in groups[name]:
                _inherit(member, name, events, inherited.setdefault(member, {}), report)
        elif name in containers:
            own[name] = events
        else:
            hint = report.suggest(name, [*groups, *containers])
            report.stray(
                section.at(name), f"hooks.{name}", f"unknown group or container '{name}'", hint, code="unknown-name"
            )
    found: dict[str, HostHooks] = {}
    for name in containers:
        events = {event: node for event, (_, node) in inherited.get(name, {}).items()} | own.get(name, {})
        if events:
            found[name] = _hooks(name, events, expander, report)
    return found


def _inherit(
    member: str, group: str, events: Mapping[str, Scalar], known: dict[str, tuple[str, Scalar]], report: Report
) -> None:
    for event, node in events.items():
        other, first = known.setdefault(event, (group, node))
        if other != group:
            reason = f"'{member}' gets {event} from the groups '{other}' and '{group}'"
            report.error(
                node.where,
                f"hooks.{group}.{event}",
                reason,
                "give it to the container itself, or to one group",
                code="conflicting-keys",
                related=(Related(first.where, other),),
            )


def _hooks(name: str, events: Mapping[str, Scalar], expander: Expander, report: Report) -> HostHooks:
    commands: dict[str, tuple[str, ...]] = {}
    for event, node in events.items():
        try:
            commands[event.replace("-", "_")] = tuple(shlex.split(expander.text(text_of(node.value), is_hook=True)))
        except ValueError as err:
            reason = f"the command can't be split: {str(err).lower()}"
            report.error(node.where, f"hooks.{name}.{event}", reason, "close the quote")
    return HostHooks(**commands)
