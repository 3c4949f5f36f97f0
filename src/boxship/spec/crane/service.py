"""One flat crane container as a service of Compose; every value keeps its place in the crane file."""

import shlex
from collections.abc import Container, Mapping

from msgspec import Struct

from boxship.spec.command import split_command
from boxship.spec.compose_keys import SERVICE
from boxship.spec.crane.expand import Expander, literal
from boxship.spec.crane.keys import RUN
from boxship.spec.crane.networks import Networking, namespace, place
from boxship.spec.crane.notices import Notices
from boxship.spec.crane.volumes import Volumes, does_nothing
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.tree import Items, Node, Scalar, Table, make_table
from boxship.where import Where

REPLACED_PROFILE = "crane-loader"
"""Keeps the original's loader in the files and out of every run."""
_BUILD_KEYS = {"file": "dockerfile", "build-arg": "args"}
_HEALTH_KEYS = {
    "health-cmd": "test",
    "health-interval": "interval",
    "health-retries": "retries",
    "health-timeout": "timeout",
}
_DISK_KEYS = ("device-read-bps", "device-read-iops", "device-write-bps", "device-write-iops")
_DISK_ADVICE = "limit the disk on the host: systemd's IOReadBandwidthMax and IOWriteBandwidthMax"
_CPU_PERIOD = 100_000
"""The kernel's default, in microseconds."""
_KEPT_AS_THEY_ARE = frozenset(name for name, key in RUN.items() if key.compose)


class Shared(Struct, frozen=True):
    """What the translation of every container needs. ``replaced``: containers that Boxship itself takes the place of.

    ``image_prefix``: what crane put before the name of a container without an image. ``elsewhere``: services that
    other files declare.
    """

    containers: Mapping[str, Table]
    elsewhere: Container[str]
    replaced: Container[str]
    image_prefix: str
    networking: Networking
    volumes: Volumes
    expander: Expander
    notices: Notices
    report: Report


def translate(name: str, container: Table, path: str, shared: Shared) -> Table:
    """The service; what nothing in Compose says is noted."""
    return _Service(name, container, path, shared).translate()


class _Service:
    def __init__(self, name: str, container: Table, path: str, shared: Shared) -> None:
        self._name = name
        self._container = container
        self._from = container.entries
        self._path = path
        self._shared = shared
        self._to: dict[str, Node] = {}
        self._keys: dict[str, Where] = {}

    def translate(self) -> Table:
        for key, value in self._from.items():
            self._take_plain(key, value)
        self._take_image()
        self._take_command()
        self._take_limits()
        self._take_health()
        self._take_logging()
        self._take_files()
        self._take_peers()
        for key, value in place(self._container, self._name, self._path, self._shared.networking).items():
            self._put(key, value)
        if self._name in self._shared.replaced:
            where = self._container.where
            self._put("profiles", Items((Scalar(REPLACED_PROFILE, where),), where))
        return Table(self._to, self._keys, self._container.where)

    def _put(self, key: str, node: Node, *, source: str = "") -> None:
        """Say it in Compose's words, if Boxship knows them."""
        known = SERVICE.keys or {}
        if key in known or key.startswith("x-"):
            self._to[key] = node
            self._keys[key] = self._container.at(source) if source in self._container.keys else node.where
        else:
            self._leave_out(source or key, "Boxship doesn't obey it yet")

    def _leave_out(self, key: str, advice: str) -> None:
        self._shared.notices.leave_out(key, advice, self._container.at(key), f"{self._path}.{key}")

    def _take_plain(self, key: str, value: Node) -> None:
        rule = RUN.get(key)
        if rule is None:
            # A key that crane didn't have: of Compose, or of the containers of v1 and v2, which have their own rules.
            if key not in {"build", "unique", "healthcheck", "logging"}:
                self._put(key, value, source=key)
        elif rule.compose:
            self._put(rule.compose, value, source=key)
        elif rule.advice and not (isinstance(value, Scalar) and value.value is False):
            self._leave_out(key, rule.advice)

    def _take_image(self) -> None:
        build = self._from.get("build")
        if isinstance(build, Table):
            entries = {_BUILD_KEYS.get(key, key): value for key, value in build.entries.items()}
            keys = {_BUILD_KEYS.get(key, key): build.at(key) for key in build.entries}
            self._put("build", Table(entries, keys, build.where), source="build")
        elif build is not None:
            self._put("build", build, source="build")
        unique = self._from.get("unique")
        if isinstance(unique, Scalar) and unique.value is True:
            self._put("container_name", unique.with_value(literal(self._name)), source="unique")
        if build is None and "image" not in self._from and self._name not in self._shared.elsewhere:
            image = f"{self._shared.image_prefix}{self._name}".lower()
            where = self._container.where
            reason, hint = "neither image nor build is given", f"say which image it runs; crane would take '{image}'"
            self._shared.report.stray(where, self._path, reason, hint, code="missing-key")
            self._put("image", Scalar(literal(image), where))

    def _take_command(self) -> None:
        node = self._from.get("cmd")
        if not isinstance(node, Scalar):
            if node is not None:
                self._put("command", node, source="cmd")
            return
        text = self._shared.expander.scalar(node)
        try:
            words = shlex.split(text)
        except ValueError as err:
            self._shared.report.error(
                node.where, f"{self._path}.cmd", f"the command can't be split: {str(err).lower()}", "write it as a list"
            )
            return
        # As text where that means the same: it reads better, and its variables stay variables.
        if _splits_into(text, words):
            self._put("command", node, source="cmd")
        else:
            listed = tuple(node.with_value(literal(word)) for word in words)
            self._put("command", Items(listed, node.where), source="cmd")

    def _take_limits(self) -> None:
        limits = self._from.get("ulimit")
        if isinstance(limits, Table):
            self._put("ulimits", limits, source="ulimit")
        elif isinstance(limits, Items):
            self._put("ulimits", self._ulimits(limits), source="ulimit")
        timeout = self._from.get("stop-timeout")
        if isinstance(timeout, Scalar):
            text = text_of(timeout.value)
            is_bare = self._shared.expander.text(text).isdecimal()
            self._put("stop_grace_period", timeout.with_value(f"{text}s" if is_bare else text), source="stop-timeout")
        self._take_cpu()
        self._take_disk()

    def _ulimits(self, node: Items) -> Table:
        """``name=soft:hard`` as a mapping."""
        entries: dict[str, Node] = {}
        for item in node.items:
            name, _, limit = self._shared.expander.scalar(item).partition("=")
            soft, _, hard = limit.partition(":")
            if not isinstance(item, Scalar) or not name or not soft:
                self._shared.report.error(
                    item.where, f"{self._path}.ulimit", "a limit is name=soft:hard", "for example nofile=1024:2048"
                )
                continue
            pair: dict[str, Node] = {"soft": item.with_value(soft), "hard": item.with_value(hard or soft)}
            entries[name] = make_table(pair, item.where) if hard else item.with_value(soft)
        return make_table(entries, node.where)

    def _take_cpu(self) -> None:
        quota, period = self._from.get("cpu-quota"), self._from.get("cpu-period")
        known = SERVICE.keys or {}
        if "cpu_quota" in known and "cpu_period" in known:
            for key, node in (("cpu-quota", quota), ("cpu-period", period)):
                if node is not None:
                    self._put(key.replace("-", "_"), node, source=key)
        elif isinstance(quota, Scalar):
            # The engine makes the same two numbers of it.
            every = int(self._shared.expander.scalar(period) or _CPU_PERIOD)
            self._put("cpus", quota.with_value(int(self._shared.expander.scalar(quota)) / every), source="cpu-quota")

    def _take_disk(self) -> None:
        given = [key for key in ("blkio-weight", "blkio-weight-device", *_DISK_KEYS) if key in self._from]
        if not given:
            return
        if "blkio_config" not in (SERVICE.keys or {}):
            for key in given:
                self._leave_out(key, _DISK_ADVICE)
            return
        entries: dict[str, Node] = {}
        if "blkio-weight" in self._from:
            entries["weight"] = self._from["blkio-weight"]
        for key, inner in (("blkio-weight-device", "weight"), *((key, "rate") for key in _DISK_KEYS)):
            node = self._from.get(key)
            if isinstance(node, Items):
                name = key.removeprefix("blkio-").replace("-", "_")
                entries[name] = node.with_items(tuple(_device_pair(item, inner) for item in node.items))
        self._put("blkio_config", make_table(entries, self._container.at(given[0])), source=given[0])

    def _take_health(self) -> None:
        check = {new: self._from[key] for key, new in _HEALTH_KEYS.items() if key in self._from}
        off = self._from.get("no-healthcheck")
        if isinstance(off, Scalar) and off.value is True:
            check = {"disable": off}
        written = self._from.get("healthcheck")
        if check:
            where = next(iter(check.values())).where
            check = {**(written.entries if isinstance(written, Table) else {}), **check}
            self._put("healthcheck", make_table(check, where))
        elif written is not None:
            self._put("healthcheck", written, source="healthcheck")

    def _take_logging(self) -> None:
        names = {"log-driver": "driver", "log-opt": "options"}
        said = {new: self._from[key] for key, new in names.items() if key in self._from}
        written = self._from.get("logging")
        if said:
            entries = {**(written.entries if isinstance(written, Table) else {}), **said}
            self._put("logging", make_table(entries, next(iter(said.values())).where))
        elif written is not None:
            self._put("logging", written, source="logging")

    def _take_files(self) -> None:
        files = self._from.get("env-file")
        if files is not None:
            self._put("env_file", self._env_files(files), source="env-file")
        volumes = self._from.get("volume")
        if volumes is not None:
            rewritten = self._shared.volumes.rewrite(volumes, self._name, f"{self._path}.volume")
            self._put("volumes", rewritten, source="volume")

    def _env_files(self, node: Node) -> Node:
        """For a lax reader a missing file is a warning."""
        if not self._shared.report.is_lax:
            return node
        items = node.items if isinstance(node, Items) else (node,)
        for item in items:
            file = self._shared.expander.scalar(item)
            if file and not self._shared.volumes.is_there(file):
                self._shared.report.warn(item.where, f"{self._path}.env-file", f"'{file}' is not there", "create it")
        return Items(tuple(_optional(item) if isinstance(item, Scalar) else item for item in items), node.where)

    # -- others

    def _take_peers(self) -> None:
        needs: dict[str, Node] = {}
        self._take_requires(needs)
        self._take_links(needs)
        self._take_volumes_from(needs)
        for key in ("ipc", "pid"):
            node = self._from.get(key)
            if isinstance(node, Scalar):
                mode = namespace(
                    node, self._shared.expander.scalar(node), f"{self._path}.{key}", self._shared.networking
                )
                self._put(key, mode or node, source=key)
        if needs:
            self._put("depends_on", make_table(needs, next(iter(needs.values())).where), source="requires")

    def _take_requires(self, needs: dict[str, Node]) -> None:
        node = self._from.get("requires")
        if isinstance(node, Table):
            needs |= {
                name: edge
                for name, edge in node.entries.items()
                if self._is_wanted(name, edge, f"{self._path}.requires")
            }
        for item in node.items if isinstance(node, Items) else ():
            name = self._shared.expander.scalar(item)
            if self._is_wanted(name, item, f"{self._path}.requires"):
                needs.setdefault(name, _edge(item))

    def _take_links(self, needs: dict[str, Node]) -> None:
        node = self._from.get("link")
        links: list[Node] = []
        for item in node.items if isinstance(node, Items) else ():
            name = self._shared.expander.scalar(item).partition(":")[0]
            if self._is_wanted(name, item, f"{self._path}.link"):
                needs.setdefault(name, _edge(item))
                links.append(item)
        if isinstance(node, Items) and links:
            self._put("links", node.with_items(tuple(links)), source="link")

    def _take_volumes_from(self, needs: dict[str, Node]) -> None:
        node = self._from.get("volumes-from")
        kept: list[Node] = []
        for item in node.items if isinstance(node, Items) else ():
            text = self._shared.expander.scalar(item)
            name = text.partition(":")[0]
            if name == "container" or not self._is_wanted(name, item, f"{self._path}.volumes-from"):
                continue
            holder = self._shared.containers.get(name)
            is_done_at_once = holder is not None and does_nothing(holder, self._shared.expander)
            needs.setdefault(name, _edge(item, "service_completed_successfully" if is_done_at_once else ""))
            kept.append(item)
        if isinstance(node, Items) and kept:
            self._put("volumes_from", node.with_items(tuple(kept)), source="volumes-from")

    def _is_wanted(self, name: str, node: Node, path: str) -> bool:
        """Whether a reference leads somewhere; one that doesn't is reported, one to what is replaced is dropped."""
        if name in self._shared.replaced:
            return False
        if name in self._shared.containers or name in self._shared.elsewhere:
            return True
        report = self._shared.report
        hint = report.suggest(name, self._shared.containers) or "declare it, or remove the reference"
        report.stray(node.where, path, f"unknown container '{name}'", hint, code="unknown-name")
        return False


def _splits_into(text: str, words: list[str]) -> bool:
    try:
        split = split_command(text)
    except ValueError:
        return False
    return not split.dropped and list(split.argv) == words


def _device_pair(item: Node, inner: str) -> Node:
    path, _, value = text_of(item.value).rpartition(":") if isinstance(item, Scalar) else ("", "", "")
    if not isinstance(item, Scalar) or not path:
        return item
    return make_table({"path": item.with_value(path), inner: item.with_value(value)}, item.where)


def _optional(item: Scalar) -> Node:
    return make_table({"path": item, "required": item.with_value(False)}, item.where)


def _edge(item: Node, condition: str = "") -> Node:
    """Crane's edges are followed in starting and don't spread a recreation: names and addresses stay as they are."""
    return make_table({"condition": Scalar(condition or "service_started", item.where)}, item.where)
