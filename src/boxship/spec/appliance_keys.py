"""What ``appliance.yaml`` may say: every key with its form and its one line for people.

``example.yaml`` beside this file shows each of them with the same line; a test keeps the two equal.
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
    about,
    choice,
    fixed,
)

_HTTP = fixed({"url": TEXT, "verify_tls": FLAG}, kinds=("text",), required=("url",))

_CHECK = fixed(
    {
        "http": about("a URL that must answer 2xx or 3xx", _HTTP),
        "tcp": about("a port that must accept a connection", INTEGER),
        "exec": about("a command in the container that must exit 0", TEXT_OR_TEXTS),
        "log": about("a regular expression that a line of the log must match", TEXT),
        "timeout": about("how long one question may take (5s)", TEXT),
        "within": about("how long the service may take to say yes (the boot timeout)", TEXT),
    }
)

_BASE = fixed(
    {
        "suite": about("a Debian suite to begin from", TEXT),
        "packages": about("Debian packages to install", TEXTS),
        "from": about("another base to begin from", TEXT),
        "image": about("an image at a registry, by digest", TEXT),
    }
)

_WHEELS = fixed(
    {
        "requirements": about("a file of pinned and hashed requirements", TEXT),
        "into": about("the folder of the build context that receives them (wheels)", TEXT),
        "python": about("the image's Python version (this machine's)", Shape(("text", "number"))),
    },
    required=("requirements",),
)

APPLIANCE = fixed(
    {
        "name": about("what the product is called: lower-case letters, digits, '-' and '_' (the folder's name)", TEXT),
        "version": about("the version of this release (git describe)", TEXT),
        "app": about("the Compose file, or a list of them that override each other (compose.yaml)", TEXT_OR_TEXTS),
        "targets": about("what can be booted: the services to reach, dependencies follow", Shape(values=TEXTS)),
        "boot": about(
            "how the appliance starts",
            fixed(
                {
                    "target": about("the target that starts by itself (default)", TEXT),
                    "attempts": about("how often a failed boot is tried (3)", INTEGER),
                    "timeout": about("how long a service may take to become ready (5m)", TEXT),
                    "fallback": about("the target to enter when every attempt failed", TEXT),
                }
            ),
        ),
        "checks": about("questions asked of a service during boot and by status", Shape(values=_CHECK)),
        "host": about(
            "what the machine must have",
            fixed(
                {
                    "sysctl": about(
                        "kernel settings that no container may change for itself", Shape(values=ANY_SCALAR)
                    ),
                    "needs": about(
                        "the smallest machine this runs on",
                        fixed(
                            {
                                "ram": about("memory", QUANTITY),
                                "disk": about("free disk space", QUANTITY),
                                "cpus": about("processors", INTEGER),
                            }
                        ),
                    ),
                }
            ),
        ),
        "volumes": about(
            "what becomes of data",
            Shape(
                values=fixed(
                    {
                        "on_switch": about(
                            "when another release takes over: copy, share or fresh (copy)",
                            choice("copy", "share", "fresh"),
                        )
                    },
                    later=frozenset({"backup"}),
                )
            ),
        ),
        "build": about(
            "how images are made",
            fixed(
                {
                    "bases": about("base images that this appliance makes or pins itself", Shape(values=_BASE)),
                    "wheels": about(
                        "Python packages prepared before a service's image is built", Shape(values=_WHEELS)
                    ),
                },
                later=frozenset({"budget"}),
            ),
        ),
    },
    later=frozenset({"settings", "certificates", "registry", "vm", "signing", "channel"}),
)
