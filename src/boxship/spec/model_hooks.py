"""What is done inside a running container: hooks around its life, and what a developer's machine does on changes."""

from collections.abc import Mapping

from msgspec import Struct, field


class LifecycleHook(Struct, frozen=True):
    """A command run inside the container after its start, or before its stop.

    ``environment`` is added to the container's own; ``user`` and ``working_dir`` None mean the container's.
    """

    command: tuple[str, ...]
    user: str | None = None
    privileged: bool = False
    working_dir: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    unset_environment: tuple[str, ...] = ()
    """Names without a value: the command doesn't see them."""


class WatchRule(Struct, frozen=True):
    """What to do when something below ``path`` changes: rebuild, sync, restart, sync+restart or sync+exec."""

    path: str
    action: str
    target: str | None = None
    ignore: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exec: LifecycleHook | None = None
    initial_sync: bool = False


class Develop(Struct, frozen=True):
    """What only a developer's own machine does with a service."""

    watch: tuple[WatchRule, ...] = ()
