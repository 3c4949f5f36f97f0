"""Where what is made for builds is kept on this machine."""

from collections.abc import Mapping
from pathlib import Path


def default_root(environment: Mapping[str, str]) -> Path:
    """Where caches of this user are."""
    base = environment.get("XDG_CACHE_HOME", "")
    home = Path(base) if base.startswith("/") else Path(environment.get("HOME") or "/root") / ".cache"
    return home / "boxship"
