"""A translated crane file as the text of a compose.yaml and an appliance.yaml that mean the same."""

import os.path
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from boxship.spec.canonical import is_remote
from boxship.spec.crane.expand import literal
from boxship.spec.crane.ship import Ship
from boxship.spec.crane.translation import Translation
from boxship.spec.model import HostHooks
from boxship.spec.tree import Items, Node, Plain, Scalar, Table
from boxship.spec.write import comment, to_plain, to_yaml
from boxship.where import Problem


class Exported(Struct, frozen=True):
    """The two texts."""

    compose: str
    appliance: str


class Origin(Struct, frozen=True):
    """What is exported, and where to: ``name`` is the appliance's, ``source`` the crane file's name for people."""

    name: str
    source: str
    from_directory: Path
    to_directory: Path
    ship: Ship = Ship()

    @property
    def moves(self) -> bool:
        return self.from_directory != self.to_directory


def export(translation: Translation, origin: Origin, notes: Sequence[Problem]) -> Exported:
    """Both files. ``notes``: what the person should know of the translation; they become comments."""
    return Exported(_compose(translation, origin, notes), _appliance(translation, origin))


def _compose(translation: Translation, origin: Origin, notes: Sequence[Problem]) -> str:
    document = _tidied(_moved(translation.document, origin) if origin.moves else translation.document)
    entries = {key: node for key, node in document.entries.items() if key != "name"}
    header = f"Made of {origin.source} by: boxship import\n"
    if notes:
        header += "\nWhat differs from it:\n"
        header += "\n".join(_note(problem) for problem in notes) + "\n"
    plain = {key: to_plain(node) for key, node in entries.items()}
    return (
        comment(header)
        + "\n"
        + to_yaml({key: value for key, value in plain.items() if value or key == "services"}, apart="services")
    )


def _note(problem: Problem) -> str:
    line = f" (line {problem.where.line})" if problem.where.line else ""
    hint = f"\n    {problem.hint}" if problem.hint else ""
    return f"* {problem.path}{line}: {problem.reason}{hint}"


def _appliance(translation: Translation, origin: Origin) -> str:
    header = (
        f"Made of {origin.source} by: boxship import\nWhat Compose can't say; compose.yaml beside it says the rest.\n"
    )
    boot: dict[str, Plain] = {"wait_for": "ready"}
    if origin.ship.target and origin.ship.target in translation.targets:
        boot = {"target": origin.ship.target, **boot}
    values: dict[str, Plain] = {"name": origin.name, "app": "compose.yaml"}
    if translation.targets:
        values["targets"] = {name: list(target.roots) for name, target in translation.targets.items()}
    values["boot"] = boot
    if needs := origin.ship.needs():
        values["host"] = {"needs": needs}
    if translation.hooks:
        values["hooks"] = {name: _hooks(hooks) for name, hooks in translation.hooks.items()}
    return comment(header) + "\n" + to_yaml(values) + _afterthoughts(translation, origin)


def _hooks(hooks: HostHooks) -> Plain:
    events = {event.replace("_", "-"): getattr(hooks, event) for event in HostHooks.__struct_fields__}
    return {event: [literal(word) for word in argv] for event, argv in events.items() if argv}


def _afterthoughts(translation: Translation, origin: Origin) -> str:
    """What has no key: as comments, so that nothing is lost."""
    parts: list[str] = []
    if translation.hooks and origin.moves:
        parts.append(f"Hooks ran in {origin.from_directory}; they run beside this file now.")
    if translation.commands:
        lines = "\n".join(f"  {name}: {text}{_says_now(text)}" for name, text in translation.commands.items())
        parts.append(f"Shortcuts of crane's command line, which Boxship has none of:\n{lines}")
    if said := origin.ship.comments():
        parts.append("From ship.yml, for the release:\n" + "\n".join(f"  {line}" for line in said))
    return "".join("\n" + comment(part) for part in parts)


def _says_now(command: str) -> str:
    """The verb of today, where there is one of the same name or meaning."""
    verb, _, rest = command.strip().partition(" ")
    verbs = {"exec": "exec", "lift": "up", "up": "up", "stop": "stop", "start": "start", "logs": "logs", "run": "run"}
    return f"  ->  boxship {verbs[verb]} {rest}".rstrip() if verb in verbs else ""


def _tidied(document: Table) -> Table:
    """The document with ``depends_on`` as a list of names where it says no more than that."""
    services = document.entries.get("services")
    if not isinstance(services, Table):
        return document
    tidied = {name: _tidied_service(node) for name, node in services.entries.items()}
    return document.with_entries({**document.entries, "services": services.with_entries(tidied)})


def _tidied_service(service: Node) -> Node:
    needs = service.entries.get("depends_on") if isinstance(service, Table) else None
    if not isinstance(service, Table) or not isinstance(needs, Table):
        return service
    if any(to_plain(edge) != {"condition": "service_started"} for edge in needs.entries.values()):
        return service
    names = tuple(Scalar(literal(name), node.where) for name, node in needs.entries.items())
    return service.with_entries({**service.entries, "depends_on": Items(names, needs.where)})


def _moved(document: Table, origin: Origin) -> Table:
    """The document with its relative host paths as they are seen from the other directory."""
    services = document.entries.get("services")
    if not isinstance(services, Table):
        return document
    moved = {name: _moved_service(node, origin) for name, node in services.entries.items()}
    return document.with_entries({**document.entries, "services": services.with_entries(moved)})


def _moved_service(service: Node, origin: Origin) -> Node:
    if not isinstance(service, Table):
        return service
    entries = dict(service.entries)
    if "volumes" in entries:
        entries["volumes"] = _each(entries["volumes"], lambda item: _moved_volume(item, origin))
    if "env_file" in entries:
        entries["env_file"] = _each(entries["env_file"], lambda item: _moved_file(item, origin))
    build = entries.get("build")
    if isinstance(build, Scalar):
        entries["build"] = _moved_path(build, origin)
    elif isinstance(build, Table) and isinstance(context := build.entries.get("context"), Scalar):
        entries["build"] = build.with_entries({**build.entries, "context": _moved_path(context, origin)})
    return service.with_entries(entries)


def _each(node: Node, change: Callable[[Node], Node]) -> Node:
    return node.with_items(tuple(map(change, node.items))) if isinstance(node, Items) else change(node)


def _moved_volume(item: Node, origin: Origin) -> Node:
    if isinstance(item, Table):
        source = item.entries.get("source")
        is_path = isinstance(source, Scalar) and str(source.value).startswith(".")
        return (
            item.with_entries({**item.entries, "source": _moved_path(source, origin)}) if is_path and source else item
        )
    if not isinstance(item, Scalar) or not str(item.value).startswith("."):
        return item
    source_text, colon, rest = str(item.value).partition(":")
    return item.with_value(f"{_seen_from(source_text, origin)}{colon}{rest}")


def _moved_file(item: Node, origin: Origin) -> Node:
    if isinstance(item, Table) and isinstance(path := item.entries.get("path"), Scalar):
        return item.with_entries({**item.entries, "path": _moved_path(path, origin)})
    return _moved_path(item, origin)


def _moved_path(node: Node, origin: Origin) -> Node:
    if not isinstance(node, Scalar):
        return node
    text = str(node.value)
    return node if text.startswith(("/", "~", "$")) or is_remote(text) else node.with_value(_seen_from(text, origin))


def _seen_from(path: str, origin: Origin) -> str:
    where = os.path.join(origin.from_directory, path)  # noqa: PTH118 pure text: no file is touched
    seen = os.path.relpath(where, origin.to_directory)
    return seen if seen.startswith(".") else f"./{seen}"
