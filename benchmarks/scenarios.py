"""What is started: two shapes of application, as a Compose file and as a plan for the raw script."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import yaml

READY_AFTER_S, SINGLE_READY_AFTER_S = 0.3, 0.7
PORT = 8000
READY_PATH = "/w"
"""A service of the chain makes this directory when it is about to answer: its time is the time it became ready."""
RAW_LABEL, RAW_DIGEST_LABEL = "bxbench.service", "bxbench.digest"


@dataclass(frozen=True, slots=True)
class Image:
    """A local image, and the command in it that exits with 0 when something listens on ``PORT``."""

    reference: str
    probe: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """An exec probe. ``interval_s`` None: Compose's default, 30 s."""

    test: tuple[str, ...]
    interval_s: int | None
    timeout_s: int = 3
    retries: int = 30


@dataclass(frozen=True, slots=True)
class Service:
    """One service, which starts after others: when they started, or, with health checks, when they are healthy."""

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...]
    healthcheck: Healthcheck | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """An application."""

    key: str
    image: str
    services: tuple[Service, ...]
    asks_http: bool = False
    """We ask by HTTP, as an appliance.yaml can say, and not by the health check that the others need."""

    @property
    def has_healthchecks(self) -> bool:
        return any(service.healthcheck for service in self.services)


def dag(image: Image, count: int = 20, layers: int = 5) -> Scenario:
    """Services that only sleep, dealt to the layers in turn.

    Each stands in a column and needs those of the layer above in its own column and in every third one from there.
    """
    places = [(number % layers, number // layers) for number in range(count)]
    services = tuple(
        Service(
            name=f"s{number}",
            command=("sleep", "infinity"),
            after=tuple(
                f"s{other}"
                for other, (above, beside) in enumerate(places)
                if above == layer - 1 and (beside - column) % 3 == 0
            ),
        )
        for number, (layer, column) in enumerate(places)
    )
    return Scenario(f"dag{count}", image.reference, services)


def chain(image: Image, interval_s: int | None, count: int = 10, layers: int = 5) -> Scenario:
    """Services that answer ``READY_AFTER_S`` after their start; each layer waits until all of the last are healthy."""
    width = count // layers
    script = _script(READY_AFTER_S)
    services = tuple(
        Service(
            name=f"s{number}",
            command=("sh", "-c", script),
            after=tuple(f"s{other}" for other in range(count) if other // width == number // width - 1),
            healthcheck=Healthcheck(image.probe, interval_s),
        )
        for number in range(count)
    )
    return Scenario(f"chain-{f'{interval_s}s' if interval_s else 'default'}", image.reference, services)


def single(image: Image, key: str, *, asks_http: bool) -> Scenario:
    """One service, with a health check every second."""
    service = Service("s0", ("sh", "-c", _script(SINGLE_READY_AFTER_S)), (), Healthcheck(image.probe, 1))
    return Scenario(f"ready-{key}", image.reference, (service,), asks_http)


def _script(ready_after_s: float) -> str:
    page = f"{READY_PATH}/index.html"
    return f"sleep {ready_after_s}; mkdir -p {READY_PATH}; >{page}; exec busybox httpd -f -p {PORT} -h {READY_PATH}"


def without_healthchecks(scenario: Scenario) -> Scenario:
    """For who has other means to see that a service is ready."""
    return replace(scenario, services=tuple(replace(service, healthcheck=None) for service in scenario.services))


def appliance_text(scenario: Scenario) -> str:
    """The appliance.yaml: a question by HTTP for each service."""
    checks = {service.name: {"http": f"http://{service.name}:{PORT}/"} for service in scenario.services}
    return yaml.safe_dump({"checks": checks})


def compose_text(scenario: Scenario) -> str:
    """The Compose file."""
    services = {service.name: _compose_service(scenario, service) for service in scenario.services}
    return yaml.safe_dump({"services": services}, sort_keys=False)


def _compose_service(scenario: Scenario, service: Service) -> dict[str, object]:
    keys: dict[str, object] = {"image": scenario.image, "command": list(service.command), "init": True}
    if service.healthcheck:
        keys["healthcheck"] = _compose_healthcheck(service.healthcheck)
    if service.after:
        healthy = {name: {"condition": "service_healthy"} for name in service.after}
        keys["depends_on"] = healthy if scenario.has_healthchecks else list(service.after)
    return keys


def _compose_healthcheck(check: Healthcheck) -> dict[str, object]:
    interval = {"interval": f"{check.interval_s}s"} if check.interval_s else {}
    return {"test": ["CMD", *check.test], **interval, "timeout": f"{check.timeout_s}s", "retries": check.retries}


def raw_plan(scenario: Scenario, project: str, socket_path: str) -> str:
    """What raw_engine.py does, in the engine's own words: the same containers with the same options."""
    return json.dumps(
        {
            "socket": socket_path,
            "network": project,
            "label": RAW_LABEL,
            "digest_label": RAW_DIGEST_LABEL,
            "port": PORT,
            "services": [_raw_service(scenario, service, project) for service in scenario.services],
        }
    )


def _raw_service(scenario: Scenario, service: Service, project: str) -> dict[str, object]:
    body: dict[str, object] = {
        "Image": scenario.image,
        "Cmd": list(service.command),
        "HostConfig": {"NetworkMode": project, "Init": True},
        "NetworkingConfig": {"EndpointsConfig": {project: {"Aliases": [service.name]}}},
    }
    if service.healthcheck:
        body["Healthcheck"] = _raw_healthcheck(service.healthcheck)
    digest = hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=8).hexdigest()
    body["Labels"] = {RAW_LABEL: service.name, RAW_DIGEST_LABEL: digest}
    return {
        "name": service.name,
        "container": f"{project}.{service.name}",
        "digest": digest,
        "after": list(service.after),
        "is_probed": service.healthcheck is not None,
        "body": body,
    }


def _raw_healthcheck(check: Healthcheck) -> dict[str, object]:
    nanoseconds = {"Timeout": check.timeout_s * 10**9, "Interval": (check.interval_s or 0) * 10**9}
    return {"Test": ["CMD", *check.test], **nanoseconds, "Retries": check.retries}


def count_false_ready(
    services: Sequence[Service], ready_at_s: Mapping[str, float | None], returned_at_s: float, *, slack_s: float = 0.01
) -> int:
    """How many services were taken for ready before they were.

    Either the command returned first, or a dependent's process ran first: that one began ``READY_AFTER_S`` before it
    became ready itself, at the latest.

    Args:
        services: all of the scenario.
        ready_at_s: when each became ready, None if it hasn't; unix time.
        returned_at_s: when the command that waited for them came back.
        slack_s: file times are as coarse as the kernel's tick.
    """
    early = set()
    for service in services:
        ready_s = ready_at_s.get(service.name)
        if ready_s is None or ready_s > returned_at_s + slack_s:
            early.add(service.name)
        if ready_s is not None:
            began_s = ready_s - READY_AFTER_S
            early |= {name for name in service.after if _is_later(ready_at_s.get(name), began_s + slack_s)}
    return len(early)


def _is_later(at_s: float | None, than_s: float) -> bool:
    return at_s is None or at_s > than_s
