"""Desired against observed, for people: what each service should be, is, and why it isn't ready."""

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from boxship.names import replica_name
from boxship.plan.containers import image_reference
from boxship.plan.observed import ContainerState, Health, Observed, ObservedContainer, ObservedPort
from boxship.plan.resolve import Desired
from boxship.plan.starts import has_hooks_left
from boxship.plan.verdict import completion_awaited
from boxship.spec.model import HttpProbe, Service

_HTTP_PORTS = frozenset({80, 3000, 5000, 8000, 8008, 8080, 8888, 9000})
_HTTPS_PORTS = frozenset({443, 8443})


class ServiceStatus(Struct, frozen=True):
    """One container of a service. ``container`` None: there is none. ``is_ready``: as far as the engine knows.

    ``why``: "" when ready, else what is missing, in words. ``scale``: how many of its kind there should be; of a
    service that should have none and has none, there is one row with ``number`` 0.
    """

    service: str
    image: str
    container: ObservedContainer | None
    is_ready: bool
    why: str = ""
    number: int = 1
    scale: int = 1

    @property
    def replica(self) -> str:
        return replica_name(self.service, self.number) if self.number else self.service


def service_status(
    desired: Desired, observed: Observed, *, found_ready: Collection[str] = frozenset()
) -> tuple[ServiceStatus, ...]:
    """Rows for every desired service, in start order, then one for each other container of the appliance.

    ``found_ready``: replicas that Boxship has just asked itself; the engine's own first question may still be open.
    """
    one_shots = completion_awaited(desired)
    mine: dict[str, dict[int, ObservedContainer]] = {}
    for container in sorted(observed.containers_of(desired.appliance), key=_by_weight):
        mine.setdefault(container.service, {})[container.number] = container
    rows: list[ServiceStatus] = []
    for service in desired.services:
        found = mine.pop(service.name, {})
        numbers = sorted({*found, *range(1, service.scale + 1)}) or [0]
        for number in numbers:
            row = ServiceStatus(
                service.name,
                image_reference(desired.appliance, service),
                found.get(number),
                is_ready=True,
                number=number,
                scale=service.scale,
            )
            why = _why_not_ready(row, service, is_one_shot=service.name in one_shots, found_ready=found_ready)
            rows.append(replace(row, is_ready=not why, why=why))
    for container in observed.containers_of(desired.appliance):
        if container.service in mine:
            known = container.service in desired.everything
            why = f"not part of target {desired.target or 'default'}" if known else "no longer in the files"
            rows.append(
                ServiceStatus(
                    container.service,
                    container.image,
                    container,
                    is_ready=False,
                    why=why,
                    number=container.number,
                    scale=0,
                )
            )
    return tuple(rows)


def _by_weight(container: ObservedContainer) -> tuple[bool, int]:
    """Of two containers of one replica, the one that counts is greater."""
    return container.state is ContainerState.RUNNING, container.created_at_s


def _why_not_ready(row: ServiceStatus, service: Service, *, is_one_shot: bool, found_ready: Collection[str]) -> str:
    container = row.container
    if container is None:
        return "not created" if row.number else ""
    if container.state is ContainerState.EXITED:
        may_end = is_one_shot or (service.restart is None and container.exit_code == 0)
        return "" if may_end and container.exit_code == 0 else f"ended with status {container.exit_code}"
    if container.state is not ContainerState.RUNNING:
        return str(container.state)
    if container.health is Health.UNHEALTHY or (container.health is Health.STARTING and row.replica not in found_ready):
        return f"health: {container.health}"
    return "its post_start hooks have not run through" if has_hooks_left(service, container) else ""


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
