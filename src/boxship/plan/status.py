"""Desired against observed, for people: what each service should be, is, and why it isn't ready."""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from boxship.names import replica_name
from boxship.plan.containers import image_reference
from boxship.plan.observed import (
    ContainerState,
    Health,
    Observed,
    ObservedContainer,
    ObservedPort,
    with_default_tag,
)
from boxship.plan.resolve import Desired, dependencies_of
from boxship.plan.starts import has_hooks_left
from boxship.plan.verdict import completion_awaited
from boxship.spec.model import HttpProbe, Service

_HTTP_PORTS = frozenset({80, 3000, 5000, 8000, 8008, 8080, 8888, 9000})
_HTTPS_PORTS = frozenset({443, 8443})


ANSWERED = "it answered up; the engine asks later"
"""The note on one whose readiness Boxship found out itself."""


class CloseLook(Struct, frozen=True):
    """What a container tells only when it is asked by itself, not in a list.

    ``health_exit_code`` and ``health_output``: of the engine's own last health check, None and "" before the first.
    ``error``: the engine's words for a start that failed.
    """

    restarts: int = 0
    health_exit_code: int | None = None
    health_output: str = ""
    is_out_of_memory: bool = False
    error: str = ""


class ServiceStatus(Struct, frozen=True):
    """One container of a service. ``container`` None: there is none. ``is_ready``: as far as the engine knows.

    ``why``: "" when ready, else what is missing, in words. ``scale``: how many of its kind there should be; of a
    service that should have none and has none, there is one row with ``number`` 0. ``restarts``: how often the engine
    started it again, None where that was not asked. ``note``: what a person should know of it, ready or not.
    """

    service: str
    image: str
    container: ObservedContainer | None
    is_ready: bool
    why: str = ""
    number: int = 1
    scale: int = 1
    restarts: int | None = None
    note: str = ""

    @property
    def replica(self) -> str:
        return replica_name(self.service, self.number) if self.number else self.service


def service_status(
    desired: Desired,
    observed: Observed,
    *,
    found_ready: Collection[str] = frozenset(),
    looks: Mapping[str, CloseLook] = MappingProxyType({}),
) -> tuple[ServiceStatus, ...]:
    """Rows for every desired service, in start order, then one for each other container of the appliance.

    ``found_ready``: replicas that Boxship has asked itself; the engine's own first question may still be open.
    ``looks``: container id -> what it told when asked closely, for those that were.
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
            look = looks.get(row.container.id) if row.container is not None else None
            is_found_ready = row.replica in found_ready
            why = _why_not_ready(row, service, look, is_one_shot=service.name in one_shots, is_ready=is_found_ready)
            notes = "; ".join(_notes(row, is_found_ready=is_found_ready))
            restarts = None if look is None else look.restarts
            rows.append(replace(row, is_ready=not why, why=why, note=notes, restarts=restarts))
    return (*_waiting(rows, desired), *_others(mine, desired, observed))


def _others(left: Collection[str], desired: Desired, observed: Observed) -> Iterator[ServiceStatus]:
    for container in observed.containers_of(desired.appliance):
        if container.service in left:
            known = container.service in desired.everything
            why = f"not part of target {desired.target or 'default'}" if known else "no longer in the files"
            yield ServiceStatus(
                container.service,
                container.image,
                container,
                is_ready=False,
                why=why,
                number=container.number,
                scale=0,
            )


def _by_weight(container: ObservedContainer) -> tuple[bool, int]:
    """Of two containers of one replica, the one that counts is greater."""
    return container.state is ContainerState.RUNNING, container.created_at_s


def _why_not_ready(
    row: ServiceStatus, service: Service, look: CloseLook | None, *, is_one_shot: bool, is_ready: bool
) -> str:
    container = row.container
    if container is None:
        return "not created" if row.number else ""
    if container.state is ContainerState.EXITED:
        may_end = is_one_shot or (service.restart is None and container.exit_code == 0)
        return "" if may_end and container.exit_code == 0 else _end(container, look)
    if container.state is ContainerState.RESTARTING:
        return f"restarting: {_end(container, look)}" if container.exit_code is not None else "restarting"
    if container.state is not ContainerState.RUNNING:
        return f"{container.state}: {look.error}" if look and look.error else str(container.state)
    if container.health is Health.UNHEALTHY or (container.health is Health.STARTING and not is_ready):
        return _health(container.health, look)
    return "its post_start hooks have not run through" if has_hooks_left(service, container) else ""


def _end(container: ObservedContainer, look: CloseLook | None) -> str:
    text = f"ended with status {container.exit_code}"
    if look is None:
        return text
    if look.is_out_of_memory:
        return f"{text}, out of memory"
    return f"{text}: {look.error}" if look.error else text


def _health(health: Health, look: CloseLook | None) -> str:
    """The engine's verdict, and what its last question got."""
    if look is None:
        return f"health: {health}"
    if look.health_exit_code is None:
        return f"health: {health}, not asked yet"
    lines = look.health_output.strip().splitlines()
    said = f": {lines[-1].strip()}" if lines else ""
    return f"health: {health}, the check exited {look.health_exit_code}{said}"


def _notes(row: ServiceStatus, *, is_found_ready: bool) -> Iterator[str]:
    container = row.container
    if container is None:
        return
    if is_found_ready and container.health is Health.STARTING:
        yield ANSWERED
    if with_default_tag(container.image) != with_default_tag(row.image):
        # [M] The engine's list names an image by its id once its name has moved on to another.
        is_moved = row.image and container.image.removeprefix("sha256:") in container.image_id
        yield f"from an older {row.image}" if is_moved else f"from {container.image}, should be {row.image}"


def _waiting(rows: list[ServiceStatus], desired: Desired) -> Iterator[ServiceStatus]:
    """The rows; those not started yet say which of their dependencies aren't ready either."""
    unready = {row.service for row in rows if not row.is_ready}
    needs = {service.name: dependencies_of(service, desired.everything) for service in desired.services}
    for row in rows:
        is_started = row.container is not None and row.container.state is not ContainerState.CREATED
        awaited = [] if row.is_ready or is_started else [name for name in needs[row.service] if name in unready]
        yield replace(row, why=f"{row.why}, waits for {' and '.join(awaited)}") if awaited else row


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
