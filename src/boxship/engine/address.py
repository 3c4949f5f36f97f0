"""Where the engine listens."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from boxship.errors import UsageError

DEFAULT_SOCKET = "/var/run/docker.sock"


class Address(Struct, frozen=True):
    """A unix socket's ``path``, or a TCP ``host`` and ``port``."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return self.path or f"tcp://{self.host}:{self.port}"


def find_address(docker_host: str | None, environment: Mapping[str, str]) -> Address:
    """``docker_host``, else DOCKER_HOST, else the usual socket, else the one of this user's rootless engine.

    Raises: UsageError for a form that isn't understood.
    """
    text = docker_host or environment.get("DOCKER_HOST", "")
    if text:
        return parse_address(text, uses_tls=bool(environment.get("DOCKER_TLS_VERIFY")))
    runtime_dir = environment.get("XDG_RUNTIME_DIR", "")
    rootless = Path(runtime_dir, "docker.sock")
    if runtime_dir and rootless.exists() and not Path(DEFAULT_SOCKET).exists():
        return Address(path=str(rootless))
    return Address(path=DEFAULT_SOCKET)


def parse_address(text: str, *, uses_tls: bool = False) -> Address:
    """``unix:///path``, ``/path`` or ``tcp://host:port``.

    Raises: UsageError with what can be used in its place.
    """
    if text.startswith("/"):
        return Address(path=text)
    parts = urlsplit(text)
    if parts.scheme == "unix" and parts.path:
        return Address(path=parts.path)
    if parts.scheme == "tcp" and parts.hostname and not uses_tls:
        return Address(host=parts.hostname, port=parts.port or 2375)
    if parts.scheme in {"ssh", "tcp"}:
        raise UsageError(
            f"cannot use the container engine at '{text}': only local and plain TCP engines are supported",
            hint="forward its socket (ssh -L /tmp/engine.sock:/var/run/docker.sock HOST) "
            "and set DOCKER_HOST=unix:///tmp/engine.sock",
        )
    raise UsageError(
        f"cannot understand the engine's address '{text}'",
        hint="set DOCKER_HOST to unix:///path/to/docker.sock or tcp://host:port, or leave it unset",
    )
