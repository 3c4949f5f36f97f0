"""The first appliance.yaml of a product: what its Compose files already tell, with a line of explanation each."""

from collections.abc import Sequence

from boxship.spec.model import Appliance, Service
from boxship.spec.write import comment, to_yaml

_HTTP_PORTS = frozenset({80, 3000, 5000, 8000, 8080, 8888, 9000})
"""Where a service that publishes one of these most likely speaks HTTP."""


def draft_appliance_file(appliance: Appliance, app: Sequence[str]) -> str:
    """The text of an appliance.yaml. ``app``: the Compose files, as seen from beside them."""
    parts = [
        comment(
            "What Compose can't say about this product. Every key and its meaning: boxship's docs, appliance.yaml."
        ),
        to_yaml({"name": appliance.name}),
        comment("version: 1.0.0       # without it: git describe"),
        to_yaml({"app": app[0] if len(app) == 1 else list(app)}),
        _targets(appliance),
        _boot(appliance),
        _checks(appliance),
    ]
    return "\n".join(part for part in parts if part)


def _targets(appliance: Appliance) -> str:
    """What can be booted: profiles become targets, and without any profile nothing need be said."""
    profiles = sorted({profile for service in appliance.services.values() for profile in service.profiles})
    always = [name for name, service in appliance.services.items() if not service.profiles]
    if not profiles:
        roots = _roots(appliance, always)
        return comment("What can be booted; without it one target holds every service.") + comment(
            to_yaml({"targets": {"default": [*roots]}})
        )
    targets = {"default": always} if always else {}
    for profile in profiles:
        targets[profile] = [*always, *(each.name for each in appliance.services.values() if profile in each.profiles)]
    return comment("What can be booted: one target for each profile. Only the roots need be listed.") + to_yaml(
        {"targets": {name: [*_roots(appliance, roots)] for name, roots in targets.items()}}
    )


def _roots(appliance: Appliance, names: Sequence[str]) -> list[str]:
    """Those that no other of them needs; all of them when they need each other."""
    needed = {other for name in names for other in appliance.services[name].depends_on}
    return [name for name in names if name not in needed] or [*names]


def _boot(appliance: Appliance) -> str:
    target = "default" if any(not service.profiles for service in appliance.services.values()) else None
    first = next((service.profiles[0] for service in appliance.services.values() if service.profiles), "default")
    text = comment("How long a service may take to become ready.")
    return text + to_yaml({"boot": {"timeout": "5m"} if target else {"target": first, "timeout": "5m"}})


def _checks(appliance: Appliance) -> str:
    """A question for each service that publishes a port and has no health check of its own."""
    asked = [
        (service, port)
        for service in appliance.services.values()
        if service.healthcheck is None and (port := _asked_port(service)) is not None
    ]
    if not asked:
        return ""
    text = comment("Ready means: the port answers. (A service with a healthcheck is asked that.)")
    lines = ["checks:"]
    for service, port in asked:
        lines.append("  " + to_yaml({service.name: {"tcp": port}}).rstrip().replace("\n", "\n  "))
        if port in _HTTP_PORTS:
            lines.append(f"    # better, if it answers 2xx there: http: http://{service.name}.service:{port}/")
    return text + "\n".join(lines) + "\n"


def _asked_port(service: Service) -> int | None:
    if service.network_mode is not None:
        return None
    return next((port.target for port in service.ports if port.protocol == "tcp"), None)
