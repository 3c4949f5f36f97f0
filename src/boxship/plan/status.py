"""Desired against observed, for people: what each service should be, is, and why it isn't ready."""

from msgspec import Struct

from boxship.plan.containers import image_reference
from boxship.plan.observed import ContainerState, Health, Observed, ObservedContainer, ObservedPort
from boxship.plan.resolve import Desired
from boxship.plan.verdict import completion_awaited
from boxship.spec.model import HttpProbe, Service

_HTTP_PORTS = frozenset({80, 3000, 5000, 8000, 8008, 8080, 8888, 9000})
_HTTPS_PORTS = frozenset({443, 8443})


class ServiceStatus(Struct, frozen=True):
    """One service. ``container`` None: there is none. ``is_ready``: it is as it should be, as far as the engine knows.

    ``why``: "" when ready, else what is missing, in words.
    """

    service: str
    image: str
    container: ObservedContainer | None
    is_ready: bool
    why: str = ""


def service_status(desired: Desired, observed: Observed) -> tuple[ServiceStatus, ...]:
    """A row for every desired service, in start order, then one for each other container of the appliance."""
    one_shots = completion_awaited(desired)
    mine = observed.containers_of(desired.appliance)
    rows = []
    for service in desired.services:
        found = [each for each in mine if each.service == service.name]
        best = max(found, key=lambda each: (each.state is ContainerState.RUNNING, each.created_at_s), default=None)
        why = _why_not_ready(service, best, is_one_shot=service.name in one_shots)
        rows.append(ServiceStatus(service.name, image_reference(desired.appliance, service), best, not why, why))
    chosen = desired.names()
    for container in mine:
        if container.service not in chosen:
            known = container.service in desired.everything
            why = f"not part of target {desired.target or 'default'}" if known else "no longer in the files"
            rows.append(ServiceStatus(container.service, container.image, container, is_ready=False, why=why))
    return tuple(rows)


def _why_not_ready(service: Service, container: ObservedContainer | None, *, is_one_shot: bool) -> str:
    if container is None:
        return "not created"
    if container.state is ContainerState.EXITED:
        may_end = is_one_shot or (service.restart is None and container.exit_code == 0)
        return "" if may_end and container.exit_code == 0 else f"ended with status {container.exit_code}"
    if container.state is not ContainerState.RUNNING:
        return str(container.state)
    if container.health in (Health.STARTING, Health.UNHEALTHY):
        return f"health: {container.health}"
    return ""


def browser_addresses(desired: Desired, observed: Observed) -> tuple[str, ...]:
    """URLs of what the appliance publishes, https first; ports that don't look like web are left out."""
    chosen = {service.name: service for service in desired.services}
    found: set[str] = set()
    for container in observed.containers_of(desired.appliance):
        if container.service in chosen and container.state is ContainerState.RUNNING:
            secure = _checked_ports(desired, container.service)
            found.update(url for port in container.ports if (url := _url(port, secure)))
    return tuple(sorted(found, key=lambda url: (not url.startswith("https"), url)))


def _checked_ports(desired: Desired, service: str) -> dict[int, str]:
    """Ports whose scheme an HTTP check tells."""
    check = desired.checks.get(service)
    if check is None or not isinstance(check.probe, HttpProbe):
        return {}
    scheme, _, rest = check.probe.url.partition("://")
    port_text = rest.partition("/")[0].rpartition(":")[2]
    default = 443 if scheme == "https" else 80
    return {int(port_text) if port_text.isdecimal() else default: scheme}


def _url(port: ObservedPort, schemes: dict[int, str]) -> str:
    if port.published is None or port.protocol != "tcp":
        return ""
    scheme = schemes.get(port.target)
    if scheme is None:
        scheme = "https" if port.target in _HTTPS_PORTS else "http" if port.target in _HTTP_PORTS else ""
    if not scheme:
        return ""
    host = "localhost" if port.host_ip in ("", "0.0.0.0", "::", "127.0.0.1", "::1") else port.host_ip  # noqa: S104 (read)
    host = f"[{host}]" if ":" in host else host
    is_default = port.published == (443 if scheme == "https" else 80)
    return f"{scheme}://{host}/" if is_default else f"{scheme}://{host}:{port.published}/"
