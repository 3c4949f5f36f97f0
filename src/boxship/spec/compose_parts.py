"""The forms of a Compose file's larger sections: build, deploy, develop, mounts, hooks, secrets and configs.

Where a key has no effect, its shape says why; ``docs/compatibility.md`` and the warnings both come from there.

Source: compose-spec's schema as of docker compose 2.40.3 (2026-06).
"""

from boxship.spec.shape import (
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

COMMAND = Shape(("text", "null"), items=TEXT)
HOSTS = Shape(items=TEXT, values=TEXT_OR_TEXTS)
ULIMITS = Shape(values=fixed({"soft": INTEGER, "hard": INTEGER}, kinds=("integer",), required=("soft", "hard")))
EXTERNAL = fixed({"name": TEXT}, kinds=("flag",))

_NO_SWARM = "cannot be honoured by a single-host engine because"
_BUILDKIT = "through BuildKit, which `build` then needs a docker command for"
_NO_ATTESTATION = "cannot be honoured by a single engine because its image store keeps no attestations"
_NO_WINDOWS = "cannot be honoured by a Linux engine because only Windows containers have"


def for_swarm(shape: Shape, reason: str, *, harmless: tuple[str, ...] = ()) -> Shape:
    """A key that only a swarm's scheduler obeys."""
    return unhonoured(shape, f"{_NO_SWARM} {reason}", harmless=harmless)


def for_windows(shape: Shape, what: str) -> Shape:
    return unhonoured(shape, f"{_NO_WINDOWS} {what}")


def _by_buildkit(shape: Shape) -> Shape:
    return about(_BUILDKIT, shape)


_MODE = about("octal; for a secret or config from a file, the file's own counts", Shape(("text", "integer")))
_OWNER = about("a number; for a secret or config from a file, the file's own counts", TEXT)
GRANTS = Shape(
    items=fixed(
        {"source": TEXT, "target": TEXT, "uid": _OWNER, "gid": _OWNER, "mode": _MODE},
        kinds=("text",),
        required=("source",),
    )
)

_NO_OBJECT = "it keeps no secrets and configs of its own, only a swarm does"
_SHARED = {
    "name": about("shown; no engine object has it", TEXT),
    "file": TEXT,
    "environment": about("copied into the container before it starts", TEXT),
    "external": about("refused by `up`: only a swarm keeps secrets and configs", EXTERNAL),
    "labels": for_swarm(PAIRS, _NO_OBJECT),
    "template_driver": for_swarm(TEXT, _NO_OBJECT),
}
SECRET = fixed({**_SHARED, "driver": for_swarm(TEXT, _NO_OBJECT), "driver_opts": for_swarm(OPTIONS, _NO_OBJECT)})
CONFIG = fixed({**_SHARED, "content": about("copied into the container before it starts", TEXT)})

BUILD = fixed(
    {
        "context": about("`build` refuses a URL", TEXT),
        "dockerfile": TEXT,
        "dockerfile_inline": TEXT,
        "args": PAIRS,
        "target": TEXT,
        "labels": PAIRS,
        "network": TEXT,
        "no_cache": FLAG,
        "pull": FLAG,
        "shm_size": QUANTITY,
        "extra_hosts": HOSTS,
        "cache_from": TEXTS,
        "tags": TEXTS,
        "ulimits": ULIMITS,
        "isolation": about("the engine takes `default` on Linux", TEXT),
        "additional_contexts": _by_buildkit(PAIRS),
        "cache_to": _by_buildkit(TEXTS),
        "entitlements": _by_buildkit(TEXTS),
        "platforms": unhonoured(
            TEXTS,
            "cannot be honoured by a single engine because it keeps an image for one platform; "
            "`platform` of the service chooses it",
        ),
        "privileged": unhonoured(
            FLAG,
            "cannot be honoured by a single engine because its builders run no step with more rights",
            harmless=("false",),
        ),
        "provenance": unhonoured(Shape(("text", "flag")), _NO_ATTESTATION, harmless=("false",)),
        "sbom": unhonoured(Shape(("text", "flag")), _NO_ATTESTATION, harmless=("false",)),
        "secrets": _by_buildkit(GRANTS),
        "ssh": _by_buildkit(PAIRS),
    },
    kinds=("text",),
)

HOOK = fixed(
    {"command": COMMAND, "user": TEXT, "privileged": FLAG, "working_dir": TEXT, "environment": PAIRS},
    required=("command",),
)
HOOKS = Shape(items=HOOK)

_WATCH = fixed(
    {
        "path": TEXT,
        "action": choice("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
        "target": TEXT,
        "ignore": TEXT_OR_TEXTS,
        "include": TEXT_OR_TEXTS,
        "exec": HOOK,
        "initial_sync": FLAG,
    },
    required=("path", "action"),
)
DEVELOP = fixed({"watch": about("for `watch`; `up` has no use for it", Shape(items=_WATCH))}, kinds=("null",))

_REQUEST = {
    "capabilities": TEXTS,
    "count": Shape(("integer", "text")),
    "device_ids": TEXTS,
    "driver": TEXT,
    "options": PAIRS,
}
GPUS = Shape(("text",), items=fixed(_REQUEST), choices=("all",))

_ORDER = "a replacement is always made first and the old container stopped then"
_ROLLOUT = fixed(
    {
        "parallelism": INTEGER,
        "delay": TEXT,
        "failure_action": TEXT,
        "monitor": TEXT,
        "max_failure_ratio": NUMBER,
        "order": choice("start-first", "stop-first"),
    }
)
_GENERIC = fixed({"discrete_resource_spec": fixed({"kind": TEXT, "value": NUMBER})})
_DELAY = "its delays between restarts are its own: from 0.1 s, doubled each time"
DEPLOY = fixed(
    {
        "mode": for_swarm(TEXT, "there are no nodes to run one container each", harmless=("replicated",)),
        "replicas": INTEGER,
        "endpoint_mode": for_swarm(
            TEXT, "it has no virtual addresses: a name stands for all containers", harmless=("dnsrr",)
        ),
        "labels": for_swarm(PAIRS, "there is no swarm service to carry them; `labels` of the service label containers"),
        "resources": fixed(
            {
                "limits": fixed({"cpus": NUMBER, "memory": TEXT, "pids": INTEGER}),
                "reservations": fixed(
                    {
                        "cpus": for_swarm(NUMBER, "no scheduler sets processors aside", harmless=("0",)),
                        "memory": TEXT,
                        "generic_resources": for_swarm(Shape(items=_GENERIC), "no nodes announce such resources"),
                        "devices": Shape(items=fixed(_REQUEST, required=("capabilities",))),
                    }
                ),
            }
        ),
        "restart_policy": fixed(
            {
                "condition": about("where `restart` says nothing", TEXT),
                "delay": for_swarm(TEXT, _DELAY, harmless=("0s", "0")),
                "max_attempts": about("with the condition `on-failure`", INTEGER),
                "window": for_swarm(TEXT, "it calls a start good after ten seconds, always"),
            }
        ),
        "update_config": for_swarm(_ROLLOUT, _ORDER),
        "rollback_config": for_swarm(_ROLLOUT, _ORDER),
        "placement": for_swarm(
            fixed(
                {
                    "constraints": TEXTS,
                    "preferences": Shape(items=fixed({"spread": TEXT})),
                    "max_replicas_per_node": INTEGER,
                }
            ),
            "there is one host to be placed on",
        ),
    },
    kinds=("null",),
)

_RATES = Shape(items=fixed({"path": TEXT, "rate": QUANTITY}))
BLOCK_IO = fixed(
    {
        "weight": INTEGER,
        "weight_device": Shape(items=fixed({"path": TEXT, "weight": INTEGER})),
        "device_read_bps": _RATES,
        "device_read_iops": _RATES,
        "device_write_bps": _RATES,
        "device_write_iops": _RATES,
    }
)

MOUNT = fixed(
    {
        "type": about(
            "`up` refuses `npipe` (Windows) and `cluster` (a swarm)",
            choice("bind", "volume", "tmpfs", "image", "npipe", "cluster"),
        ),
        "source": TEXT,
        "target": TEXT,
        "read_only": FLAG,
        "consistency": about("shown; means nothing on Linux", TEXT),
        "bind": fixed(
            {
                "propagation": TEXT,
                "create_host_path": FLAG,
                "selinux": choice("z", "Z"),
                "recursive": about(
                    "for `readonly` and `writable`", choice("enabled", "disabled", "writable", "readonly")
                ),
            }
        ),
        "volume": fixed({"nocopy": FLAG, "subpath": TEXT, "labels": about("of an anonymous volume", PAIRS)}),
        "tmpfs": fixed({"size": QUANTITY, "mode": INTEGER}),
        "image": fixed({"subpath": TEXT}),
    },
    kinds=("text",),
    required=("type",),
)

NO_PROGRAM = "cannot be honoured by a single-host engine because another program would provide the service"
PROVIDER = unhonoured(
    fixed(
        {
            "type": TEXT,
            "options": Shape(values=Shape(("text", "number", "flag"), items=Shape(("text", "number", "flag")))),
        }
    ),
    NO_PROGRAM,
)
MODEL = fixed({"name": TEXT, "model": TEXT, "context_size": INTEGER, "runtime_flags": TEXTS})
MODEL_USES = Shape(items=TEXT, values=fixed({"endpoint_var": TEXT, "model_var": TEXT}, kinds=("null",)))
NO_MODELS = "cannot be honoured by a single-host engine because it runs no language models"
