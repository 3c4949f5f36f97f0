"""What ``appliance.yaml`` may say: every key with its form.

``example.yaml`` beside this file shows each of them with a line for people; ``rules`` reads it from there.
"""

from boxship.spec.shape import (
    ANY_SCALAR,
    FLAG,
    INTEGER,
    QUANTITY,
    TEXT,
    TEXT_OR_TEXTS,
    TEXTS,
    Shape,
    choice,
    fixed,
)

_HTTP = fixed({"url": TEXT, "verify_tls": FLAG}, kinds=("text",), required=("url",))

_CHECK = fixed(
    {
        "http": _HTTP,
        "tcp": INTEGER,
        "exec": TEXT_OR_TEXTS,
        "log": TEXT,
        "timeout": TEXT,
        "within": TEXT,
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
        "python": Shape(("text", "number")),
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
        "app": TEXT_OR_TEXTS,
        "targets": Shape(values=TEXTS),
        "boot": fixed(
            {
                "target": TEXT,
                "attempts": INTEGER,
                "timeout": TEXT,
                "fallback": TEXT,
                "wait_for": choice("started", "ready"),
            }
        ),
        "checks": Shape(values=_CHECK),
        "host": fixed(
            {
                "sysctl": Shape(values=ANY_SCALAR),
                "needs": fixed(
                    {
                        "ram": QUANTITY,
                        "disk": QUANTITY,
                        "cpus": INTEGER,
                    }
                ),
            }
        ),
        "hooks": Shape(values=_HOOKS),
        "volumes": Shape(
            values=fixed(
                {"on_switch": choice("copy", "share", "fresh")},
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
    later=frozenset({"settings", "certificates", "registry", "vm", "signing", "channel"}),
)
