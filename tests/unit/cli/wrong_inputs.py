"""Wrong inputs, what Boxship answers to each, and its exit status. Tests run them, and docs/wrong-input.md shows them.

In ``says``, ``{folder}`` is the folder that the files lie in, and a line that ends with "..." gives only its beginning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WrongInput:
    """One mistake. ``what`` is the cell of the page, in Markdown; ``says`` are lines of stderr.

    ``folders``, ``fifos`` and ``unreadable`` are paths to make beside the ``files``; ``locked_socket`` is one where an
    engine listens for others only.
    """

    what: str
    says: tuple[str, ...]
    argv: tuple[str, ...] = ("check",)
    status: int = 2
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    fifos: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    locked_socket: str = ""
    docker_host: str = ""

    @property
    def is_about_rights(self) -> bool:
        """Root may do everything, so the command must run as somebody else."""
        return bool(self.unreadable or self.locked_socket)


def _compose(*lines: str) -> dict[str, str | bytes]:
    return {"compose.yaml": "\n".join(("services:", *lines, ""))}


def _appliance(*lines: str) -> dict[str, str | bytes]:
    return {**_compose('  web: {image: "web:1"}'), "appliance.yaml": "\n".join((*lines, ""))}


_WEB = _compose('  web: {image: "web:1"}')

FILES = (
    WrongInput(
        "no file at all",
        (
            ("error: {folder}: no appliance.yaml and no compose.yaml here or in a directory above (looked for "
            "appliance.yaml, compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml; name a file with -f)"),
        ),
    ),
    WrongInput(
        "`-f shop.yaml`, which isn't there", ("error: shop.yaml: does not exist",), argv=("-f", "shop.yaml", "check")
    ),
    WrongInput(
        "a file that this user may not read",
        ("error: compose.yaml: can't be read: permission denied",),
        argv=("-f", "compose.yaml", "check"),
        files=_WEB,
        unreadable=("compose.yaml",),
    ),
    WrongInput(
        "a folder in a file's place",
        ("error: compose.yaml: is a directory, not a file",),
        folders=("compose.yaml",),
    ),
    WrongInput(
        "a FIFO in a file's place (Boxship doesn't wait for it)",
        ("error: compose.yaml: is a FIFO, socket or device, not a file",),
        fifos=("compose.yaml",),
    ),
    WrongInput(
        "bytes that aren't text",
        ("error: compose.yaml:1:1: is not UTF-8 text (byte 1, line 1) (save it as UTF-8)",),
        files={"compose.yaml": b"\x8f\x00\xff\xfe random"},
    ),
    WrongInput(
        "an empty file", ("error: compose.yaml: the file says nothing (begin with 'services:')",),
        files={"compose.yaml": ""},
    ),
    WrongInput(
        "text that isn't a mapping: `hello`",
        ("error: compose.yaml:1:1: the file must be a mapping of keys, such as 'services:'",),
        files={"compose.yaml": "hello\n"},
    ),
    WrongInput(
        "a bracket that isn't closed",
        ("error: compose.yaml:3:1: not valid YAML: did not find expected ',' or ']'",),
        files=_compose("  web: [oops"),
    ),
    WrongInput(
        "tabs in a file",
        (
            ("error: compose.yaml:2:1: not valid YAML: found character that cannot start any token (YAML is indented "
            "with blanks, never with tabs; a value that begins with @ or ` needs quotes)"),
        ),
        files=_compose("\tweb:"),
    ),
    WrongInput(
        "a key given twice",
        (
            "error: compose.yaml:4:5: image: the key 'image' is already defined in line 3 (first at compose.yaml:3:5)",
        ),
        files=_compose("  web:", "    image: web:1", "    image: web:2"),
    ),
)  # fmt: skip

NAMES = (
    WrongInput(
        "keys that don't exist: `portss`, `hostnam`",
        (
            "error: compose.yaml:4:5: services.web.portss: unknown key 'portss' (did you mean 'ports'?)",
            ("error: compose.yaml:5:5: services.web.hostnam: unknown key 'hostnam' (did you mean 'hostname'?)"),
        ),
        files=_compose("  web:", "    image: web:1", "    portss: [80]", "    hostnam: web"),
    ),
    WrongInput(
        "a key of appliance.yaml that Boxship doesn't obey yet: `vm`",
        (
            (
                "error: appliance.yaml:2:1: vm: 'vm' is not supported yet "
                "(remove it, or read with --lax to go without it)"
            ),
        ),
        files=_appliance("name: shop", "vm: {ram: 2GiB}"),
    ),
    WrongInput(
        "a dependency on a service that isn't there",
        ("error: compose.yaml:2:38: services.web.depends_on: unknown service 'dbb' (did you mean 'db'?)",),
        files=_compose('  web: {image: "web:1", depends_on: [dbb]}', '  db: {image: "db:1"}'),
    ),
    WrongInput(
        "a volume and a network that nobody declared",
        (
            (
                "error: compose.yaml:2:35: services.web.volumes[0]: unknown volume 'files' "
                "(declare it under the top-level volumes: 'files: {}')"
            ),
            (
                "error: compose.yaml:2:62: services.web.networks: unknown network 'front' "
                "(declare it under the top-level networks: 'front: {}')"
            ),
        ),
        files=_compose('  web: {image: "web:1", volumes: ["files:/data"], networks: [front]}'),
    ),
    WrongInput(
        "services that wait for each other",
        (
            (
                "error: compose.yaml:4:42: services.queue.depends_on: services wait for each other: "
                "web -> db -> queue -> web (remove one of the edges; web -> db at compose.yaml:2:38, "
                "db -> queue at compose.yaml:3:36)"
            ),
        ),
        files=_compose(
            '  web: {image: "web:1", depends_on: [db]}',
            '  db: {image: "db:1", depends_on: [queue]}',
            '  queue: {image: "queue:1", depends_on: [web]}',
        ),
    ),
    WrongInput(
        "a target of services that aren't there",
        ("error: appliance.yaml:2:13: targets.default[0]: unknown service 'wbe' (did you mean 'web'?)",),
        files=_appliance("targets:", "  default: [wbe]"),
    ),
    WrongInput(
        "a service that isn't in the files",
        ("error: no service 'wbe' in shop", "hint: did you mean 'web'?"),
        argv=("-p", "shop", "up", "-d", "wbe"),
        status=3,
        files=_WEB,
    ),
    WrongInput(
        "a target that isn't in the files",
        ("error: no target 'maintenance' in shop", "hint: its targets: default"),
        argv=("-p", "shop", "--target", "maintenance", "up", "-d"),
        status=3,
        files=_WEB,
    ),
    WrongInput(
        "a name that can't be an appliance's: `-p Shop`",
        (
            (
                "error: -p: 'Shop' can't be an appliance's name "
                "(lower-case letters, digits, '-' and '_', beginning with a letter or digit)"
            ),
        ),
        argv=("-p", "Shop", "check"),
        files=_WEB,
    ),
)

VALUES = (
    WrongInput(
        "a number in words in appliance.yaml: the hint is the key's rule",
        (
            (
                "error: appliance.yaml:1:18: boot.attempts: must be a whole number, not 'many' "
                "(how often a failed boot is tried, from 1 to 100; without it: 3)"
            ),
        ),
        files=_appliance("boot: {attempts: many}"),
    ),
    WrongInput(
        "two services on one port of the host, with an appliance.yaml",
        (
            (
                "error: compose.yaml:3:33: services.api.ports[0]: the host port 8080/tcp is also published by the "
                "service 'web' (choose another port; web publishes 8080 at compose.yaml:2:33)"
            ),
        ),
        files={
            **_compose('  web: {image: "web:1", ports: ["8080:80"]}', '  api: {image: "api:1", ports: ["8080:81"]}'),
            "appliance.yaml": "name: shop\n",
        },
    ),
    WrongInput(
        "a port beyond the last: `80800:80`",
        (
            (
                "error: compose.yaml:2:33: services.web.ports[0]: '80800:80': the host port 80800 is beyond 65535 "
                '(write "HOST:CONTAINER", "IP:HOST:CONTAINER" or "CONTAINER", each a port or a range)'
            ),
        ),
        files=_compose('  web: {image: "web:1", ports: ["80800:80"]}'),
    ),
    WrongInput(
        "a variable that must be set and isn't: `${TAG:?say which}`",
        ("error: compose.yaml:2:16: services.web.image: the variable TAG is required but not set: say which",),
        files=_compose('  web: {image: "web:${TAG:?say which}"}'),
    ),
    WrongInput(
        "a variable that isn't set: `${GREETING}` (a warning: Compose files rely on it)",
        (
            (
                "warning: compose.yaml:2:45: services.web.environment.TEXT: the variable GREETING is not set, "
                "so it is empty here (set it, or give it a default: ${GREETING:-...})"
            ),
        ),
        status=0,
        files=_compose('  web: {image: "web:1", environment: {TEXT: "${GREETING}"}}'),
    ),
    WrongInput(
        "a variable whose brace isn't closed: `${TAG`",
        (
            (
                "error: compose.yaml:2:16: services.web.image: '${TAG' has no closing brace "
                "(write $$ for a plain dollar sign)"
            ),
        ),
        files=_compose('  web: {image: "web:${TAG"}'),
    ),
    WrongInput(
        "an `env_file` that isn't there",
        (
            (
                "error: compose.yaml:2:35: services.web.env_file[0]: 'web.env' does not exist "
                "(create it, or write it as {path: ..., required: false})"
            ),
        ),
        files=_compose('  web: {image: "web:1", env_file: web.env}'),
    ),
    WrongInput(
        "a service without an image",
        (
            (
                "error: compose.yaml:2:8: services.web: neither image nor build is given "
                "(say which image this service runs)"
            ),
        ),
        files=_compose("  web: {}"),
    ),
    WrongInput(
        "a duration and a size in words",
        (
            (
                "error: compose.yaml:2:44: services.web.stop_grace_period: 'soon' is not a duration "
                "(durations look like 30s, 1m30s or 500ms)"
            ),
            "error: compose.yaml:2:61: services.web.mem_limit: 'lots' is not a size (sizes look like 512m or 1.5g)",
        ),
        files=_compose('  web: {image: "web:1", stop_grace_period: soon, mem_limit: lots}'),
    ),
    WrongInput(
        "a check of something that isn't a URL",
        (
            (
                "error: appliance.yaml:2:15: checks.web.http: 'web/health' is not a URL "
                "(for example http://web.service:8000/health)"
            ),
        ),
        files=_appliance("checks:", "  web: {http: web/health}"),
    ),
)

COMMANDS = (
    WrongInput(
        "a verb that doesn't exist: `pss`",
        ("error: there is no verb 'pss'", "hint: did you mean boxship ps?"),
        argv=("pss",),
        files=_WEB,
    ),
    WrongInput(
        "a flag that doesn't exist: `up --foo`",
        ("error: --foo: not an option or argument of this verb", "hint: see boxship up --help"),
        argv=("up", "--foo"),
        files=_WEB,
    ),
    WrongInput(
        "`exec web` without a command",
        ("error: exec needs a command", "hint: boxship exec web sh"),
        argv=("exec", "web"),
        files=_WEB,
    ),
    WrongInput(
        "`logs --tail few`",
        ("error: --tail wants a number of lines or 'all', not 'few'",),
        argv=("logs", "--tail", "few"),
        files=_WEB,
    ),
    WrongInput(
        "`logs --grep '('`",
        (
            "error: --grep '(' is no regular expression: missing ), unterminated subpattern at position 0",
            "hint: a backslash before . * + ? ( ) [ ] { } | makes it the character itself",
        ),
        argv=("logs", "--grep", "("),
        files=_WEB,
    ),
    WrongInput(
        "`logs -i` without `--grep`",
        ("error: --ignore-case says how --grep looks", "hint: add --grep PATTERN"),
        argv=("logs", "-i"),
        files=_WEB,
    ),
    WrongInput(
        "`logs --since soon`",
        (
            "error: --since 'soon' is no time",
            "hint: write how long ago (10m, 1h30m, 2d), a time (2026-01-31T08:00:00Z) or seconds since 1970",
        ),
        argv=("logs", "--since", "soon"),
        files=_WEB,
    ),
    WrongInput(
        "a period that ends before it begins: `events --since 5m --until 1h`",
        ("error: --until 1h is before --since 5m", "hint: exchange them"),
        argv=("events", "--since", "5m", "--until", "1h"),
        files=_WEB,
    ),
    WrongInput(
        "`ps --filter name=web`",
        (
            "error: --filter 'name=web' is not understood",
            ("hint: write status=STATE: created, running, paused, restarting, removing, exited, dead, missing"),
        ),
        argv=("ps", "--filter", "name=web"),
        files=_WEB,
    ),
    WrongInput(
        "`completion` without a shell",
        ("error: completion needs a shell: bash, zsh, fish", "hint: in ~/.bashrc: source <(boxship completion bash)"),
        argv=("completion",),
        files=_WEB,
    ),
    WrongInput(
        "`up --scale web`",
        ("error: --scale wants SERVICE=NUMBER, not 'web'", "hint: for example --scale web=3"),
        argv=("up", "--scale", "web"),
        files=_WEB,
    ),
    WrongInput(
        "more containers than a host port can serve: `graph` with `scale: 3`",
        (
            (
                "error: compose.yaml:2:38: services.web.ports: the host port 8080 can serve one container, "
                "and scale makes 3 (publish a range (8080-8082:80), or only '80')"
            ),
        ),
        argv=("graph",),
        files=_compose("  web: {image: shop/web:1, scale: 3, ports: ['8080:80']}"),
    ),
    WrongInput(
        "a profile that no service has: `--profile debugs`",
        ("error: no profile 'debugs' in shop", "hint: did you mean 'debug'?"),
        argv=("-p", "shop", "--profile", "debugs", "graph"),
        status=3,
        files=_compose("  web: {image: shop/web:1}\n  shell: {image: shop/shell:1, profiles: [debug]}"),
    ),
)

ENGINE = (
    WrongInput(
        "no engine on this machine, or it doesn't run",
        (
            "error: cannot reach the container engine at {folder}/engine.sock: no such file",
            "hint: start it (systemctl start docker), or set DOCKER_HOST to where it listens",
        ),
        argv=("ps",),
        status=5,
        files=_WEB,
        docker_host="unix://{folder}/engine.sock",
    ),
    WrongInput(
        "an engine that this user may not use",
        (
            "error: cannot reach the container engine at {folder}/engine.sock: permission denied",
            "hint: run as root, or add yourself to the group 'docker' and log in again",
        ),
        argv=("-p", "shop", "logs"),
        status=5,
        locked_socket="engine.sock",
        docker_host="unix://{folder}/engine.sock",
    ),
    WrongInput(
        "`DOCKER_HOST=ssh://box`",
        (
            "error: cannot use the container engine at 'ssh://box': only local and plain TCP engines are supported",
            (
                "hint: forward its socket (ssh -L /tmp/engine.sock:/var/run/docker.sock HOST) and set "
                "DOCKER_HOST=unix:///tmp/engine.sock"
            ),
        ),
        argv=("ps",),
        files=_WEB,
        docker_host="ssh://box",
    ),
    WrongInput(
        "`DOCKER_HOST=nonsense`",
        (
            "error: cannot understand the engine's address 'nonsense'",
            "hint: set DOCKER_HOST to unix:///path/to/docker.sock or tcp://host:port, or leave it unset",
        ),
        argv=("ps",),
        files=_WEB,
        docker_host="nonsense",
    ),
)

WITHOUT_ENGINE = (*FILES, *NAMES, *VALUES, *COMMANDS, *ENGINE)

WITH_ENGINE = (
    WrongInput(
        "an image that is neither here nor to be had: offline, or a wrong name",
        (
            (
                "error: image 'localhost:1/shop/web:1' is not on this machine and cannot be pulled: "
                "the registry can't be reached..."
            ),
            (
                "hint: check its name; offline, bring it over with docker save and docker load, "
                "or give the service a build:"
            ),
        ),
        argv=("up", "-d"),
        status=5,
        files=_compose('  web: {image: "localhost:1/shop/web:1"}'),
    ),
    WrongInput(
        "the same with `pull_policy: never`",
        (
            "error: image 'localhost:1/shop/web:1' of service 'web' isn't on this machine and pull_policy is never",
            "hint: load or build it first",
        ),
        argv=("up", "-d"),
        status=5,
        files=_compose('  web: {image: "localhost:1/shop/web:1", pull_policy: never}'),
    ),
    WrongInput(
        "a build context that isn't there",
        (
            "error: compose.yaml:2:9: services.web.build: no build context {folder}/nowhere",
            "hint: build.context must be a folder",
        ),
        argv=("build",),
        status=6,
        files=_compose("  web: {build: nowhere}"),
    ),
    WrongInput(
        "a Dockerfile whose command fails (what the attempt made is removed)",
        (
            (
                "error: compose.yaml:2:9: services.web.build: image {name}/web:latest of service web could not "
                "be built: {folder}/web/Dockerfile:2: step 2 of 5 (RUN cat /nothing): "
                "The command '/bin/sh -c cat /nothing' returned a non-zero code: 1"
            ),
            "  | cat: can't open '/nothing': No such file or directory",
            "hint: run it again alone to see all of its output: boxship build web",
        ),
        argv=("build",),
        status=6,
        files={
            **_compose("  web: {build: web}"),
            "web/Dockerfile": "FROM {image}\nRUN cat /nothing\n",
        },
    ),
    WrongInput(
        "a host port that something else holds",
        (
            "error: cannot start {name}.web: port 127.0.0.1:{port} of this host is already taken",
            "hint: see who listens with: ss -ltnp 'sport = :{port}'; stop that, or publish another port",
        ),
        argv=("up", "-d"),
        status=5,
        files=_compose('  web: {image: "{image}", command: [sleep, "60"], ports: ["127.0.0.1:{port}:80"]}'),
    ),
    WrongInput(
        "a program that isn't in the image",
        ('error: cannot start {name}.web: exec: "slep": executable file not found in $PATH',),
        argv=("up", "-d"),
        status=5,
        files=_compose('  web: {image: "{image}", command: [slep, "60"]}'),
    ),
    WrongInput(
        "a service that ends at once",
        ("error: web ended with status 3", "  | no configuration", "hint: see more: boxship logs web"),
        argv=("up", "-d"),
        status=8,
        files=_compose('  web: {image: "{image}", command: [sh, -c, "echo no configuration; exit 3"]}'),
    ),
    WrongInput(
        "a service whose check never passes",
        (
            "error: web not ready after 1 s: port 80: connection refused",
            "hint: see more: boxship logs web",
        ),
        argv=("up", "-d"),
        status=8,
        files={
            **_compose('  web: {image: "{image}", command: [sleep, "60"], init: true}'),
            "appliance.yaml": "checks:\n  web: {tcp: 80, within: 1s}\n",
        },
    ),
    WrongInput(
        "an external network that isn't there",
        (
            "error: network 'shop-none' is declared external and doesn't exist",
            "hint: create it first: docker network create shop-none",
        ),
        argv=("up", "-d"),
        status=3,
        files={
            "compose.yaml": 'services:\n  web: {image: "{image}", networks: [front]}\n'
            "networks:\n  front: {external: true, name: shop-none}\n"
        },
    ),
    WrongInput(
        "`exec` into a service that doesn't run",
        (
            "error: service 'web' has no container",
            "hint: boxship up -d web creates it",
        ),
        argv=("exec", "web", "sh"),
        status=3,
        files=_WEB,
    ),
)
