"""``deploy`` and ``gpus`` as values, and what one host obeys of ``deploy``."""

from typing import Literal

from msgspec.structs import replace

from boxship.spec.fields import Fields
from boxship.spec.model import Restart, Service
from boxship.spec.model_deploy import (
    Deploy,
    DeviceRequest,
    GenericResource,
    Placement,
    Resources,
    RestartPolicy,
    Rollout,
)

_CONDITIONS: dict[str, Literal["no", "always", "on-failure", "unless-stopped"]] = {
    "none": "no",
    "any": "always",
    "on-failure": "on-failure",
    # No words of deploy's, but docker compose hands them to the engine, and files rely on it.
    "no": "no",
    "always": "always",
    "unless-stopped": "unless-stopped",
}


def build_deploy(fields: Fields) -> Deploy | None:
    """The section as written; numbers that can't be are reported."""
    if not _is_written(fields, "deploy"):
        return None
    section = fields.table("deploy")
    resources = section.table("resources")
    return Deploy(
        mode=section.filled("mode"),
        replicas=_count(section, "replicas"),
        endpoint_mode=section.filled("endpoint_mode"),
        labels=section.text_map("labels"),
        limits=_resources(resources, "limits"),
        reservations=_resources(resources, "reservations"),
        restart_policy=_restart_policy(section) if _is_written(section, "restart_policy") else None,
        update_config=_rollout(section, "update_config"),
        rollback_config=_rollout(section, "rollback_config"),
        placement=_placement(section.table("placement")),
    )


def _is_written(fields: Fields, key: str) -> bool:
    return fields.has(key) and not fields.is_null(key)


def _count(fields: Fields, key: str) -> int | None:
    number = fields.integer(key)
    if number is not None and number < 0:
        fields.complain(key, f"{number} is fewer than none")
        return None
    return number


def build_scale(fields: Fields, deploy: Deploy | None) -> int:
    """How many containers. ``scale`` and ``deploy.replicas`` may both be given, if they agree."""
    scale, replicas = _count(fields, "scale"), deploy.replicas if deploy else None
    if scale is not None and replicas is not None and scale != replicas:
        fields.complain("scale", f"scale says {scale}, and deploy.replicas says {replicas}", "keep one of them")
    if scale is not None:
        return scale
    return 1 if replicas is None else replicas


def _resources(fields: Fields, key: str) -> Resources | None:
    if not _is_written(fields, key):
        return None
    section = fields.table(key)
    return Resources(
        cpus=section.number("cpus"),
        memory_bytes=section.size("memory"),
        pids=section.integer("pids"),
        devices=tuple(_device_request(each) for each in section.tables("devices")),
        generic_resources=tuple(
            GenericResource(spec.filled("kind"), spec.integer("value"))
            for spec in (each.table("discrete_resource_spec") for each in section.tables("generic_resources"))
        ),
    )


def build_gpus(fields: Fields) -> tuple[DeviceRequest, ...]:
    return tuple(_device_request(each) for each in fields.tables("gpus"))


def _device_request(fields: Fields) -> DeviceRequest:
    count, device_ids = fields.integer("count"), fields.texts("device_ids")
    if count is not None and device_ids:
        fields.complain("count", "count and device_ids exclude each other", "keep one of them")
    return DeviceRequest(
        capabilities=fields.texts("capabilities"),
        driver=fields.filled("driver"),
        count=count,
        device_ids=device_ids,
        options=fields.text_map("options"),
    )


def _restart_policy(fields: Fields) -> RestartPolicy:
    section = fields.table("restart_policy")
    condition = section.filled("condition")
    if condition is not None and condition not in _CONDITIONS:
        hint = section.suggest(condition, _CONDITIONS)
        section.complain("condition", f"'{condition}' is none of none, any and on-failure", hint)
    return RestartPolicy(
        condition=condition,
        delay_s=section.duration("delay"),
        max_attempts=_count(section, "max_attempts"),
        window_s=section.duration("window"),
    )


def _rollout(fields: Fields, key: str) -> Rollout | None:
    if not _is_written(fields, key):
        return None
    section = fields.table(key)
    return Rollout(
        parallelism=section.integer("parallelism"),
        delay_s=section.duration("delay"),
        failure_action=section.filled("failure_action"),
        monitor_s=section.duration("monitor"),
        max_failure_ratio=section.number("max_failure_ratio"),
        order=section.filled("order"),
    )


def _placement(fields: Fields) -> Placement:
    return Placement(
        constraints=fields.texts("constraints"),
        spread=tuple(each.text("spread") or "" for each in fields.tables("preferences")),
        max_replicas_per_node=fields.integer("max_replicas_per_node"),
    )


def check_limits(service: Service, fields: Fields) -> None:
    """Report limits that are given twice and differ."""
    deploy = service.deploy
    if deploy is None:
        return
    limits, reservations = deploy.limits or Resources(), deploy.reservations or Resources()
    for key, own, other, path in (
        ("mem_limit", service.mem_limit_bytes, limits.memory_bytes, "limits.memory"),
        ("mem_reservation", service.mem_reservation_bytes, reservations.memory_bytes, "reservations.memory"),
        ("cpus", service.cpus, limits.cpus, "limits.cpus"),
        ("pids_limit", service.pids_limit, limits.pids, "limits.pids"),
    ):
        if own and other and own != other:
            fields.complain(key, f"differs from deploy.resources.{path}", "keep one of them")


def with_limits(service: Service) -> Service:
    """The service as one engine is asked for it: what ``deploy`` says of limits and restarts, as its own keys.

    Source: Compose Specification, "deploy"; docker compose 2.40.3 maps the same.
    """
    deploy = service.deploy
    if deploy is None:
        return service
    limits, reservations = deploy.limits or Resources(), deploy.reservations or Resources()
    return replace(
        service,
        mem_limit_bytes=limits.memory_bytes or service.mem_limit_bytes,
        mem_reservation_bytes=reservations.memory_bytes or service.mem_reservation_bytes,
        cpus=limits.cpus or service.cpus,
        pids_limit=limits.pids or service.pids_limit,
        gpus=(*service.gpus, *reservations.devices),
        restart=service.restart or _restart(deploy.restart_policy),
    )


def _restart(policy: RestartPolicy | None) -> Restart | None:
    if policy is None:
        return None
    word = _CONDITIONS.get(policy.condition or "any", "no")
    return Restart(word, (policy.max_attempts or 0) if word == "on-failure" else 0)
