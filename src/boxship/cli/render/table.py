"""Tables for terminals: columns as wide as they need, nothing else."""

import sys
from collections import Counter
from collections.abc import Sequence

from boxship.cli.render.color import BOLD, GREEN, RED, YELLOW, is_colored, paint
from boxship.plan.observed import Health, ObservedContainer
from boxship.plan.status import ServiceStatus

_GAP = "  "
_SHORT_ID = 12


def print_status(rows: Sequence[ServiceStatus]) -> None:
    """One line per container; how many of a service's are ready only where one of them has not exactly one."""
    if not rows:
        print("no services", file=sys.stderr)
        return
    counts = _counts(rows)
    with_counts = any(row.number != 1 or row.scale > 1 for row in rows)
    header = ("SERVICE", "STATE", "STATUS", "ADDRESS", "PORTS", "IMAGE", "")
    cells = [header, *(_cells(row) for row in rows)]
    if with_counts:
        column = ["READY", *(counts[row.service] for row in rows)]
        cells = [(row[0], count, *row[1:]) for row, count in zip(cells, column, strict=True)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    color = is_colored(sys.stdout)
    for index, row in enumerate(cells):
        padded = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        if index == 0:
            padded = [paint(text, BOLD, on=color) for text in padded]
        else:
            state = 2 if with_counts else 1
            padded[state] = paint(padded[state], _state_color(rows[index - 1]), on=color)
        print(_GAP.join(padded).rstrip())


def _counts(rows: Sequence[ServiceStatus]) -> dict[str, str]:
    """Service -> "2/3": two are ready, three are wanted."""
    ready = Counter(row.service for row in rows if row.is_ready and row.container is not None)
    return {row.service: f"{ready[row.service]}/{row.scale}" for row in rows}


def _cells(row: ServiceStatus) -> tuple[str, ...]:
    container = row.container
    if container is None:
        return (row.replica, "missing" if row.number else "none", "-", "-", "-", row.image, row.why)
    return (
        row.replica,
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
            "number": row.number,
            "scale": row.scale,
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
