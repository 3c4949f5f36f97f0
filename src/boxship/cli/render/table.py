"""Services for people, in as much of a line as the terminal has, and for programs."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from boxship.cli.render.color import GREEN, RED, YELLOW, paint, sanitized
from boxship.cli.render.columns import columns, terminal_width, width_of, wrapped
from boxship.plan.observed import Health, ObservedContainer, ObservedPort
from boxship.plan.status import ANSWERED, ServiceStatus

_SHORT_ID = 12
_WHY = "why"
_BELOW = "    "
_EVERYWHERE = frozenset({"", "0.0.0.0"})  # noqa: S104 (read)


def print_status(rows: Sequence[ServiceStatus], *, is_whole: bool = False) -> None:
    """One line per container, and why it isn't ready; in a narrow terminal the reason stands below.

    How many of a service's are ready is told only where one of them has not exactly one, how often they were
    restarted only where one was. ``is_whole``: leave nothing out, however narrow the terminal is.
    """
    if not rows:
        print("no services", file=sys.stderr)
        return
    width = None if is_whole else terminal_width()
    for line in status_lines(rows, width):
        print(line)


Cells = Sequence[Mapping[str, str]]
_Form = tuple[tuple[str, ...], Cells]


def status_lines(rows: Sequence[ServiceStatus], width: int | None) -> list[str]:
    """The table in the fullest form that fits into ``width`` characters; None: in the fullest."""
    forms = _forms(rows)
    form = next(forms)
    for other in forms:
        if width is None or _width(form) <= width:
            break
        form = other
    names, cells = form

    def color(row: int, column: int, text: str) -> str:
        is_state = names[column] == ("STATE" if "STATE" in names else "STATUS")
        return paint(text, _state_color(rows[row]), on=is_state)

    header = ["" if name == _WHY else name for name in names]
    lines = columns(header, _texts(form), color)
    return lines if _WHY in names else list(_with_reasons(lines, cells, width or 0))


def _with_reasons(lines: Sequence[str], cells: Cells, width: int) -> Iterator[str]:
    yield lines[0]
    for line, row in zip(lines[1:], cells, strict=True):
        yield line
        yield from wrapped(row[_WHY], width, _BELOW)


def _texts(form: _Form) -> list[list[str]]:
    names, cells = form
    return [[row[name] for name in names] for row in cells]


def _width(form: _Form) -> int:
    names, _ = form
    return width_of(["" if name == _WHY else name for name in names], _texts(form))


def _forms(rows: Sequence[ServiceStatus]) -> Iterator[_Form]:
    """From the fullest to the shortest: what is left out first is what is missed least."""
    names = ["SERVICE", "READY", "STATE", "STATUS", "RESTARTS", "ADDRESS", "PORTS", "IMAGE", _WHY]
    if all(row.number == 1 and row.scale <= 1 for row in rows):
        names.remove("READY")
    if not any(row.restarts for row in rows):
        names.remove("RESTARTS")
    counts = _counts(rows)
    full = [_cells(row, counts[row.service]) for row in rows]
    short = _with_ports(full, rows, _ports_without_addresses)
    yield tuple(names), full
    yield tuple(names), short
    names.remove(_WHY)
    yield tuple(names), full
    yield tuple(names), short
    cells = _with_ports(short, rows, _first_port)
    yield tuple(names), cells
    # "Up" and "Exited" say it too.
    names.remove("STATE")
    cells = [{**row, "STATUS": row["STATE"] if row["STATUS"] == "-" else row["STATUS"]} for row in cells]
    yield tuple(names), cells
    cells = [{**row, "IMAGE": row["IMAGE"].rsplit("/", 1)[-1]} for row in cells]
    yield tuple(names), cells
    cells = [{**row, "STATUS": _short_status(row["STATUS"])} for row in cells]
    yield tuple(names), cells
    for name in ("ADDRESS", "IMAGE"):
        names.remove(name)
        yield tuple(names), cells


def _with_ports(
    cells: Cells, rows: Sequence[ServiceStatus], ports: Callable[[ObservedContainer], str]
) -> list[dict[str, str]]:
    return [{**row, "PORTS": _shown(status, ports)} for row, status in zip(cells, rows, strict=True)]


def _short_status(text: str) -> str:
    """``Up 3 min (starting)`` for "Up 3 minutes (health: starting)"."""
    for long, short in (("(health: ", "("), (" minutes", " min"), (" seconds", " s"), ("Less than a second", "0 s")):
        text = text.replace(long, short)
    return text


def _counts(rows: Sequence[ServiceStatus]) -> dict[str, str]:
    """Service -> "2/3": two are ready, three are wanted."""
    ready = Counter(row.service for row in rows if row.is_ready and row.container is not None)
    return {row.service: f"{ready[row.service]}/{row.scale}" for row in rows}


def _cells(row: ServiceStatus, count: str) -> dict[str, str]:
    container = row.container
    # Told in the status instead: after each up it holds for many.
    has_answered = row.note.startswith(ANSWERED)
    note = row.note.removeprefix(ANSWERED).removeprefix("; ")
    cells = {
        "SERVICE": row.replica,
        "READY": count,
        "STATE": "missing" if row.number else "none",
        "STATUS": "-",
        "RESTARTS": "-" if row.restarts is None else str(row.restarts),
        "ADDRESS": "-",
        "PORTS": _shown(row, _ports),
        "IMAGE": row.image,
        _WHY: sanitized("; ".join(text for text in (row.why, note) if text)),
    }
    if container is not None:
        cells["STATE"] = str(container.state)
        cells["STATUS"] = container.status or "-"
        if has_answered:
            cells["STATUS"] = cells["STATUS"].replace("(health: starting)", "(answered up)")
        cells["ADDRESS"] = next((each for each in container.networks.values() if each), "-")
        cells["IMAGE"] = container.image
    return cells


def _state_color(row: ServiceStatus) -> str:
    if row.is_ready:
        return GREEN
    is_on_its_way = row.container is not None and row.container.health is Health.STARTING
    return YELLOW if is_on_its_way else RED


def _shown(row: ServiceStatus, ports: Callable[[ObservedContainer], str]) -> str:
    return (ports(row.container) if row.container is not None else "") or "-"


def _ports(container: ObservedContainer) -> str:
    published = sorted(
        {
            f"{port.host_ip}:{port.published}->{port.target}/{port.protocol}"
            for port in container.ports
            if port.published and ":" not in port.host_ip
        }
    )
    return ", ".join(published)


def _ports_without_addresses(container: ObservedContainer) -> str:
    """``8080->80``; where it listens is told only when that isn't everywhere."""
    return ", ".join(dict.fromkeys(_short_ports(container)))


def _first_port(container: ObservedContainer) -> str:
    """``8080->80 +2``."""
    first, *more = dict.fromkeys(_short_ports(container)) or [""]
    return f"{first} +{len(more)}" if more else first


def _short_ports(container: ObservedContainer) -> Iterator[str]:
    for port in sorted(container.ports, key=_by_use):
        if port.published and ":" not in port.host_ip:
            host = "" if port.host_ip in _EVERYWHERE else f"{port.host_ip}:"
            protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
            same = "" if port.published == port.target else f"->{port.target}"
            yield f"{host}{port.published}{same}{protocol}"


def _by_use(port: ObservedPort) -> tuple[bool, bool, int, int]:
    """What most people ask for comes first."""
    return port.protocol != "tcp", port.host_ip not in _EVERYWHERE, port.published or 0, port.target


def status_as_json(rows: Sequence[ServiceStatus]) -> list[dict[str, object]]:
    return [
        {
            "service": row.service,
            "number": row.number,
            "scale": row.scale,
            "image": row.image,
            "ready": row.is_ready,
            "why": row.why,
            "note": row.note,
            "restarts": row.restarts,
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
