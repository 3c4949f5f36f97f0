"""What a Compose file may say: the form of every key, and for one that has no effect, why.

Source: compose-spec's schema as of docker compose 2.40.3 (2026-06).
"""

import re

from boxship.spec.compose_parts import (
    BLOCK_IO,
    BUILD,
    COMMAND,
    CONFIG,
    DEPLOY,
    DEVELOP,
    EXTERNAL,
    GPUS,
    GRANTS,
    HOOKS,
    HOSTS,
    MODEL,
    MODEL_USES,
    MOUNT,
    NO_MODELS,
    PROVIDER,
    SECRET,
    ULIMITS,
    for_windows,
)
from boxship.spec.shape import (
    ANY_SCALAR,
    ANYTHING,
    FLAG,
    INTEGER,
    NUMBER,
    OPTIONS,
    PAIRS,
    QUANTITY,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    Shape,
    about,
    choice,
    fixed,
    unhonoured,
)

_NAME = re.compile(r"[a-zA-Z0-9._-]+")
_PORT_NUMBER = Shape(("text", "integer"))
_PULL_POLICIES = ("always", "never", "missing", "if_not_present", "build")
_NO_AGE = "cannot be honoured by an engine because it doesn't know when an image was pulled; `missing` is what happens"
_NO_PRE_START = "cannot be honoured yet because it is newer than docker compose 2.40.3, which Boxship follows"
_ENV_FILE = fixed({"path": TEXT, "required": FLAG, "format": choice("raw")}, kinds=("text",), required=("path",))

_PORT = fixed(
    {
        "target": INTEGER,
        "published": _PORT_NUMBER,
        "host_ip": TEXT,
        "protocol": TEXT,
        "mode": about("shown; on one host both are the same", TEXT),
        "name": about("shown; a note for people", TEXT),
        "app_protocol": about("shown; a note for people", TEXT),
    },
    kinds=("text", "integer"),
    required=("target",),
)

_ATTACHMENT = fixed(
    {
        "aliases": TEXTS,
        "ipv4_address": TEXT,
        "ipv6_address": TEXT,
        "link_local_ips": TEXTS,
        "mac_address": about("on other networks than the first", TEXT),
        "driver_opts": OPTIONS,
        "priority": NUMBER,
        "gw_priority": NUMBER,
        "interface_name": TEXT,
    },
    kinds=("null",),
)

_DEPENDENCY = fixed(
    {
        "condition": choice("service_started", "service_healthy", "service_completed_successfully"),
        "restart": FLAG,
        "required": FLAG,
    },
    required=("condition",),
)

_HEALTHCHECK = fixed(
    {
        "test": TEXT_OR_TEXTS,
        "interval": TEXT,
        "timeout": TEXT,
        "retries": INTEGER,
        "start_period": TEXT,
        "start_interval": TEXT,
        "disable": FLAG,
    }
)

_EXTENSION = fixed({"allow": TEXTS})

SERVICE = fixed(
    {
        "image": TEXT,
        "build": BUILD,
        "command": COMMAND,
        "entrypoint": COMMAND,
        "environment": PAIRS,
        "env_file": Shape(("text",), items=_ENV_FILE),
        "ports": Shape(items=_PORT),
        "expose": Shape(items=Shape(("text", "number"))),
        "volumes": Shape(items=MOUNT),
        "tmpfs": TEXT_OR_TEXTS,
        "networks": Shape(items=TEXT, values=_ATTACHMENT),
        "network_mode": TEXT,
        "ipc": TEXT,
        "pid": Shape(("text", "null")),
        "uts": TEXT,
        "userns_mode": TEXT,
        "cgroup": choice("host", "private"),
        "cgroup_parent": TEXT,
        "depends_on": Shape(items=TEXT, values=_DEPENDENCY),
        "links": TEXTS,
        "healthcheck": _HEALTHCHECK,
        "restart": TEXT,
        "user": TEXT,
        "group_add": Shape(items=Shape(("text", "number"))),
        "working_dir": TEXT,
        "hostname": TEXT,
        "domainname": TEXT,
        "container_name": TEXT,
        "labels": PAIRS,
        "init": FLAG,
        "tty": FLAG,
        "stdin_open": FLAG,
        "privileged": FLAG,
        "read_only": FLAG,
        "cap_add": TEXTS,
        "cap_drop": TEXTS,
        "security_opt": TEXTS,
        "sysctls": PAIRS,
        "ulimits": ULIMITS,
        "devices": Shape(
            items=fixed({"source": TEXT, "target": TEXT, "permissions": TEXT}, kinds=("text",), required=("source",))
        ),
        "dns": TEXT_OR_TEXTS,
        "dns_search": TEXT_OR_TEXTS,
        "dns_opt": TEXTS,
        "extra_hosts": HOSTS,
        "stop_signal": TEXT,
        "stop_grace_period": TEXT,
        "shm_size": QUANTITY,
        "mem_limit": QUANTITY,
        "mem_reservation": QUANTITY,
        "memswap_limit": QUANTITY,
        "cpus": NUMBER,
        "cpu_shares": INTEGER,
        "cpuset": TEXT,
        "pids_limit": INTEGER,
        "oom_score_adj": INTEGER,
        "oom_kill_disable": FLAG,
        "platform": TEXT,
        "runtime": TEXT,
        "isolation": about("the engine takes `default` on Linux", TEXT),
        "logging": fixed({"driver": TEXT, "options": OPTIONS}),
        "profiles": TEXTS,
        "pull_policy": unhonoured(TEXT, _NO_AGE, harmless=_PULL_POLICIES),
        "annotations": PAIRS,
        "attach": about("`false`: an attached `up` doesn't show its lines", FLAG),
        "blkio_config": BLOCK_IO,
        "configs": GRANTS,
        "cpu_count": for_windows(INTEGER, "it; `cpus` limits processors"),
        "cpu_percent": for_windows(INTEGER, "it; `cpus` limits processors"),
        "cpu_period": QUANTITY,
        "cpu_quota": QUANTITY,
        "cpu_rt_period": QUANTITY,
        "cpu_rt_runtime": QUANTITY,
        "credential_spec": for_windows(fixed({"config": TEXT, "file": TEXT, "registry": TEXT}), "such accounts"),
        "deploy": DEPLOY,
        "develop": DEVELOP,
        "device_cgroup_rules": TEXTS,
        "external_links": TEXTS,
        "gpus": GPUS,
        "label_file": TEXT_OR_TEXTS,
        "mac_address": TEXT,
        "mem_swappiness": about("where the kernel's control groups are of version 1", INTEGER),
        "models": unhonoured(MODEL_USES, NO_MODELS),
        "post_start": HOOKS,
        "pre_start": unhonoured(HOOKS, _NO_PRE_START),
        "pre_stop": HOOKS,
        "provider": PROVIDER,
        "pull_refresh_after": unhonoured(TEXT, _NO_AGE),
        "scale": INTEGER,
        "secrets": GRANTS,
        "storage_opt": OPTIONS,
        "use_api_socket": about("the socket is mounted; registry credentials are not handed over", FLAG),
        "volumes_from": TEXTS,
        "extends": fixed({"service": TEXT, "file": TEXT}, kinds=("text",), required=("service",)),
        "x-boxship": _EXTENSION,
    }
)

NETWORK = fixed(
    {
        "name": TEXT,
        "driver": TEXT,
        "driver_opts": OPTIONS,
        "ipam": fixed(
            {
                "driver": TEXT,
                "config": Shape(
                    items=fixed(
                        {"subnet": TEXT, "ip_range": TEXT, "gateway": TEXT, "aux_addresses": Shape(values=TEXT)}
                    )
                ),
                "options": Shape(values=TEXT),
            }
        ),
        "external": EXTERNAL,
        "internal": FLAG,
        "attachable": FLAG,
        "enable_ipv4": FLAG,
        "enable_ipv6": FLAG,
        "labels": PAIRS,
    },
    kinds=("null",),
)

VOLUME = fixed(
    {"name": TEXT, "driver": TEXT, "driver_opts": OPTIONS, "external": EXTERNAL, "labels": PAIRS}, kinds=("null",)
)

_NAMED_SERVICES = Shape(values=SERVICE, key_pattern=_NAME, allows_extensions=False)

_INCLUDE = fixed(
    {"path": TEXT_OR_TEXTS, "project_directory": TEXT, "env_file": TEXT_OR_TEXTS}, kinds=("text",), required=("path",)
)

COMPOSE = fixed(
    {
        "name": TEXT,
        "version": about("read and ignored, as the specification says", TEXT),
        "services": _NAMED_SERVICES,
        "networks": Shape(values=NETWORK, key_pattern=_NAME),
        "volumes": Shape(values=VOLUME, key_pattern=_NAME),
        "secrets": Shape(values=SECRET, key_pattern=_NAME),
        "configs": Shape(values=CONFIG, key_pattern=_NAME),
        "models": unhonoured(Shape(values=MODEL, key_pattern=_NAME), NO_MODELS),
        "include": Shape(items=_INCLUDE),
        "x-boxship": _EXTENSION,
    }
)

__all__ = ["ANYTHING", "ANY_SCALAR", "COMPOSE", "NETWORK", "SERVICE", "VOLUME"]
