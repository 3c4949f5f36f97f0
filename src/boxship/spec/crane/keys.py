"""What crane files may say, in all four schemas, and which Compose key says the same.

v0 and v1: ``containers`` with ``dockerfile``, ``image``, ``run``, ``start`` and ``rm``; v2: ``build`` in place of
``dockerfile``, and ``requires`` and ``exec``; v3: ``services``, whose keys stand in the service itself, beside
Compose's own.

Source: crane 1.5.1 and 3.6.1, their structs and documents (2026-07).
"""

from collections.abc import Mapping

from msgspec import Struct

from boxship.spec.compose_keys import NETWORK, SERVICE, VOLUME
from boxship.spec.shape import (
    ANYTHING,
    FLAG,
    INTEGER,
    PAIRS,
    QUANTITY,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    Shape,
    fixed,
)


class Key(Struct, frozen=True):
    """``compose``: the key of a Compose service that says the same in the same form; "" when it takes more than that.

    ``advice``: nothing says the same; what a person can do. A key with neither is translated by a rule of its own.
    """

    shape: Shape
    compose: str = ""
    advice: str = ""


_COMMAND = Shape(("text",), items=TEXT)
_END = (SERVICE.keys or {})["networks"].values or ANYTHING
_NETWORKS = Shape(
    items=TEXT,
    values=fixed({**(_END.keys or {}), "alias": TEXTS, "ip": TEXT, "ip6": TEXT}, kinds=("null",), later=_END.later),
)

RUN: Mapping[str, Key] = {
    "add-host": Key(TEXTS, "extra_hosts"),
    "blkio-weight": Key(INTEGER),
    "blkio-weight-device": Key(TEXTS),
    "cap-add": Key(TEXTS, "cap_add"),
    "cap-drop": Key(TEXTS, "cap_drop"),
    "cgroup-parent": Key(TEXT, "cgroup_parent"),
    "cidfile": Key(TEXT, advice="boxship ps -q prints the ids"),
    "cmd": Key(_COMMAND),
    "cpu-period": Key(INTEGER),
    "cpu-quota": Key(INTEGER),
    "cpu-shares": Key(INTEGER, "cpu_shares"),
    "cpuset": Key(TEXT, "cpuset"),
    "detach": Key(FLAG),
    "detach-keys": Key(TEXT, advice="boxship attaches to logs, and ^C leaves them"),
    "device": Key(TEXTS, "devices"),
    "device-read-bps": Key(TEXTS),
    "device-read-iops": Key(TEXTS),
    "device-write-bps": Key(TEXTS),
    "device-write-iops": Key(TEXTS),
    "dns": Key(TEXTS, "dns"),
    "dns-opt": Key(TEXTS, "dns_opt"),
    "dns-search": Key(TEXTS, "dns_search"),
    "entrypoint": Key(TEXT, "entrypoint"),
    "env": Key(PAIRS, "environment"),
    "env-file": Key(TEXTS),
    "expose": Key(TEXTS, "expose"),
    "group-add": Key(TEXTS, "group_add"),
    "health-cmd": Key(TEXT),
    "health-interval": Key(TEXT),
    "health-retries": Key(INTEGER),
    "health-timeout": Key(TEXT),
    "hostname": Key(TEXT, "hostname"),
    "init": Key(FLAG, "init"),
    "interactive": Key(FLAG, "stdin_open"),
    "ip": Key(TEXT),
    "ip6": Key(TEXT),
    "ipc": Key(TEXT),
    "isolation": Key(TEXT, "isolation"),
    "kernel-memory": Key(TEXT, advice="no kernel obeys it any more; memory: limits all of it"),
    "label": Key(PAIRS, "labels"),
    "label-file": Key(TEXTS, "label_file"),
    "link": Key(TEXTS),
    "log-driver": Key(TEXT),
    "log-opt": Key(PAIRS),
    "lxc-conf": Key(TEXTS, advice="no engine has used LXC since Docker 1.10; see cap-add and device"),
    "mac-address": Key(TEXT),
    "memory": Key(QUANTITY, "mem_limit"),
    "memory-reservation": Key(QUANTITY, "mem_reservation"),
    "memory-swap": Key(QUANTITY, "memswap_limit"),
    "memory-swappiness": Key(INTEGER, "mem_swappiness"),
    "net": Key(TEXT),
    "net-alias": Key(TEXTS),
    "networks": Key(_NETWORKS),
    "no-healthcheck": Key(FLAG),
    "oom-kill-disable": Key(FLAG, "oom_kill_disable"),
    "oom-score-adj": Key(INTEGER, "oom_score_adj"),
    "pid": Key(TEXT),
    "privileged": Key(FLAG, "privileged"),
    "publish": Key(TEXTS, "ports"),
    "publish-all": Key(FLAG, advice="list the ports under publish: an appliance has fixed ones"),
    "read-only": Key(FLAG, "read_only"),
    "requires": Key(TEXTS),
    "restart": Key(TEXT, "restart"),
    "rm": Key(FLAG, advice="it stays after its end, with its log, until boxship down"),
    "runtime": Key(TEXT, "runtime"),
    "security-opt": Key(TEXTS, "security_opt"),
    "share-ssh-socket": Key(FLAG, advice="give it the agent yourself: volume: ['${SSH_AUTH_SOCK}:/ssh-socket'] and "
                            "env: ['SSH_AUTH_SOCK=/ssh-socket']"),
    "shm-size": Key(QUANTITY, "shm_size"),
    "sig-proxy": Key(FLAG, advice="boxship attaches to no process, so there is no signal to pass on"),
    "stop-signal": Key(TEXT, "stop_signal"),
    "stop-timeout": Key(TEXT),
    "sysctl": Key(PAIRS, "sysctls"),
    "tmpfs": Key(TEXTS, "tmpfs"),
    "tty": Key(FLAG, "tty"),
    "ulimit": Key(TEXTS),
    "user": Key(TEXT, "user"),
    "userns": Key(TEXT, "userns_mode"),
    "uts": Key(TEXT, "uts"),
    "volume": Key(TEXTS),
    "volume-driver": Key(TEXT, advice="declare the volume under the top-level volumes:, with its driver:"),
    "volumes-from": Key(TEXTS),
    "workdir": Key(TEXT, "working_dir"),
}  # fmt: skip

ALIASES: Mapping[str, str] = {
    **{key.compose: name for name, key in RUN.items() if key.compose and key.compose != name},
    "command": "cmd",
    "depends_on": "requires",
    "env_file": "env-file",
    "links": "link",
    "mac_address": "mac-address",
    "network_mode": "net",
    "stop_grace_period": "stop-timeout",
    "ulimits": "ulimit",
    "volumes": "volume",
    "volumes_from": "volumes-from",
    "volume_driver": "volume-driver",
    "cpu_period": "cpu-period",
    "cpu_quota": "cpu-quota",
    "mem_swappiness": "memory-swappiness",
}
"""Compose key -> the key of crane's that wins over it where a v3 file gives both."""

BUILD = fixed({"context": TEXT, "file": TEXT, "build-arg": PAIRS})
_COMPOSE_BUILD = (SERVICE.keys or {})["build"]
BUILD_V3 = fixed({**(_COMPOSE_BUILD.keys or {}), **(BUILD.keys or {})}, kinds=("text",), later=_COMPOSE_BUILD.later)

SERVICE_V3 = fixed(
    {
        **{name: key.shape for name, key in RUN.items()},
        **(SERVICE.keys or {}),
        "networks": _NETWORKS,
        "external_links": TEXTS,
        "volumes_from": TEXTS,
        "cpu_period": INTEGER,
        "cpu_quota": INTEGER,
        "mac_address": TEXT,
        "mem_swappiness": INTEGER,
        "volume_driver": TEXT,
        "build": BUILD_V3,
    },
    later=SERVICE.later,
)
"""A service of v3: crane's keys in crane's forms, and Compose's in all of Compose's forms."""

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "start": {"attach": "", "interactive": "stdin_open"},
    "rm": {"volumes": "boxship down --volumes removes data, and nothing else does"},
    "exec": {"interactive": "", "tty": "", "privileged": "boxship exec --privileged", "user": "boxship exec --user"},
}
"""The sections of v1 and v2 beside ``run``: they are options of crane's verbs, and what Boxship's verbs say instead."""

CONTAINER = fixed(
    {
        "name": TEXT,
        "image": TEXT,
        "dockerfile": TEXT,
        "build": BUILD,
        "requires": TEXTS,
        "unique": FLAG,
        "run": fixed({name: key.shape for name, key in RUN.items() if name != "requires"}),
        **{
            name: fixed({key: Shape(("flag", "text")) for key in inner} | ({"detach": FLAG} if name == "start" else {}))
            for name, inner in SECTIONS.items()
        },
    }
)
"""A container of v0, v1 and v2."""

HOOK_EVENTS = ("pre-build", "post-build", "pre-start", "post-start", "pre-stop", "post-stop")
_HOOKS = fixed(dict.fromkeys(HOOK_EVENTS, TEXT))

DOCUMENT = fixed(
    {
        "version": TEXT,
        "name": TEXT,
        "prefix": Shape(("flag", "text")),
        "containers": Shape(items=ANYTHING, values=ANYTHING),
        "services": Shape(values=ANYTHING),
        "groups": Shape(values=TEXTS),
        "hooks": Shape(values=_HOOKS),
        "networks": Shape(values=fixed({**(NETWORK.keys or {}), "subnet": TEXT}, kinds=("null",), later=NETWORK.later)),
        "volumes": Shape(values=VOLUME),
        "commands": Shape(values=TEXT_OR_TEXTS),
        "accelerated-mounts": ANYTHING,
        "mac-syncs": ANYTHING,
    }
)
"""A whole file; ``containers`` and ``services`` are checked one by one."""
MARKS = frozenset({"containers", "groups", "hooks", "prefix", "commands", "accelerated-mounts", "mac-syncs"})
"""Top-level keys that only crane files have."""
SERVICE_MARKS = frozenset(name for name in RUN if name not in (SERVICE.keys or {}) and name not in SERVICE.later)
"""Keys of a service that only crane files have."""
