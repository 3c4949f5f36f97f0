"""The rarer keys of a service as docker compose 2.40.3 prints them, and the words that all of them are printed in."""

from collections.abc import Collection, Mapping

from boxship.spec.model import Service
from boxship.spec.model_deploy import Deploy, DeviceRequest, Placement, Resources, RestartPolicy, Rollout
from boxship.spec.model_files import Grant, SharedFile
from boxship.spec.model_hooks import Develop, LifecycleHook, WatchRule
from boxship.spec.model_limits import BlockIo, DeviceRate
from boxship.units import format_duration

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def without_nothing(values: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in values.items() if value is not None}


def filled(values: Mapping[str, Json]) -> dict[str, Json]:
    """Without what is empty, zero or false: docker compose doesn't print those."""
    return {key: value for key, value in values.items() if value or (isinstance(value, dict) and key == "healthcheck")}


def size(size_bytes: int | None) -> str | None:
    return str(size_bytes) if size_bytes else None


def duration(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds)


def full_name(key: str, name: str | None, appliance: str, *, is_external: bool) -> str:
    return name or (key if is_external else f"{appliance}_{key}")


def render_shared(shared: Mapping[str, SharedFile], used: Collection[str], appliance: str) -> dict[str, Json]:
    """The secrets or configs that are used; a variable's value is never printed."""
    return {key: _shared(each, appliance) for key, each in shared.items() if key in used}


def _shared(shared: SharedFile, appliance: str) -> dict[str, Json]:
    return filled(
        {
            "name": full_name(shared.key, shared.name, appliance, is_external=shared.external),
            "file": shared.file,
            "environment": shared.environment,
            "content": shared.content,
            "external": shared.external,
            "labels": dict(shared.labels),
            "driver": shared.driver,
            "driver_opts": dict(shared.driver_opts),
            "template_driver": shared.template_driver,
        }
    )


def render_grant(grant: Grant) -> dict[str, Json]:
    return filled(
        {"source": grant.source, "target": grant.target, "uid": grant.uid, "gid": grant.gid, "mode": grant.mode}
    )


def render_more(service: Service) -> dict[str, Json]:
    """What ``render.to_compose`` leaves to this module."""
    rendered = filled(
        {
            "annotations": dict(service.annotations),
            "configs": [render_grant(grant) for grant in service.configs],
            "cpu_count": service.cpu_count,
            "cpu_percent": service.cpu_percent,
            "cpu_period": service.cpu_period_us,
            "cpu_quota": service.cpu_quota_us,
            "cpu_rt_period": service.cpu_rt_period_us,
            "cpu_rt_runtime": service.cpu_rt_runtime_us,
            "device_cgroup_rules": list(service.device_cgroup_rules),
            "external_links": list(service.external_links),
            "gpus": [_device_request(each) for each in service.gpus],
            "mac_address": service.mac_address,
            "mem_swappiness": str(service.mem_swappiness) if service.mem_swappiness else None,
            "models": {
                key: filled({"endpoint_var": use.endpoint_var, "model_var": use.model_var}) or None
                for key, use in service.models.items()
            },
            "post_start": [_hook(hook) for hook in service.post_start],
            "pre_start": [_hook(hook) for hook in service.pre_start],
            "pre_stop": [_hook(hook) for hook in service.pre_stop],
            "secrets": [render_grant(grant) for grant in service.secrets],
            "storage_opt": dict(service.storage_opt),
            "use_api_socket": service.use_api_socket,
            "volumes_from": list(service.volumes_from),
        }
    )
    return rendered | without_nothing(
        {
            "attach": service.attach,
            "blkio_config": _block_io(service.blkio_config) if service.blkio_config else None,
            "credential_spec": _credential_spec(service),
            "deploy": _deploy(service.deploy) if service.deploy else None,
            "develop": _develop(service.develop) if service.develop else None,
            "provider": _provider(service),
            "scale": service.scale if "scale" in service.where else None,
        }
    )


def _hook(hook: LifecycleHook) -> dict[str, Json]:
    environment: dict[str, Json] = {**hook.environment, **dict.fromkeys(hook.unset_environment)}
    return {
        "command": list(hook.command),
        **filled(
            {
                "user": hook.user,
                "privileged": hook.privileged,
                "working_dir": hook.working_dir,
                "environment": environment,
            }
        ),
    }


def _credential_spec(service: Service) -> dict[str, Json] | None:
    spec = service.credential_spec
    return None if spec is None else filled({"config": spec.config, "file": spec.file, "registry": spec.registry})


def _provider(service: Service) -> dict[str, Json] | None:
    provider = service.provider
    if provider is None:
        return None
    return filled({"type": provider.type, "options": {key: [*values] for key, values in provider.options.items()}})


def _block_io(block_io: BlockIo) -> dict[str, Json]:
    return filled(
        {
            "weight": block_io.weight,
            "weight_device": [{"Path": each.path, "Weight": each.weight} for each in block_io.weight_device],
            "device_read_bps": _rates(block_io.device_read_bps),
            "device_read_iops": _rates(block_io.device_read_iops),
            "device_write_bps": _rates(block_io.device_write_bps),
            "device_write_iops": _rates(block_io.device_write_iops),
        }
    )


def _rates(rates: tuple[DeviceRate, ...]) -> list[Json]:
    return [{"Path": each.path, "Rate": str(each.rate)} for each in rates]


def _device_request(request: DeviceRequest) -> dict[str, Json]:
    return filled(
        {
            "capabilities": list(request.capabilities),
            "driver": request.driver,
            "count": request.count,
            "device_ids": list(request.device_ids),
            "options": dict(request.options),
        }
    )


def _deploy(deploy: Deploy) -> dict[str, Json]:
    resources = {"limits": _resources(deploy.limits), "reservations": _resources(deploy.reservations)}
    return {
        **filled({"mode": deploy.mode, "endpoint_mode": deploy.endpoint_mode, "labels": dict(deploy.labels)}),
        **without_nothing(
            {
                "replicas": deploy.replicas,
                "resources": without_nothing(resources),
                "restart_policy": _restart_policy(deploy.restart_policy),
                "update_config": _rollout(deploy.update_config),
                "rollback_config": _rollout(deploy.rollback_config),
                "placement": _placement(deploy.placement),
            }
        ),
    }


def _resources(resources: Resources | None) -> dict[str, Json] | None:
    if resources is None:
        return None
    return filled(
        {
            "cpus": resources.cpus,
            "memory": size(resources.memory_bytes),
            "pids": resources.pids,
            "devices": [_device_request(each) for each in resources.devices],
            "generic_resources": [
                {"discrete_resource_spec": filled({"kind": each.kind, "value": each.value})}
                for each in resources.generic_resources
            ],
        }
    )


def _restart_policy(policy: RestartPolicy | None) -> dict[str, Json] | None:
    if policy is None:
        return None
    return without_nothing(
        {
            "condition": policy.condition,
            "delay": duration(policy.delay_s),
            "max_attempts": policy.max_attempts,
            "window": duration(policy.window_s),
        }
    )


def _rollout(rollout: Rollout | None) -> dict[str, Json] | None:
    if rollout is None:
        return None
    return without_nothing({"parallelism": rollout.parallelism}) | filled(
        {
            "delay": duration(rollout.delay_s or None),
            "failure_action": rollout.failure_action,
            "monitor": duration(rollout.monitor_s or None),
            "max_failure_ratio": rollout.max_failure_ratio,
            "order": rollout.order,
        }
    )


def _placement(placement: Placement) -> dict[str, Json]:
    return filled(
        {
            "constraints": list(placement.constraints),
            "preferences": [{"spread": label} for label in placement.spread],
            "max_replicas_per_node": placement.max_replicas_per_node,
        }
    )


def _develop(develop: Develop) -> dict[str, Json]:
    return filled({"watch": [_watch(rule) for rule in develop.watch]})


def _watch(rule: WatchRule) -> dict[str, Json]:
    return {
        "path": rule.path,
        "action": rule.action,
        "exec": _hook(rule.exec) if rule.exec is not None else {"command": None},
        **filled(
            {
                "target": rule.target,
                "ignore": list(rule.ignore),
                "include": list(rule.include),
                "initial_sync": rule.initial_sync,
            }
        ),
    }
