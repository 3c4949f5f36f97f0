"""Secrets and configs: files that containers get, and where their content comes from."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from boxship.where import Placed, Where


class Hidden:
    """Text that never shows itself: not in a log, a plan, a traceback or the model as JSON; only ``reveal`` tells."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "(hidden)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


class SharedFile(Placed, frozen=True):
    """A secret or config by its key. One of ``file``, ``environment``, ``content`` and ``external`` says whence."""

    key: str
    kind: Literal["secret", "config"]
    name: str | None = None
    file: str | None = None
    """An absolute path of this host."""
    environment: str | None = None
    """The variable that holds it."""
    content: str | None = None
    external: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    driver: str | None = None
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    template_driver: str | None = None
    value: Hidden | None = None
    """What is copied into containers: the variable's value, or ``content``; None while the variable isn't set."""
    fingerprint: str = ""
    """A keyed hash of the content, made where a plan is made; "" while nobody asked, or for what has none."""
    where: Where | None = None

    @property
    def is_copied(self) -> bool:
        """Whether there is no file on the host that a container could show."""
        return self.file is None and not self.external


class Grant(Struct, frozen=True):
    """A service's use of a secret or config. ``mode`` in octal as written ("0440"); None: 0444, owned by root."""

    source: str
    target: str | None = None
    uid: str | None = None
    gid: str | None = None
    mode: str | None = None
