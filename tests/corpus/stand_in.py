"""The one image that stands in for every image of a real project: it listens where the project's would, after a while.

Real projects name images that no machine without a registry has. What is tried with them is Boxship, not their
software: the stand-in ignores the command it is given, opens the ports that ``STAND_IN_PORTS`` lists and stays until it
is stopped; with ``STAND_IN_ENDS`` it ends well instead. The tools that health checks call are here by name, and succeed
once the ports are open. It writes when it began and when it was about to open its ports or to end, on the clock that
all containers of a machine share: what started in order can be told from that, however busy the machine is.
"""

import hashlib
from pathlib import Path

from boxship.engine.port import BuildRequest, Engine
from tests.contracts.images import applets, chunks_of, static_busybox, tar_of

PORTS = "STAND_IN_PORTS"
ENDS = "STAND_IN_ENDS"
RUN = "/stand-in/run"

# Long enough that a dependent which doesn't wait is seen to start too early.
_READY_AFTER_S = 0.3

_RUN = f"""#!/bin/sh
trap 'exit 0' TERM INT QUIT HUP USR1 USR2 WINCH
read -r now _ </proc/uptime
echo "began $now instead of $*"
sleep {_READY_AFTER_S}
read -r now _ </proc/uptime
echo "fulfilled $now"
if [ -n "${ENDS}" ]; then exit 0; fi
for port in ${PORTS}; do /bin/nc -ll -p "$port" -e /stand-in/bin/stand-in-answers & done
while :; do sleep 3600 & wait $!; done
"""

# /proc/net/tcp knows without a connection and without a file written, so a read-only container is no special case.
_LISTENS = f"""#!/bin/sh
for port in ${PORTS}; do
    awk -v "port=$(printf %04X "$port")" \\
        '$4 == "0A" && $2 ~ ":" port "$" {{ found = 1 }} END {{ exit !found }}' /proc/net/tcp /proc/net/tcp6 || exit 1
done
"""

# Whatever a health check asks for over HTTP is there. (busybox's sh prefers its own wget to anything in PATH.)
_ANSWERS = """#!/bin/sh
while read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done
printf 'HTTP/1.0 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\nok\\n'
"""

_TOOL = """#!/bin/sh
/stand-in/bin/stand-in-listens || { echo "not listening yet" >&2; exit 1; }
case ${0##*/} in
    redis-cli) echo PONG ;;
    *) echo ok ;;
esac
"""

# What the chosen projects' health checks call.
TOOLS = (
    "airflow",
    "celery",
    "curl",
    "mc",
    "mysql",
    "mysqladmin",
    "pg_isready",
    "psql",
    "rabbitmq-diagnostics",
    "redis-cli",
    "wget",
)
_USERS = ("root:x:0:0::/:/bin/sh", "nobody:x:65534:65534::/:/bin/sh")


async def ensure_stand_in(engine: Engine) -> str:
    """The image's reference; its tag follows from its content, so that a changed stand-in is a new image."""
    busybox = static_busybox()
    files: dict[str, bytes | Path] = {
        "Dockerfile": f'FROM scratch\nCOPY root/ /\nENV PATH=/stand-in/bin:/bin\nENTRYPOINT ["{RUN}"]\n'.encode(),
        "root/bin/busybox": busybox,
        f"root{RUN}": _RUN.encode(),
        "root/stand-in/bin/stand-in-listens": _LISTENS.encode(),
        "root/stand-in/bin/stand-in-answers": _ANSWERS.encode(),
        **{f"root/stand-in/bin/{name}": _TOOL.encode() for name in TOOLS},
        "root/bin/bash": b'#!/bin/sh\nexec /bin/sh "$@"\n',
        "root/etc/passwd": "\n".join((*_USERS, "")).encode(),
    }
    links = {f"root/bin/{name}": "busybox" for name in applets(busybox)}
    context = tar_of(files, links=links, directories=("root/tmp",))
    reference = f"boxship-stand-in:{hashlib.sha256(context).hexdigest()[:12]}"
    if (await engine.observe((reference,))).image(reference) is None:
        async for _ in engine.build_image(BuildRequest(tags=(reference,)), chunks_of(context)):
            pass
    return reference
