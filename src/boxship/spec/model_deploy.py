"""What ``deploy`` says: of it a single host obeys the numbers and the limits, and keeps the rest for who asks.

Source: Compose Specification, "Compose Deploy Specification" (2026-06).
"""

from collections.abc import Mapping

from msgspec import Struct, field

ALL_DEVICES = -1
"""A ``count`` of "all"."""


class DeviceRequest(Struct, frozen=True):
    """Devices by what they can do, as a driver of the engine finds them: GPUs above all. ``count`` -1 is all.

    Either ``count`` or ``device_ids``; None is what the other one says.
    """

    capabilities: tuple[str, ...] = ()
    driver: str | None = None
    count: int | None = None
    device_ids: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


class GenericResource(Struct, frozen=True):
    """So many of something that a swarm's nodes announce."""

    kind: str | None = None
    value: int | None = None


class Resources(Struct, frozen=True):
    """One of ``limits`` and ``reservations``."""

    cpus: float | None = None
    memory_bytes: int | None = None
    pids: int | None = None
    devices: tuple[DeviceRequest, ...] = ()
    generic_resources: tuple[GenericResource, ...] = ()


class Rollout(Struct, frozen=True):
    """``update_config`` or ``rollback_config``."""

    parallelism: int | None = None
    delay_s: float | None = None
    failure_action: str | None = None
    monitor_s: float | None = None
    max_failure_ratio: float | None = None
    order: str | None = None


class RestartPolicy(Struct, frozen=True):
    """``condition``: none, on-failure or any (the default)."""

    condition: str | None = None
    delay_s: float | None = None
    max_attempts: int | None = None
    window_s: float | None = None


class Placement(Struct, frozen=True):
    """On which of a swarm's nodes. ``spread``: labels whose values the containers are spread over."""

    constraints: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    max_replicas_per_node: int | None = None


class Deploy(Struct, frozen=True):
    """The whole section; None is what the file doesn't say."""

    mode: str | None = None
    replicas: int | None = None
    endpoint_mode: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    limits: Resources | None = None
    reservations: Resources | None = None
    restart_policy: RestartPolicy | None = None
    update_config: Rollout | None = None
    rollback_config: Rollout | None = None
    placement: Placement = Placement()
