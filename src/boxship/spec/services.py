"""One service's merged mapping as a :class:`Service`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from boxship.spec.canonical import is_remote
from boxship.spec.command import split_command
from boxship.spec.deploy import build_deploy, build_gpus, build_scale, check_limits
from boxship.spec.environment import EnvFiles, resolve_environment
from boxship.spec.fields import Fields
from boxship.spec.hooks import build_develop, build_hooks
from boxship.spec.limits import build_block_io, build_microseconds, build_percentage
from boxship.spec.model import (
    Attachment,
    Build,
    Condition,
    Dependency,
    Healthcheck,
    Logging,
    Restart,
    Service,
    Ulimit,
)
from boxship.spec.mounts import build_mounts, build_tmpfs
from boxship.spec.outside import build_credential_spec, build_model_uses, build_provider
from boxship.spec.ports import build_ports
from boxship.spec.report import Report
from boxship.spec.secrets import build_grants
from boxship.spec.shape import unset_hint
from boxship.spec.tree import Items, Node, Scalar, Table

_CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_PULL_POLICY = re.compile(r"always|never|build|if_not_present|missing|refresh|daily|weekly|every_(?:[0-9]+[wdhms])+")
_POLICIES: Mapping[str, Literal["no", "always", "on-failure", "unless-stopped"]] = {
    "no": "no",
    "always": "always",
    "on-failure": "on-failure",
    "unless-stopped": "unless-stopped",
}
_SERVICE_PREFIX = "service:"
_TEST_KINDS = ("NONE", "CMD", "CMD-SHELL")


class ServiceBuilder:
    """Builds services; what all of them share is given once."""

    def __init__(self, shell: Mapping[str, str], directory: Path, report: Report) -> None:
        self._shell = shell
        self._directory = directory
        self._report = report
        self._env_files = EnvFiles(shell, directory, report)
        self._label_files = EnvFiles({}, directory, report)

    def build(self, name: str, table: Table) -> Service:
        """The service called ``name``; problems go to the report and leave their key at its default."""
        path = f"services.{name}"
        fields = Fields(table, path, self._report)
        environment = resolve_environment(
            fields.node("environment"),
            self._env_files.read(fields.node("env_file"), fields.path("env_file"), fields.node("environment")),
            self._shell,
        )
        deploy = build_deploy(fields)
        service = Service(
            name=name,
            image=_image(fields),
            build=self._build_section(fields) if fields.has("build") else None,
            command=_command(fields, "command", self._report),
            entrypoint=_command(fields, "entrypoint", self._report),
            environment=environment.values,
            unset_environment=environment.unset,
            ports=build_ports(fields.node("ports"), fields.path("ports"), self._report),
            expose=fields.texts("expose"),
            mounts=(
                *build_mounts(fields.node("volumes"), fields.path("volumes"), self._report),
                *build_tmpfs(fields.node("tmpfs"), fields.path("tmpfs"), self._report),
            ),
            networks=_attachments(fields),
            network_mode=fields.filled("network_mode"),
            ipc=fields.filled("ipc"),
            pid=fields.filled("pid"),
            uts=fields.filled("uts"),
            userns_mode=fields.filled("userns_mode"),
            cgroup=fields.filled("cgroup"),
            cgroup_parent=fields.filled("cgroup_parent"),
            depends_on=_dependencies(fields),
            links=fields.texts("links"),
            external_links=fields.texts("external_links"),
            volumes_from=fields.texts("volumes_from"),
            secrets=build_grants(fields, "secrets"),
            configs=build_grants(fields, "configs"),
            healthcheck=_healthcheck(fields, self._report) if fields.has("healthcheck") else None,
            restart=_restart(fields),
            user=fields.filled("user"),
            group_add=fields.texts("group_add"),
            working_dir=fields.filled("working_dir"),
            hostname=fields.filled("hostname"),
            domainname=fields.filled("domainname"),
            container_name=_matching(fields, "container_name", _CONTAINER_NAME, "letters, digits, '_', '.' and '-'"),
            labels={
                **self._label_files.read(fields.node("label_file"), fields.path("label_file")),
                **fields.text_map("labels"),
            },
            annotations=fields.text_map("annotations"),
            init=fields.maybe_flag("init"),
            read_only=fields.flag("read_only"),
            privileged=fields.flag("privileged"),
            tty=fields.flag("tty"),
            stdin_open=fields.flag("stdin_open"),
            cap_add=fields.texts("cap_add"),
            cap_drop=fields.texts("cap_drop"),
            security_opt=fields.texts("security_opt"),
            sysctls=fields.text_map("sysctls"),
            ulimits=_ulimits(fields),
            devices=_devices(fields),
            device_cgroup_rules=fields.texts("device_cgroup_rules"),
            gpus=build_gpus(fields),
            dns=fields.texts("dns"),
            dns_search=fields.texts("dns_search"),
            dns_opt=fields.texts("dns_opt"),
            mac_address=fields.filled("mac_address"),
            extra_hosts=tuple(host.replace("=", ":", 1) for host in fields.texts("extra_hosts")),
            stop_signal=fields.filled("stop_signal"),
            stop_grace_period_s=fields.duration("stop_grace_period"),
            shm_size_bytes=fields.size("shm_size"),
            mem_limit_bytes=fields.size("mem_limit"),
            mem_reservation_bytes=fields.size("mem_reservation"),
            memswap_limit_bytes=_memswap(fields),
            cpus=_cpus(fields),
            cpu_shares=fields.integer("cpu_shares"),
            cpuset=fields.filled("cpuset"),
            cpu_period_us=build_microseconds(fields, "cpu_period"),
            cpu_quota_us=build_microseconds(fields, "cpu_quota"),
            cpu_rt_period_us=build_microseconds(fields, "cpu_rt_period"),
            cpu_rt_runtime_us=build_microseconds(fields, "cpu_rt_runtime"),
            cpu_count=fields.integer("cpu_count"),
            cpu_percent=build_percentage(fields, "cpu_percent"),
            mem_swappiness=build_percentage(fields, "mem_swappiness", least=-1),
            blkio_config=build_block_io(fields),
            storage_opt=fields.text_map("storage_opt"),
            pids_limit=fields.integer("pids_limit"),
            oom_score_adj=_oom_score(fields),
            oom_kill_disable=fields.maybe_flag("oom_kill_disable"),
            platform=fields.filled("platform"),
            runtime=fields.filled("runtime"),
            isolation=fields.filled("isolation"),
            pull_policy=_matching(fields, "pull_policy", _PULL_POLICY, "always, missing, never, build or every_<time>"),
            logging=_logging(fields),
            scale=build_scale(fields, deploy),
            deploy=deploy,
            pre_start=build_hooks(fields, "pre_start"),
            post_start=build_hooks(fields, "post_start"),
            pre_stop=build_hooks(fields, "pre_stop"),
            attach=fields.maybe_flag("attach"),
            develop=build_develop(fields),
            use_api_socket=fields.flag("use_api_socket"),
            credential_spec=build_credential_spec(fields),
            provider=build_provider(fields),
            models=build_model_uses(fields),
            pull_refresh_after=fields.filled("pull_refresh_after"),
            profiles=fields.texts("profiles"),
            where={"": table.where, **table.keys},
        )
        check_limits(service, fields)
        return service

    def _build_section(self, fields: Fields) -> Build:
        build = fields.table("build")
        context = build.filled("context") or str(self._directory)
        arguments = resolve_environment(build.node("args"), {}, self._shell)
        if build.has("dockerfile") and build.has("dockerfile_inline"):
            build.complain("dockerfile_inline", "both dockerfile and dockerfile_inline are given", "keep one of them")
        return Build(
            context=self._directory if is_remote(context) else Path(context),
            context_url=context if is_remote(context) else None,
            dockerfile=build.filled("dockerfile") or "Dockerfile",
            dockerfile_inline=build.text("dockerfile_inline"),
            args={**arguments.values, **dict.fromkeys(arguments.unset)},
            target=build.filled("target"),
            labels=build.text_map("labels"),
            network=build.filled("network"),
            no_cache=build.flag("no_cache"),
            pull=build.flag("pull"),
            shm_size_bytes=build.size("shm_size"),
            extra_hosts=tuple(host.replace("=", ":", 1) for host in build.texts("extra_hosts")),
            cache_from=build.texts("cache_from"),
            tags=build.texts("tags"),
            ulimits=_ulimits(build),
            isolation=build.filled("isolation"),
            additional_contexts=build.text_map("additional_contexts"),
            cache_to=build.texts("cache_to"),
            entitlements=build.texts("entitlements"),
            platforms=build.texts("platforms"),
            privileged=build.flag("privileged"),
            provenance=build.filled("provenance"),
            sbom=build.filled("sbom"),
            secrets=build_grants(build, "secrets"),
            ssh=build.text_map("ssh"),
        )


def _image(fields: Fields) -> str | None:
    image = fields.text("image")
    if image == "" and not fields.has("build"):
        fields.complain("image", "the image is empty")
    return image or None


def _command(fields: Fields, key: str, report: Report) -> tuple[str, ...] | None:
    node = fields.node(key)
    if isinstance(node, Items):
        return fields.texts(key)
    text = fields.text(key)
    if node is None or text is None:
        return None
    try:
        split = split_command(text)
    except ValueError as err:
        fields.complain(key, f"the command {err}", "write it as a list of arguments")
        return None
    if split.dropped:
        reason = f"'{split.dropped.strip()[:40]}' is never run: no shell reads this command"
        report.warn(node.where, fields.path(key), reason, "write [sh, -c, '...'] for a shell", code="no-shell")
    return split.argv


def _attachments(fields: Fields) -> dict[str, Attachment]:
    node = fields.node("networks")
    keys = node.entries if isinstance(node, Table) else {}
    networks = fields.table("networks")
    return {key: _attachment(networks.table(key)) for key in keys}


def _attachment(fields: Fields) -> Attachment:
    return Attachment(
        aliases=fields.texts("aliases"),
        ipv4_address=fields.filled("ipv4_address"),
        ipv6_address=fields.filled("ipv6_address"),
        mac_address=fields.filled("mac_address"),
        link_local_ips=fields.texts("link_local_ips"),
        priority=fields.integer("priority") or 0,
        gw_priority=fields.integer("gw_priority") or 0,
        interface_name=fields.filled("interface_name"),
        driver_opts=fields.text_map("driver_opts"),
    )


def _dependencies(fields: Fields) -> dict[str, Dependency]:
    """The edges that are written, then those that links and shared namespaces imply."""
    node = fields.node("depends_on")
    written = fields.table("depends_on")
    edges: dict[str, Dependency] = {}
    for name in node.entries if isinstance(node, Table) else ():
        edge = written.table(name)
        edges[name] = Dependency(
            condition=Condition(edge.text("condition") or Condition.STARTED),
            restart=edge.flag("restart"),
            required=edge.flag("required") if edge.has("required") else True,
        )
    for text in fields.texts("links"):
        edges.setdefault(text.partition(":")[0], Dependency(restart=True))
    for source in fields.texts("volumes_from"):
        if not source.startswith("container:"):
            edges.setdefault(source.partition(":")[0], Dependency())
    for key in ("network_mode", "ipc", "pid"):
        mode = fields.text(key) or ""
        if mode.startswith(_SERVICE_PREFIX):
            edges.setdefault(mode.removeprefix(_SERVICE_PREFIX), Dependency(restart=True))
    return edges


def _healthcheck(fields: Fields, report: Report) -> Healthcheck:
    section = fields.table("healthcheck")
    test = section.texts("test")
    if test and test[0] not in _TEST_KINDS:
        section.complain(
            "test", f"the test begins with '{test[0]}'", "a list begins with CMD, CMD-SHELL or NONE; text needs none"
        )
    retries = section.integer("retries")
    if retries is not None and retries < 0:
        section.complain("retries", f"{retries} retries are fewer than none")
    return Healthcheck(
        test=test,
        interval_s=section.duration("interval"),
        timeout_s=section.duration("timeout"),
        retries=retries,
        start_period_s=section.duration("start_period"),
        start_interval_s=section.duration("start_interval"),
        disable=section.flag("disable"),
    )


def _restart(fields: Fields) -> Restart | None:
    text = fields.filled("restart")
    if text is None:
        return None
    policy, _, retries = text.partition(":")
    known = _POLICIES.get(policy)
    is_good_count = retries == "" or (policy == "on-failure" and retries.isdecimal() and len(retries) < 10)
    if known is None or not is_good_count:
        hint = fields.suggest(policy, _POLICIES) if known is None else "write on-failure:3"
        fields.complain("restart", f"'{text}' is none of no, always, unless-stopped, on-failure[:retries]", hint)
        return None
    return Restart(known, int(retries) if retries else 0)


def _ulimits(fields: Fields) -> dict[str, Ulimit]:
    node = fields.node("ulimits")
    limits: dict[str, Ulimit] = {}
    section = fields.table("ulimits")
    for name, value in (node.entries if isinstance(node, Table) else {}).items():
        if isinstance(value, Scalar):
            both = section.integer(name) or 0
            limits[name] = Ulimit(both, both, is_single=True)
        else:
            limit = section.table(name)
            limits[name] = Ulimit(limit.integer("soft") or 0, limit.integer("hard") or 0)
    return limits


def _devices(fields: Fields) -> tuple[str, ...]:
    node = fields.node("devices")
    devices = (Fields(item) for item in (node.items if isinstance(node, Items) else ()))
    return tuple(
        ":".join((device.text("source") or "", device.text("target") or "", device.text("permissions") or "rwm"))
        for device in devices
    )


def _memswap(fields: Fields) -> int | None:
    """-1 is "without bound", which only this size may say."""
    return -1 if fields.text("memswap_limit") == "-1" else fields.size("memswap_limit")


def _cpus(fields: Fields) -> float | None:
    cpus = fields.number("cpus")
    if cpus is not None and cpus < 0:
        fields.complain("cpus", f"{cpus:g} processors are fewer than none")
    return cpus


def _oom_score(fields: Fields) -> int | None:
    score = fields.integer("oom_score_adj")
    if score is not None and not -1000 <= score <= 1000:
        fields.complain("oom_score_adj", f"{score} is not between -1000 and 1000")
    return score


def _logging(fields: Fields) -> Logging:
    section = fields.table("logging")
    return Logging(section.filled("driver"), section.text_map("options"))


def _matching(fields: Fields, key: str, pattern: re.Pattern[str], allowed: str) -> str | None:
    text = fields.text(key)
    if text is None or pattern.fullmatch(text):
        return text
    node: Node | None = fields.node(key)
    hint = unset_hint(node) if node is not None else ""
    fields.complain(key, f"'{text}' is not {allowed}", hint)
    return None
