"""``preflight`` of ``appliance.yaml`` as values: what the vendor asks of a place before anything starts there."""

import re
from collections.abc import Mapping
from pathlib import Path

from boxship.spec.appliance_checks import build_argv, build_http_probe, positive
from boxship.spec.fields import Fields
from boxship.spec.model import HttpProbe, PreflightCheck
from boxship.spec.model_checks import ProgramProbe
from boxship.spec.model_preflight import ContainerProbe
from boxship.spec.report import Report
from boxship.spec.tree import Node

_KINDS = ("program", "command", "http")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,3}")


def build_preflight(
    section: Fields, entries: Mapping[str, Node], directory: Path, report: Report
) -> dict[str, PreflightCheck]:
    """Each check by its name; paths are relative to ``directory``."""
    found = (_check(name, section, node, directory, report) for name, node in entries.items())
    return {each.name: each for each in found if each is not None}


def _check(name: str, section: Fields, node: Node, directory: Path, report: Report) -> PreflightCheck | None:
    fields, path = section.table(name), section.path(name)
    given = [kind for kind in _KINDS if fields.has(kind)]
    if len(given) != 1:
        asked = " and ".join(given) if given else "nothing"
        report.error(node.where, path, f"the check asks {asked}", f"give exactly one of {', '.join(_KINDS)}")
        return None
    if fields.has("service") and given != ["command"]:
        fields.complain("service", "only a command runs in a service's image", "leave it out")
    probe = _probe(fields, given[0], directory)
    timeout_s = positive(fields, "timeout")
    if probe is None:
        return None
    default_s = PreflightCheck(name, probe).timeout_s
    return PreflightCheck(
        name, probe, default_s if timeout_s is None else timeout_s, is_soft=fields.flag("soft"), where=node.where
    )


def _probe(fields: Fields, kind: str, directory: Path) -> HttpProbe | ProgramProbe | ContainerProbe | None:
    if kind == "http":
        return build_http_probe(fields, directory)
    argv = build_argv(fields, kind)
    if kind == "program":
        return ProgramProbe(argv) if argv else None
    service = fields.filled("service")
    if service is None:
        fields.complain("command", "whose image does it run in?", "name it: service: web")
        return None
    return ContainerProbe(service, argv) if argv else None


def version_of(section: Fields, key: str) -> str | None:
    """The oldest version that will do."""
    if isinstance(section.value(key), float):
        # YAML has read 5.10 as 5.1.
        section.complain(key, "a version with a dot must be text", f'write it in quotes: {key}: "5.10"')
        return None
    text = section.filled(key)
    if text is not None and not _VERSION.fullmatch(text):
        section.complain(key, f"'{text}' is no version", 'for example "5.10"')
        return None
    return text
