"""Who depends on whom: as an indented tree, DOT, Mermaid or JSON."""

import json
from collections.abc import Callable, Iterator, Mapping

from boxship.plan.resolve import Desired, dependencies_of
from boxship.spec.model import Condition, Dependency, Service

_SHORT = {
    Condition.STARTED: "started",
    Condition.READY: "ready",
    Condition.HEALTHY: "healthy",
    Condition.COMPLETED: "completed",
}


def graph_as_text(desired: Desired) -> str:
    """A tree per service that nobody depends on; what was shown before is marked and not repeated."""
    chosen = _chosen(desired)
    needed = {name for service in desired.services for name in dependencies_of(service, chosen)}
    lines: list[str] = []
    shown: set[str] = set()
    for service in desired.services:
        if service.name not in needed:
            lines.append(_shown(service))
            lines += _branches(service, chosen, shown)
    return "\n".join(lines)


def _branches(root: Service, chosen: Mapping[str, Service], shown: set[str]) -> Iterator[str]:
    """The lines below a root. Iterative, as a chain of services may be longer than Python's stack."""
    shown.add(root.name)
    stack = [("", sorted(dependencies_of(root, chosen).items(), reverse=True))]
    while stack:
        indent, edges = stack[-1]
        if not edges:
            stack.pop()
            continue
        name, edge = edges.pop()
        again = " ..." if name in shown and chosen[name].depends_on else ""
        yield f"{indent}{'├─' if edges else '└─'} {_shown(chosen[name])} ({_label(edge)}){again}"
        if name not in shown:
            shown.add(name)
            below = sorted(dependencies_of(chosen[name], chosen).items(), reverse=True)
            stack.append((indent + ("│  " if edges else "   "), below))


def graph_as_dot(desired: Desired) -> str:
    lines = [f'digraph "{desired.appliance}" {{', "  rankdir=LR;"]
    lines += [_node_as_dot(service) for service in desired.services]
    lines += [f'  "{a}" -> "{b}" [label="{_label(edge)}"];' for a, b, edge in _edges(desired)]
    return "\n".join([*lines, "}"])


def graph_as_mermaid(desired: Desired) -> str:
    ids = {service.name: f"s{index}" for index, service in enumerate(desired.services)}
    lines = ["graph LR", *(f'  {ids[service.name]}["{_shown(service)}"]' for service in desired.services)]
    return "\n".join([*lines, *(f"  {ids[a]} -->|{_label(edge)}| {ids[b]}" for a, b, edge in _edges(desired))])


def graph_as_json(desired: Desired) -> str:
    return json.dumps(
        {
            "services": [service.name for service in desired.services],
            "scales": {service.name: service.scale for service in desired.services if service.scale != 1},
            "edges": [
                {"from": a, "to": b, "condition": str(edge.condition), "required": edge.required}
                for a, b, edge in _edges(desired)
            ],
        }
    )


GRAPH_FORMATS: Mapping[str, Callable[[Desired], str]] = {
    "text": graph_as_text,
    "dot": graph_as_dot,
    "mermaid": graph_as_mermaid,
    "json": graph_as_json,
}


def _chosen(desired: Desired) -> dict[str, Service]:
    return {service.name: service for service in desired.services}


def _edges(desired: Desired) -> list[tuple[str, str, Dependency]]:
    chosen = _chosen(desired)
    return [
        (service.name, name, edge)
        for service in desired.services
        for name, edge in sorted(dependencies_of(service, chosen).items())
    ]


def _shown(service: Service) -> str:
    """With how many containers it has, when that isn't one."""
    return service.name if service.scale == 1 else f"{service.name} x{service.scale}"


def _node_as_dot(service: Service) -> str:
    label = f' [label="{_shown(service)}"]' if service.scale != 1 else ""
    return f'  "{service.name}"{label};'


def _label(edge: Dependency) -> str:
    return _SHORT[edge.condition] + ("" if edge.required else ", optional")
