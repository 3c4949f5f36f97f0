"""Whether this host's kernel has a module: loaded, built in, or to be loaded when it is needed."""

import platform
from enum import StrEnum
from pathlib import Path

MODULES = Path("/lib/modules")
LOADED_MODULES = Path("/sys/module")


class ModuleState(StrEnum):
    """UNKNOWN: the folder of modules isn't there to look at, as in most containers."""

    THERE = "there"
    LOADABLE = "loadable"
    MISSING = "missing"
    UNKNOWN = "unknown"


def module_state(name: str, release: str = "", modules: Path = MODULES, loaded: Path = LOADED_MODULES) -> ModuleState:
    """``name`` with - or _, which are the same. ``release``: of the kernel that runs."""
    wanted = name.replace("-", "_")
    if (loaded / wanted).is_dir():
        return ModuleState.THERE
    folder = modules / (release or platform.release())
    try:
        built_in, loadable = (_names(folder / file) for file in ("modules.builtin", "modules.dep"))
    except OSError:
        return ModuleState.UNKNOWN
    if wanted in built_in:
        return ModuleState.THERE
    return ModuleState.LOADABLE if wanted in loadable else ModuleState.MISSING


def _names(path: Path) -> frozenset[str]:
    """Of lines like ``kernel/net/foo-bar.ko.xz: kernel/net/other.ko.xz``."""
    files = (line.partition(":")[0].rpartition("/")[2] for line in path.read_text().splitlines())
    return frozenset(file.partition(".ko")[0].replace("-", "_") for file in files)
