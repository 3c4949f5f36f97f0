"""What ``appliance.yaml`` may say: every key with its form.

``example.yaml`` beside this file shows each of them with a line for people; ``rules`` reads it from there.
"""

from boxship.spec.shape import (
    ANY_SCALAR,
    FLAG,
    INTEGER,
    NUMBER,
    QUANTITY,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    Shape,
    choice,
    fixed,
)

_STATUSES = Shape(("integer", "text"), items=Shape(("integer", "text")))

_HTTP = fixed(
    {
        "url": TEXT,
        "status": _STATUSES,
        "body": TEXT,
        "headers": Shape(values=TEXT),
        "redirects": choice("accept", "follow", "refuse"),
        "verify_tls": FLAG,
        "ca": TEXT,
        "server_name": TEXT,
    },
    kinds=("text",),
    required=("url",),
)

_EXEC = fixed(
    {"command": TEXT_OR_TEXTS, "exit_codes": Shape(items=INTEGER)},
    kinds=("text",),
    items=TEXT,
    required=("command",),
)

_SQL = fixed(
    {
        "client": choice("psql", "mysql", "mariadb", "sqlite3"),
        "query": TEXT,
        "database": TEXT,
        "user": TEXT,
        "arguments": TEXTS,
        "equals": ANY_SCALAR,
        "at_least": NUMBER,
        "at_most": NUMBER,
    },
    required=("client", "query"),
)

_LOG = fixed({"pattern": TEXT, "last": TEXT, "absent": FLAG}, kinds=("text",), required=("pattern",))

_CERTIFICATE = fixed(
    {"at": TEXT, "file": TEXT, "server_name": TEXT, "warn": TEXT, "fail": TEXT},
    kinds=("text",),
)

_CHECK = fixed(
    {
        "service": TEXT,
        "http": _HTTP,
        "tcp": INTEGER,
        "exec": _EXEC,
        "log": _LOG,
        "sql": _SQL,
        "certificate": _CERTIFICATE,
        "program": TEXT_OR_TEXTS,
        "timeout": TEXT,
        "within": TEXT,
        "soft": FLAG,
    }
)

_VERSION = Shape(("text", "number"))

_PREFLIGHT = fixed(
    {
        "program": TEXT_OR_TEXTS,
        "command": TEXT_OR_TEXTS,
        "service": TEXT,
        "http": fixed(
            {"url": TEXT, "status": _STATUSES, "verify_tls": FLAG, "ca": TEXT}, kinds=("text",), required=("url",)
        ),
        "timeout": TEXT,
        "soft": FLAG,
    }
)

_LIMITS = fixed({"warn": TEXT, "fail": TEXT})

_HOST_CHECKS = fixed(
    {
        "disk": _LIMITS,
        "memory": _LIMITS,
        "swap": _LIMITS,
        "clock": fixed({"server": TEXT, "warn": TEXT, "fail": TEXT}),
        "dns": TEXTS,
        "programs": Shape(values=TEXT_OR_TEXTS),
    }
)

_BASE = fixed(
    {
        "suite": TEXT,
        "packages": TEXTS,
        "from": TEXT,
        "image": TEXT,
    }
)

_WHEELS = fixed(
    {
        "requirements": TEXT,
        "into": TEXT,
        "python": _VERSION,
    },
    required=("requirements",),
)

_PART = fixed({"from": TEXT_OR_TEXTS, "only": TEXTS, "except": TEXTS}, kinds=("text",), required=("from",))

_HOOKS = fixed(
    dict.fromkeys(("pre-build", "post-build", "pre-start", "post-start", "pre-stop", "post-stop"), TEXT_OR_TEXTS)
)

APPLIANCE = fixed(
    {
        "name": TEXT,
        "version": TEXT,
        "registry": TEXT,
        "release": fixed({"minimum_version": TEXT, "data_compat": choice("compatible", "breaking")}),
        "keep": fixed({"releases": INTEGER}),
        "app": TEXT_OR_TEXTS,
        "targets": Shape(values=TEXTS),
        "boot": fixed(
            {
                "target": TEXT,
                "attempts": INTEGER,
                "timeout": TEXT,
                "heartbeat_limit": TEXT,
                "fallback": TEXT,
                "wait_for": choice("started", "ready"),
            }
        ),
        "api": Shape(values=TEXTS),
        "checks": Shape(values=_CHECK),
        "preflight": Shape(values=_PREFLIGHT),
        "host": fixed(
            {
                "sysctl": Shape(values=ANY_SCALAR),
                "needs": fixed(
                    {
                        "ram": QUANTITY,
                        "disk": QUANTITY,
                        "cpus": INTEGER,
                        "kernel": _VERSION,
                        "engine": _VERSION,
                        "modules": TEXTS,
                    }
                ),
                "checks": _HOST_CHECKS,
            }
        ),
        "hooks": Shape(values=_HOOKS),
        "volumes": Shape(
            values=fixed(
                {"on_switch": choice("copy", "share", "fresh"), "disk": _LIMITS},
                later=frozenset({"backup"}),
            )
        ),
        "build": fixed(
            {
                "bases": Shape(values=_BASE),
                "wheels": Shape(values=_WHEELS),
                "contexts": Shape(values=Shape(values=_PART)),
                "budget": Shape(values=QUANTITY),
            },
        ),
    },
    later=frozenset({"settings", "certificates", "vm", "signing", "channel"}),
)
