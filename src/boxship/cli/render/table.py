"""Tables for terminals: columns as wide as they need, nothing else."""

import sys
from collections.abc import Sequence

from boxship.cli.render.color import BOLD, GREEN, RED, YELLOW, is_colored, paint
from boxship.plan.observed import Health, ObservedContainer
from boxship.plan.status import ServiceStatus

_GAP = "  "
_SHORT_ID = 12


def print_status(rows: Sequence[ServiceStatus]) -> None:
    """One line per service."""
    if not rows:
        print("no services", file=sys.stderr)
        return
    header = ("SERVICE", "STATE", "STATUS", "ADDRESS", "PORTS", "IMAGE", "")
    cells = [header, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    color = is_colored(sys.stdout)
    for index, row in enumerate(cells):
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        if index == 0:
            padded = [paint(text, BOLD, on=color) for text in padded]
        else:
            padded[1] = paint(padded[1], _state_color(rows[index - 1]), on=color)
        print(_GAP.join(padded).rstrip())


def _cells(row: ServiceStatus) -> tuple[str, ...]:
    container = row.container
    if container is None:
        return (row.service, "missing", "-", "-", "-", row.image, row.why)
    return (
        row.service,
        str(container.state),
        container.status or "-",
        next((each for each in container.networks.values() if each), "-"),
        _ports(container) or "-",
        container.image,
        row.why,
    )


def _state_color(row: ServiceStatus) -> str:
    if row.is_ready:
        return GREEN
    is_on_its_way = row.container is not None and row.container.health is Health.STARTING
    return YELLOW if is_on_its_way else RED


def _ports(container: ObservedContainer) -> str:
    published = sorted(
        {
            f"{port.host_ip}:{port.published}->{port.target}/{port.protocol}"
            for port in container.ports
            if port.published and ":" not in port.host_ip
        }
    )
    return ", ".join(published)


def status_as_json(rows: Sequence[ServiceStatus]) -> list[dict[str, object]]:
    return [
        {
            "service": row.service,
            "image": row.image,
            "ready": row.is_ready,
            "why": row.why,
            "container": _container_as_json(row.container),
        }
        for row in rows
    ]


def _container_as_json(container: ObservedContainer | None) -> dict[str, object] | None:
    if container is None:
        return None
    return {
        "id": container.id[:_SHORT_ID],
        "name": container.name,
        "state": str(container.state),
        "status": container.status,
        "health": str(container.health),
        "exit_code": container.exit_code,
        "image": container.image,
        "image_id": container.image_id,
        "networks": dict(container.networks),
        "ports": [
            {
                "target": port.target,
                "published": port.published,
                "protocol": port.protocol,
                "host_ip": port.host_ip,
            }
            for port in container.ports
        ],
    }
