"""The forms of ``ps`` that scripts written for docker compose ask for: its JSON, and templates."""

import json
import re
from collections.abc import Mapping, Sequence

from boxship.cli.render.columns import columns
from boxship.errors import UsageError
from boxship.plan.observed import Health, ObservedContainer
from boxship.plan.status import ServiceStatus

_FIELD = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")
_SHORT_ID = 12
_ESCAPES = (("\\t", "\t"), ("\\n", "\n"))


def format_rows(rows: Sequence[ServiceStatus], appliance: str, form: str, *, is_whole: bool) -> list[str]:
    """The lines: for ``json`` an object each, else a filled template; "table " before one adds a header.

    Raises: UsageError for a template that names nothing, or what isn't there.
    """
    known = [_fields(row, appliance, is_whole=is_whole) for row in rows]
    if form == "json":
        objects = [_as_json(row, fields) for row, fields in zip(rows, known, strict=True) if row.container]
        return [json.dumps(each) for each in objects]
    template = form.removeprefix("table ")
    for written, meant in _ESCAPES:
        template = template.replace(written, meant)
    wanted = _FIELD.findall(template)
    names = list(_FIELD_NAMES)
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted:
        what = f"there is no .{unknown[0]}" if unknown else f"'{form}' names no field"
        raise UsageError(f"--format: {what}", hint=f"write '{{{{.Service}}}}', and of: {', '.join(names)}")
    if form.startswith("table "):
        cells = [[fields[name] for name in wanted] for fields in known]
        return columns([name.upper() for name in wanted], cells)
    return [_filled(template, fields) for fields in known]


def _filled(template: str, fields: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda found: fields[found[1]], template)


_FIELD_NAMES = (
    "ID",
    "Name",
    "Service",
    "Project",
    "Image",
    "State",
    "Status",
    "Health",
    "ExitCode",
    "Ports",
    "Address",
    "Number",
    "Restarts",
    "Ready",
    "Why",
)


def _fields(row: ServiceStatus, appliance: str, *, is_whole: bool) -> Mapping[str, str]:
    container = row.container
    state = str(container.state) if container else "missing"
    found = (
        (container.id if is_whole else container.id[:_SHORT_ID]) if container else "",
        container.name if container else "",
        row.service,
        appliance,
        container.image if container else row.image,
        state,
        container.status if container else "",
        str(container.health) if container and container.health is not Health.NONE else "",
        str((container.exit_code if container else None) or 0),
        _ports(container) if container else "",
        next((each for each in container.networks.values() if each), "") if container else "",
        str(row.number),
        str(row.restarts or 0),
        "yes" if row.is_ready else "no",
        row.why,
    )
    return dict(zip(_FIELD_NAMES, found, strict=True))


def _ports(container: ObservedContainer) -> str:
    shown = (
        f"{port.host_ip}:{port.published}->{port.target}/{port.protocol}"
        if port.published
        else f"{port.target}/{port.protocol}"
        for port in container.ports
    )
    return ", ".join(shown)


def _as_json(row: ServiceStatus, fields: Mapping[str, str]) -> dict[str, object]:
    """With docker compose's keys, and its kinds of values."""
    container = row.container
    ports = container.ports if container else ()
    names = ("ID", "Name", "Service", "Project", "Image", "State", "Status", "Health", "Ports")
    return {
        **{name: fields[name] for name in names},
        "ExitCode": (container.exit_code if container else None) or 0,
        "Labels": ",".join(f"{key}={value}" for key, value in sorted(container.labels.items())) if container else "",
        "Networks": ",".join(container.networks) if container else "",
        "Publishers": [
            {
                "URL": port.host_ip,
                "TargetPort": port.target,
                "PublishedPort": port.published or 0,
                "Protocol": port.protocol,
            }
            for port in ports
        ],
    }
