"""Where releases come from, as people write it: ``registry.example.com/share``, or ``dir:/media/usb``."""

import ipaddress
import re
from pathlib import Path
from typing import NamedTuple

from boxship.errors import UsageError
from boxship.logins import HUB

FOLDER_PREFIX = "dir:"
_HUB_HOST = "registry-1.docker.io"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", _HUB_HOST})
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
_HINT = f"for example registry.example.com/share, or {FOLDER_PREFIX}/media/usb"


class RegistryAddress(NamedTuple):
    """``host`` with its port, and the repository that holds the releases; those of the images lie below it."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"

    @property
    def login_name(self) -> str:
        """Under which its login is kept."""
        return HUB if self.host == _HUB_HOST else self.host

    @property
    def is_loopback(self) -> bool:
        host = self.host.rpartition(":")[0] if self.host.rpartition(":")[2].isdecimal() else self.host
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host.strip("[]")).is_loopback
        except ValueError:
            return False

    def repository(self, name: str) -> str:
        """The whole path of a repository."""
        return f"{self.path}/{name}" if name else self.path


def parse_source(text: str) -> RegistryAddress | Path:
    """A registry, or an absolute folder (also ``/...`` and ``./...``). Raises: UsageError for what is neither."""
    if text.startswith((FOLDER_PREFIX, "/", ".")):
        folder = text.removeprefix(FOLDER_PREFIX)
        if not folder or "\0" in folder:
            raise UsageError(f"'{text}' names no folder", hint=_HINT)
        return Path(folder).absolute()
    if "://" in text:
        raise UsageError(f"'{text}' is a URL, and a registry is named without https://", hint=_HINT)
    host, slash, path = text.partition("/")
    is_host = bool(slash) and ("." in host or ":" in host or host == "localhost") and _HOST.fullmatch(host)
    if not is_host or not _PATH.fullmatch(path):
        raise UsageError(f"'{text}' is neither a registry's repository nor a folder", hint=_HINT)
    return RegistryAddress(_HUB_HOST if host in _HUB_NAMES else host, path)
