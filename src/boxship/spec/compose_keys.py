"""What a Compose file may say: the forms of every key that Boxship obeys, and the names of those it doesn't yet.

Source: compose-spec's schema as of docker compose 2.40.3 (2026-06).
"""

import re

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
    choice,
    fixed,
)

_NAME = re.compile(r"[a-zA-Z0-9._-]+")
_PORT_NUMBER = Shape(("text", "integer"))
_COMMAND = Shape(("text", "null"), items=TEXT)
_HOSTS = Shape(items=TEXT, values=TEXT_OR_TEXTS)

_BUILD = fixed(
    {
        "context": TEXT,
        "dockerfile": TEXT,
        "dockerfile_inline": TEXT,
        "args": PAIRS,
        "target": TEXT,
        "labels": PAIRS,
        "network": TEXT,
        "no_cache": FLAG,
        "pull": FLAG,
        "shm_size": QUANTITY,
        "extra_hosts": _HOSTS,
        "cache_from": TEXTS,
        "tags": TEXTS,
    },
    kinds=("text",),
    later=frozenset(
        {
            "additional_contexts", "cache_to", "entitlements", "isolation", "platforms", "privileged", "provenance",
            "sbom", "secrets", "ssh", "ulimits",
        }
    ),
)  # fmt: skip

_ENV_FILE = fixed({"path": TEXT, "required": FLAG, "format": choice("raw")}, kinds=("text",), required=("path",))

_PORT = fixed(
    {
        "target": INTEGER,
        "published": _PORT_NUMBER,
        "host_ip": TEXT,
        "protocol": TEXT,
        "mode": TEXT,
        "name": TEXT,
        "app_protocol": TEXT,
    },
    kinds=("text", "integer"),
    required=("target",),
)

_MOUNT = fixed(
    {
        "type": choice("bind", "volume", "tmpfs"),
        "source": TEXT,
        "target": TEXT,
        "read_only": FLAG,
        "consistency": TEXT,
        "bind": fixed(
            {"propagation": TEXT, "create_host_path": FLAG, "selinux": choice("z", "Z")},
            later=frozenset({"recursive"}),
        ),
        "volume": fixed({"nocopy": FLAG}, later=frozenset({"labels", "subpath"})),
        "tmpfs": fixed({"size": QUANTITY, "mode": INTEGER}),
    },
    kinds=("text",),
    required=("type",),
    later=frozenset({"image"}),
)

_ATTACHMENT = fixed(
    {
        "aliases": TEXTS,
        "ipv4_address": TEXT,
        "ipv6_address": TEXT,
        "link_local_ips": TEXTS,
        "mac_address": TEXT,
        "driver_opts": OPTIONS,
        "priority": NUMBER,
    },
    kinds=("null",),
    later=frozenset({"gw_priority", "interface_name"}),
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

_ULIMIT = fixed({"soft": INTEGER, "hard": INTEGER}, kinds=("integer",), required=("soft", "hard"))

SERVICE = fixed(
    {
        "image": TEXT,
        "build": _BUILD,
        "command": _COMMAND,
        "entrypoint": _COMMAND,
        "environment": PAIRS,
        "env_file": Shape(("text",), items=_ENV_FILE),
        "ports": Shape(items=_PORT),
        "expose": Shape(items=Shape(("text", "number"))),
        "volumes": Shape(items=_MOUNT),
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
        "ulimits": Shape(values=_ULIMIT),
        "devices": Shape(
            items=fixed({"source": TEXT, "target": TEXT, "permissions": TEXT}, kinds=("text",), required=("source",))
        ),
        "dns": TEXT_OR_TEXTS,
        "dns_search": TEXT_OR_TEXTS,
        "dns_opt": TEXTS,
        "extra_hosts": _HOSTS,
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
        "isolation": TEXT,
        "logging": fixed({"driver": TEXT, "options": OPTIONS}),
        "profiles": TEXTS,
        "pull_policy": TEXT,
    },
    later=frozenset(
        {
            "annotations", "attach", "blkio_config", "configs", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota",
            "cpu_rt_period", "cpu_rt_runtime", "credential_spec", "deploy", "develop", "device_cgroup_rules", "extends",
            "external_links", "gpus", "label_file", "mac_address", "mem_swappiness", "models", "post_start",
            "pre_start", "pre_stop", "provider", "pull_refresh_after", "scale", "secrets", "storage_opt",
            "use_api_socket", "volumes_from",
        }
    ),
)  # fmt: skip

_EXTERNAL = fixed({"name": TEXT}, kinds=("flag",))

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
            },
            later=frozenset({"options"}),
        ),
        "external": _EXTERNAL,
        "internal": FLAG,
        "attachable": FLAG,
        "enable_ipv6": FLAG,
        "labels": PAIRS,
    },
    kinds=("null",),
    later=frozenset({"enable_ipv4"}),
)

VOLUME = fixed(
    {"name": TEXT, "driver": TEXT, "driver_opts": OPTIONS, "external": _EXTERNAL, "labels": PAIRS}, kinds=("null",)
)

_NAMED_SERVICES = Shape(values=SERVICE, key_pattern=_NAME, allows_extensions=False)

COMPOSE = fixed(
    {
        "name": TEXT,
        "version": TEXT,
        "services": _NAMED_SERVICES,
        "networks": Shape(values=NETWORK, key_pattern=_NAME),
        "volumes": Shape(values=VOLUME, key_pattern=_NAME),
    },
    later=frozenset({"secrets", "configs", "include", "models"}),
)

__all__ = ["ANYTHING", "ANY_SCALAR", "COMPOSE", "NETWORK", "SERVICE", "VOLUME"]
